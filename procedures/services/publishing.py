"""A draft becomes a version."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db import transaction

from deadlines.extension import Actor
from procedures.models import Procedure, ProcedureVersion
from procedures.permissions import may_publish
from procedures.queries import draft_document, newest_version
from procedures.rules.changes import changes


class PublishNotAllowed(PermissionError):
    """The actor may not publish this procedure."""


def fingerprint(document: dict[str, Any]) -> str:
    """The SHA-256 of a document as canonical JSON."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def publish(
    procedure: Procedure, *, actor: Actor, now: datetime, must_read: bool = False, note: str = ""
) -> ProcedureVersion:
    """Makes the draft the next version, which rules read from now on (C260).

    Clocks that run keep the version they began under. A draft that equals the newest version makes
    none and returns that one. Raises `ProcedureRefused` with every fault, `PublishNotAllowed`.
    """
    with transaction.atomic():
        locked = Procedure.objects.select_for_update().get(pk=procedure.pk)
        if not may_publish(actor, locked):
            raise PublishNotAllowed(f"{actor.label} may not publish {locked}.")
        document = draft_document(locked).model_dump(mode="json")
        newest = newest_version(locked)
        sha256 = fingerprint(document)
        if newest is not None and newest.sha256 == sha256:
            return newest
        return ProcedureVersion.objects.create(
            procedure=locked,
            number=newest.number + 1 if newest else 1,
            document=document,
            sha256=sha256,
            published_at=now,
            published_by_id=actor.id if actor.kind == "user" else None,
            published_by_label=actor.label,
            changes=changes(newest.document if newest else None, document),
            note=note,
            must_read=must_read,
        )
