"""Celery: it carries nudges and the calendar, never facts. Emptying the broker loses nothing."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("watchbill")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
