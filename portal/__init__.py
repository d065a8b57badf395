"""Settings, addresses, the front page of the admin, the servers that come along, what starts things."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
