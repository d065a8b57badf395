"""Reads of people and teams that more than one room needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, time
from functools import lru_cache
from typing import NamedTuple

import holidays
from django.db.models import Q, QuerySet
from guardian.models import UserObjectPermission

from deadlines.standing import Kept
from directory.enums import Role, TeamPermission
from directory.models import Membership, RoleHolder, Service, Team, TeamChannel, User
from directory.rules.calendar import BusinessCalendar
from directory.rules.roles import RoleHolders

HOLIDAY_YEARS = range(2010, 2061)


def calendar_of(team: Team) -> BusinessCalendar:
    """The team's business calendar: its zone, workdays, hours, public holidays and extra days off (X10)."""
    return _calendar(
        team.zone,
        frozenset(team.workdays),
        team.opens,
        team.closes,
        team.holiday_country,
        team.holiday_subdivision,
        frozenset(team.extra_holidays),
    )


@lru_cache(maxsize=256)
def _calendar(
    zone: str,
    workdays: frozenset[int],
    opens: time,
    closes: time,
    country: str,
    subdivision: str,
    extra: frozenset[date],
) -> BusinessCalendar:
    return BusinessCalendar(
        zone=zone,
        workdays=workdays,
        opens=opens,
        closes=closes,
        holidays=public_holidays(country, subdivision) | extra,
    )


@lru_cache(maxsize=64)
def public_holidays(country: str, subdivision: str = "") -> frozenset[date]:
    """The public holidays of a country (and a part of it), from 2010 to 2060. None for no country."""
    if not country:
        return frozenset()
    return frozenset(
        holidays.country_holidays(country, subdiv=subdivision or None, years=HOLIDAY_YEARS)
    )


def roles_of(team_id: int) -> dict[str, RoleHolders]:
    """Who holds each role of the team: (holders, backups), user ids in their order. People who are
    not active are left out."""
    holders: dict[str, list[int]] = {}
    backups: dict[str, list[int]] = {}
    rows = RoleHolder.objects.filter(team_id=team_id).values_list(
        "role", "user_id", "user__is_active", "backup_id", "backup__is_active"
    )
    for role, user_id, active, backup_id, backup_active in rows:
        holders.setdefault(role, [])
        if active:
            holders[role].append(user_id)
        if backup_id is not None and backup_active:
            backups.setdefault(role, []).append(backup_id)
    return {
        role: RoleHolders(tuple(ids), tuple(dict.fromkeys(backups.get(role, ()))))
        for role, ids in holders.items()
    }


def members_of(team_id: int) -> tuple[int, ...]:
    """The ids of the team's active members, in the team's order."""
    rows = Membership.objects.filter(team_id=team_id, user__is_active=True)
    return tuple(rows.order_by("position", "id").values_list("user_id", flat=True))


def managers_of(team_id: int) -> QuerySet[User]:
    """The active managers of the team."""
    granted = UserObjectPermission.objects.filter(
        permission__codename=TeamPermission.MANAGE,
        permission__content_type__app_label="directory",
        object_pk=str(team_id),
    )
    return User.objects.filter(
        pk__in=granted.values("user_id"), is_active=True, groups__name=Role.MANAGER
    )


def admins() -> QuerySet[User]:
    """The active admins, superusers included."""
    return User.objects.filter(
        Q(is_superuser=True) | Q(groups__name=Role.ADMIN), is_active=True
    ).distinct()


def experts_of(service_ids: Collection[int]) -> tuple[int, ...]:
    """The ids of the services' active subject matter experts, each once (C21)."""
    rows = Service.smes.through.objects.filter(service_id__in=service_ids, user__is_active=True)
    return tuple(dict.fromkeys(rows.order_by("service_id", "id").values_list("user_id", flat=True)))


def channel_addresses(team_id: int) -> dict[str, str]:
    """Where the procedure's channels really are for the team: channel name → address."""
    return dict(TeamChannel.objects.filter(team_id=team_id).values_list("channel", "address"))


def names_of(user_ids: Iterable[int]) -> Mapping[int, str]:
    """The people's names by id."""
    ids = frozenset(user_ids)
    return _names(ids) if ids else {}


@Kept
def _names(ids: frozenset[int]) -> Mapping[int, str]:
    people = User.objects.filter(pk__in=ids).only("id", "name", "email")
    return {person.pk: str(person) for person in people}


@Kept
def service_by_id(service_id: int) -> Service | None:
    """A service with its team. Kept and shared: for reading only."""
    return Service.objects.select_related("team").filter(pk=service_id).first()


def team_slugs() -> Mapping[int, str]:
    """Every team's slug by its id. Kept while it stands."""
    return _team_slugs(None)


@Kept
def _team_slugs(_: None) -> Mapping[int, str]:
    return dict(Team.objects.values_list("pk", "slug"))


class Card(NamedTuple):
    """A person, as others see them."""

    id: int
    name: str
    email: str


def cards_of(user_ids: Iterable[int]) -> Mapping[int, Card]:
    """The people by id. Kept while they stand."""
    return _cards(frozenset(user_ids))


def _read_cards(user_ids: frozenset[int]) -> Mapping[int, Card]:
    rows = User.objects.filter(pk__in=user_ids).values_list("pk", "name", "email")
    return {row[0]: Card(*row) for row in rows}


_cards = Kept(_read_cards, most=128)
