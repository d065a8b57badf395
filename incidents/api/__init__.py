"""Incidents, the freeze and the preview as JSON."""
