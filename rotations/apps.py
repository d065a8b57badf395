"""Registers the rotations app."""

from django.apps import AppConfig


class RotationsConfig(AppConfig):
    name = "rotations"
    default_auto_field = "django.db.models.BigAutoField"
