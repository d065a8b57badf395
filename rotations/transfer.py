"""Rotas with their plans and people as a table: written out, and read in as drafts or published at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import tablib
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from import_export import fields, resources
from import_export.formats.base_formats import CSV
from import_export.instance_loaders import BaseInstanceLoader

from deadlines.extension import Actor
from directory.models import Team, User
from directory.models.team import WEEKDAYS
from directory.permissions import editable_teams, person_of
from rotations.enums import Level
from rotations.models import Plan, Rota
from rotations.queries.facts import PlanRow, plan_rows
from rotations.queries.foresight import Foresight, foresee_together, next_handoff, row_of
from rotations.rules.cells import harmless, meant
from rotations.services import RotaRefused, plans
from rotations.services.changing import lock_roster

LARGEST = 1_000_000
"""The most characters a table may have."""

OF_ROTA = ("slug", "team", "name", "level")
OF_PLAN = (
    "unit", "length", "handoff_weekday", "handoff_time", "zone", "starts_on", "ends_on", "hours",
    "derived_from", "offset",
)  # fmt: skip
COLUMNS = (*OF_ROTA, *OF_PLAN, "people")
MAY_BE_EMPTY = frozenset({"ends_on", "hours", "derived_from", "people"})
"""The columns in which an empty cell says something; in the others what stands stays."""


class Column(fields.Field):  # type: ignore[misc]
    """One column: what the rota's `columns` say."""

    def __init__(self, name: str) -> None:
        super().__init__(attribute=name, column_name=name)

    def get_value(self, instance: Any) -> str:
        return instance.columns.get(self.column_name, "") if hasattr(instance, "columns") else ""

    def export(self, instance: Any, **kwargs: Any) -> str:
        return harmless(self.get_value(instance))

    def save(self, instance: Any, row: Mapping[str, Any], **kwargs: Any) -> None:
        text = meant(str(row.get(self.column_name) or "").strip())
        if text or self.column_name in MAY_BE_EMPTY:
            instance.columns[self.column_name] = text


class BySlug(BaseInstanceLoader):  # type: ignore[misc]
    """Finds a row's rota, with its columns as they are."""

    def get_instance(self, row: Mapping[str, Any]) -> Rota | None:
        slug = meant(str(row.get("slug") or "").strip())
        rota = Rota.objects.filter(slug=slug).select_related("team").first()
        if rota is not None:
            tell([rota], now=self.resource.now)
        return rota


class RotaResource(resources.ModelResource):  # type: ignore[misc]
    """A rota in a row: its place, its plan in force, its people's addresses in order.

    What is read in becomes the rota's draft, by the services; a column that is not in the table stays as it is.
    """

    class Meta:
        model = Rota
        fields = ()
        import_id_fields = ("slug",)
        instance_loader_class = BySlug
        store_instance = True
        skip_html_diff = True
        use_transactions = False

    def __init__(self, *, actor: Actor | None = None, now: datetime) -> None:
        super().__init__()
        self.actor, self.now = actor, now
        self.fields = {name: Column(name) for name in COLUMNS}
        self.drafts: dict[int, Plan] = {}

    def export(self, queryset: Any = None, **kwargs: Any) -> tablib.Dataset:
        rotas = list(queryset)
        tell(rotas, now=self.now)
        return super().export(rotas, **kwargs)

    def init_instance(self, row: Any = None) -> Any:
        rota: Any = Rota()
        rota.columns = {}
        return rota

    def import_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        for name, column in self.fields.items():
            if name in row:
                column.save(instance, row)

    def skip_row(self, instance: Any, original: Any, row: Any, errors: Any = None) -> bool:
        """A row that says what stands is left alone."""
        return instance.pk is not None and instance.columns == original.columns

    def validate_instance(
        self, instance: Any, errors: Any = None, validate_unique: Any = True
    ) -> None:
        """The services do."""

    def save_instance(self, instance: Any, is_create: bool, row: Any, **kwargs: Any) -> None:
        assert self.actor is not None  # noqa: S101 - only reading out needs nobody
        columns = instance.columns
        team = Team.objects.filter(slug=columns.get("team", "")).first()
        if team is None:
            raise ValidationError({"team": "There is no such team."})
        level = columns.get("level") or Level.PRIMARY.value
        if level not in set(Level):
            raise ValidationError({"level": f"One of {', '.join(Level)}."})
        if not is_create and instance.team_id != team.pk:
            raise ValidationError({"team": "A rota stays with its team; give another slug."})
        turns, people = _turns(columns), _people(columns.get("people", ""))
        name = columns.get("name") or columns["slug"]
        if is_create:
            Rota._meta.get_field("slug").clean(columns["slug"], None)
            rota = plans.make_rota(
                team, slug=columns["slug"], name=name, level=level, actor=self.actor, now=self.now
            )
            instance.pk = rota.pk
        else:
            rota = plans.edit_rota(instance.pk, name=name, level=level, actor=self.actor)
        draft = plans.open_draft(rota.pk, actor=self.actor, now=self.now)
        plans.refuse_anothers(draft, actor=self.actor)
        self.drafts[rota.pk] = plans.edit_draft(
            draft.pk, edit=draft.edit, members=people, actor=self.actor, now=self.now, **turns
        )

    def save_m2m(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """The people were written with the draft."""


@dataclass(slots=True)
class RowTold:
    """What a row would do, or why it cannot: the columns that differ, with their values before and after."""

    number: int
    slug: str
    what: str
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Brought:
    """What a table did, or would do: row by row, and what the proof says of each team."""

    rows: list[RowTold] = field(default_factory=list)
    foresights: dict[int, Foresight] = field(default_factory=dict)
    rotas: dict[int, list[Rota]] = field(default_factory=dict)
    refused: str = ""

    @property
    def faulty(self) -> bool:
        return bool(self.refused) or any(row.faults for row in self.rows)

    @property
    def changed(self) -> int:
        return sum(bool(row.changes) for row in self.rows)


def as_csv(rotas: Collection[Rota], *, now: datetime) -> str:
    """The rotas as CSV, each with its plan in force. Formulas are neutralised. Four queries."""
    dataset = RotaResource(now=now).export(rotas)
    return str(CSV().export_data(dataset))


@transaction.atomic
def bring_in(
    text: str,
    *,
    actor: Actor,
    now: datetime,
    dry_run: bool,
    publish: bool = False,
    effective: plans.Effective = "handoff",
    waiver_reason: str = "",
) -> Brought:
    """Reads a table in: every changed rota gets a draft, and with `publish` the drafts of each team bind together.

    All or nothing: where a row has a fault, or a roster would break, nothing is written; nor is with `dry_run`,
    which says the same beforehand. A row of a rota into whose draft somebody else has written is one with a fault.
    Faults are in what is returned, never raised.
    """
    brought = Brought()
    with transaction.atomic():
        _read(text, brought, actor, now, publish, effective, waiver_reason)
        if brought.faulty or dry_run:
            transaction.set_rollback(True)
    return brought


def _read(
    text: str,
    brought: Brought,
    actor: Actor,
    now: datetime,
    publish: bool,
    effective: plans.Effective,
    waiver_reason: str,
) -> None:
    dataset = _dataset(text, brought)
    if dataset is None:
        return
    _lock_rosters(dataset, actor)
    resource = RotaResource(actor=actor, now=now)
    result = resource.import_data(
        dataset, dry_run=False, raise_errors=False, use_transactions=False
    )
    brought.refused = " ".join(str(error.error) for error in result.base_errors)
    for number, row in enumerate(result.rows, start=2):
        brought.rows.append(_told(number, dataset.dict[number - 2], row))
    if brought.faulty:
        return
    by_team: dict[int, list[Plan]] = {}
    for draft in sorted(
        resource.drafts.values(),
        key=lambda plan: (list(Level).index(Level(plan.rota.level)), plan.pk),
    ):
        by_team.setdefault(draft.rota.team_id, []).append(draft)
    for team_id, drafts in by_team.items():
        _foresee(brought, team_id, drafts, effective, now)
        if publish:
            _publish(brought, drafts, effective, actor, now, waiver_reason)


def _lock_rosters(dataset: tablib.Dataset, actor: Actor) -> None:
    """Those the table may change, in the order in which everybody takes several."""
    cells = {
        name: {meant(str(row.get(name) or "").strip()) for row in dataset.dict}
        for name in ("slug", "team")
    }
    named = Q(slug__in=cells["team"]) | Q(rotas__slug__in=cells["slug"])
    own = editable_teams(person_of(actor)).values("pk")
    for team_id in (
        Team.objects.filter(named, pk__in=own)
        .order_by("pk")
        .values_list("pk", flat=True)
        .distinct()
    ):
        lock_roster(team_id)


def _foresee(
    brought: Brought,
    team_id: int,
    drafts: Sequence[Plan],
    effective: plans.Effective,
    now: datetime,
) -> None:
    rows = [row_of(plan, plan.members.values_list("user_id", flat=True)) for plan in drafts]
    match effective:
        case "now":
            at = now
        case "handoff":
            at = next_handoff(drafts[0].rota, rows[0], now=now)
        case _:
            at = effective
    brought.foresights[team_id] = foresee_together(team_id, rows, effective_at=at, now=now)
    brought.rotas[team_id] = [plan.rota for plan in drafts]


def _publish(
    brought: Brought,
    drafts: Sequence[Plan],
    effective: plans.Effective,
    actor: Actor,
    now: datetime,
    waiver_reason: str,
) -> None:
    try:
        plans.publish_together(
            {plan.pk: plan.edit for plan in drafts}, effective=effective, actor=actor, now=now,
            waiver_reason=waiver_reason,
        )  # fmt: skip
    except RotaRefused as refused:
        brought.refused = f"{drafts[0].rota.team}: {refused.message}"
    except PermissionDenied as denied:
        brought.refused = str(denied)


def _dataset(text: str, brought: Brought) -> tablib.Dataset | None:
    if len(text) > LARGEST:
        brought.refused = f"A table has {LARGEST:,} characters at most."
        return None
    try:
        dataset: tablib.Dataset = CSV().create_dataset(text.lstrip("\ufeff"))
    except Exception as error:  # noqa: BLE001 - the reader of tables raises what it likes
        brought.refused = f"This is no table: {error}"
        return None
    unknown = [name for name in dataset.headers or [] if name not in COLUMNS]
    if not dataset.headers or "slug" not in dataset.headers:
        brought.refused = f"The first line names the columns: {', '.join(COLUMNS)}."
    elif unknown:
        brought.refused = (
            f"Not a column: {', '.join(map(str, unknown))}. Known: {', '.join(COLUMNS)}."
        )
    elif not len(dataset):
        brought.refused = "The table has no rows."
    elif len(set(dataset["slug"])) < len(dataset):
        brought.refused = "A rota stands in the table twice."
    return None if brought.refused else dataset


def _told(number: int, given: Mapping[str, Any], row: Any) -> RowTold:
    told = RowTold(number, str(given.get("slug") or ""), row.import_type)
    if row.validation_error is not None:
        told.faults = _messages(row.validation_error)
    told.faults += [_message(error.error) for error in row.errors]
    after = getattr(row.instance, "columns", {}) if not told.faults else {}
    before = getattr(row.original, "columns", {})
    told.changes = [
        (name, before.get(name, ""), after[name])
        for name in COLUMNS
        if name in after and before.get(name, "") != after[name]
    ]
    return told


def _messages(error: ValidationError) -> list[str]:
    if hasattr(error, "error_dict"):
        return [f"{name}: {text}" for name, texts in error.message_dict.items() for text in texts]
    return list(error.messages)


def _message(error: BaseException) -> str:
    if isinstance(error, PermissionDenied):
        return "Only the team's manager or an admin may do this."
    return str(error)


def tell(rotas: Sequence[Any], *, now: datetime) -> None:
    """Gives each rota its `columns`: its plan in force, else its newest. Four queries for all of them."""
    teams = {rota.team_id for rota in rotas}
    slugs = dict(Rota.objects.filter(team_id__in=teams).values_list("pk", "slug"))
    shown: dict[int, PlanRow] = {}
    for row in plan_rows(teams):
        begun = row.effective_at is None or row.effective_at <= now
        if begun or row.rota_id not in shown:
            shown[row.rota_id] = row
    named = {user_id for row in shown.values() for user_id in row.members}
    addresses = dict(User.objects.filter(pk__in=named).values_list("pk", "email"))
    names = dict(Team.objects.filter(pk__in=teams).values_list("pk", "slug"))
    for rota in rotas:
        rota.columns = {
            "slug": rota.slug,
            "team": names[rota.team_id],
            "name": rota.name,
            "level": rota.level,
        }
        plan = shown.get(rota.pk)
        if plan is not None:
            rota.columns |= _columns(plan, slugs, addresses)


def _columns(
    plan: PlanRow, slugs: Mapping[int, str], addresses: Mapping[int, str]
) -> dict[str, str]:
    return {
        "unit": plan.unit,
        "length": str(plan.length),
        "handoff_weekday": WEEKDAYS[plan.handoff_weekday],
        "handoff_time": f"{plan.handoff_time:%H:%M}",
        "zone": plan.zone,
        "starts_on": plan.starts_on.isoformat(),
        "ends_on": plan.ends_on.isoformat() if plan.ends_on else "",
        "hours": plan.hours,
        "derived_from": slugs.get(plan.derived_from_id or 0, ""),
        "offset": str(plan.offset),
        "people": " ".join(addresses.get(user_id, "?") for user_id in plan.members),
    }


def _turns(columns: Mapping[str, str]) -> dict[str, Any]:
    """The plan's fields as the columns name them. Raises ValidationError by column."""
    turns: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name in OF_PLAN:
        text = columns.get(name, "")
        try:
            if name == "derived_from":
                turns[name] = _base(text)
            elif name == "handoff_weekday" and text:
                turns[name] = _weekday(text)
            elif text or name in ("hours", "ends_on"):
                column: Any = Plan._meta.get_field(name)
                turns[name] = column.to_python(text or None) or ("" if name == "hours" else None)
        except ValidationError as error:
            faults[name] = " ".join(error.messages)
    if faults:
        raise ValidationError(faults)
    return turns


def _base(slug: str) -> Rota | None:
    if not slug:
        return None
    base = Rota.objects.filter(slug=slug).first()
    if base is None:
        raise ValidationError(
            f"There is no rota {slug}; name one that exists or stands further up."
        )
    return base


def _weekday(text: str) -> int:
    for number, name in enumerate(WEEKDAYS):
        if text.lower() in (name.lower(), name.lower()[:3], str(number)):
            return number
    raise ValidationError(f"“{text}” is no day of the week.")


def _people(text: str) -> list[int]:
    """The ids of the people with these addresses, in their order."""
    addresses = [address.lower() for address in text.replace(";", " ").replace(",", " ").split()]
    known = dict(
        User.objects.filter(email__in=addresses, is_active=True).values_list("email", "pk")
    )
    unknown = [address for address in addresses if address not in known]
    if unknown:
        raise ValidationError({"people": f"Nobody active has this address: {', '.join(unknown)}."})
    return [known[address] for address in addresses]
