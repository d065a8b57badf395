"""How one responds: phases, log locations, mitigation recipes, playbooks, runbooks."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from procedures.models.fields import SpanField
from procedures.models.procedure import Procedure
from procedures.models.rows import (
    Clausal,
    Line,
    Placed,
    clause_field,
    name_field,
    slug_field,
    text_field,
    words,
)


class Phase(Clausal):
    """A phase of the response. Its box binds at some severities and guides at the others (X19)."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="phases")
    slug = slug_field()
    name = name_field()
    objective = text_field()
    begins_after = SpanField(help_text="After the incident's opening; empty for later phases.")
    ends_after = SpanField()
    promised_for = words("The severities at which the box is a promise, one per line.")
    tools = words()
    tools_clause = clause_field()

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "slug"], name="phase_slug_once"),
        ]

    def __str__(self) -> str:
        return self.name


class PhaseItem(Line):
    phase = models.ForeignKey(Phase, models.CASCADE, related_name="items")

    class Meta:
        ordering: ClassVar[list[str]] = ["phase", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["phase", "key"], name="phase_item_key_once"),
        ]


class LogLocation(Placed):
    """Where a service's log is read."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="log_locations")
    service = slug_field("The service's slug.")
    name = name_field()
    command = models.TextField(help_text="To be copied; the portal never runs it.")
    clause = clause_field()

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "service"], name="log_location_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Recipe(Clausal):
    """Common commands of one mitigation."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="recipes")
    slug = slug_field()
    name = name_field()

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "slug"], name="recipe_slug_once"),
        ]

    def __str__(self) -> str:
        return self.name


class RecipeStep(Line):
    recipe = models.ForeignKey(Recipe, models.CASCADE, related_name="steps")

    class Meta:
        ordering: ClassVar[list[str]] = ["recipe", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["recipe", "key"], name="recipe_step_key_once"),
        ]


class Playbook(Clausal):
    """A scenario: how it looks, what to do at once, when to call for help."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="playbooks")
    slug = slug_field()
    name = name_field()
    service = models.CharField(
        max_length=80, blank=True, default="", help_text="The service's slug; empty means any."
    )
    symptoms = words()
    escalate_within = SpanField(help_text="A clock of its own, tighter than the path's.")
    escalate_clause = clause_field()
    runbook = models.CharField(
        max_length=80, blank=True, default="", help_text="The runbook's short name."
    )
    anchor = models.CharField(max_length=200, blank=True, default="")
    link_title = models.CharField(max_length=200, blank=True, default="")
    link_clause = clause_field()

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "slug"], name="playbook_slug_once"),
        ]

    def __str__(self) -> str:
        return self.name


class PlaybookAction(Line):
    playbook = models.ForeignKey(Playbook, models.CASCADE, related_name="actions")

    class Meta:
        ordering: ClassVar[list[str]] = ["playbook", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["playbook", "key"], name="playbook_action_key_once"),
        ]


class Runbook(Clausal):
    """A document the procedure refers to."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="runbooks")
    slug = slug_field()
    title = name_field()
    path = models.CharField(max_length=300, help_text="From the procedure's own folder.")

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "slug"], name="runbook_slug_once"),
        ]

    def __str__(self) -> str:
        return self.title
