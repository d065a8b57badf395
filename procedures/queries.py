"""Reads of the procedure: the version in force, a version as a policy, the draft as a document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.db import models

from deadlines.standing import Kept
from procedures.models import Procedure, ProcedureVersion
from procedures.models.sections import HEAD, SECTIONS, Section
from procedures.rules.changes import changes
from procedures.rules.document import Document
from procedures.rules.faults import Fault, ProcedureRefused, read_document
from procedures.rules.file import write_file
from procedures.rules.policy import Policy, Severity, policy_from_document


@lru_cache(maxsize=128)
def policy_of(version_id: int) -> Policy:
    """A version as rules read it. Versions never change, so each process reads one once.

    Raises `ProcedureVersion.DoesNotExist`.
    """
    version = ProcedureVersion.objects.get(pk=version_id)
    return policy_from_document(version.document, version=version.number)


@Kept
def current_version(procedure_id: int) -> ProcedureVersion:
    """The newest published version. Kept and shared: for reading only.

    Raises `ProcedureVersion.DoesNotExist` when there is none.
    """
    return (
        ProcedureVersion.objects.filter(procedure_id=procedure_id)
        .defer("document")
        .latest("number")
    )


def newest_version(procedure: Procedure) -> ProcedureVersion | None:
    """The newest published version, or None before the first."""
    return ProcedureVersion.objects.filter(procedure=procedure).order_by("-number").first()


def draft_of(procedure: Procedure) -> dict[str, Any]:
    """The draft's rows as the document's tables, unjudged. One query for each kind of row."""
    tables: dict[str, Any] = {"procedure": _columns(procedure, HEAD)}
    for section in SECTIONS:
        rows = _rows(section, [procedure.pk])
        tables[section.key] = rows.get(procedure.pk, [])
    return tables


def draft_document(procedure: Procedure) -> Document:
    """The draft as a judged document. Raises `ProcedureRefused` with every fault."""
    return read_document(draft_of(procedure))


def draft_changes(procedure: Procedure) -> tuple[list[str], list[Fault]]:
    """What the draft changes in the newest version, a line each, and the faults that forbid it."""
    try:
        document = draft_document(procedure).model_dump(mode="json")
    except ProcedureRefused as refused:
        return [], refused.faults
    newest = newest_version(procedure)
    return changes(newest.document if newest else None, document), []


def _rows(section: Section, parents: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    """The rows of a section as tables, by their parent's id, each with its inner lists."""
    rows = list(
        section.model._default_manager.filter(**{f"{section.parent}__in": parents}).order_by(
            "position", "pk"
        )
    )
    inner = {child.key: _rows(child, [row.pk for row in rows]) for child in section.children}
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        table = _columns(row, section.columns)
        for key, lists in inner.items():
            table[key] = lists.get(row.pk, [])
        found[getattr(row, f"{section.parent}_id")].append(table)
    return found


def _columns(row: models.Model, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def version_file(version: ProcedureVersion) -> str:
    """A published version as a file that loads back to the same document."""
    return write_file(Document.model_validate(version.document), version.procedure.preface)


def severities_in_force() -> list[Severity]:
    """The severities of all procedures' newest versions, the worst first, each code once."""
    newest = (
        ProcedureVersion.objects.order_by("procedure_id", "-number")
        .distinct("procedure_id")
        .values_list("pk", flat=True)
    )
    found: dict[str, Severity] = {}
    for version_id in newest:
        for severity in policy_of(version_id).severities:
            found.setdefault(severity.code, severity)
    return sorted(found.values(), key=lambda severity: (severity.rank, severity.code))
