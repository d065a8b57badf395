from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from procedures.management.commands.clauses import marked_clauses
from procedures.models import ProcedureVersion
from procedures.registry import enforced_by, enforcers
from tests.procedures.factories import FILE, SMALL, mother_harness


def run(*args: str | Path) -> str:
    out = StringIO()
    call_command(*map(str, args), stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_the_commands_load_and_dump_the_file_exactly(tmp_path: Path) -> None:
    assert "published version 1" in run("load_procedure", FILE)
    assert "still version 1" in run("load_procedure", FILE)
    assert run("dump_procedure") == mother_harness()
    small = tmp_path / "small.toml"
    small.write_text(SMALL)
    run("load_procedure", small)
    assert run("dump_procedure", "mother-harness") == mother_harness()
    with pytest.raises(CommandError, match="mother-harness, small"):
        run("dump_procedure")


@pytest.mark.django_db
def test_a_bad_file_ends_the_command_with_every_fault_and_no_rows(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(SMALL.replace('"3s"', '"-3s"').replace('who = ["role boss"]', "who = []"))
    with pytest.raises(CommandError) as refused:
        run("load_procedure", bad)
    assert "2 faults" in str(refused.value)
    assert "line 13: severity[P1].acknowledge_within: a time cannot be negative" in str(
        refused.value
    )
    assert "path[standard].step[boss].who: reaches nobody" in str(refused.value)
    assert not ProcedureVersion.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "strange.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=r"strange\.toml (cannot be read|is not UTF-8)"):
        run("load_procedure", path)


def test_the_clauses_without_a_test_are_listed(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(
        "import pytest\n"
        'pytestmark = pytest.mark.clause("C1")\n'
        '@pytest.mark.clause("C2", "X5")\n'
        "def test_a(): ...\n"
        '@pytest.mark.parametrize("a", [pytest.param(1, marks=pytest.mark.clause("C3", "C999"))])\n'
        "def test_b(a): ...\n"
    )
    (tmp_path / "helper.py").write_text('import pytest\nm = pytest.mark.clause("C4")\n')
    assert set(marked_clauses(tmp_path)) == {"C1", "C2", "C3", "X5", "C999"}
    lines = run("clauses", "--tests", tmp_path).splitlines()
    assert lines[0] == "3 of 261 clauses have a test."
    assert lines[1].startswith("Without one: C4 C5 C6 ")
    assert lines[1].endswith(" C261")
    assert lines[2] == "1 of 25 readings have a test."
    assert "With one: C1 C2 C3 " in "\n".join(lines)
    assert lines[-1] == "Marked in tests, but in no procedure: C999"


def test_an_enforcer_is_named_once_and_in_the_clauses_order() -> None:
    for _ in range(2):
        enforced_by(["C261", "C9", "C10"], "tests.here")
    named = enforcers()
    assert named["C9"] == ("tests.here",)
    assert named["C261"].count("tests.here") == 1
    order = [code for code in named if code in {"C9", "C10", "C261"}]
    assert order == ["C9", "C10", "C261"]
