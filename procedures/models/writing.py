"""What is written and ticked: checklists, templates, the post-mortem's sections, the war room."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from procedures.models.fields import SpanField
from procedures.models.procedure import Procedure
from procedures.models.rows import (
    CADENCES,
    Clausal,
    Line,
    Placed,
    name_field,
    slug_field,
    text_field,
    words,
)


class Checklist(Clausal):
    """A list to tick or to show: a handoff, a review, an onboarding, ground rules."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="checklists")
    slug = slug_field()
    name = name_field()
    section = slug_field("The chapter it belongs to, like handoff.")
    every = models.CharField(max_length=10, blank=True, default="", choices=CADENCES)
    when = text_field("When it comes, in words.")

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "slug"], name="checklist_slug_once"),
        ]

    def __str__(self) -> str:
        return self.name


class ChecklistItem(Line):
    checklist = models.ForeignKey(Checklist, models.CASCADE, related_name="items")

    class Meta:
        ordering: ClassVar[list[str]] = ["checklist", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["checklist", "key"], name="checklist_item_key_once"),
        ]


class MessageTemplate(Clausal):
    """A text to post or send, with [blanks]."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="templates")
    slug = slug_field()
    name = name_field()
    kind = models.CharField(
        max_length=20,
        choices=[
            ("status page", "Status page"),
            ("incident channel", "Incident channel"),
            ("customer mail", "Customer mail"),
            ("other", "Other"),
        ],
        default="other",
    )
    state = models.CharField(max_length=40, blank=True, default="")
    text = models.TextField()

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "slug"], name="template_slug_once"),
        ]

    def __str__(self) -> str:
        return self.name


class PostmortemSection(Clausal):
    """A section of the post-mortem's template."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="postmortem_sections")
    key = slug_field()
    heading = name_field()
    hint = text_field()
    required = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        verbose_name = "post-mortem section"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "key"], name="postmortem_section_once"),
        ]

    def __str__(self) -> str:
        return self.heading


class PostmortemField(Placed):
    """One blank of a section, and what fills it."""

    section = models.ForeignKey(PostmortemSection, models.CASCADE, related_name="fields")
    key = slug_field()
    label = name_field()
    kind = models.CharField(
        max_length=10,
        choices=[
            ("text", "Text"),
            ("number", "Number"),
            ("yes-no", "Yes or no"),
            ("time", "Time"),
            ("list", "List"),
        ],
        default="text",
    )
    filled_from = models.CharField(
        max_length=80, blank=True, default="", help_text="The incident's fact that fills it."
    )
    required = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["section", "position", "id"]
        verbose_name = "post-mortem field"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["section", "key"], name="postmortem_field_once"),
        ]

    def __str__(self) -> str:
        return self.label


class WarRoomTrigger(Clausal):
    """What calls for a war room."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="war_room_triggers")
    key = slug_field()
    text = models.TextField()
    kind = models.CharField(
        max_length=10,
        choices=[
            ("lasting", "Lasts longer than"),
            ("services", "This many services affected"),
            ("flag", "A flag is set"),
            ("decision", "A decision is needed"),
        ],
    )
    after = SpanField()
    at_least = models.PositiveSmallIntegerField(default=0)
    flag = models.CharField(max_length=40, blank=True, default="")
    automatic_for = words("The severities at which it opens by itself, one per line.")
    proposed_for = words("The severities at which it is one tap, one per line.")

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "key"], name="war_room_trigger_once"),
        ]

    def __str__(self) -> str:
        return self.text


class WarRoomRole(Clausal):
    """A role of the war room, and who may hold it."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="war_room_roles")
    slug = slug_field()
    name = name_field()
    duty = text_field()
    eligible = words("One per line: rota primary · role engineering-manager · lead service smes")
    also_eligible = text_field("In words, where no role or rota says it.")
    automatic = models.BooleanField(default=False, help_text="Assigned from the roster at once.")

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "slug"], name="war_room_role_once"),
        ]

    def __str__(self) -> str:
        return self.name
