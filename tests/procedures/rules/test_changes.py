from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procedures.rules.changes import changes
from tests.procedures.factories import mother_document

names = st.sampled_from("abcd")
tables = st.dictionaries(
    names,
    st.one_of(st.integers(), st.text("xyz", max_size=3), st.lists(st.text("xyz", max_size=3))),
    max_size=3,
)


def test_changes_are_lines_a_manager_can_read() -> None:
    old = mother_document().model_dump(mode="json")
    new = mother_document().model_dump(mode="json")
    new["severity"][0]["acknowledge_within"] = "3m"
    new["severity"][3]["pages"] = True
    del new["path"][1]["step"][3]
    new["channel"].append({"key": "war", "name": "#war"})
    new["role"].reverse()
    lines = changes(old, new)
    assert lines[:4] == [
        "severity P1 › acknowledge_within: 5m → 3m",
        "severity P4 › pages: no → yes",
        "path standard › step vp-engineering: removed",
        "role: order primary, secondary, engineering-manager, tech-lead, vp-engineering, "
        "security-team, infrastructure, ciso, legal, pr, c-level → c-level, pr, legal, ciso, "
        "infrastructure, security-team, vp-engineering, tech-lead, engineering-manager, secondary, "
        "primary",
    ]
    assert lines[4:] == ["channel war: added"]


def test_the_first_version_says_so() -> None:
    assert changes(None, {"a": 1}) == ["First version."]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables, tables)
def test_there_are_lines_exactly_when_something_differs(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    same = {key: old.get(key) for key in {*old, *new}} == {
        key: new.get(key) for key in {*old, *new}
    }
    assert bool(changes(old, new)) != same
