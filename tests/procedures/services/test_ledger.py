from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from deadlines.enums import Nature, Reach
from deadlines.models import Deadline
from deadlines.registry import Due, Kind, register_kind, register_subject
from deadlines.services import Promise, cancel, enforce, schedule, settle, waive
from procedures.enums import Result
from procedures.models import Outcome
from procedures.services import OutcomeFacts, record_outcomes
from tests.procedures.factories import NOW, load

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_kind_of_promise() -> None:
    def handle(deadline: Deadline, due: Due) -> dict[str, Any]:
        return {"seen": True}

    register_kind(Kind("test.duty", Nature.DUTY, Reach.NOW, handle, "A duty"))
    register_subject("test.thing", lock=lambda _: True, label=lambda n: f"Thing {n}")


def promise(key: str, clause: str, **more: Any) -> Promise:
    return Promise(
        kind="test.duty",
        subject_type="test.thing",
        subject_id=7,
        key=key,
        due_at=NOW + timedelta(minutes=5),
        clause=clause,
        team_id=3,
        owed_by="Ada",
        **more,
    )


def facts(clause: str, **more: Any) -> OutcomeFacts:
    return OutcomeFacts(clause, "test.thing", 7, Result.MET, NOW, **more)


def outcomes() -> list[tuple[str, str]]:
    return list(Outcome.objects.order_by("id").values_list("clause", "result"))


def test_many_outcomes_are_one_insert(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert record_outcomes([facts("C27"), facts("C28"), facts("C29")]) == 3
    assert Outcome.objects.count() == 3


def test_no_outcome_is_no_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert record_outcomes([]) == 0


def test_the_same_case_is_recorded_once_per_key_and_without_a_key_each_time() -> None:
    for _ in range(2):
        record_outcomes([facts("C27", key="promise:1:met"), facts("C28", key="promise:1:met")])
        record_outcomes([facts("C30")])
    assert sorted(outcomes()) == [("C27", "met"), ("C28", "met"), ("C30", "met"), ("C30", "met")]


@pytest.mark.parametrize("change", ["update", "delete"])
def test_the_database_refuses_to_change_an_outcome(change: str) -> None:
    record_outcomes([facts("C27")])
    with pytest.raises(DatabaseError, match="outcome_is_final"), transaction.atomic():
        Outcome.objects.update(result="missed") if change == "update" else (
            Outcome.objects.all().delete()
        )
    assert outcomes() == [("C27", "met")]


def test_a_promise_kept_missed_or_waived_writes_its_outcome() -> None:
    version = load().version
    schedule(
        [
            promise("kept", "C27", payload={"version_id": version.pk}),
            promise("missed", "C28"),
            promise("waived", "C29"),
            promise("dropped", "C132"),
        ],
        now=NOW,
    )
    settle("test.thing", 7, keys=["kept"], now=NOW + timedelta(minutes=2))
    waive("test.thing", 7, keys=["waived"], now=NOW, by="Ada", reason="false alarm")
    cancel("test.thing", 7, keys=["dropped"], now=NOW, reason="no longer owed")
    enforce(now=NOW + timedelta(minutes=6))
    assert outcomes() == [("C27", "met"), ("C29", "waived"), ("C28", "missed")]
    kept = Outcome.objects.get(clause="C27")
    assert (kept.version_id, kept.team_id, kept.subject_label) == (version.pk, 3, "Thing 7")
    assert kept.at == NOW + timedelta(minutes=2)
    missed = Outcome.objects.get(clause="C28")
    assert missed.version_id is None
    assert missed.evidence["owed_by"] == "Ada"
    assert missed.evidence["promise"] == "missed"
    assert missed.evidence["seen"] is True


def test_a_promise_under_two_clauses_writes_both_and_one_without_clause_none() -> None:
    schedule([promise("two", "C73 C74"), promise("none", "")], now=NOW)
    settle("test.thing", 7, now=NOW)
    assert outcomes() == [("C73", "met"), ("C74", "met")]


def test_a_drill_leaves_no_outcome() -> None:
    schedule([promise("drill", "C27", payload={"drill": True})], now=NOW)
    settle("test.thing", 7, now=NOW)
    assert outcomes() == []


def test_a_missed_promise_fulfilled_later_stays_missed() -> None:
    schedule([promise("late", "C28")], now=NOW)
    enforce(now=NOW + timedelta(minutes=6))
    settle("test.thing", 7, now=NOW + timedelta(minutes=9))
    assert outcomes() == [("C28", "missed")]
