"""Who and what exists: people, teams, role holders, services, business calendars."""
