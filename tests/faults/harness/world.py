"""Who and what the stack's database holds before anything burns."""

from __future__ import annotations

from dataclasses import dataclass

PROCEDURE = """\
[procedure]
slug = "seconds"
name = "Procedure in seconds"
platform = "Faults"
last_updated = 2026-01-31

[[severity]]
code = "P1"
rank = 1
name = "Critical"
acknowledge_within = "{0}s"
resolve_within = "1h"

[[path]]
slug = "standard"
name = "Standard"
severities = ["P1"]
repeat_every = "10m"
repeat_severities = ["P1"]

[[path.step]]
key = "primary"
label = "Primary"
who = ["rota primary"]
when = ["at once"]
clause = "C1"

[[path.step]]
key = "secondary"
label = "Secondary"
who = ["rota secondary"]
when = ["unacknowledged {0}s"]
clause = "C1"

[[path.step]]
key = "manager"
label = "Manager"
who = ["role manager"]
when = ["unacknowledged {1}s"]
clause = "C1"

[[path.step]]
key = "chief"
label = "Chief"
who = ["role chief"]
when = ["unacknowledged {2}s"]
clause = "C1"

[[role]]
slug = "manager"
name = "Manager"

[[role]]
slug = "chief"
name = "Chief"

[[rota]]
level = "primary"
name = "Primary"

[[rota]]
level = "secondary"
name = "Secondary"

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
STEPS = ("primary", "secondary", "manager", "chief")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of everything, the steps' times in seconds, and where webhooks go."""

    services: int
    people: int
    steps: tuple[int, ...]
    hooks: str


@dataclass(frozen=True, slots=True)
class World:
    """What was made. People are told by their mail address; `hooks` are their webhook's last words."""

    pagerduty_key: str
    generic_key: str
    services: list[str]
    mail_people: list[str]
    hook_people: list[str]
    admin: str
