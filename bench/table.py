"""One table: each figure beside the floor of the same run, its goal, and whether that is reached."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, in words ready to print. `reached` is None where there is no goal."""

    what: str
    figure: str
    floor: str = ""
    goal: str = ""
    reached: bool | None = None


HEADS = ("", "measured", "floor of this run", "goal", "")


def show(rows: Sequence[Row]) -> None:
    lines = [HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    print()
    for line in lines:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )
    print()


def count_missed(rows: Sequence[Row]) -> None:
    missed = sum(row.reached is False for row in rows)
    print(f"{missed or 'No'} goal{'' if missed == 1 else 's'} missed.")


def _cells(row: Row) -> tuple[str, ...]:
    said = {True: "reached", False: "MISSED", None: ""}[row.reached]
    return row.what, row.figure, row.floor, row.goal, said


def machine() -> str:
    """How busy the machine was before the bench began: figures of a busy one are worth little."""
    one, five, _ = os.getloadavg()
    return f"{os.cpu_count()} processors, load {one:.1f} (the last minute), {five:.1f} (five minutes) before it began."


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"
