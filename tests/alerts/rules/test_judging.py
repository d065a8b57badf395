"""What an alert means: data of the integration decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts.enums import AlertKind
from alerts.models.integration import usual_security_labels, usual_severities, usual_severity_labels
from alerts.rules.facts import AlertFacts
from alerts.rules.judging import Judge, group_key, rule_of, still_together, worse

NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
JUDGE = Judge(
    name="Prometheus",
    severity_map=usual_severities(),
    severity_labels=usual_severity_labels(),
    default_severity="P2",
    security_labels=usual_security_labels(),
    service_labels=["service", "app"],
)


@pytest.mark.clause("C14", "C64", "C67")
@pytest.mark.parametrize(
    ("word", "labels", "severity"),
    [
        ("critical", {}, "P1"),
        ("CRITICAL", {}, "P1"),
        ("error", {}, "P2"),
        ("high", {}, "P2"),
        ("warning", {}, "P3"),
        ("info", {}, "P4"),
        ("P3", {}, "P3"),
        ("p1", {}, "P1"),
        ("", {"severity": "warning"}, "P3"),
        ("", {"priority": "P4"}, "P4"),
        ("odd", {"priority": "P1"}, "P1"),
        ("odd", {}, "P2"),
        ("", {}, "P2"),
    ],
)
def test_severity_comes_from_the_map_then_the_labels_then_the_default(
    word: str, labels: dict[str, str], severity: str
) -> None:
    assert JUDGE.judge(AlertFacts("a", severity=word, labels=labels)).severity == severity


def test_another_map_means_something_else() -> None:
    judge = replace(JUDGE, severity_map={"critical": "P3"}, default_severity="P4")
    assert judge.judge(AlertFacts("a", severity="critical")).severity == "P3"
    assert judge.judge(AlertFacts("a", severity="error")).severity == "P4"


@pytest.mark.clause("C80")
def test_security_is_told_by_labels_that_are_data() -> None:
    said = AlertFacts("a", labels={"category": "Security"})
    assert JUDGE.judge(said).kind == AlertKind.SECURITY
    assert replace(JUDGE, security_labels={}).judge(said).kind == AlertKind.STANDARD
    assert JUDGE.judge(AlertFacts("a", labels={"category": "disk"})).kind == AlertKind.STANDARD


def test_an_alert_without_words_is_named_after_its_rule_or_its_sender() -> None:
    assert JUDGE.judge(AlertFacts("a", rule="DiskFull")).title == "DiskFull"
    assert JUDGE.judge(AlertFacts("a")).title == "An alert from Prometheus"


def test_services_are_looked_for_in_the_order_of_the_labels() -> None:
    facts = AlertFacts("a", labels={"app": "Redis Stack", "service": "API"})
    assert JUDGE.services(facts) == ["api", "redis stack", "redis-stack"]


def test_without_a_rule_the_title_without_its_numbers_is_the_rule() -> None:
    one = rule_of(AlertFacts("a"), "CPU 97% on web-3")
    assert one == rule_of(AlertFacts("b"), "CPU 99% on web-12")
    assert one != rule_of(AlertFacts("c"), "Disk 97% on web-3")


def test_groups_are_by_service_rule_and_kind_and_a_drill_is_alone() -> None:
    keys = {
        group_key(service_id=1, rule="a", kind="standard"),
        group_key(service_id=2, rule="a", kind="standard"),
        group_key(service_id=1, rule="b", kind="standard"),
        group_key(service_id=1, rule="a", kind="security"),
        group_key(service_id=1, rule="a", kind="standard", drill_of=1),
        group_key(service_id=1, rule="a", kind="standard", drill_of=2),
    }
    assert len(keys) == 6


def test_the_window_is_counted_from_the_last_alert_and_nothing_means_for_ever() -> None:
    hour = timedelta(hours=1)
    assert still_together(NOW - hour, window=hour, now=NOW)
    assert not still_together(NOW - hour - timedelta(seconds=1), window=hour, now=NOW)
    assert still_together(NOW - 1000 * hour, window=timedelta(), now=NOW)


def test_a_lower_number_is_worse() -> None:
    assert worse("P1", "P2")
    assert not worse("P2", "P2")
    assert not worse("P3", "P2")
    assert not worse("", "P2")
