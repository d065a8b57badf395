"""The planner: whom it pages and when, for any path and any roster."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory.rules.calendar import BusinessCalendar, is_open
from directory.rules.roles import RoleHolders
from incidents.enums import Promised, Status
from incidents.rules.escalation import (
    Facts,
    Foreseen,
    Staff,
    fire,
    foresee,
    next_repeat,
    promised,
)
from procedures.rules.policy import (
    BusinessHours,
    Path,
    Policy,
    RoleRule,
    Severity,
    Span,
    Step,
    Target,
    Trigger,
)
from rotations.rules.roster import Person, Roster

OPENED = datetime(2026, 3, 4, 10, tzinfo=UTC)
CALENDAR = BusinessCalendar()
PEOPLE = range(1, 9)
LEVELS = ("primary", "secondary")
ROLES = ("manager", "vp")


def spans(*, most: int = 7200) -> st.SearchStrategy[Span]:
    return st.integers(1, most).map(lambda seconds: Span(seconds=seconds))


targets = st.one_of(
    st.sampled_from([Target("rota", level) for level in LEVELS]),
    st.sampled_from([Target("role", role) for role in ROLES]),
    st.just(Target("team", "all-hands")),
)
triggers = st.one_of(
    st.just(Trigger("at_once")),
    st.just(Trigger("on_demand")),
    st.just(Trigger("unacknowledged")),
    spans().map(lambda span: Trigger("unacknowledged", span)),
    spans().map(lambda span: Trigger("unresolved", span)),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """A small procedure of one severity and one path."""
    held = draw(st.booleans())
    severity = Severity(
        code="S",
        rank=1,
        name="S",
        acknowledge_within=draw(spans()),
        first_update_within=draw(st.none() | spans()),
        update_every=draw(st.none() | spans()),
        resolve_within=draw(st.none() | spans() | st.just(Span(business_days=1))),
        clock="business" if held else "elapsed",
        acknowledge_clock="business" if held else "elapsed",
        hold_until_business_hours=held,
    )
    steps = tuple(
        Step(
            f"step-{number}",
            f"Step {number}",
            tuple(draw(st.lists(targets, min_size=1, max_size=2, unique=True))),
            tuple(draw(st.lists(triggers, min_size=1, max_size=3, unique=True))),
            "C1",
            takes_over=draw(st.booleans()),
        )
        for number in range(draw(st.integers(1, 4)))
    )
    path = Path(
        "path", "Path", "standard", ("S",), steps,
        repeat_every=draw(st.integers(300, 900).map(lambda seconds: Span(seconds=seconds))),
        repeat_severities=draw(st.sampled_from([(), ("S",)])),
    )  # fmt: skip
    hours = BusinessHours("UTC", (0, 1, 2, 3, 4), CALENDAR.opens, CALENDAR.closes, "")
    roles = (RoleRule("vp", "VP", "C170", {"S": ("phone",)}),)
    return Policy(
        "p", "P", "P", 1, (severity,), (path,), roles, (), hours, "", date(2026, 1, 1), None,  # type: ignore[arg-type]
    )  # fmt: skip


@st.composite
def staffs(draw: st.DrawFn) -> Staff:
    """A roster with holes, and people without a way to be reached."""
    ids = st.sampled_from(PEOPLE)
    on_call = {level: (draw(ids),) for level in LEVELS if draw(st.booleans())}
    roles = {
        role: RoleHolders(
            tuple(draw(st.lists(ids, max_size=2, unique=True))),
            tuple(draw(st.lists(ids, max_size=1))),
        )
        for role in ROLES
    }
    people = {
        user: Person(user, f"P{user}", draw(st.sampled_from([(), ("pager",)]))) for user in PEOPLE
    }
    team = tuple(draw(st.lists(ids, max_size=4, unique=True)))
    return Staff(Roster(1, on_call, roles, team, people), fallback=(98, 99), people={})


@st.composite
def openings(draw: st.DrawFn) -> datetime:
    return OPENED + timedelta(minutes=draw(st.integers(0, 7 * 24 * 60)))


def future(policy: Policy, staff: Staff, at: datetime) -> Foreseen:
    facts = Facts("S", "standard", at)
    return foresee(policy, facts, lambda _: staff, CALENDAR, now=at, until=at + timedelta(hours=6))


@given(policies(), staffs(), openings())
@settings(max_examples=200, deadline=None)
def test_every_planned_page_is_sane(policy: Policy, staff: Staff, at: datetime) -> None:
    answer = future(policy, staff, at)
    assert [page.at for page in answer.pages] == sorted(page.at for page in answer.pages)
    for page in answer.pages:
        assert page.at >= at
        assert page.user_id in staff.fallback or staff.reachable(page.user_id)
        if page.held_until is not None:
            assert page.held_until > page.at
            assert is_open(CALENDAR, page.held_until)
    calls = [(page.at, page.user_id) for page in answer.pages]
    assert len(calls) == len(set(calls)), "somebody is called twice in one instant"
    keys = [(page.step_key, page.round, page.user_id) for page in answer.pages]
    assert len(keys) == len(set(keys)), "the outbox would take two pages for one"
    names = [item.name for item in answer.promises]
    assert len(names) == len(set(names)), "the clock would take two promises for one"


@given(policies(), staffs(), openings())
@settings(max_examples=60, deadline=None)
@pytest.mark.clause("X17")
def test_a_path_always_goes_on_and_never_reaches_nobody_for_good(
    policy: Policy, staff: Staff, at: datetime
) -> None:
    facts = Facts("S", "standard", at)
    for item in promised(policy, facts, CALENDAR, now=at):
        assert item.due_at >= at
    repeats = [
        item for item in promised(policy, facts, CALENDAR, now=at) if item.kind == Promised.REPEAT
    ]
    assert len(repeats) == 1
    week = foresee(policy, facts, lambda _: staff, CALENDAR, now=at, until=at + timedelta(days=4))
    assert week.pages, "four days of silence"


@given(policies(), staffs(), openings())
@settings(max_examples=100, deadline=None)
def test_looking_further_ahead_changes_nothing_that_comes_before(
    policy: Policy, staff: Staff, at: datetime
) -> None:
    facts = Facts("S", "standard", at)
    near, far = (
        foresee(policy, facts, lambda _: staff, CALENDAR, now=at, until=at + timedelta(hours=hours))
        for hours in (2, 8)
    )
    assert near.pages == tuple(page for page in far.pages if page.at <= near.until)
    assert near.promises == tuple(item for item in far.promises if item.due_at <= near.until)


@given(policies(), openings(), st.integers(0, 86_400))
def test_the_repeats_lie_on_one_grid(policy: Policy, at: datetime, seconds: int) -> None:
    severity, path = policy.severities[0], policy.paths[0]
    facts = Facts("S", "standard", at)
    found = next_repeat(
        severity, path, facts, CALENDAR, round_number=0, at=at + timedelta(seconds=seconds)
    )
    assert found.due_at > at + timedelta(seconds=seconds)
    every = path.repeats_for("S")
    if every is not None:
        assert (found.due_at - at).total_seconds() == found.round * every.seconds


@given(policies(), openings())
def test_an_acknowledged_incident_owes_no_acknowledgment_and_repeats_nothing(
    policy: Policy, at: datetime
) -> None:
    facts = Facts("S", "standard", at, status=Status.ACKNOWLEDGED)
    kinds = {item.kind for item in promised(policy, facts, CALENDAR, now=at, fresh=False)}
    assert not kinds & {Promised.ACKNOWLEDGE, Promised.REPEAT, Promised.OPENING}


def policy_with(*steps: tuple[str, Target]) -> Policy:
    """One severity and one path whose steps all fire at once."""
    path = Path(
        "path", "Path", "standard", ("S",),
        tuple(Step(key, key, (target,), (Trigger("at_once"),), "C1") for key, target in steps),
        repeat_every=Span(seconds=300),
    )  # fmt: skip
    hours = BusinessHours("UTC", (0, 1, 2, 3, 4), CALENDAR.opens, CALENDAR.closes, "")
    return Policy(
        "p", "P", "P", 1, (Severity(code="S", rank=1, name="S"),), (path,), (), (), hours, "",
        date(2026, 1, 1), None,  # type: ignore[arg-type]
    )  # fmt: skip


def called_first(policy: Policy, *, reachable: set[int]) -> list[tuple[int, str]]:
    """Whom the path's first step pages: 1 is the primary, 2 the secondary, 3 the manager."""
    people = {user: Person(user, f"P{user}", ("pager",)) for user in reachable}
    roles = {"engineering-manager": RoleHolders((3,), ())}
    staff = Staff(Roster(1, {"primary": (1,), "secondary": (2,)}, roles, (), people))
    first = policy.paths[0].steps[0]
    fired = fire(
        policy, Facts("S", "standard", OPENED), lambda _: staff, CALENDAR,
        [("path", first.key, "at-once")], at=OPENED,
    )  # fmt: skip
    return [(page.user_id, page.step) for page in fired.pages]


PRIMARY, SECONDARY = Target("rota", "primary"), Target("rota", "secondary")
MANAGER, OTHERS = Target("role", "engineering-manager"), Target("role", "others")


@pytest.mark.clause("X13")
@pytest.mark.parametrize(
    ("steps", "reachable", "called"),
    [
        ([("primary", PRIMARY)], {1, 2, 3}, [(1, "primary")]),
        ([("primary", PRIMARY)], {2, 3}, [(2, "primary")]),
        ([("secondary", SECONDARY)], {1, 3}, [(3, "secondary")]),
        ([("primary", PRIMARY), ("others", OTHERS)], {2, 3}, [(2, "primary")]),
        # The path has a step of the backup's own: it is climbed to.
        ([("primary", PRIMARY), ("secondary", SECONDARY)], {2, 3}, [(2, "secondary")]),
        ([("secondary", SECONDARY), ("manager", MANAGER)], {1, 3}, [(3, "manager")]),
    ],
)
def test_the_backup_stands_in_where_the_path_has_no_step_for_them(
    steps: list[tuple[str, Target]], reachable: set[int], called: list[tuple[int, str]]
) -> None:
    assert called_first(policy_with(*steps), reachable=reachable) == called
