"""The API's whole schema, tried with what it allows and what it forbids, as four kinds of people.

Nothing is random: what failed fails again. `FUZZ_EXAMPLES=60` tries for minutes instead of seconds.
"""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any
from zlib import crc32

import hypothesis.core
import pytest
import schemathesis
import time_machine
from django.core.signals import got_request_exception, request_finished, request_started
from django.db import close_old_connections, connection, transaction
from django.http import Http404
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from directory.models import Team, User
from incidents import services
from portal.wsgi import application
from tests.directory.factories import make_key
from tests.incidents.factories import WEDNESDAY
from tests.portal.test_doors import Portal

pytestmark = pytest.mark.django_db

QUICK = 4
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", QUICK))
"""Invented requests per operation and person, besides the systematic ones."""
SHARE = {"stranger": 12, "outsider": 6, "engineer": 4, "manager": 2}
"""Of the systematic requests each of them sends every second, fourth, …; in a long run all of them."""
NOW = WEDNESDAY + timedelta(minutes=40)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(autouse=True)
def _in_one_transaction() -> Iterator[None]:
    """As Django's own test client: a request leaves the test's connection open."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    with time_machine.travel(NOW, tick=False):
        yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True, scope="module")
def _talkative_hypothesis() -> Iterator[None]:
    """Schemathesis silences hypothesis for the whole process; other tests want to hear their examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hypothesis.core, "RepresentationPrinter", hypothesis.core.RepresentationPrinter)  # type: ignore[attr-defined]  # fmt: skip
        yield


class Fuzz:
    """The operations of the schema, a person who calls them, and what was found wrong."""

    def __init__(self, who: str) -> None:
        self.portal = portal = Portal()
        world = portal.world
        self.people: dict[str, User | None] = {
            "stranger": None,
            "outsider": portal.outsider,
            "engineer": world.engineer,
            "manager": world.manager,
        }
        self.who = who
        person = self.people[who]
        self.headers = {"Authorization": f"Bearer {make_key(person)}"} if person else {}
        self.schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", application)
        self.known: dict[str, list[Any]] = {
            "ref": [portal.open.ref, portal.hidden.ref, *self._incidents_in_every_state()],
            "incident": [portal.open.ref, portal.hidden.ref],
            "service": [world.service.slug, world.other_service.slug],
            "services": [[world.service.slug], [world.other_service.slug, world.service.slug]],
            "team": [world.team.slug],
            "rota": [world.rota.slug],
            "user": [world.engineer.email, str(world.manager.pk), "me"],
            "severity": ["P1", "P2", "P4"],
            "to": ["ciso", world.engineer.email],
            "number": [1],
        }
        self.found: dict[str, str] = {}
        self._crash = ""

    def _incidents_in_every_state(self) -> list[str]:
        world = self.portal.world
        way = (services.acknowledge, services.resolve, services.close)
        refs = []
        for length in range(len(way) + 1):
            incident = world.declare("P2", at=WEDNESDAY, title=f"It burns {length}")
            for verb in way[:length]:
                verb(incident.pk, actor=world.actor("manager"), now=NOW)
            refs.append(incident.ref)
        return refs

    def run(self, *labels: str) -> list[str]:
        """Tries the operations with these labels, all without one; says what was wrong, each once."""
        got_request_exception.connect(self._remember)
        try:
            for result in self.schema.get_all_operations():
                assert isinstance(result, Ok), result.err()
                operation = result.ok()
                if not labels or operation.label in labels:
                    self._try(operation)
        finally:
            got_request_exception.disconnect(self._remember)
        return list(self.found.values())

    def _try(self, operation: APIOperation[Any, Any, Any, Any]) -> None:
        generation = self.schema.config.generation_for(operation=operation, phase="coverage")
        cases = self.schema.iter_coverage_cases(
            operation, generation_modes=list(GenerationMode), generation_config=generation
        )
        share = SHARE[self.who] if EXAMPLES <= QUICK else 1
        for case in islice(cases, share // 4, None, share):
            self.send(case)

        @settings(
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=EXAMPLES,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode]))
        def invented(case: Any) -> None:
            self.send(case)

        invented()

    def send(self, case: Any) -> None:
        """Sends one request, takes back what it changed, and looks at the answer."""
        self._aim(case)
        self._crash = ""
        with transaction.atomic(), changes_kept() as changes:
            response = case.call(headers=self.headers)
            transaction.set_rollback(True)
        wrong = []
        try:
            case.validate_response(response, checks=CHECKS, headers=self.headers)
        except FailureGroup as group:
            wrong = [str(failure) for failure in group.exceptions]
        except Failure as failure:
            wrong = [str(failure)]
        if response.status_code >= 400 and changes:
            wrong.append(f"A refusal changed something: {changes[0]}")
        if not self.headers and response.status_code < 400:
            wrong.append("A stranger was let in")
        for words in wrong:
            request = case.as_curl_command()
            text = f"{self.who}: {case.operation.label}: {words}\n{request}\n{response.content[:300]!r}\n{self._crash}"
            self.found.setdefault(f"{case.operation.label} {words}", text)

    def _aim(self, case: Any) -> None:
        """Puts things that exist where names were invented, most of the time: an unknown one ends the way early."""
        for place in (case.path_parameters, case.query, case.body):
            for name in place if isinstance(place, dict) else ():
                value = place[name]
                number = crc32(repr(value).encode())
                known = self.known.get(name) or self._rows_of(case.path, name)
                if known and number % 5 and type(value) in {type(known[0]), int}:
                    place[name] = known[number % len(known)]

    def _rows_of(self, path: str, name: str) -> list[Any]:
        names = {"id": "pk", "slug": "slug"}
        return self.portal.values(path)[names[name]] if name in names else []

    def _remember(self, **_: Any) -> None:
        self._crash = traceback.format_exc(limit=-4)


@contextmanager
def changes_kept() -> Iterator[list[str]]:
    """The statements that change rows, without those that were rolled back and the token's last use."""
    kept: list[str] = []
    marks: dict[str, int] = {}

    def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        text = str(sql)
        if found := _SAVEPOINT.match(text):
            marks[found[1]] = len(kept)
        elif found := _ROLLBACK.match(text):
            del kept[marks[found[1]] :]
        elif _CHANGE.match(text) and '"directory_apitoken"' not in text:
            kept.append(text)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield kept


_SAVEPOINT = re.compile(r"SAVEPOINT (\S+)")
_ROLLBACK = re.compile(r"ROLLBACK TO SAVEPOINT (\S+)")
_CHANGE = re.compile(r"\s*(WITH|INSERT|UPDATE|DELETE|EXECUTE)\b", re.IGNORECASE)


@pytest.mark.slow
@pytest.mark.timeout(300 if EXAMPLES <= QUICK else 0)
@pytest.mark.parametrize("who", SHARE)
def test_the_api_keeps_what_its_schema_says(who: str) -> None:
    found = Fuzz(who).run()
    assert not found, "\n\n".join(found)


def crash(user: User) -> Any:
    raise RuntimeError("broken on purpose")


def write_and_refuse(user: User) -> Any:
    Team.objects.update(name="changed")
    raise Http404


@pytest.mark.parametrize(
    ("broken", "words"),
    [(crash, "Server error"), (write_and_refuse, "A refusal changed something")],
)
def test_a_broken_view_does_not_pass(
    monkeypatch: pytest.MonkeyPatch, broken: Callable[[User], Any], words: str
) -> None:
    monkeypatch.setattr("directory.api.views.visible_teams", broken)
    found = Fuzz("manager").run("GET /api/v1/teams/")
    assert any(words in text for text in found), found
