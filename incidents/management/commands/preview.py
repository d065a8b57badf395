"""`manage.py preview --severity P1 [--security] [--service NAME] [--at ISO]`: what would happen if."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone

from directory.models import Service, Team
from incidents.enums import Kind
from incidents.queries.preview import Preview, preview


class Command(BaseCommand):
    help = "Says who would be paged when, how and under which clause, and what else would fall due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--severity", required=True, help="such as P1")
        parser.add_argument("--security", action="store_true", help="a security incident")
        parser.add_argument("--service", help="the service's name or slug; its team answers")
        parser.add_argument("--team", help="the team's slug, without a service")
        parser.add_argument("--at", help="the instant as ISO 8601, UTC unless it says otherwise")

    def handle(self, *args: Any, **options: Any) -> None:
        service = _service(options["service"])
        team = service.team if service else _team(options["team"])
        kind = Kind.SECURITY if options["security"] else Kind.STANDARD
        try:
            answer = preview(
                severity=options["severity"],
                kind=kind.value,
                team=team,
                services=[service] if service else [],
                at=_instant(options["at"]),
            )
        except LookupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join(_lines(answer)))


def _lines(answer: Preview) -> list[str]:
    where = f"on {answer.services[0].name} " if answer.services else ""
    lines = [
        f"A {answer.severity} ({answer.kind}) {where}of {answer.team.name}, opened {_at(answer.at)}, "
        f"when nobody answers (procedure version {answer.version}):",
        "",
        "Who is paged",
    ]
    lines += [
        f"  {_at(page.at)}  {page.person}, by {' and '.join(page.methods)}: {page.step} ({page.clause})"
        + (f", held until {_at(page.held_until)}" if page.held_until else "")
        + (f", repeat {page.round}" if page.cause == "repeat" else "")
        for page in answer.pages
    ] or ["  nobody"]
    lines += ["", "What falls due"]
    lines += [
        f"  {_at(item.at)}  {item.title} ({item.clause}), {item.owed_by}"
        for item in answer.promises
        if item.nature == "duty"
    ] or ["  nothing"]
    if answer.waiting:
        lines += ["", "What waits for a person"]
        lines += [
            f"  {item.step} ({item.clause}), if {item.waits_for}: {', '.join(item.people) or 'nobody'}"
            for item in answer.waiting
        ]
    if answer.gaps:
        lines += ["", "Steps that reach nobody"]
        lines += [f"  {_at(gap.at)}  {gap.step} ({gap.clause}): {gap.why}" for gap in answer.gaps]
    return [*lines, "", answer.goes_on]


def _at(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _instant(text: str | None) -> datetime:
    if text is None:
        return timezone.now()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--at takes an instant like 2026-03-08T03:10: {text!r}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _service(name: str | None) -> Service | None:
    if name is None:
        return None
    found = (
        Service.objects.select_related("team").filter(Q(slug=name) | Q(name__iexact=name)).first()
    )
    if found is None:
        known = ", ".join(Service.objects.order_by("slug").values_list("slug", flat=True))
        raise CommandError(f"There is no service {name!r}. There are: {known}.")
    return found


def _team(slug: str | None) -> Team:
    teams = Team.objects.order_by("pk")
    found = teams.filter(slug=slug).first() if slug else teams.first()
    if found is None:
        raise CommandError("There is no such team." if slug else "There is no team yet.")
    return found
