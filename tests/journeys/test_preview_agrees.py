"""The preview and a real run agree to the second, for every severity and path."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from deadlines.models import Deadline
from incidents.enums import Promised
from incidents.models import Incident
from incidents.queries.preview import Preview, preview
from tests.incidents.factories import SATURDAY, WEDNESDAY, World, page_outs, tick

pytestmark = pytest.mark.django_db
SHORTLY_BEFORE_THE_HANDOFF = WEDNESDAY.replace(day=9, hour=8, minute=40)
FRIDAY_EVENING = WEDNESDAY.replace(day=6, hour=16, minute=50)


def promised_by(answer: Preview) -> list[tuple[datetime, str, str]]:
    return sorted((item.at, item.kind, item.clause) for item in answer.promises)


def paged_by(answer: Preview) -> list[tuple[datetime, int, datetime | None, str, str, int]]:
    return sorted(
        (page.at, page.user_id, page.held_until, page.step_key, page.clause, page.round)
        for page in answer.pages
    )


def live_run(incident: Incident, until: datetime) -> None:
    """Steps over every instant at which something is due, none in between."""
    while True:
        due = (
            Deadline.objects.filter(state="pending", due_at__lte=until)
            .order_by("due_at")
            .values_list("due_at", flat=True)
            .first()
        )
        if due is None:
            return
        tick(due)


def promises_of_run(incident: Incident, until: datetime) -> list[tuple[datetime, str, str]]:
    rows = Deadline.objects.filter(subject_id=incident.pk, due_at__lte=until)
    return sorted(rows.values_list("due_at", "kind", "clause"))


def pages_of_run(incident: Incident) -> list[tuple[datetime, int, datetime | None, str, str, int]]:
    return sorted(
        (
            page.created_at,
            page.user_id or 0,
            page.held_until,
            page.step_key,
            page.clause,
            page.round,
        )
        for page in page_outs(incident)
    )


@pytest.mark.clause(
    "C83", "C27", "C28", "C29", "C30", "C31", "C32", "C33", "C34", "C35", "C36", "C37", "C38"
)
@pytest.mark.parametrize("at", [WEDNESDAY, SATURDAY, SHORTLY_BEFORE_THE_HANDOFF, FRIDAY_EVENING])
@pytest.mark.parametrize("kind", ["standard", "security"])
@pytest.mark.parametrize("severity", ["P1", "P2", "P3", "P4"])
def test_preview_equals_the_real_run(world: World, severity: str, kind: str, at: datetime) -> None:
    services = [world.service, world.other_service]
    # To the very end once; at the other instants past the last step of the path.
    until = at + timedelta(minutes=70) if severity in ("P1", "P2") and at != WEDNESDAY else None
    foreseen = preview(
        severity=severity, kind=kind, team=world.team, services=services, at=at, until=until
    )

    incident = world.declare(
        severity, at=at, kind=kind, services=[service.pk for service in services]
    )
    live_run(incident, foreseen.until)

    assert pages_of_run(incident) == paged_by(foreseen)
    assert promises_of_run(incident, foreseen.until) == promised_by(foreseen)
    if severity == "P4":
        assert foreseen.pages == ()
    else:
        assert foreseen.pages


@pytest.mark.clause("X17")
def test_preview_equals_the_real_run_where_a_step_reaches_nobody(world: World) -> None:
    world.rota.plans.get().members.all().delete()
    world.team.role_holders.filter(role="engineering-manager").delete()
    foreseen = preview(
        severity="P2", kind="standard", team=world.team, services=[world.service], at=WEDNESDAY
    )

    incident = world.declare("P2")
    live_run(incident, foreseen.until)

    assert pages_of_run(incident) == paged_by(foreseen)
    assert {gap.step for gap in foreseen.gaps} == {
        "Primary on-call", "Secondary on-call", "Engineering Manager",
    }  # fmt: skip
    first = [page.person for page in foreseen.pages if page.at == WEDNESDAY]
    assert first == ["Manager", "Admin"]


@pytest.mark.clause("X13", "C80")
def test_on_the_security_path_the_secondary_stands_in_for_an_unreachable_primary(
    world: World,
) -> None:
    world.primary.contact_methods.all().delete()
    world.primary.is_active = False
    world.primary.save()
    foreseen = preview(
        severity="P2", kind="security", team=world.team, services=[world.service], at=WEDNESDAY
    )

    incident = world.declare("P2", kind="security")
    live_run(incident, foreseen.until)

    assert pages_of_run(incident) == paged_by(foreseen)
    assert world.pages(incident)[0] == ("0:00", "secondary", "security/primary/at-once")
    assert world.called(incident, at=WEDNESDAY) == ["secondary", "security", "manager", "ciso"]


def test_the_command_says_the_same_in_words(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("preview", severity="P1", service=world.service.name, at="2026-03-08T03:10:00")
    text = capsys.readouterr().out
    assert "2026-03-08 03:10:00 UTC  Primary, by pager: Primary on-call (C77)" in text
    assert "2026-03-08 03:20:00 UTC  Vp, by phone" in text
    assert "2026-03-08 03:15:00 UTC  Acknowledge (C27), Primary" in text
    assert "VP Engineering / CTO (C76), if major: Vp" in text
    assert "Steps that reach nobody" not in text
    call_command("preview", severity="P1", security=True, service=world.service.slug)
    assert "Legal (C82), if breach confirmed: Legal" in capsys.readouterr().out
    world.rota.plans.get().members.all().delete()
    call_command("preview", severity="P2", team=world.team.slug, at="2026-03-08T03:10")
    assert "Primary on-call (C72): nobody holds it" in capsys.readouterr().out


@pytest.mark.parametrize(
    "asked",
    [{"severity": "P9"}, {"severity": "P1", "service": "moon"}, {"severity": "P1", "at": "soon"}],
)
def test_the_command_refuses_what_it_cannot_answer(world: World, asked: dict[str, str]) -> None:
    with pytest.raises(CommandError):
        call_command("preview", **asked)


def test_preview_looks_as_far_as_it_is_asked_to(world: World) -> None:
    until = WEDNESDAY + timedelta(minutes=10)
    foreseen = preview(severity="P1", kind="standard", team=world.team, at=WEDNESDAY, until=until)
    assert max(page.at for page in foreseen.pages) == until
    assert {item.kind for item in foreseen.promises} == {
        Promised.ACKNOWLEDGE, Promised.STEP, Promised.REPEAT,
    }  # fmt: skip
