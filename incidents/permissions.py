"""Who may see an incident, and who may do what with it. `visible_to` is the one choke point."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AnonymousUser, Permission
from django.db.models import Exists, OuterRef, Q, QuerySet

from directory.enums import Role
from directory.models import RoleHolder, User
from directory.permissions import (
    SEES_EVERY_TEAM,
    groups_of,
    is_admin,
    is_auditor,
    manages,
    responds_for,
)
from incidents.enums import RoleName
from incidents.models import Incident, IncidentGroupGrant, IncidentRole, IncidentUserGrant
from incidents.models.incident import VIEW_RESTRICTED
from notifications.enums import Purpose
from notifications.models import PageOut

SUBJECT = "incident"
SECURITY_LEADS = ("security-team", "ciso")

Somebody = User | AnonymousUser


class Verb(StrEnum):
    """What can be done with an incident; each verb of the services asks for one."""

    DECLARE = "declare"
    ACKNOWLEDGE = "acknowledge"
    UPDATE = "update"
    NEED_HELP = "need_help"
    CANNOT_TAKE = "cannot_take"
    ESCALATE = "escalate"
    ALL_HANDS = "all_hands"
    ASSIGN_ROLE = "assign_role"
    MITIGATE = "mitigate"
    RELAPSE = "relapse"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    UNDO = "undo"
    CLOSE = "close"
    FALSE_POSITIVE = "false_positive"
    SET_SEVERITY = "set_severity"
    WAIVE = "waive"
    PROPOSE_MAJOR = "propose_major"
    MARK_MAJOR = "mark_major"
    CONFIRM_BREACH = "confirm_breach"


_TALKING = frozenset({Verb.UPDATE, Verb.NEED_HELP, Verb.CANNOT_TAKE, Verb.ESCALATE, Verb.ALL_HANDS})
_STEERING = frozenset(
    {
        Verb.ACKNOWLEDGE,
        Verb.MITIGATE,
        Verb.RELAPSE,
        Verb.RESOLVE,
        Verb.REOPEN,
        Verb.UNDO,
        Verb.CLOSE,
        Verb.FALSE_POSITIVE,
        Verb.ASSIGN_ROLE,
    }
)
_JUDGING = frozenset({Verb.SET_SEVERITY, Verb.WAIVE})


def visible_to(user: Somebody) -> QuerySet[Incident]:
    """The incidents a person may see: hidden is the same as missing.

    Restricted ones only by grant, whoever asks: neither an admin nor a superuser sees them as such.
    Who has only the role of a responder sees those they are paged for or have a role in.
    """
    if not isinstance(user, User) or not user.is_active:
        return Incident.objects.none()
    granted = Exists(_grants(user)) | Exists(_group_grants(user))
    seen = Incident.objects.filter(Q(restricted=False) | Q(granted))
    if is_admin(user) or groups_of(user) & SEES_EVERY_TEAM:
        return seen
    return seen.filter(
        Exists(_page_outs(user)) | Exists(_roles(user)) | Q(owner=user) | Q(acknowledged_by=user)
        | Q(declared_by_kind="user", declared_by_id=user.pk)
    )  # fmt: skip


def without_hidden(user: Somebody, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Rows of another room that name a subject by type and id, less those of incidents the person may not see."""
    hidden = Incident.objects.filter(restricted=True).exclude(pk__in=visible_to(user).values("pk"))
    return rows.exclude(subject_type=SUBJECT, subject_id__in=hidden.values("pk"))


def sees(user: Somebody, incident: Incident) -> bool:
    """Whether the person may see this incident."""
    return visible_to(user).filter(pk=incident.pk).exists()


def may_declare(user: Somebody) -> bool:
    """Everybody with a role may declare, outsiders too; not an auditor, nor who only responds when paged."""
    return bool(groups_of(user) & {Role.ADMIN, Role.MANAGER, Role.ENGINEER}) or is_admin(user)


def may(user: Somebody, verb: Verb | str, incident: Incident) -> bool:
    """Whether the person may do this with the incident. Whoever cannot see it may do nothing."""
    wanted = Verb(verb)
    if wanted == Verb.DECLARE:
        return may_declare(user)
    if not isinstance(user, User) or not sees(user, incident):
        return False
    return _Standing(user, incident).may(wanted)


def what_may(user: Somebody, incident: Incident) -> frozenset[Verb]:
    """Everything the person may do with the incident, for pages that show only buttons that work.

    A fixed number of queries, however many verbs there are.
    """
    declares = {Verb.DECLARE} if may_declare(user) else set()
    if not isinstance(user, User) or not sees(user, incident):
        return frozenset(declares)
    standing = _Standing(user, incident)
    return frozenset(
        declares | {verb for verb in Verb if verb != Verb.DECLARE and standing.may(verb)}
    )


@dataclass
class _Standing:
    """What a person is to an incident they can see; each question is asked of the database once."""

    user: User
    incident: Incident

    def may(self, wanted: Verb) -> bool:
        user, incident = self.user, self.incident
        manager = manages(user, incident.team_id)
        if wanted == Verb.MARK_MAJOR:
            return manager
        if wanted == Verb.PROPOSE_MAJOR:
            return manager or commands(user, incident)
        if wanted == Verb.CONFIRM_BREACH:
            return manager or leads_security(user, incident)
        if is_admin(user) or manager:
            return True
        if is_auditor(user) and not self.engaged:
            return False
        own = responds_for(user, incident.team_id)
        if wanted in _JUDGING:
            return own and self.engaged
        if wanted in _TALKING or wanted in _STEERING:
            return own or self.engaged
        return False

    @cached_property
    def engaged(self) -> bool:
        return is_engaged(self.user, self.incident)


def is_engaged(user: User, incident: Incident) -> bool:
    """Paged for it, brought in by a role, or the one who has it."""
    return (
        user.pk in (incident.owner_id, incident.acknowledged_by_id)
        or IncidentRole.objects.filter(incident=incident, user=user).exists()
        or PageOut.objects.filter(
            subject_type=SUBJECT, subject_id=incident.pk, user=user, purpose=Purpose.PAGE
        ).exists()
    )


def commands(user: User, incident: Incident) -> bool:
    """Whether the person is this incident's commander."""
    return IncidentRole.objects.filter(
        incident=incident, user=user, role=RoleName.COMMANDER.value
    ).exists()


def leads_security(user: User, incident: Incident) -> bool:
    """Whether the person holds the security lead's place for the incident's team."""
    return RoleHolder.objects.filter(
        team_id=incident.team_id, role__in=SECURITY_LEADS, user=user
    ).exists()


def grant_sight(incident: Incident, user_ids: Iterable[int]) -> None:
    """Lets people see a restricted incident. Nothing happens for one that is not restricted."""
    if not incident.restricted:
        return
    permission = _view_restricted()
    IncidentUserGrant.objects.bulk_create(
        [
            IncidentUserGrant(user_id=user_id, permission=permission, content_object=incident)
            for user_id in sorted(set(user_ids))
        ],
        ignore_conflicts=True,
    )


def who_sees_restricted(incident: Incident) -> QuerySet[User]:
    """The people a restricted incident was granted to."""
    return User.objects.filter(
        Exists(
            IncidentUserGrant.objects.filter(
                user=OuterRef("pk"), content_object=incident, permission__codename=VIEW_RESTRICTED
            )
        )
    )


def _view_restricted() -> Permission:
    return Permission.objects.get(content_type__app_label="incidents", codename=VIEW_RESTRICTED)


def _grants(user: User) -> QuerySet[IncidentUserGrant]:
    return IncidentUserGrant.objects.filter(
        user=user, content_object=OuterRef("pk"), permission__codename=VIEW_RESTRICTED
    )


def _group_grants(user: User) -> QuerySet[IncidentGroupGrant]:
    return IncidentGroupGrant.objects.filter(
        group__in=user.groups.all(),
        content_object=OuterRef("pk"),
        permission__codename=VIEW_RESTRICTED,
    )


def _page_outs(user: User) -> QuerySet[PageOut]:
    return PageOut.objects.filter(
        subject_type=SUBJECT, subject_id=OuterRef("pk"), user=user, purpose=Purpose.PAGE
    )


def _roles(user: User) -> QuerySet[IncidentRole]:
    return IncidentRole.objects.filter(incident=OuterRef("pk"), user=user)
