"""How a step says whom and when: "role engineering-manager", "unresolved 30m", "flag major"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from procedures.enums import RouteEvent
from procedures.rules.spans import BadSpan, Span, format_span, parse_span

_NAMED_TARGETS: tuple[Literal["rota", "role", "team"], ...] = ("rota", "role", "team")
_SMES = "lead service smes"


class BadNotation(ValueError):
    """A target, trigger or route that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a step reaches: a rota's level, a role by slug, a team by slug, the lead service's SMEs."""

    kind: Literal["rota", "role", "team", "lead_service_smes"]
    name: str = ""

    def __str__(self) -> str:
        return _SMES if self.kind == "lead_service_smes" else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Trigger:
    """What sets a step off. `after` is None for *unacknowledged* when the acknowledgment time counts."""

    kind: Literal["at_once", "unacknowledged", "unresolved", "on_demand", "flag"]
    after: Span | None = None
    flag: str = ""

    def __str__(self) -> str:
        words = {"at_once": "at once", "on_demand": "on demand", "flag": f"flag {self.flag}"}
        if self.kind in words:
            return words[self.kind]
        return self.kind if self.after is None else f"{self.kind} {format_span(self.after)}"


def parse_target(text: str) -> Target:
    """Reads "rota primary", "role ciso", "team all-hands", "lead service smes"."""
    if text.strip() == _SMES:
        return Target("lead_service_smes")
    word, _, name = text.strip().partition(" ")
    for kind in _NAMED_TARGETS:
        if word == kind and name.strip():
            return Target(kind, name.strip())
    raise BadNotation(
        f'write "rota primary", "role engineering-manager", "team all-hands" or "{_SMES}": {text!r}'
    )


def parse_trigger(text: str) -> Trigger:
    """Reads "at once", "unacknowledged", "unresolved 30m", "on demand", "flag major"."""
    written = text.strip()
    if written == "at once":
        return Trigger("at_once")
    if written == "on demand":
        return Trigger("on_demand")
    word, _, rest = written.partition(" ")
    rest = rest.strip()
    if word == "flag" and rest:
        return Trigger("flag", flag=rest)
    try:
        if word == "unacknowledged":
            return Trigger("unacknowledged", parse_span(rest) if rest else None)
        if word == "unresolved" and rest:
            return Trigger("unresolved", parse_span(rest))
    except BadSpan as error:
        raise BadNotation(str(error)) from error
    raise BadNotation(
        'write "at once", "unacknowledged", "unacknowledged 10m", "unresolved 30m", "on demand" '
        f'or "flag major": {text!r}'
    )


def parse_route(text: str) -> tuple[RouteEvent, str]:
    """Reads "alert P2" or "incident P1": what is posted, at which severity."""
    event, _, severity = text.strip().partition(" ")
    if event not in set(RouteEvent) or not severity.strip():
        raise BadNotation(f'write "alert P2" or "incident P1": {text!r}')
    return RouteEvent(event), severity.strip()
