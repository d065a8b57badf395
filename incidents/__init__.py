"""Declare, acknowledge, escalate, mitigate, resolve, close; the timeline."""
