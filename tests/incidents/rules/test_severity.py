"""Which severity follows from what is known."""

from __future__ import annotations

import tomllib
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.rules.severity import severity_of
from incidents.rules.texts import clean_text, clean_title
from procedures.rules.policy import Criterion, Severity
from tests.incidents.factories import procedure_text


@cache
def severities() -> tuple[Severity, ...]:
    """The document's severities with their criteria, straight from its file."""
    return tuple(
        Severity(
            code=row["code"],
            rank=row["rank"],
            name=row["name"],
            criteria=tuple(
                Criterion(
                    one["key"],
                    one["text"],
                    one["clause"],
                    one.get("measure", ""),
                    one.get("comparison", ""),
                    one.get("threshold"),
                )
                for one in row["criterion"]
            ),
        )  # fmt: skip
        for row in tomllib.loads(procedure_text())["severity"]
    )


def judged(**readings: float | bool) -> str | None:
    found = severity_of(
        severities(), {key.replace("_X", ""): value for key, value in readings.items()}
    )
    return found[0].code if found else None


@pytest.mark.clause("X9", "C42", "C50", "C58")
@pytest.mark.parametrize(
    ("percent", "code"),
    [(100, "P1"), (99.9, "P2"), (10.1, "P2"), (10, "P2"), (9.9, "P3"), (0.1, "P3"), (0, None)],
)
def test_exactly_ten_percent_of_the_users_is_the_worse_severity(
    percent: float, code: str | None
) -> None:
    assert judged(users_affected=percent) == code


@pytest.mark.clause("C51", "C52")
@pytest.mark.parametrize(
    ("measure", "value", "code"),
    [
        ("error_rate", 5.1, "P2"),
        ("error_rate", 5, "P2"),
        ("error_rate", 4.9, None),
        ("slowdown", 51, "P2"),
    ],
)
def test_a_measure_is_held_against_its_threshold(
    measure: str, value: float, code: str | None
) -> None:
    assert judged(**{measure: value}) == code


@pytest.mark.clause(
    "C43", "C44", "C45", "C46", "C53", "C54", "C59", "C60", "C61", "C65", "C66", "C67", "C68"
)
def test_each_criterion_leads_to_its_own_severity() -> None:
    for severity in severities():
        for criterion in severity.criteria:
            assert severity_of(severities(), {criterion.key: True}) == (severity, criterion)


@given(
    st.dictionaries(
        st.sampled_from([c.key for s in severities() for c in s.criteria]), st.booleans()
    )
)
def test_the_worst_criterion_wins_whatever_else_is_ticked(ticked: dict[str, bool]) -> None:
    found = severity_of(severities(), ticked)
    ranks = [s.rank for s in severities() for c in s.criteria if ticked.get(c.key)]
    assert (found[0].rank if found else None) == (min(ranks) if ranks else None)


@given(st.text())
def test_a_title_is_one_line_without_control_characters(text: str) -> None:
    title = clean_title(text)
    assert len(title) <= 200
    assert "\n" not in title
    assert "\r" not in title
    assert "\x00" not in title
    assert clean_title(title) == title


@given(st.text())
def test_cleaning_a_text_twice_changes_nothing_more(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)
