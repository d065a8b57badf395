"""Procedures and their published versions under /api/v1/, to be read."""
