"""The JSON API of incidents: its shapes, its verbs, its refusals, who sees what through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from alerts.services import take_events
from deadlines.extension import PORTAL
from directory import services as directory
from directory.enums import Role
from directory.models import User
from incidents import gates, services
from incidents.models import Incident
from tests.alerts.factories import event, make_sender
from tests.incidents.factories import WEDNESDAY, World, make_user, make_world

pytestmark = pytest.mark.django_db
Call = Callable[..., Any]


@pytest.fixture(autouse=True)
def wednesday() -> Iterator[None]:
    """The edges read the clock: it stands still, in the primary's week."""
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


@pytest.fixture
def call(client: Client) -> Call:
    """Calls the API as a person; answers with the response, its body parsed as `.body`."""

    def _call(user: User, method: str, path: str, data: Any = None) -> Any:
        key = directory.create_token(user.pk, "tests", actor=PORTAL, now=timezone.now()).key
        response = getattr(client, method)(
            f"/api/v1/{path}",
            **({"data": data, "content_type": "application/json"} if method == "post" else {}),
            headers={"authorization": f"Bearer {key}"},
        )
        response.body = response.json() if response.content else None
        return response

    return _call


def burning(world: World, severity: str = "P2", **facts: Any) -> Incident:
    return world.declare(severity, at=timezone.now() - timedelta(minutes=1), **facts)


def test_an_incident_is_declared_and_read(world: World, call: Call) -> None:
    asked = {
        "title": "Redis is down",
        "severity": "P2",
        "services": [world.service.slug],
        "drill": True,
    }
    made = call(world.engineer, "post", "incidents/", asked)
    assert made.status_code == 201
    read = call(world.engineer, "get", f"incidents/{made.body['ref']}/")
    assert read.body == made.body
    assert made.body == {
        **made.body,
        "title": "Redis is down", "severity": "P2", "kind": "standard", "status": "triggered",
        "services": [world.service.slug], "acknowledged_at": None, "mitigated_at": None,
        "resolved_at": None, "closed_at": None, "procedure_version": 1, "drill": True, "roles": [],
        "alerts": [], "alert_count": 0,
    }  # fmt: skip
    assert made.body["opened_at"].endswith("Z")
    again = call(world.engineer, "post", "incidents/", asked)
    assert (again.status_code, again.body["ref"]) == (201, made.body["ref"])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"services": []}, "/services"),
        ({"services": ["moon"]}, "/services"),
        ({"kind": "odd"}, "/kind"),
        ({"criteria": "all"}, "/criteria"),
        ({"started_at": "yesterday"}, "/started_at"),
    ],
)
def test_a_bad_declaration_names_the_field(
    world: World, call: Call, change: Any, pointer: str
) -> None:
    asked = {"title": "Down", "severity": "P2", "services": [world.service.slug], **change}
    response = call(world.engineer, "post", "incidents/", asked)
    assert response.status_code == 400
    assert response["content-type"] == "application/problem+json"
    assert response.body["errors"][0]["pointer"].startswith(pointer)
    assert not Incident.objects.exists()


def test_what_has_a_shape_and_no_sense_is_refused_with_a_code(world: World, call: Call) -> None:
    asked = {"title": "Down", "severity": "P9", "services": [world.service.slug]}
    response = call(world.engineer, "post", "incidents/", asked)
    assert (response.status_code, response.body["code"]) == (400, "unknown_severity")


def test_internal_fields_cannot_be_assigned(world: World, call: Call) -> None:
    asked = {
        "title": "Down", "severity": "P2", "services": [world.service.slug], "status": "closed", "ref": "INC-1",
        "restricted": True, "acknowledged_at": "2026-01-01T00:00:00Z", "run": {"plan": 9}, "owner": 1,
    }  # fmt: skip
    made = call(world.engineer, "post", "incidents/", asked)
    assert (made.body["status"], made.body["acknowledged_at"]) == ("triggered", None)
    assert made.body["ref"] != "INC-1"


def test_the_way_of_an_incident(world: World, call: Call) -> None:
    ref = burning(world).ref
    for verb, data, status in [
        ("acknowledge", {}, "acknowledged"),
        ("severity", {"severity": "P1", "reason": "Worse"}, "acknowledged"),
        ("mitigate", {"note": "Restarted"}, "mitigated"),
        ("relapse", {}, "acknowledged"),
        ("mitigate", {}, "mitigated"),
        ("resolve", {"note": "Fixed"}, "resolved"),
        ("reopen", {"reason": "Again"}, "acknowledged"),
        ("resolve", {}, "resolved"),
        ("close", {}, "closed"),
    ]:
        response = call(world.manager, "post", f"incidents/{ref}/{verb}/", data)
        assert (response.status_code, response.body["status"]) == (200, status), verb
    timeline = call(world.manager, "get", f"incidents/{ref}/timeline/").body["results"]
    assert [entry["number"] for entry in timeline] == list(range(1, len(timeline) + 1))


def test_an_action_taken_twice_gets_the_same_answer_twice(world: World, call: Call) -> None:
    ref = burning(world).ref
    first = call(world.primary, "post", f"incidents/{ref}/acknowledge/", {})
    assert call(world.primary, "post", f"incidents/{ref}/acknowledge/", {}).body == first.body
    posted = call(
        world.primary, "post", f"incidents/{ref}/update/", {"text": "DNS", "kind": "findings"}
    )
    again = call(
        world.primary, "post", f"incidents/{ref}/update/", {"text": "DNS", "kind": "findings"}
    )
    assert again.body == posted.body


def test_an_update_takes_no_public_text_yet(world: World, call: Call) -> None:
    ref = burning(world).ref
    public = {"state": "investigating", "text": "We look"}
    response = call(
        world.primary, "post", f"incidents/{ref}/update/", {"text": "DNS", "public": public}
    )
    assert (response.status_code, response.body["errors"][0]["pointer"]) == (400, "/public")


@pytest.mark.clause("C216")
def test_what_is_missing_is_listed_with_409(world: World, call: Call) -> None:
    ref = burning(world).ref
    response = call(world.manager, "post", f"incidents/{ref}/resolve/", {})
    assert response.status_code == 409
    assert response.body["code"] == "gates_unmet"
    assert [(reason["clause"], reason["waivable"]) for reason in response.body["reasons"]] == [
        ("C216", False)
    ]
    call(world.manager, "post", f"incidents/{ref}/acknowledge/", {})
    gates.register_gate(
        "resolve", "test", lambda *_: [gates.Reason("unverified", "Not verified.", "C103")]
    )
    try:
        unmet = call(world.manager, "post", f"incidents/{ref}/resolve/", {})
        assert (unmet.status_code, unmet.body["reasons"][0]["clause"]) == (409, "C103")
        waived = call(world.manager, "post", f"incidents/{ref}/resolve/", {"waive": "No probe"})
        assert (waived.status_code, waived.body["status"]) == (200, "resolved")
    finally:
        gates._gates["resolve"].pop("test")


def test_a_deadline_and_a_page_read_as_the_contract_says(world: World, call: Call) -> None:
    ref = burning(world).ref
    deadlines = call(world.engineer, "get", f"incidents/{ref}/deadlines/").body["results"]
    acknowledge = next(row for row in deadlines if row["kind"] == "incident.acknowledge")
    assert {
        "kind",
        "clause",
        "due_at",
        "state",
        "settled_at",
        "fulfilled_at",
        "late_by",
        "owed_by",
        "nature",
    } <= set(acknowledge)
    assert (acknowledge["clause"], acknowledge["state"], acknowledge["nature"]) == (
        "C30",
        "pending",
        "duty",
    )
    assert acknowledge["owed_by"] == "Primary"
    [page] = call(world.engineer, "get", f"incidents/{ref}/pages/").body["results"]
    assert {
        "to",
        "channel",
        "step",
        "clause",
        "state",
        "created_at",
        "sent_at",
        "delivered_at",
        "tries",
        "error",
    } <= set(page)
    assert (page["to"], page["step"], page["clause"]) == (
        world.primary.email,
        "Primary on-call",
        "C72",
    )


def test_lists_filter_sort_and_turn_pages(world: World, call: Call) -> None:
    now = timezone.now()
    for number in range(5):
        world.declare(
            "P2" if number % 2 else "P4",
            at=now - timedelta(hours=5 - number),
            title=f"Number {number}",
        )
    services.acknowledge(
        Incident.objects.get(title="Number 1").pk, actor=world.actor("primary"), now=now
    )

    def titles(query: str) -> list[str]:
        return [
            row["title"][-1]
            for row in call(world.engineer, "get", f"incidents/?{query}").body["results"]
        ]

    assert titles("") == ["4", "3", "2", "1", "0"]
    assert titles("ordering=opened_at") == ["0", "1", "2", "3", "4"]
    assert titles("severity=P2") == ["3", "1"]
    assert titles("status=acknowledged") == ["1"]
    assert titles(f"service={world.other_service.slug}") == []
    after = (now - timedelta(hours=2, minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert titles(f"opened_after={after}") == ["4", "3"]
    assert titles(f"opened_before={after}") == ["2", "1", "0"]
    first = call(world.engineer, "get", "incidents/?page_size=2").body
    assert [row["title"][-1] for row in first["results"]] == ["4", "3"]
    rest = first["next"].partition("/api/v1/")[2]
    assert [row["title"][-1] for row in call(world.engineer, "get", rest).body["results"]] == [
        "2",
        "1",
    ]


@pytest.mark.parametrize(
    "query", ["ordering=run", "status=odd", "opened_after=never", "cursor=%00", "page_size=1000000"]
)
def test_a_bad_query_never_breaks(world: World, call: Call, query: str) -> None:
    assert call(world.engineer, "get", f"incidents/?{query}").status_code in (200, 400, 404)


def test_a_hidden_incident_answers_exactly_like_a_missing_one(world: World, call: Call) -> None:
    hidden = burning(world, kind="security", title="CANARY")
    for method, path in [
        ("get", ""), ("get", "timeline/"), ("get", "deadlines/"), ("get", "pages/"),
        ("post", "acknowledge/"), ("post", "resolve/"), ("post", "confirm-breach/"),
    ]:  # fmt: skip
        seen = call(
            world.engineer,
            method,
            f"incidents/{hidden.ref}/{path}",
            {} if method == "post" else None,
        )
        missing = call(
            world.engineer,
            method,
            f"incidents/INC-1999-0001/{path}",
            {} if method == "post" else None,
        )
        if path == "confirm-breach/":
            continue  # its body is judged before the incident is looked for, in both cases
        assert (seen.status_code, seen.body) == (404, missing.body), path
    listed = call(world.engineer, "get", "incidents/")
    assert "CANARY" not in listed.content.decode()
    assert "CANARY" in call(world.primary, "get", "incidents/").content.decode()


def test_who_may_not_is_told_so(world: World, call: Call) -> None:
    ref = burning(world).ref
    outsider = make_world().engineer
    response = call(outsider, "post", f"incidents/{ref}/acknowledge/", {})
    assert (response.status_code, response.body["title"]) == (403, "Forbidden")
    assert call(outsider, "get", f"incidents/{ref}/").status_code == 200


def test_a_stranger_gets_nothing(client: Client, world: World) -> None:
    assert client.get("/api/v1/incidents/").status_code == 401
    assert client.get("/api/v1/freeze/").status_code == 401


def test_roles_are_given_by_address(world: World, call: Call) -> None:
    ref = burning(world).ref
    given = call(
        world.manager,
        "post",
        f"incidents/{ref}/roles/",
        {"role": "commander", "user": world.engineer.email},
    )
    assert [(role["role"], role["user"]["name"]) for role in given.body["roles"]] == [
        ("commander", "Engineer")
    ]
    unknown = call(
        world.manager,
        "post",
        f"incidents/{ref}/roles/",
        {"role": "commander", "user": "x@example.org"},
    )
    assert (unknown.status_code, unknown.body["errors"][0]["pointer"]) == (400, "/user")


@pytest.mark.clause("C221")
def test_the_freeze_names_the_active_p1_and_p2_that_one_may_see(world: World, call: Call) -> None:
    assert call(world.engineer, "get", "freeze/").body == {"frozen": False, "reasons": []}
    burning(world, "P3")
    burning(world, "P1", drill=True, title="Drill")
    hidden = burning(world, "P1", kind="security", title="CANARY")
    assert call(world.engineer, "get", "freeze/").body == {"frozen": False, "reasons": []}
    assert call(world.primary, "get", "freeze/").body["reasons"][0]["ref"] == hidden.ref
    shown = burning(world, "P2")
    body = call(world.engineer, "get", "freeze/").body
    assert (body["frozen"], [reason["ref"] for reason in body["reasons"]]) == (True, [shown.ref])
    assert body["reasons"][0]["clause"] == "C221"
    assert call(world.engineer, "get", f"freeze/?incident={shown.ref}").body["frozen"] is False
    assert (
        call(world.engineer, "get", f"freeze/?service={world.other_service.slug}").body["frozen"]
        is True
    )
    elsewhere = make_world()
    assert (
        call(world.engineer, "get", f"freeze/?service={elsewhere.service.slug}").body["frozen"]
        is False
    )
    services.acknowledge(shown.pk, actor=world.actor("primary"), now=timezone.now())
    services.resolve(shown.pk, actor=world.actor("primary"), now=timezone.now())
    assert call(world.engineer, "get", "freeze/").body["frozen"] is False


def test_the_preview_answers_with_clauses(world: World, call: Call) -> None:
    asked = {"severity": "P1", "service": world.service.slug, "at": "2026-03-08T03:10:00Z"}
    body = call(world.engineer, "post", "preview/", asked).body
    first = [
        (page["person"], page["clause"], page["methods"])
        for page in body["pages"]
        if page["at"] == asked["at"]
    ]
    assert first == [
        ("Primary", "C77", ["pager"]), ("Secondary", "C78", ["pager"]), ("Manager", "C78", ["pager", "phone"]),
    ]  # fmt: skip
    assert {promise["clause"] for promise in body["promises"]} >= {"C27", "C28", "C29", "X17"}
    assert body["reach_nobody"] == []
    assert "repeat every 5m" in body["goes_on"]
    assert call(world.engineer, "post", "preview/", {"severity": "P9"}).status_code == 400
    assert (
        call(world.engineer, "post", "preview/", {"severity": "P1", "service": "moon"}).status_code
        == 400
    )


@pytest.mark.parametrize("count", [1, 30])
def test_a_list_takes_the_same_number_of_queries_however_long_it_is(
    world: World, call: Call, count: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        burning(world, "P4", title=f"Number {number}")
    key = directory.create_token(world.engineer.pk, "tests", actor=PORTAL, now=timezone.now()).key
    with django_assert_max_num_queries(9):
        response = Client().get("/api/v1/incidents/", headers={"authorization": f"Bearer {key}"})
    assert len(response.json()["results"]) == count


def test_a_responder_only_sees_what_they_are_called_for(world: World, call: Call) -> None:
    user = make_user("Responder")
    directory.grant_role(user.pk, Role.RESPONDER, actor=PORTAL)
    incident = burning(world)
    assert call(user, "get", f"incidents/{incident.ref}/").status_code == 404
    services.escalate(incident.pk, to=user.email, actor=PORTAL, now=timezone.now())
    assert call(user, "post", f"incidents/{incident.ref}/acknowledge/", {}).status_code == 200


@pytest.mark.parametrize("count", [1, 12])
def test_the_list_reads_the_alerts_of_all_incidents_at_once(
    world: World, count: int, django_assert_max_num_queries: Any
) -> None:
    sender = make_sender(world=world)
    for number in range(count):
        told = [event(f"{number}-{n}", rule=f"Rule {number}") for n in range(3)]
        take_events(sender.integration, told, now=WEDNESDAY)
    key = directory.create_token(world.engineer.pk, "tests", actor=PORTAL, now=timezone.now()).key
    with django_assert_max_num_queries(10):
        response = Client().get("/api/v1/incidents/", headers={"authorization": f"Bearer {key}"})
    listed = response.json()["results"]
    assert [[alert["dedup_key"] for alert in one["alerts"]] for one in listed] == [
        [f"{number}-{n}" for n in (2, 1, 0)] for number in reversed(range(count))
    ]
