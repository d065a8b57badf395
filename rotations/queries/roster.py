"""Who answers for a team: its holders, its roles, and who of them can be reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from deadlines.standing import Kept, one_look
from directory.models import User
from directory.queries import members_of, roles_of
from directory.rules.roles import RoleHolders
from notifications.models import ContactMethod
from rotations.queries.oncall import who_is_on_call
from rotations.rules.roster import Person, Roster


def roster(team_id: int, *, at: datetime) -> Roster:
    """Who answers for the team at the instant, and who of them can be reached.

    Reachable is who is active and has a verified, enabled contact method. All of it is kept while it
    stands: then one query.
    """
    with one_look():
        on_call: dict[str, list[int]] = defaultdict(list)
        for held in who_is_on_call(at=at, team_ids=[team_id]):
            on_call[held.level].append(held.user_id)
        roles, team = _standing_of(team_id)
        ids = {*team, *(i for held in on_call.values() for i in held)}
        ids |= {i for holders in roles.values() for i in holders.everyone}
        return Roster(
            team_id=team_id,
            on_call={level: tuple(held) for level, held in on_call.items()},
            roles=roles,
            team=team,
            people=people_of(ids),
        )


@Kept
def _standing_of(team_id: int) -> tuple[Mapping[str, RoleHolders], tuple[int, ...]]:
    return roles_of(team_id), members_of(team_id)


def people_of(user_ids: Iterable[int]) -> Mapping[int, Person]:
    """The people by id, each with the kinds of contact method that can reach them."""
    ids = frozenset(user_ids)
    return _people(ids) if ids else {}


@Kept
def _people(ids: frozenset[int]) -> Mapping[int, Person]:
    methods = methods_of(ids)
    people = User.objects.filter(pk__in=ids).only("id", "name", "email", "is_active")
    return {
        person.pk: Person(
            person.pk, str(person), tuple(methods.get(person.pk, ())) if person.is_active else ()
        )
        for person in people
    }


def methods_of(user_ids: Collection[int]) -> dict[int, list[str]]:
    """The kinds of verified, enabled contact method of each person that has one."""
    rows = ContactMethod.objects.filter(
        user_id__in=user_ids, enabled=True, verified_at__isnull=False
    ).order_by("position", "id")
    methods: dict[int, list[str]] = defaultdict(list)
    for user_id, kind in rows.values_list("user_id", "kind"):
        if kind not in methods[user_id]:
            methods[user_id].append(kind)
    return methods
