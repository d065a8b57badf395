"""Every door of the portal, walked by the URL resolver: who is let in, what breaks, what shines through.

A new address that answers strangers must be written on the list here, or this fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from alerts.models import Alert
from alerts.services import start_test, take_events
from deadlines.extension import PORTAL
from deadlines.models import Deadline
from directory import services as directory
from directory.enums import Role
from directory.models import User
from incidents.models import ActionItem, Incident, TimelineEntry
from notifications.models import ContactMethod, Page, PageOut
from procedures.models import Outcome
from rotations.models import Override, Swap, TimeOff
from tests.alerts.factories import event, make_heartbeat, make_sender
from tests.incidents.factories import WEDNESDAY, make_user, make_world, run_clock

pytestmark = pytest.mark.django_db

CANARY = "Quetzalcoatlus"
STRANGERS_MAY = {
    "healthz",
    "readyz",
    "metrics",
    "sign-in/",
    "clock/",
    "api/schema/",
    "api/docs/",
    "admin/logout/",
    "admin/jsi18n/",
}
"""What answers a stranger with 200: for monitors, the way in, the reference of the API."""
CHANGES_ON_GET = "^heartbeats/"


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(WEDNESDAY + timedelta(minutes=40), tick=False):
        yield


class Portal:
    """A portal in use: an ordinary incident from an alert, a restricted one, and a row of everything else."""

    def __init__(self) -> None:
        self.world = world = make_world()
        self.sender = make_sender(world=world)
        self.monitor = make_heartbeat(world)
        take_events(self.sender.integration, [event("disk")], now=WEDNESDAY)
        self.open = Incident.objects.get(team=world.team)
        take_events(
            self.sender.integration,
            [event("break-in", title=f"{CANARY} alert", rule=CANARY, labels={"kind": "security"})],
            now=WEDNESDAY,
        )
        self.hidden = Incident.objects.exclude(pk=self.open.pk).get()
        ActionItem.objects.create(
            title=f"{CANARY} item", incident=self.hidden, team=world.team, owner=world.engineer,
            due_on=WEDNESDAY.date(), created_at=WEDNESDAY, source="person", clause="C71",
        )  # fmt: skip
        run_clock(WEDNESDAY, timedelta(minutes=40), every=timedelta(minutes=5))
        self.run = start_test(self.sender.integration, user=world.manager, now=WEDNESDAY)
        self.token = directory.create_token(
            world.engineer.pk, "script", actor=PORTAL, now=WEDNESDAY
        )
        Override.objects.create(
            rota=world.rota, user=world.engineer, created_by=world.manager, created_at=WEDNESDAY,
            starts_at=WEDNESDAY + timedelta(days=1), ends_at=WEDNESDAY + timedelta(days=2),
        )  # fmt: skip
        soon: dict[str, Any] = {
            "starts_at": WEDNESDAY + timedelta(days=5), "ends_at": WEDNESDAY + timedelta(days=6),
            "created_at": WEDNESDAY,
        }  # fmt: skip
        Swap.objects.create(
            rota=world.rota, giver=world.secondary, colleague=world.engineer,
            filed_by=world.secondary, **soon,
        )  # fmt: skip
        TimeOff.objects.create(user=world.engineer, created_by=world.engineer, **soon)
        other = make_world()
        self.outsider = other.engineer
        self.auditor = make_user("Auditor")
        directory.grant_role(self.auditor.pk, Role.AUDITOR, actor=PORTAL)
        self.responder = make_user("Responder")
        directory.add_member(world.team.pk, self.responder.pk, actor=PORTAL, role=Role.RESPONDER)
        self.superuser = make_user("Root", is_superuser=True, is_staff=True)

    def client_of(self, who: str | None) -> Client:
        """A browser in which this person is signed in; nobody for None."""
        client = Client(raise_request_exception=False)
        people: dict[str, User] = {
            "admin": self.world.admin,
            "auditor": self.auditor,
            "outsider": self.outsider,
            "responder": self.responder,
            "superuser": self.superuser,
        }
        if who is not None:
            client.force_login(User.objects.get(pk=people[who].pk))
        return client

    def values(self, address: str) -> dict[str, list[object]]:
        """What stands in an address for each of its names: an ordinary thing, a hidden one, a missing one."""
        refs: list[object] = [self.open.ref, self.hidden.ref, "INC-2026-9999"]
        rows: list[object] = [
            *Page.objects.filter(page_out__subject_id=self.hidden.pk).values_list("pk", flat=True)[
                :1
            ],
            *Page.objects.filter(page_out__subject_id=self.open.pk).values_list("pk", flat=True)[
                :1
            ],
        ]
        by_room: dict[str, list[object]] = {
            "alerts": list(Alert.objects.values_list("pk", flat=True)),
            "people": [self.world.engineer.pk, 999_999],
            "action-items": list(ActionItem.objects.values_list("pk", flat=True)),
            "overrides": list(Override.objects.values_list("pk", flat=True)),
            "rotas": [self.world.rota.slug],
            "swaps": list(Swap.objects.values_list("pk", flat=True)),
            "time-off": list(TimeOff.objects.values_list("pk", flat=True)),
            "rotations": [self.world.rota.slug],
            "teams": [self.world.team.slug],
            "services": [self.world.service.slug],
            "procedures": [self.world.team.procedure.slug],
            "notifications/contactmethod": list(
                ContactMethod.objects.values_list("pk", flat=True)[:1]
            ),
        }
        own: list[object] = next(
            (found for room, found in by_room.items() if f"{room}/" in address), [1]
        )
        return {
            "key": ["unknown-key"],
            "rest": ["x"],
            "url": ["nothing/here"],
            "app_label": ["incidents"],
            "integration_id": [self.sender.integration.pk],
            "run_id": [self.run.pk],
            "ref": refs,
            "incident_id": [self.open.pk, self.hidden.pk],
            "verb": ["acknowledge", "breach", "nonsense"],
            "name": ["verify", "retry", "nonsense"],
            "page_id": rows,
            "row_id": own if "contactmethod" in address else rows,
            "token": ["unknown"],
            "stretch": ["1-2-3"],
            "override_id": list(Override.objects.values_list("pk", flat=True)),
            "number": [1, 99],
            "slug": own,
            "pk": own,
            "id": [self.world.engineer.pk],
        }


@pytest.fixture
def portal(db: None) -> Portal:
    return Portal()


def every_address() -> list[str]:
    """The pattern of each address, as the resolver tells it: what is in the way of a reader left out."""
    return list(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
    for pattern in patterns:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, here)
        else:
            yield here


NAME_IN_ADDRESS = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^()]*\)")


def concrete(address: str, portal: Portal) -> Iterator[str]:
    """Real paths for an address, one for each combination of the things it may name."""
    names = [first or second for first, second in NAME_IN_ADDRESS.findall(address)]
    known = portal.values(address) if names else {}
    if "object_id" in names and not address.startswith("admin/r/"):
        known["object_id"] = objects_of(address, portal)
    for chosen in product(*(known.get(name, [1]) for name in names)):
        values = iter(chosen)
        path = NAME_IN_ADDRESS.sub(lambda _: str(next(values)), address)  # noqa: B023
        yield "/" + re.sub(r"/\?$|/\?\$$", "/", path.replace("^", "")).replace("$", "")


def objects_of(address: str, portal: Portal) -> list[object]:
    """Rows of the model whose admin it is: what belongs to the hidden incident first."""
    _, app, model, *_ = address.split("/")
    rows = apps.get_model(app, model)._default_manager.order_by("-pk")
    subject = {"subject_type": "incident", "subject_id": portal.hidden.pk}
    by_model: dict[Any, dict[str, Any]] = {
        Deadline: subject, Outcome: subject, PageOut: subject, Page: {"page_out__subject_id": portal.hidden.pk},
        TimelineEntry: {"incident": portal.hidden}, ActionItem: {"incident": portal.hidden},
        Alert: {"incident": portal.hidden}, Incident: {"pk": portal.hidden.pk},
    }  # fmt: skip
    hidden = by_model.get(rows.model)
    first = list(rows.filter(**hidden).values_list("pk", flat=True)[:1]) if hidden else []
    return [*(first or rows.values_list("pk", flat=True)[:1]), 999_999_999]


@contextmanager
def writes_seen() -> Iterator[list[str]]:
    """The statements that change rows, less those that keep a session or say when a token was used."""
    seen: list[str] = []

    def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        text = str(sql)
        if _WRITES.match(text) and "django_session" not in text and "last_login" not in text:
            seen.append(text)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield seen


_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)


def test_every_door_that_a_stranger_may_open_is_on_the_list(portal: Portal) -> None:
    client = portal.client_of(None)
    opened = {}
    for address in every_address():
        for path in concrete(address, portal):
            answer = client.get(path)
            to_sign_in = answer.status_code in (301, 302) and answer["Location"].startswith(
                ("/sign-in/", "/admin/login/")
            )
            if not to_sign_in and answer.status_code not in (401, 403, 404, 405):
                opened[address] = answer.status_code
    assert opened.keys() <= STRANGERS_MAY
    assert opened["healthz"] == 200


@pytest.mark.parametrize("who", ["admin", "superuser", "auditor", "outsider", "responder"])
def test_looking_breaks_nothing_changes_nothing_and_shows_nothing_restricted(
    portal: Portal, who: str
) -> None:
    """Nobody of these was granted the restricted incident: no page may know of it."""
    client = portal.client_of(who)
    for address in every_address():
        if who != "admin" and address.startswith(LOOK_THE_SAME):
            continue
        for path in concrete(address, portal):
            with writes_seen() as writes:
                answer = client.get(path)
            content = _content(answer)
            assert answer.status_code < 500 or address == "readyz", f"{path} {answer.status_code}"
            assert CANARY.encode() not in content, f"{path} shows a restricted text"
            if portal.hidden.ref not in path:
                said = content + str(answer.headers).encode()
                assert portal.hidden.ref.encode() not in said, f"{path} names a restricted incident"
            assert not writes or address.startswith(CHANGES_ON_GET), f"{path}: {writes[:1]}"


LOOK_THE_SAME = (
    "admin/procedures/",
    "admin/django_celery_beat/",
    "admin/auth/",
    "admin/rotations/",
)


def test_searching_and_filtering_find_nothing_restricted(portal: Portal) -> None:
    for who in ("admin", "superuser", "auditor", "outsider"):
        client = portal.client_of(who)
        for path in (
            f"/incidents/?q={CANARY}&status=all",
            f"/incidents/?q={portal.hidden.ref}",
            f"/admin/search/?s={CANARY}",
            f"/admin/search/?s={portal.hidden.ref}",
            f"/admin/incidents/incident/?q={CANARY}",
            f"/admin/incidents/timelineentry/?q={CANARY}",
            f"/admin/incidents/actionitem/?q={CANARY}",
            f"/admin/alerts/alert/?q={CANARY}",
            f"/admin/procedures/outcome/?q={portal.hidden.ref}",
            f"/api/v1/alerts/?incident={portal.hidden.ref}",
            f"/api/v1/action-items/?incident={portal.hidden.ref}",
            "/api/v1/incidents/?kind=security",
            f"/api/v1/freeze/?service={portal.world.service.slug}",
        ):
            answer = client.get(path, follow=True)
            text = _content(answer).decode().replace(f'value="{CANARY}"', "")
            assert answer.status_code in (200, 403, 404), path
            found = text.replace(f'value="{portal.hidden.ref}"', "").replace(path, "")
            titles = [f"{CANARY} alert", f"{CANARY} item", f"incidents/{portal.hidden.ref}"]
            assert not [title for title in titles if title in found], f"{who} {path}"
        kind = ContentType.objects.get_for_model(Incident)
        shown = client.get(f"/admin/r/{kind.pk}/{portal.hidden.pk}/")
        missing = client.get(f"/admin/r/{kind.pk}/999999/")
        assert (shown.status_code, missing.status_code) == (404, 404)


def test_the_promises_of_a_restricted_incident_are_hidden_in_the_admin(portal: Portal) -> None:
    hidden = Deadline.objects.filter(subject_type="incident", subject_id=portal.hidden.pk).first()
    open_one = Deadline.objects.filter(subject_type="incident", subject_id=portal.open.pk).first()
    assert hidden is not None
    assert open_one is not None
    client = portal.client_of("superuser")
    answer = client.get(f"/admin/deadlines/deadline/{hidden.pk}/change/")
    assert answer.status_code == 302  # as for a missing one
    assert client.get(f"/admin/deadlines/deadline/{open_one.pk}/change/").status_code == 200


def test_who_may_not_enter_the_admin_is_told_so_and_not_sent_round_in_circles(
    portal: Portal,
) -> None:
    client = portal.client_of("outsider")
    answer = client.get("/admin/", follow=True)
    assert (answer.status_code, len(answer.redirect_chain)) == (403, 1)
    assert Client().get("/admin/login/?next=/admin/")["Location"] == "/sign-in/?next=/admin/"


def test_monitors_are_told_nothing_restricted(portal: Portal) -> None:
    Deadline.objects.filter(subject_type="incident").delete()
    Deadline.objects.create(
        kind="incident.step", subject_type="incident", subject_id=portal.hidden.pk, key="broken",
        nature="act", reach="wake", due_at=WEDNESDAY, run_at=WEDNESDAY, created_at=WEDNESDAY, tries=3,
        last_error=f"IntegrityError: duplicate key (title)=({CANARY})",
    )  # fmt: skip
    client = Client()
    ready = client.get("/readyz").content.decode()
    assert "incident.step: IntegrityError" in ready
    assert portal.open.ref in ready
    assert portal.hidden.ref not in ready
    told = ready + client.get("/metrics").content.decode()
    assert CANARY not in told
    counted = sum(
        float(line.rsplit(" ", 1)[1])
        for line in told.splitlines()
        if line.startswith("watchbill_incidents_active{")
    )
    assert counted == Incident.objects.filter(restricted=False).count()


def _content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)
