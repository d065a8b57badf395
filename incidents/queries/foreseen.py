"""The preview as the pages draw it: one list of lines in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from incidents.enums import Promised
from incidents.queries.preview import ForeseenPage, Preview

TOLD_BY_PAGES = (Promised.STEP, Promised.REPEAT, Promised.OPENING)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that would happen: `sort` is "page", "duty", "act" or "hole" (a step that reaches nobody)."""

    at: datetime
    sort: str
    what: str
    clause: str
    people: tuple[str, ...] = ()
    how: tuple[str, ...] = ()
    held_until: datetime | None = None
    cause: str = ""

    @property
    def goes_out_at(self) -> datetime:
        """When it reaches people."""
        return self.held_until or self.at


def folded(lines: list[Line]) -> tuple[list[Line], list[Line]]:
    """The lines to read, and the repeats that only say again what a repeat before them said."""
    said: set[tuple[str, tuple[str, ...], tuple[str, ...]]] = set()
    shown, repeats = [], []
    for line in lines:
        same = (line.what, line.people, line.how)
        if line.cause == "repeat" and same in said:
            repeats.append(line)
            continue
        if line.cause == "repeat":
            said.add(same)
        shown.append(line)
    return shown, repeats


def lines_of(seen: Preview) -> list[Line]:
    """Everything the preview foresees, by time: a hole before the page that follows it, then what is owed."""
    lines = [_page(pages) for pages in _by_step(seen.pages)]
    lines += [Line(gap.at, "hole", gap.step, gap.clause, how=(gap.why,)) for gap in seen.gaps]
    lines += [
        Line(item.at, item.nature, item.title, item.clause, people=(item.owed_by,))
        for item in seen.promises
        if item.kind not in TOLD_BY_PAGES
    ]
    order = {"hole": 0, "page": 1, "duty": 2, "act": 3}
    return sorted(lines, key=lambda line: (line.goes_out_at, order[line.sort]))


def woken_at_once(seen: Preview) -> list[str]:
    """Everybody called in the first instant, each once, in the path's order."""
    names = [page.person for page in seen.pages if page.at == seen.at and page.held_until is None]
    return list(dict.fromkeys(names))


def _by_step(pages: Sequence[ForeseenPage]) -> list[list[ForeseenPage]]:
    groups: dict[tuple[datetime, str, int, datetime | None], list[ForeseenPage]] = {}
    for page in pages:
        groups.setdefault((page.at, page.step_key, page.round, page.held_until), []).append(page)
    return list(groups.values())


def _page(pages: Sequence[ForeseenPage]) -> Line:
    first = pages[0]
    return Line(
        first.at,
        "page",
        first.step,
        first.clause,
        people=tuple(page.person for page in pages),
        how=tuple(dict.fromkeys(method for page in pages for method in page.methods)),
        held_until=first.held_until,
        cause=first.cause.replace("-", " ").replace("_", " "),
    )
