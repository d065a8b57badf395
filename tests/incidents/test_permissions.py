"""Who may see what, and do what: the table of the contract, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from deadlines.extension import PORTAL
from deadlines.models import Deadline
from directory import services as directory
from directory.enums import Role
from directory.models import User
from incidents import services
from incidents.models import Incident, IncidentRole
from incidents.permissions import Verb, may, sees, visible_to, what_may, without_hidden
from incidents.services.telling import tell_responders
from notifications.models import PageOut
from procedures.models import Outcome
from rotations.models import Override
from tests.incidents.factories import WEDNESDAY, World, make_user, make_world

pytestmark = pytest.mark.django_db
SOON = WEDNESDAY + timedelta(minutes=1)


@dataclass
class Cast:
    """One person per column of the table."""

    admin: User
    manager: User
    engineer: User
    commander: User
    responder: User
    paged_responder: User
    auditor: User
    outsider: User
    paged_outsider: User
    other_manager: User
    superuser: User
    stranger: User
    gone: User


@pytest.fixture
def other(world: World) -> World:
    return make_world()


@pytest.fixture
def cast(world: World, other: World) -> Cast:
    responder, paged_responder, auditor = (make_user(name) for name in ("Resp", "Paged", "Auditor"))
    for user in (responder, paged_responder):
        directory.grant_role(user.pk, Role.RESPONDER, actor=PORTAL)
    directory.grant_role(auditor.pk, Role.AUDITOR, actor=PORTAL)
    commander = make_user("Commander")
    directory.add_member(world.team.pk, commander.pk, actor=PORTAL)
    return Cast(
        admin=world.admin,
        manager=world.manager,
        engineer=world.engineer,
        commander=commander,
        responder=responder,
        paged_responder=paged_responder,
        auditor=auditor,
        outsider=other.engineer,
        paged_outsider=other.primary,
        other_manager=other.manager,
        superuser=make_user("Super", is_superuser=True),
        stranger=make_user("Stranger"),
        gone=make_user("Gone", is_active=False),
    )


def engage(incident: Incident, cast: Cast) -> None:
    IncidentRole.objects.create(
        incident=incident, role="commander", user=cast.commander, since=SOON
    )
    for user in (cast.paged_responder, cast.paged_outsider):
        services.escalate(incident.pk, to=user.email, actor=PORTAL, now=SOON)


TALK = {Verb.UPDATE, Verb.NEED_HELP, Verb.CANNOT_TAKE, Verb.ESCALATE, Verb.ALL_HANDS}
STEER = {
    Verb.ACKNOWLEDGE, Verb.MITIGATE, Verb.RELAPSE, Verb.RESOLVE, Verb.REOPEN, Verb.UNDO, Verb.CLOSE,
    Verb.FALSE_POSITIVE, Verb.ASSIGN_ROLE,
}  # fmt: skip
JUDGE = {Verb.SET_SEVERITY, Verb.WAIVE}
ANSWER = TALK | STEER
TABLE: dict[str, set[Verb]] = {
    "admin": {Verb.DECLARE} | ANSWER | JUDGE,
    "manager": {Verb.DECLARE, Verb.MARK_MAJOR, Verb.PROPOSE_MAJOR, Verb.CONFIRM_BREACH}
    | ANSWER
    | JUDGE,
    "engineer": {Verb.DECLARE} | ANSWER,
    "commander": {Verb.DECLARE, Verb.PROPOSE_MAJOR} | ANSWER | JUDGE,
    "responder": set(),
    "paged_responder": ANSWER,
    "auditor": set(),
    "outsider": {Verb.DECLARE},
    "paged_outsider": {Verb.DECLARE} | ANSWER,
    "other_manager": {Verb.DECLARE},
    "superuser": {Verb.DECLARE} | ANSWER | JUDGE,
    "stranger": set(),
    "gone": set(),
}


@pytest.mark.parametrize("who", TABLE)
def test_each_person_may_do_what_the_table_says_and_nothing_else(
    world: World, cast: Cast, who: str
) -> None:
    incident = world.declare("P4")
    engage(incident, cast)
    assert what_may(getattr(cast, who), incident) == TABLE[who]


def test_nobody_signed_in_may_do_nothing(world: World) -> None:
    incident = world.declare("P4")
    assert what_may(AnonymousUser(), incident) == frozenset()
    assert not visible_to(AnonymousUser()).exists()


SEES_ALL = [
    "admin",
    "manager",
    "engineer",
    "auditor",
    "outsider",
    "other_manager",
    "superuser",
    "paged_responder",
]


@pytest.mark.parametrize("who", TABLE)
def test_a_standard_incident_is_readable_by_every_team(world: World, cast: Cast, who: str) -> None:
    incident = world.declare("P4")
    engage(incident, cast)
    seen = visible_to(getattr(cast, who)).filter(pk=incident.pk).exists()
    assert seen == (who in [*SEES_ALL, "commander", "paged_outsider"])


@pytest.mark.clause("C80", "C81")
def test_a_security_incident_is_seen_by_those_paged_and_the_security_team_alone(
    world: World, cast: Cast
) -> None:
    incident = world.declare("P2", kind="security")
    seen = {
        name
        for name in (
            "primary",
            "secondary",
            "engineer",
            "manager",
            "vp",
            "ciso",
            "security",
            "legal",
            "admin",
        )
        if visible_to(getattr(world, name)).filter(pk=incident.pk).exists()
    }
    assert seen == {"primary", "manager", "ciso", "security"}
    for who in ("superuser", "auditor", "outsider", "paged_responder", "stranger"):
        user = getattr(cast, who)
        assert not visible_to(user).filter(pk=incident.pk).exists()
        assert what_may(user, incident) <= {Verb.DECLARE}


def test_a_hidden_incident_refuses_like_a_missing_one(world: World, cast: Cast) -> None:
    incident = world.declare("P2", kind="security")
    for pk in (incident.pk, 10**9):
        with pytest.raises(Incident.DoesNotExist):
            services.acknowledge(pk, actor=world.actor("engineer"), now=SOON)


def test_who_declares_a_security_incident_sees_it(world: World) -> None:
    incident = world.declare("P4", kind="security", actor=world.actor("engineer"))
    assert visible_to(world.engineer).filter(pk=incident.pk).exists()


def test_who_is_brought_in_sees_a_restricted_incident(world: World, cast: Cast) -> None:
    incident = world.declare("P2", kind="security")
    services.assign_role(
        incident.pk, role="sme", user_id=cast.outsider.pk, actor=world.actor("primary"), now=SOON
    )
    assert visible_to(cast.outsider).filter(pk=incident.pk).exists()
    assert may(cast.outsider, Verb.ACKNOWLEDGE, incident)


@pytest.mark.clause("C82")
def test_a_breach_is_signed_by_a_manager_or_the_security_lead_with_a_note(world: World) -> None:
    incident = world.declare("P1", kind="security")
    with pytest.raises(services.Forbidden):
        services.confirm_breach(incident.pk, note="Keys", actor=world.actor("primary"), now=SOON)
    with pytest.raises(services.VerbRefused, match="signed"):
        services.confirm_breach(incident.pk, note=" ", actor=world.actor("ciso"), now=SOON)
    services.confirm_breach(incident.pk, note="Keys", actor=world.actor("ciso"), now=SOON)
    incident.refresh_from_db()
    assert incident.breach_confirmed
    standard = world.declare("P1", title="Another")
    with pytest.raises(services.VerbRefused, match="security incident"):
        services.confirm_breach(standard.pk, note="Keys", actor=world.actor("manager"), now=SOON)


@pytest.mark.clause("C76")
def test_the_commander_proposes_major_and_the_manager_decides(world: World, cast: Cast) -> None:
    incident = world.declare("P2")
    engage(incident, cast)
    commander = services.actor_of(cast.commander)
    services.mark_major(incident.pk, actor=commander, now=SOON)
    incident.refresh_from_db()
    assert not incident.major
    assert incident.timeline.filter(kind="proposed").count() == 1
    with pytest.raises(services.Forbidden):
        services.mark_major(incident.pk, actor=world.actor("engineer"), now=SOON)
    services.mark_major(incident.pk, actor=world.actor("manager"), now=SOON)
    incident.refresh_from_db()
    assert incident.major


def test_an_auditor_may_not_declare(world: World, cast: Cast) -> None:
    with pytest.raises(services.Forbidden):
        world.declare("P2", actor=services.actor_of(cast.auditor))


def test_the_ledger_hides_restricted_incidents(world: World) -> None:
    incident = world.declare("P1", kind="security")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=SOON)
    mine = Outcome.objects.filter(subject_type="incident", subject_id=incident.pk)
    assert mine.exists()
    assert {outcome.subject_label for outcome in mine} == {"a restricted incident"}
    assert without_hidden(world.primary, mine).count() == mine.count()
    assert not without_hidden(world.engineer, mine).exists()


def test_who_is_told_what_a_restricted_incident_owes_may_see_it(world: World) -> None:
    incident = world.declare("P2", kind="security")
    Incident.objects.filter(pk=incident.pk).update(owner=None)
    Override.objects.create(
        rota=world.rota, user=world.engineer, starts_at=WEDNESDAY, ends_at=WEDNESDAY + timedelta(days=1),
        created_at=WEDNESDAY,
    )  # fmt: skip
    incident.refresh_from_db()
    due = Deadline.objects.get(subject_id=incident.pk, kind="incident.first_update")
    tell_responders(incident, "The first findings are due", deadline=due, now=due.due_at)
    told = PageOut.objects.exclude(purpose="page").filter(subject_id=incident.pk)
    assert {one.user for one in told} == {world.engineer}
    assert sees(world.engineer, incident)
