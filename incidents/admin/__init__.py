"""Incidents in the admin: to read, with a button for each verb; their record; what is left to do."""

from incidents.admin import action_item, incident, timeline  # noqa: F401 - each registers its own
