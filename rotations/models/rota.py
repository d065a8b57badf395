"""A rota: one level of a team's cover. How its turns go stands in its plans."""

from __future__ import annotations

from typing import ClassVar

import pghistory
import pgtrigger
from django.db import models

from deadlines.standing import noted
from directory.models import Team
from rotations.enums import Level


@pghistory.track()
class Rota(models.Model):
    """Who is on call for a team at one level. Several rotas of a level share it, such as days and nights."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="rotas")
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    level = models.CharField(
        max_length=10,
        choices=[(level.value, level.value) for level in Level],
        default=Level.PRIMARY.value,
    )
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["team_id", "level", "id"]

    def __str__(self) -> str:
        return self.name
