"""The clock: every promise that falls due, and the loop that enforces it."""
