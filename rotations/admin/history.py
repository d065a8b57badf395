"""The record of changes of a thing, as the database kept it: who, when, what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from pghistory.models import Events

from rotations.admin.told import names_of

MOST = 200
DONE = {"insert": "made", "update": "changed", "delete": "removed"}
READ = 2000
HIDDEN = frozenset({"id", "edit", "edited_at", "edited_by_id", "created_at"})
PEOPLE_OF = "people of plan"
PEOPLE = ("user_id", "_by_id", "giver_id", "colleague_id")


@dataclass(frozen=True, slots=True)
class Change:
    """One change: when, by whom, of what, and the fields with their values before and after."""

    at: datetime
    who: str
    what: str
    fields: list[tuple[str, str, str]]
    done: str = ""


class EventHistory:
    """Shows the kept events in place of the admin's own log, which knows only what the admin did.

    `history_of` gives the rows whose events belong to the thing.
    """

    def history_of(self, row: Any) -> Iterable[Model]:
        return [row]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        self_admin: Any = self
        row = self_admin.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self_admin.has_view_permission(request, row):
            raise PermissionDenied
        context = {
            **admin.site.each_context(request),
            "title": f"Changes of {row}",
            "opts": self_admin.opts,
            "original": row,
            "changes": changes_of(self.history_of(row)),
            "most": MOST,
        }
        return TemplateResponse(request, "admin/rotations/history.html", context)


def changes_of(rows: Iterable[Model]) -> list[Change]:
    """What was changed of these rows and of what belongs to them, the newest first."""
    found: dict[tuple[str, int], Any] = {}
    for row in rows:
        for event in Events.objects.references(row).order_by("-pgh_created_at", "-pgh_id")[:READ]:
            found[event.pgh_model, event.pgh_id] = event
    told = []
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for event in sorted(found.values(), key=_in_order):
        thing = (event.pgh_obj_model, event.pgh_obj_id)
        data = {} if event.pgh_label == "delete" else dict(event.pgh_data)
        fields = _differences(known.get(thing, {}), data)
        known[thing] = data
        if fields:
            told.append((event, fields))
    newest = told[::-1][:MOST]
    names = names_of(
        value
        for _, fields in newest
        for name, *values in fields
        for value in values
        if name.endswith(PEOPLE) and isinstance(value, int)
    ) | names_of(
        event.pgh_data["user_id"]
        for event, _ in newest
        if event.pgh_obj_model == "rotations.PlanMember"
    )
    return _gathered([_change(event, fields, names) for event, fields in newest])


def _in_order(event: Any) -> tuple[Any, ...]:
    """As they happened; within one stroke the rota, then its plans, then their people."""
    return (
        event.pgh_created_at,
        event.pgh_obj_model != "rotations.Rota",
        event.pgh_obj_model,
        event.pgh_id,
    )


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """The fields that differ, with their values; an empty one is None."""
    pairs = [
        (name, before.get(name) or None, after.get(name) or None)
        for name in (*before, *(name for name in after if name not in before))
        if name not in HIDDEN
    ]
    return [(name, was, will) for name, was, will in pairs if was != will]


def _gathered(changes: Iterable[Change]) -> list[Change]:
    """The people of one plan who were changed in one stroke are one change."""
    found: list[Change] = []
    for change in changes:
        last = found[-1] if found else None
        if (
            last is not None
            and change.what.startswith(PEOPLE_OF)
            and replace(change, fields=last.fields) == last
        ):
            last.fields[:0] = change.fields
        else:
            found.append(change)
    return found


def _place(event: Any, fields: list[tuple[str, Any, Any]], names: Mapping[int, str]) -> Change:
    """A person's place in a plan: one line, with the number before and after."""
    data = event.pgh_data
    numbers = {
        "insert": ("–", str(data["position"])),
        "delete": (str(data["position"]), "–"),
    }.get(event.pgh_label)
    if numbers is None:
        was = next((str(was or 0) for name, was, _ in fields if name == "position"), "–")
        numbers = (was, str(data["position"]))
    name = names.get(data["user_id"], f"person {data['user_id']}")
    return Change(
        at=event.pgh_created_at,
        who=(event.pgh_context or {}).get("actor") or "not recorded",
        what=f"{PEOPLE_OF} {data['plan_id']}",
        fields=[(name, *numbers)],
        done=event.pgh_label,
    )


def _change(event: Any, fields: list[tuple[str, Any, Any]], names: Mapping[int, str]) -> Change:
    def told(name: str, value: Any) -> str:
        if value is None:
            return "–"
        return names.get(value, f"person {value}") if name.endswith(PEOPLE) else str(value)

    if event.pgh_obj_model == "rotations.PlanMember":
        return _place(event, fields, names)
    what = _spaced(event.pgh_obj_model.rpartition(".")[2])
    return Change(
        at=event.pgh_created_at,
        who=(event.pgh_context or {}).get("actor") or _maker(event, names) or "not recorded",
        what=f"{what} {event.pgh_obj_id} {DONE.get(event.pgh_label, event.pgh_label)}",
        fields=[
            (name.removesuffix("_id").replace("_", " "), told(name, was), told(name, will))
            for name, was, will in fields
        ],
    )


def _maker(event: Any, names: Mapping[int, str]) -> str:
    """Who made it, as the row itself says."""
    made = event.pgh_data if event.pgh_label == "insert" else {}
    return names.get(made.get("created_by_id") or made.get("filed_by_id") or 0, "")


def _spaced(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
