"""Says which clauses have no test marked with their id, and which have an enforcer."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from procedures.registry import clause_order, enforcers
from procedures.rules.file import read_file

PROCEDURE = Path(__file__).resolve().parents[2] / "mother_harness.toml"


class Command(BaseCommand):
    help = "Lists the clauses without a marked test, and those with an enforcer. Needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tests", type=Path, default=Path(settings.BASE_DIR) / "tests")
        parser.add_argument("--procedure", type=Path, default=PROCEDURE)

    def handle(self, *args: Any, tests: Path, procedure: Path, **options: Any) -> None:
        known = [clause["code"] for clause in read_file(procedure.read_text())["clause"]]
        clauses = [code for code in known if not code.startswith("X")]
        readings = [code for code in known if code.startswith("X")]
        tested = set(marked_clauses(tests))
        for title, codes in (("clauses", clauses), ("readings", readings)):
            bare = [code for code in codes if code not in tested]
            self.stdout.write(f"{len(codes) - len(bare)} of {len(codes)} {title} have a test.")
            self._list("Without one:", bare)
        enforced = enforcers()
        self.stdout.write(f"{len(enforced)} clauses and readings have an enforcer.")
        self._list("With one:", enforced)
        self._list("Marked in tests, but in no procedure:", tested - set(known))

    def _list(self, title: str, codes: Iterable[str]) -> None:
        if ordered := sorted(codes, key=clause_order):
            self.stdout.write(f"{title} {' '.join(ordered)}")


def marked_clauses(tests: Path) -> Iterator[str]:
    """The ids in every `pytest.mark.clause(…)` of the test files, read without importing them."""
    for path in sorted(tests.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
            if isinstance(node, ast.Call) and _is_clause_mark(node.func):
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value


def _is_clause_mark(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "clause"
        and isinstance(function.value, ast.Attribute)
        and function.value.attr == "mark"
    )
