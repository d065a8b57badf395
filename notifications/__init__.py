"""The outbox: how people are reached, and the record of every message that was owed to them."""
