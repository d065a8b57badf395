"""Pure rules of the outbox: what a message holds, when to try again, which methods to use."""
