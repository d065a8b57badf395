"""A stack whose processes can be hurt one by one, the world outside it, and the invariants."""
