"""Procedures for tests: the real file, and a small one that a test can bend."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from deadlines.extension import PORTAL
from procedures.rules.document import Document
from procedures.rules.faults import Fault, ProcedureRefused, read_document
from procedures.rules.file import places, read_file
from procedures.rules.policy import Policy, policy_from_document
from procedures.services import Loaded, load_procedure

FILE = Path(__file__).resolve().parents[2] / "procedures" / "mother_harness.toml"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

SMALL = """\
# A small procedure.

[procedure]
slug = "small"
name = "Small"
platform = "Shed"
last_updated = 2026-01-31

[[severity]]
code = "P1"
rank = 1
name = "Critical"
acknowledge_within = "3s"

[[severity]]
code = "P2"
rank = 2
name = "High"
pages = false

[[path]]
slug = "standard"
name = "Standard"
severities = ["P1"]

[[path.step]]
key = "primary"
label = "Primary"
who = ["rota primary"]
when = ["at once"]
clause = "C1"

[[path.step]]
key = "boss"
label = "Boss"
who = ["role boss"]
when = ["unacknowledged", "unresolved 30m"]

[[role]]
slug = "boss"
name = "Boss"

[[role.method]]
severity = "P1"
by = ["phone"]

[[rota]]
level = "primary"
name = "Primary"

[[setting]]
key = "postmortem.due_within"
kind = "span"
value = "48h"

[[clause]]
code = "C1"
chapter = "One"
text = "Somebody comes"
kinds = ["data"]
"""


@cache
def mother_harness() -> str:
    """The text of the real file."""
    return FILE.read_text(encoding="utf-8")


@cache
def mother_document() -> Document:
    return read_document(read_file(mother_harness()))


@cache
def mother_policy() -> Policy:
    return policy_from_document(mother_document().model_dump(mode="json"), version=1)


def load(text: str = SMALL, *, now: datetime = NOW) -> Loaded:
    """Loads a procedure as the portal does."""
    return load_procedure(text, actor=PORTAL, now=now)


def faults_of(text: str) -> list[Fault]:
    """What is wrong with a file; nothing when it is good."""
    try:
        read_document(read_file(text), places(text))
    except ProcedureRefused as refused:
        return refused.faults
    return []
