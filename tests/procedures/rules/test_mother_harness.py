"""What the document says, read from its policy: each clause that is a fact."""

from __future__ import annotations

import re
from datetime import date, time

import pytest

from procedures.rules.file import write_file
from procedures.rules.policy import Span, Step, Target, Trigger
from procedures.rules.spans import parse_span
from tests.procedures.factories import faults_of, mother_document, mother_harness, mother_policy

AT_ONCE = Trigger("at_once")
ON_DEMAND = Trigger("on_demand")
MAJOR = Trigger("flag", flag="major")
BREACH = Trigger("flag", flag="breach_confirmed")


def steps(slug: str) -> dict[str, Step]:
    path = next(path for path in mother_policy().paths if path.slug == slug)
    return {step.key: step for step in path.steps}


def test_the_file_is_without_fault_and_in_its_own_order() -> None:
    assert faults_of(mother_harness()) == []
    assert write_file(mother_document()) == mother_harness()


def test_every_clause_and_reading_is_there_and_used_by_some_row() -> None:
    codes = [clause.code for clause in mother_document().clause]
    assert codes == [f"C{n}" for n in range(1, 262)] + [f"X{n}" for n in range(1, 26)]
    rows, _, listed = mother_harness().partition("[[clause]]")
    used = set(re.findall(r'"([CX]\d+)"', rows))
    assert set(codes) - used == set()
    assert all(
        clause.text and clause.chapter and clause.kinds for clause in mother_document().clause
    )
    assert listed.count("[[clause]]") == 285


@pytest.mark.clause("C1")
def test_the_rules_hang_on_a_named_platform() -> None:
    assert (mother_policy().slug, mother_policy().platform) == ("mother-harness", "Mother-Harness")


@pytest.mark.clause("C2", "C3", "C260", "C261")
def test_the_document_carries_its_dates_and_its_number() -> None:
    head = mother_document().procedure
    assert head.last_updated == date(2024, 12, 22)
    assert head.review_every == "quarterly"
    assert head.document_version == "1.0"
    assert head.next_review == date(2025, 1, 22)


@pytest.mark.parametrize(
    ("code", "acknowledge", "first_update", "resolve", "clauses"),
    [
        pytest.param(
            "P1", "5m", "15m", "1h", ("C27", "C28", "C29"),
            marks=pytest.mark.clause("C27", "C28", "C29"),
        ),
        pytest.param(
            "P2", "15m", "30m", "4h", ("C30", "C31", "C32"),
            marks=pytest.mark.clause("C30", "C31", "C32"),
        ),
        pytest.param(
            "P3", "1h", "2h", "1 business day", ("C33", "C34", "C35"),
            marks=pytest.mark.clause("C33", "C34", "C35", "X21"),
        ),
        pytest.param(
            "P4", "24h", None, None, ("C36", "C37", "C38"),
            marks=pytest.mark.clause("C36", "C37", "C38"),
        ),
    ],
)  # fmt: skip
def test_the_response_times_are_the_document_s(
    code: str,
    acknowledge: str,
    first_update: str | None,
    resolve: str | None,
    clauses: tuple[str, str, str],
) -> None:
    severity = mother_policy().severity(code)
    assert severity.acknowledge_within == parse_span(acknowledge)
    assert severity.first_update_within == (parse_span(first_update) if first_update else None)
    assert severity.resolve_within == (parse_span(resolve) if resolve else None)
    assert (
        severity.acknowledge_clause,
        severity.first_update_clause,
        severity.resolve_clause,
    ) == clauses


@pytest.mark.clause("C39", "C40", "C41", "X6")
def test_what_stops_each_clock_is_data() -> None:
    policy = mother_policy()
    assert policy.setting("acknowledgment.stopped_by") == ["portal", "chat", "pagerduty"]
    assert policy.setting("first_update.stopped_by") == ["findings"]
    assert policy.setting("resolution.stopped_by") == ["mitigated", "resolved"]


@pytest.mark.clause("C36", "X2", "X23")
def test_p3_runs_on_business_hours_and_the_others_on_all_hours() -> None:
    clocks = {s.code: (s.acknowledge_clock, s.clock) for s in mother_policy().severities}
    assert clocks == {
        "P1": ("elapsed", "elapsed"),
        "P2": ("elapsed", "elapsed"),
        "P3": ("business", "business"),
        "P4": ("elapsed", "elapsed"),
    }


@pytest.mark.clause("C132", "C133", "C134", "X20")
def test_the_update_cadence_is_the_document_s() -> None:
    policy = mother_policy()
    cadence = {s.code: (s.update_every, s.update_is_reminder) for s in policy.severities}
    assert cadence == {
        "P1": (Span(900), False),
        "P2": (Span(1800), False),
        "P3": (Span(3600), True),
        "P4": (None, False),
    }
    assert policy.setting("update.begins_with") == "first update"


@pytest.mark.clause("C14", "C57", "C64", "C71", "X2", "X23")
def test_p1_and_p2_wake_p3_waits_for_the_morning_and_p4_pages_nobody() -> None:
    severities = mother_policy().severities
    assert {s.code for s in severities if s.pages} == {"P1", "P2", "P3"}
    assert {s.code for s in severities if s.hold_until_business_hours} == {"P3"}
    assert {s.code for s in severities if s.wake_after_ack} == {"P1", "P2"}
    assert {s.code for s in severities if s.backlog} == {"P4"}
    assert mother_policy().paths_for("standard", "P4") == ()
    assert mother_policy().paths_for("security", "P4") == ()


@pytest.mark.clause("C42", "C50", "C51", "C52", "C58", "X9")
def test_criteria_carry_the_document_s_numbers_and_ten_percent_is_p2() -> None:
    numbers = {
        criterion.clause: (
            criterion.measure,
            criterion.comparison,
            criterion.threshold,
            criterion.unit,
        )
        for severity in mother_policy().severities
        for criterion in severity.criteria
        if criterion.measure
    }
    assert numbers == {
        "C42": ("users_affected", ">=", 100, "%"),
        "C50": ("users_affected", ">=", 10, "%"),
        "C51": ("slowdown", ">", 50, "%"),
        "C52": ("error_rate", ">", 5, "%"),
        "C58": ("users_affected", "<", 10, "%"),
    }


@pytest.mark.clause(
    "C43", "C44", "C45", "C46", "C53", "C54", "C59", "C60", "C61", "C65", "C66", "C67", "C68"
)  # fmt: skip
def test_every_criterion_of_the_document_is_a_row_under_its_clause() -> None:
    criteria = {
        severity.code: [criterion.clause for criterion in severity.criteria]
        for severity in mother_policy().severities
    }
    assert criteria == {
        "P1": ["C42", "C43", "C44", "C45", "C46"],
        "P2": ["C50", "C51", "C52", "C53", "C54"],
        "P3": ["C58", "C59", "C60", "C61"],
        "P4": ["C65", "C66", "C67", "C68"],
    }


@pytest.mark.clause("C47", "C48", "C55", "C56", "C62", "C63", "C69", "C70")
def test_examples_and_impact_are_the_document_s() -> None:
    examples = {s.code: s.examples for s in mother_policy().severities}
    assert [len(examples[code]) for code in ("P1", "P2", "P3", "P4")] == [4, 4, 4, 3]
    assert examples["P4"] == ("UI text incorrect", "Log noise", "Monitoring gap identified")
    assert {s.code: s.impact for s in mother_policy().severities} == {
        "P1": "Business-critical, all users affected",
        "P2": "Major functionality impaired",
        "P3": "Degraded experience, workaround available",
        "P4": "Minimal or no user impact",
    }


@pytest.mark.clause("C22", "C23", "C72", "C73", "C74", "C75", "C76")
def test_the_standard_path_climbs_as_the_document_says() -> None:
    path = steps("standard")
    assert list(path) == ["primary", "secondary", "engineering-manager", "vp-engineering"]
    assert path["primary"].targets == (Target("rota", "primary"),)
    assert path["primary"].triggers == (AT_ONCE,)
    assert path["secondary"].targets == (Target("rota", "secondary"),)
    assert path["secondary"].triggers == (
        Trigger("unacknowledged"),
        Trigger("unresolved", Span(1800)),
        ON_DEMAND,
    )
    assert path["secondary"].takes_over
    assert path["engineering-manager"].triggers == (Trigger("unresolved", Span(3600)),)
    assert path["vp-engineering"].triggers == (MAJOR,)
    assert [step.clause for step in path.values()] == ["C72", "C73", "C75", "C76"]
    assert "C74" in path["secondary"].also_clauses


@pytest.mark.clause("C19", "C49", "C75", "C77", "C78", "C79")
def test_a_p1_calls_three_at_once_and_all_hands_on_demand() -> None:
    path = steps("p1")
    at_once = [key for key, step in path.items() if step.triggers == (AT_ONCE,)]
    assert at_once == ["primary", "secondary", "engineering-manager"]
    assert path["all-hands"].targets == (Target("team", "all-hands"),)
    assert path["all-hands"].triggers == (ON_DEMAND,)
    assert path["vp-engineering"].triggers == (MAJOR,)
    assert [step.clause for step in path.values()] == ["C77", "C78", "C78", "C79", "C76"]


@pytest.mark.clause("C80", "C81", "C82")
def test_a_security_incident_calls_four_at_once_and_three_more_when_the_breach_is_confirmed() -> (
    None
):
    path = steps("security")
    assert {key: (step.triggers, step.clause) for key, step in path.items()} == {
        "primary": ((AT_ONCE,), "C80"),
        "security-team": ((AT_ONCE,), "C80"),
        "engineering-manager": ((AT_ONCE,), "C81"),
        "ciso": ((AT_ONCE,), "C81"),
        "legal": ((BREACH,), "C82"),
        "pr": ((BREACH,), "C82"),
        "c-level": ((BREACH,), "C82"),
    }


@pytest.mark.clause("C83", "X18")
def test_the_path_follows_kind_and_severity_and_a_security_p1_runs_both() -> None:
    def slugs(kind: str, severity: str) -> list[str]:
        return [path.slug for path in mother_policy().paths_for(kind, severity)]

    assert slugs("standard", "P1") == ["p1"]
    assert slugs("standard", "P2") == slugs("standard", "P3") == ["standard"]
    assert slugs("security", "P1") == ["p1", "security"]
    assert slugs("security", "P2") == ["security"]


@pytest.mark.clause("X17")
def test_unanswered_p1_and_p2_repeat_every_five_minutes_and_the_second_p1_repeat_adds_people() -> (
    None
):
    policy = mother_policy()
    for code in ("P1", "P2"):
        (path,) = policy.paths_for("standard", code)
        assert path.repeats_for(code) == Span(300)
    (standard,) = policy.paths_for("standard", "P3")
    assert standard.repeats_for("P3") is None
    (p1,) = policy.paths_for("standard", "P1")
    assert p1.extras_in(1) == ()
    assert [step.targets for step in p1.extras_in(2)] == [
        (Target("role", "vp-engineering"),),
        (Target("team", "all-hands"),),
    ]
    assert p1.extras_in(3) == p1.extras_in(2)
    vp = policy.role("vp-engineering")
    assert vp is not None
    assert vp.methods_for("P1") == ("phone",)


@pytest.mark.clause("C12", "C13", "C167", "C168", "C169", "C170", "C171", "C172", "X1", "X13")
def test_roles_are_reached_by_the_methods_of_the_contact_table() -> None:
    roles = {role.slug: role for role in mother_policy().roles}
    assert roles["primary"].methods_for("P1") == ("pager",)
    assert roles["primary"].backup_role == "secondary"
    assert roles["secondary"].backup_role == "engineering-manager"
    assert roles["engineering-manager"].methods_for("P2") == ("pager", "phone")
    assert roles["engineering-manager"].backup_required
    assert roles["vp-engineering"].backup_required
    assert roles["vp-engineering"].methods_for("P1") == ("phone",)
    assert "phone" not in roles["vp-engineering"].methods_for("P2")
    assert roles["security-team"].methods_for("P1") == ("pager", "mail")
    assert roles["infrastructure"].methods_for("P1") == ("chat", "mail")
    assert {slug for slug, role in roles.items() if role.tertiary} == {
        "engineering-manager",
        "tech-lead",
    }
    assert all(role.methods_for("P4") == () for role in roles.values())


@pytest.mark.clause("C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11")
def test_the_rotation_is_weekly_from_monday_nine_and_the_secondary_follows_the_primary() -> None:
    primary, secondary = mother_document().rota
    assert (primary.unit, primary.length) == ("week", 1)
    assert (primary.handoff_weekday, primary.handoff_time) == ("monday", time(9))
    assert primary.coverage == "24/7"
    assert (secondary.derived_from, secondary.offset) == ("primary", 1)
    assert primary.minimum_people == 2


@pytest.mark.clause("C125", "C126", "C127", "C128", "X5")
def test_channels_are_routed_many_to_many() -> None:
    policy = mother_policy()
    assert policy.channels_for("incident", "P1") == ("incidents",)
    assert policy.channels_for("incident", "P2") == ("incidents",)
    assert policy.channels_for("alert", "P2") == ("alerts",)
    assert policy.channels_for("alert", "P3") == ("alerts", "monitoring")
    assert policy.channels_for("alert", "P4") == ("monitoring",)
    assert policy.channels_for("incident", "P3") == ()


@pytest.mark.clause("C129", "C130", "X22")
def test_incident_channels_are_named_by_a_pattern_and_only_p1_and_p2_have_one() -> None:
    policy = mother_policy()
    name = policy.incident_channel_pattern.format(date="20241222", description="api-errors")
    assert f"#{name}" == mother_document().procedure.incident_channel_example
    assert {s.code for s in policy.severities if s.incident_channel} == {"P1", "P2"}


@pytest.mark.clause("X10")
def test_zone_hours_and_holidays_have_visible_defaults() -> None:
    hours = mother_policy().business_hours
    assert (hours.zone, hours.workdays) == ("UTC", (0, 1, 2, 3, 4))
    assert (hours.opens, hours.closes) == (time(9), time(17))
    assert hours.holiday_country == "US"
    for name in ("zone", "workdays", "opens", "closes", "holiday_country"):
        assert f"\n{name} = " in mother_harness()


@pytest.mark.clause("X19")
def test_phase_boxes_bind_p1_and_guide_the_others() -> None:
    boxes = [
        (phase.begins_after, phase.ends_after, phase.promised_for)
        for phase in mother_document().phase
    ]
    assert boxes == [
        ("0s", "5m", ["P1"]),
        ("5m", "15m", ["P1"]),
        ("15m", "1h", ["P1"]),
        ("", "", []),
        ("", "", []),
    ]


@pytest.mark.clause("X3")
def test_every_clock_of_a_p1_is_data_so_that_the_first_to_fall_due_fires() -> None:
    document = mother_document()
    lasting = next(t for t in document.war_room_trigger if t.kind == "lasting")
    assert (lasting.after, lasting.automatic_for) == ("30m", ["P1"])
    playbook = next(p for p in document.playbook if p.slug == "orchestrator-down")
    assert playbook.escalate_within == "10m"


@pytest.mark.clause("X25")
def test_a_war_room_is_automatic_for_p1_proposed_for_p2_and_never_below() -> None:
    rooms = {s.code: s.war_room for s in mother_policy().severities}
    assert rooms == {"P1": "automatic", "P2": "proposed", "P3": "never", "P4": "never"}
    for trigger in mother_document().war_room_trigger:
        assert trigger.automatic_for == ["P1"]
        assert trigger.proposed_for == ([] if trigger.kind == "lasting" else ["P2"])


@pytest.mark.clause("X24")
def test_customers_are_mailed_within_a_day_by_a_row_of_ours() -> None:
    assert mother_policy().setting("customer_mail.due_within") == Span(86_400)
    setting = next(s for s in mother_document().setting if s.key == "customer_mail.due_within")
    assert "Ours" in setting.about
    assert "X24" in setting.also_clauses


def test_every_sentence_to_tick_stands_in_a_list_as_the_document_has_it() -> None:
    document = mother_document()
    counts = {phase.slug: len(phase.item) for phase in document.phase}
    counts |= {checklist.slug: len(checklist.item) for checklist in document.checklist}
    counts |= {playbook.slug: len(playbook.action) for playbook in document.playbook}
    counts |= {recipe.slug: len(recipe.step) for recipe in document.recipe}
    assert counts == {
        "triage": 5,
        "investigation": 5,
        "mitigation": 0,
        "recovery": 9,
        "post-mortem": 0,
        "primary-responsibilities": 5,
        "secondary-responsibilities": 4,
        "manager-responsibilities": 4,
        "handoff-outgoing": 5,
        "handoff-incoming": 5,
        "required-access": 7,
        "war-room-setup": 1,
        "war-room-ground-rules": 4,
        "dos": 7,
        "donts": 6,
        "maintenance-process": 6,
        "maintenance-on-call": 3,
        "weekly-review": 4,
        "monthly-review": 4,
        "quarterly-review": 4,
        "onboarding": 8,
        "quarterly-training": 4,
        "orchestrator-down": 5,
        "high-error-rate": 3,  # the recipe; the playbook of this name has five
        "memory-leak": 6,
        "redis-down": 6,
        "service-down": 3,
        "memory-issues": 3,
        "high-cpu": 3,
    }
