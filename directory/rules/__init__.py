"""Pure rules of time: the business calendar."""
