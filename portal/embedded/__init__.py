"""The real PostgreSQL and Valkey that come along, for machines that have none. No Django in here."""
