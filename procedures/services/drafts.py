"""A document becomes the rows of a draft."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import models

from procedures.models import Procedure
from procedures.models.sections import HEAD, SECTIONS, Section
from procedures.rules.document import Document, Facts


def write_draft(document: Document, preface: str, *, now: datetime) -> Procedure:
    """Replaces a procedure's whole draft, or begins a procedure. Call it in a transaction."""
    head = {name: getattr(document.procedure, name) for name in HEAD}
    procedure, _ = Procedure.objects.update_or_create(
        slug=document.procedure.slug,
        defaults={**head, "preface": preface},
        create_defaults={**head, "preface": preface, "created_at": now},
    )
    for section in SECTIONS:
        section.model._default_manager.filter(**{section.parent: procedure}).delete()
        _insert(section, [(procedure, getattr(document, section.key))])
    return procedure


def _insert(section: Section, families: Sequence[tuple[models.Model, Sequence[Facts]]]) -> None:
    placed = [
        (parent, position, facts)
        for parent, items in families
        for position, facts in enumerate(items, start=1)
    ]
    rows = section.model._default_manager.bulk_create(
        [
            section.model(
                **{section.parent: parent, "position": position},
                **{name: getattr(facts, name) for name in section.columns},
            )
            for parent, position, facts in placed
        ]
    )
    for child in section.children:
        inner = [
            (row, getattr(facts, child.key))
            for row, (_, _, facts) in zip(rows, placed, strict=True)
        ]
        _insert(child, inner)
