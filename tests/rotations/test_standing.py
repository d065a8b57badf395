"""What is kept between reads is never older than what was committed."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from alerts.enums import IntegrationKind
from alerts.models import Alert, Integration, IntegrationKey
from alerts.queries import hash_of, integration_by_key, services_by_slug
from alerts.rules.judging import group_key
from alerts.services import take, take_events
from deadlines.models import StandingMark
from deadlines.standing import READERS, SLOTS, Kept, one_look, revision
from directory.models import Membership, RoleHolder, Service, Team, User
from directory.queries import names_of, service_by_id, team_slugs
from notifications.models import (
    Channel,
    ContactMethod,
    NotificationRule,
    PageOut,
    PagingLimits,
)
from notifications.queries import active_among, channel_rows, limits, methods_of, rules_of
from procedures.models import ProcedureVersion
from procedures.queries import current_version
from rotations.models import Override, Plan, PlanMember
from rotations.queries import roster, who_is_on_call
from tests.alerts.factories import event, make_sender
from tests.incidents.factories import WEDNESDAY, World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def kept_reads() -> dict[str, Kept[Any, Any]]:
    """All there are in the portal, by module and name."""
    found = list(READERS)
    named = {f"{each._read.__module__}.{each._read.__name__}": each for each in found}
    return {name: each for name, each in named.items() if not name.startswith("tests.")}


def test_every_table_that_is_kept_notes_its_changes(world: World) -> None:
    """Each read is made on rows that lead to all its tables; a new one is refused until it is asked here."""
    sender = make_sender(IntegrationKind.PAGERDUTY, world=world)
    people, day = frozenset([world.primary.pk]), WEDNESDAY.toordinal()
    asked: dict[str, Any] = {
        "alerts.queries._key": hash_of(sender.key),
        "alerts.queries._services": (world.team.pk, frozenset([world.service.slug])),
        "directory.queries._names": people,
        "directory.queries._read_cards": people,
        "directory.queries._team_slugs": None,
        "directory.queries.service_by_id": world.service.pk,
        "notifications.queries._channels": None,
        "notifications.queries._limits": None,
        "notifications.queries._methods": people,
        "notifications.queries.active_among": people,
        "notifications.queries.rules_of": people,
        "procedures.queries.current_version": world.team.procedure_id,
        "rotations.queries.oncall.<lambda>": day,
        "rotations.queries.roster._people": people,
        "rotations.queries.oncall._rotas_around": (frozenset([world.team.pk]), day),
        "rotations.queries.roster._standing_of": world.team.pk,
    }
    reads = kept_reads()
    assert set(reads) == set(asked)
    with CaptureQueriesContext(connection) as context:
        for name, read in reads.items():
            said = len(context)
            read._read(asked[name])
            assert len(context) > said, name
    tables = {
        table
        for query in context.captured_queries
        for table in re.findall(r'(?:FROM|JOIN|,) +"(\w+)"(?!\.)', query["sql"])
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE %s",
            ["pgtrigger_standing_facts_noted%"],
        )
        noted = {row[0] for row in cursor.fetchall()}
    assert tables == noted


def _take_off_the_rota(world: World) -> None:
    PlanMember.objects.filter(user=world.primary).delete()


def _hand_over(world: World) -> None:
    Override.objects.create(
        rota=world.rota, user=world.engineer, created_at=WEDNESDAY,
        starts_at=WEDNESDAY - timedelta(hours=1), ends_at=WEDNESDAY + timedelta(hours=1),
    )  # fmt: skip


def _move_the_handoff(world: World) -> None:
    Plan.objects.filter(rota=world.rota).update(starts_on=date(2026, 2, 23))


@pytest.mark.parametrize("change", [_take_off_the_rota, _hand_over, _move_the_handoff])
def test_a_changed_rota_is_seen_by_the_next_look(
    world: World, change: Callable[[World], None]
) -> None:
    before = who_is_on_call(at=WEDNESDAY, team_ids=[world.team.pk])
    assert before[0].user_id == world.primary.pk
    change(world)
    after = who_is_on_call(at=WEDNESDAY, team_ids=[world.team.pk])
    assert after[0].user_id != world.primary.pk


def test_who_has_left_or_lost_their_methods_cannot_be_reached_any_more(world: World) -> None:
    assert roster(world.team.pk, at=WEDNESDAY).people[world.primary.pk].methods
    User.objects.filter(pk=world.primary.pk).update(is_active=False)
    assert not roster(world.team.pk, at=WEDNESDAY).people[world.primary.pk].methods
    assert active_among(frozenset([world.primary.pk])) == frozenset()

    assert methods_of([world.secondary.pk])[world.secondary.pk]
    ContactMethod.objects.filter(user=world.secondary).update(enabled=False)
    assert not methods_of([world.secondary.pk])[world.secondary.pk]
    assert not roster(world.team.pk, at=WEDNESDAY).people[world.secondary.pk].methods


def test_every_other_kept_read_sees_a_change(world: World) -> None:
    sender = make_sender(IntegrationKind.PAGERDUTY, world=world)
    user, method = world.engineer, world.engineer.contact_methods.get(kind="mail")
    now = timezone.now()

    assert names_of([user.pk]) == {user.pk: "Engineer"}
    User.objects.filter(pk=user.pk).update(name="Ada")
    assert names_of([user.pk]) == {user.pk: "Ada"}

    assert not rules_of(frozenset([user.pk]))
    NotificationRule.objects.create(user=user, method=method, urgency="high")
    assert rules_of(frozenset([user.pk]))

    assert "mail" in channel_rows()
    Channel.objects.update_or_create(slug="mail", defaults={"name": "Mail", "enabled": False})
    assert "mail" not in channel_rows()

    seconds = limits().bundle_seconds
    PagingLimits.objects.update_or_create(pk=1, defaults={"bundle_seconds": seconds + 7})
    assert limits().bundle_seconds == seconds + 7

    assert services_by_slug(sender.integration, [world.service.slug])
    Service.objects.filter(pk=world.service.pk).update(active=False)
    assert not services_by_slug(sender.integration, [world.service.slug])

    service = service_by_id(world.service.pk)
    assert service is not None
    Service.objects.filter(pk=world.service.pk).update(name="Another")
    Team.objects.filter(pk=world.team.pk).update(slug="another")
    changed = service_by_id(world.service.pk)
    assert changed is not None
    assert (service.name != "Another", changed.name, changed.team.slug) == (
        True, "Another", "another",
    )  # fmt: skip
    assert team_slugs()[world.team.pk] == "another"
    Team.objects.filter(pk=world.team.pk).update(slug="a-third")
    assert team_slugs()[world.team.pk] == "a-third"

    roles = roster(world.team.pk, at=WEDNESDAY).role("ciso")
    assert roles == (world.ciso.pk,)
    RoleHolder.objects.filter(role="ciso").update(user=world.vp)
    assert roster(world.team.pk, at=WEDNESDAY).role("ciso") == (world.vp.pk,)

    number = current_version(world.team.procedure_id).number
    newest = ProcedureVersion.objects.get(procedure=world.team.procedure, number=number)
    newest.pk, newest.number = None, number + 1
    newest.save(force_insert=True)
    assert current_version(world.team.procedure_id).number == number + 1

    assert integration_by_key(sender.key, IntegrationKind.PAGERDUTY, now=now)
    Integration.objects.filter(pk=sender.integration.pk).update(enabled=False)
    assert integration_by_key(sender.key, IntegrationKind.PAGERDUTY, now=now) is None
    Integration.objects.filter(pk=sender.integration.pk).update(enabled=True)
    assert integration_by_key(sender.key, IntegrationKind.PAGERDUTY, now=now)
    IntegrationKey.objects.filter(integration=sender.integration).update(expires_at=now)
    assert integration_by_key(sender.key, IntegrationKind.PAGERDUTY, now=now) is None


def test_what_was_read_inside_a_change_that_came_to_nothing_is_not_kept(world: World) -> None:
    class TakenBack(Exception):
        pass

    def rolled_back() -> None:
        with transaction.atomic():
            _hand_over(world)
            [held, _] = who_is_on_call(at=WEDNESDAY, team_ids=[world.team.pk])
            assert held.user_id == world.engineer.pk
            raise TakenBack

    with pytest.raises(TakenBack):
        rolled_back()
    [held, _] = who_is_on_call(at=WEDNESDAY, team_ids=[world.team.pk])
    assert held.user_id == world.primary.pk
    Membership.objects.filter(team=world.team, user=world.engineer).delete()  # another change
    [held, _] = who_is_on_call(at=WEDNESDAY, team_ids=[world.team.pk])
    assert held.user_id == world.primary.pk


def test_a_sign_in_changes_no_standing_fact(world: World) -> None:
    before = revision()
    user = User.objects.get(pk=world.primary.pk)
    user.last_login = WEDNESDAY
    user.save(update_fields=["last_login"])
    assert revision() == before


def test_one_look_asks_once_and_the_next_one_again(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    read: Kept[int, int] = Kept(lambda key: key * 2)
    with django_assert_num_queries(1), one_look():
        assert [read(1), read(2), read(1)] == [2, 4, 2]
    with django_assert_num_queries(2):
        assert [read(1), read(2)] == [2, 4]


def test_only_so_many_answers_are_kept(db: None) -> None:
    asked: list[int] = []

    def read(key: int) -> int:
        asked.append(key)
        return key

    kept = Kept(read, most=2)
    for key in (1, 2, 1, 3, 1, 2):
        kept(key)
    assert asked == [1, 2, 3, 2]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_that_change_standing_facts_side_by_side_wait_for_nobody_and_both_are_seen() -> None:
    one, two = make_world(), make_world()
    asked = {world.team.pk for world in (one, two)}
    assert {h.user_id for h in who_is_on_call(at=WEDNESDAY, team_ids=asked)} >= {
        one.primary.pk,
        two.primary.pk,
    }
    changed, both = threading.Barrier(2, timeout=30), []
    taken, one_by_one = set[int](), threading.Lock()

    def take_a_slot_of_its_own() -> None:
        """A session that would write the other's row is left for a new one."""
        while True:
            with connection.cursor() as cursor:
                cursor.execute("SELECT mod(pg_backend_pid(), %s)", [SLOTS])
                slot = cursor.fetchone()[0]
            with one_by_one:
                if slot not in taken:
                    taken.add(slot)
                    return
            connection.close()

    def change(world: World) -> None:
        try:
            take_a_slot_of_its_own()
            with transaction.atomic():
                _hand_over(world)
                changed.wait()  # each holds its change, uncommitted, while the other makes its own
            both.append(world.team.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=change, args=(world,)) for world in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(both) == sorted(asked)
    held = {h.user_id for h in who_is_on_call(at=WEDNESDAY, team_ids=asked) if h.level == "primary"}
    assert held == {one.engineer.pk, two.engineer.pk}
    assert StandingMark.objects.count() >= 2


def test_a_look_after_a_wait_sees_what_changed_in_it(world: World) -> None:
    with one_look():
        assert who_is_on_call(at=WEDNESDAY, team_ids=[world.team.pk])[0].user_id == world.primary.pk
        _hand_over(world)
        with one_look(anew=True):
            [held, _] = who_is_on_call(at=WEDNESDAY, team_ids=[world.team.pk])
            assert held.user_id == world.engineer.pk


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_who_took_the_pager_while_an_alert_waited_for_its_group_is_the_one_who_is_paged() -> None:
    sender = make_sender()
    told = event("late")
    judged = "alerts:" + group_key(
        service_id=sender.world.service.pk, rule=told.rule, kind="standard", drill_of=None
    )
    take_events(sender.integration, [event("other", rule="Other")], now=WEDNESDAY)  # all is kept
    failed: list[BaseException] = []

    def tell() -> None:
        try:
            take(sender.key, IntegrationKind.GENERIC, [told], now=WEDNESDAY)
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)
        finally:
            connection.close()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [judged])
        thread = threading.Thread(target=tell)
        thread.start()
        _until_somebody_waits()
        _hand_over(sender.world)
    thread.join(60)
    assert not failed
    incident_id = Alert.objects.get(dedup_key="late").incident_id
    assert incident_id is not None
    paged = PageOut.objects.filter(subject_id=incident_id)
    assert {page_out.user_id for page_out in paged} >= {sender.world.engineer.pk}
    assert sender.world.primary.pk not in {page_out.user_id for page_out in paged}


def _until_somebody_waits() -> None:
    ends = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < ends:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits for the group's lock")
