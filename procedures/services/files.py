"""A procedure comes from a file and goes back into one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from deadlines.extension import Actor
from procedures.models import Procedure, ProcedureVersion
from procedures.queries import draft_document, newest_version
from procedures.rules.faults import Fault, ProcedureRefused, read_document
from procedures.rules.file import UnreadableFile, places, preface_of, read_file, write_file
from procedures.services.drafts import write_draft
from procedures.services.publishing import publish


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading a file did. `published` is False when the file said nothing new."""

    procedure: Procedure
    version: ProcedureVersion
    published: bool


def load_procedure(text: str, *, actor: Actor, now: datetime, note: str = "Loaded.") -> Loaded:
    """Makes a file the draft of the procedure it names, and publishes it.

    Other procedures stay as they are. Unpublished edits of this one give way to the file. The same
    file again makes no new version. Raises `ProcedureRefused` with every fault by key and line, and
    then writes nothing; `PublishNotAllowed`.
    """
    try:
        data = read_file(text)
    except UnreadableFile as error:
        raise ProcedureRefused([Fault("", str(error), error.line)]) from error
    document = read_document(data, places(text))
    with transaction.atomic():
        procedure = write_draft(document, preface_of(text), now=now)
        before = newest_version(procedure)
        version = publish(procedure, actor=actor, now=now, note=note)
    return Loaded(procedure, version, published=before is None or before.pk != version.pk)


def dump_procedure(procedure: Procedure) -> str:
    """The draft as a file that `load_procedure` reads back exactly. Raises `ProcedureRefused`."""
    return write_file(draft_document(procedure), procedure.preface)
