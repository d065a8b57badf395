from __future__ import annotations

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection, connections

from deadlines.extension import PORTAL
from procedures.models import (
    Clause,
    Criterion,
    EscalationPath,
    EscalationStep,
    Procedure,
    ProcedureVersion,
    Severity,
)
from procedures.models.sections import HEAD, SECTIONS, Section
from procedures.queries import current_version, draft_of, policy_of
from procedures.services import ProcedureRefused, dump_procedure, load_procedure, publish
from tests.procedures.factories import NOW, SMALL, load, mother_harness

pytestmark = pytest.mark.django_db


def _columns(section: Section) -> set[str]:
    fields = {field.name for field in section.model._meta.concrete_fields}
    return fields - {"id", "position", section.parent}


def test_every_column_of_every_row_is_in_the_file_and_the_other_way_round() -> None:
    def check(section: Section) -> None:
        assert _columns(section) == set(section.columns), section.key
        for child in section.children:
            check(child)

    for section in SECTIONS:
        check(section)
    head = {field.name for field in Procedure._meta.concrete_fields}
    assert head - {"id", "preface", "created_at"} == set(HEAD)


def test_dumping_what_was_loaded_gives_the_file_byte_for_byte() -> None:
    loaded = load(mother_harness())
    assert dump_procedure(loaded.procedure) == mother_harness()


def test_loading_what_was_dumped_gives_the_same_rows_also_after_an_edit() -> None:
    loaded = load(mother_harness())
    Severity.objects.filter(code="P1").update(acknowledge_within="3m")
    EscalationStep.objects.filter(path__slug="standard", key="secondary").update(
        when=["unacknowledged", "unresolved 20m"]
    )
    rows, dumped = draft_of(loaded.procedure), dump_procedure(loaded.procedure)
    again = load(dumped)
    assert draft_of(again.procedure) == rows
    assert dump_procedure(again.procedure) == dumped
    assert dumped != mother_harness()


def test_the_rows_are_there_to_be_edited() -> None:
    load(mother_harness())
    assert Severity.objects.count() == 4
    assert Criterion.objects.count() == 18
    assert EscalationPath.objects.count() == 3
    assert Clause.objects.filter(code__startswith="C").count() == 261
    assert Clause.objects.filter(code__startswith="X").count() == 25


def test_the_comment_on_top_of_a_file_is_kept() -> None:
    loaded = load(SMALL)
    assert dump_procedure(loaded.procedure).startswith("# A small procedure.\n\n")


def test_an_unchanged_file_makes_no_new_version() -> None:
    first = load(SMALL)
    again = load(SMALL, now=NOW + timedelta(days=1))
    assert (first.published, again.published) == (True, False)
    assert again.version == first.version
    assert ProcedureVersion.objects.count() == 1


def test_a_changed_file_makes_a_version_that_says_what_changed() -> None:
    load(SMALL)
    again = load(SMALL.replace('"3s"', '"5s"'))
    assert again.version.number == 2
    assert again.version.changes == ["severity P1 › acknowledge_within: 3s → 5s"]


@pytest.mark.clause("C1")
def test_loading_a_second_procedure_leaves_the_first_untouched() -> None:
    first = load(mother_harness())
    rows, version = draft_of(first.procedure), current_version(first.procedure.pk)
    second = load(SMALL)
    assert second.procedure != first.procedure
    assert draft_of(first.procedure) == rows
    assert current_version(first.procedure.pk) == version
    assert policy_of(second.version.pk).platform == "Shed"
    assert policy_of(version.pk).platform == "Mother-Harness"
    assert Severity.objects.filter(code="P1").count() == 2


@pytest.mark.parametrize(
    "bad",
    [
        SMALL.replace('who = ["role boss"]', 'who = ["role ghost"]'),
        SMALL.replace('"3s"', '"-3s"'),
        SMALL.replace("[procedure]", "[procedure"),
        "",
    ],
)
def test_a_file_with_a_fault_changes_nothing_at_all(bad: str) -> None:
    loaded = load(SMALL)
    rows = draft_of(loaded.procedure)
    with pytest.raises(ProcedureRefused) as refused:
        load(bad)
    assert refused.value.faults
    assert draft_of(loaded.procedure) == rows
    assert ProcedureVersion.objects.count() == 1


def test_a_file_that_is_no_toml_is_refused_with_its_line() -> None:
    with pytest.raises(ProcedureRefused, match="line 2: "):
        load("[procedure]\nslug = = 3\n")


def test_the_file_wins_over_unpublished_edits() -> None:
    loaded = load(SMALL)
    Severity.objects.filter(code="P1").update(acknowledge_within="9m")
    assert load(SMALL).published is False
    assert policy_of(loaded.version.pk).severity("P1").acknowledge_within is not None
    assert Severity.objects.get(code="P1").acknowledge_within == "3s"


def test_reading_a_draft_takes_one_query_for_each_kind_of_row(
    django_assert_num_queries: pytest.FixtureRequest,
) -> None:
    loaded = load(mother_harness())
    kinds = sum(1 + len(section.children) for section in SECTIONS)
    with django_assert_num_queries(kinds):  # type: ignore[operator]
        draft_of(loaded.procedure)


@pytest.mark.django_db(transaction=True)
def test_two_loads_of_one_file_at_once_end_in_one_procedure_and_one_version() -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            load_procedure(SMALL, actor=PORTAL, now=NOW)
        except BaseException as error:  # noqa: BLE001 - looked at below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert errors == []
    assert Procedure.objects.count() == 1
    assert ProcedureVersion.objects.count() == 1
    assert publish(Procedure.objects.get(), actor=PORTAL, now=NOW).number == 1
    assert connection.is_usable()
