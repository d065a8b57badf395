"""What is told of a team's roster, worked out for its reader; some of it right before it is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from django.conf import settings

from directory.models import Team
from notifications.links import phone_url
from notifications.models import PageOut
from notifications.rules.message import Message
from rotations.models import Breach, Rota
from rotations.rules import texts
from rotations.rules.texts import Finding, Reader

SUBJECT = "roster"
FOUND, GAP = "breaches:", "gap:"


def readers(team_ids: Iterable[int], now: datetime) -> Callable[[int, str, bool], Reader]:
    """Makes the reader of a team's messages in a zone; with their own shifts' page or without. Two queries."""
    names = dict(Team.objects.filter(pk__in=team_ids).values_list("pk", "name"))
    rotas: dict[int, dict[int, str]] = defaultdict(dict)
    links: dict[int, dict[int, str]] = defaultdict(dict)
    rows = Rota.objects.filter(team_id__in=team_ids)
    for pk, team_id, name, slug in rows.values_list("pk", "team_id", "name", "slug"):
        rotas[team_id][pk] = name
        links[team_id][pk] = f"{settings.BASE_URL}/rotations/{slug}/"
    shifts = f"{settings.BASE_URL}/shifts/"

    def reader(team_id: int, zone: str, own: bool = True) -> Reader:
        return Reader(
            zone=zone,
            now=now,
            team=names.get(team_id, f"team {team_id}"),
            rotas=rotas[team_id],
            links=links[team_id],
            shifts=shifts if own else "",
        )

    return reader


def finding_of(row: Breach) -> Finding:
    return Finding(row.said, row.clause, row.starts_at, row.ends_at, row.rota_id)


def messages_of(page_outs: Sequence[PageOut], now: datetime) -> Callable[[PageOut], Message | None]:
    """What builds the message of any of these: of a digest those of its breaches that still stand, of a page
    the gap. None when there is nothing left to say."""
    reader = readers({out.subject_id for out in page_outs}, now)
    rows = _rows(page_outs)

    def message_of_one(out: PageOut) -> Message | None:
        standing = [finding_of(row) for row in rows.get(_place(out), ())]
        if not standing:
            return None
        own = reader(out.subject_id, out.user.zone if out.user else "UTC", False)
        if out.step_key.startswith(GAP):
            return texts.nobody(own, standing[0], phone_url(out))
        return texts.found(own, standing)

    return message_of_one


type _Place = tuple[int, str]


def _rows(page_outs: Sequence[PageOut]) -> Mapping[_Place, Sequence[Breach]]:
    standing = Breach.objects.filter(
        team_id__in={out.subject_id for out in page_outs}, gone_at=None, waived_at=None
    )
    found: dict[_Place, list[Breach]] = defaultdict(list)
    for row in standing:
        found[row.team_id, f"{GAP}{row.pk}"].append(row)
        if row.told_at is not None:
            found[row.team_id, told_key(row.told_at)].append(row)
    return found


def _place(out: PageOut) -> _Place:
    return out.subject_id, out.step_key


def told_key(told_at: datetime) -> str:
    """The key of the digest that tells of the breaches of one look."""
    return f"{FOUND}{told_at.timestamp():.6f}"
