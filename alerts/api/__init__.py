"""Alerts, as JSON."""
