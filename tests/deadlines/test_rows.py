"""Many rows in one statement: every value as it was given, and each row with its own id."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import isolate_apps

from deadlines.rows import insert_all, insert_missing, insert_unless_there

NOW = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
NAME = UUID("6b0f4f0e-31d4-4f0c-8a5e-0d5c1b9a7c11")


@pytest.fixture
def thing(db: None) -> Iterator[Any]:
    """A model of its own, with a column of each type."""
    with isolate_apps("deadlines"):

        class Thing(models.Model):
            name = models.CharField(max_length=40, unique=True)
            kind = models.CharField(max_length=40, default="", db_column="sort")
            at = models.DateTimeField(null=True)
            length = models.DurationField(null=True)
            token = models.UUIDField(null=True)
            document = models.JSONField(null=True)
            words = ArrayField(models.TextField(), null=True)
            count = models.BigIntegerField(null=True)
            ratio = models.FloatField(null=True)
            raw = models.BinaryField(null=True)
            made_at = models.DateTimeField(auto_now_add=True)

            class Meta:
                app_label = "deadlines"

            def __str__(self) -> str:
                return str(self.name)

        with connection.schema_editor() as editor:
            editor.create_model(Thing)
        yield Thing


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("at", NOW),
        ("at", datetime.max.replace(tzinfo=UTC)),
        ("length", timedelta(days=400, seconds=1, microseconds=7)),
        ("length", timedelta(microseconds=1)),
        ("length", -timedelta(hours=3)),
        ("token", NAME),
        ("document", {"a": [1, None, "\u2028'\"\\", {"b": 1.5}], "": "%s"}),
        ("document", []),
        ("document", "a text"),
        ("document", 0),
        ("words", ["one", 'a "quoted", one', "{}", "NULL", "", "\\"]),
        ("words", []),
        ("count", -(2**63)),
        ("ratio", 0.1),
        ("kind", "line\none\ttwo \U0001f9ef %s $1"),
        *[(name, None) for name in ("at", "length", "token", "document", "words", "count")],
    ],
)
def test_a_value_is_kept_as_it_was_given(thing: Any, field: str, value: object) -> None:
    [row] = insert_missing([thing(name="a", **{field: value})], known_by="name")
    kept = thing.objects.get(pk=row.pk)
    assert getattr(kept, field) == value
    assert kept.made_at == row.made_at


def test_bytes_are_refused_by_name(thing: Any) -> None:
    with pytest.raises(TypeError, match="a bytes does not travel"):
        insert_missing([thing(name="a", raw=b"x")], known_by="name")
    assert not thing.objects.exists()


def test_what_is_there_is_left_out_and_the_others_know_their_ids(thing: Any) -> None:
    thing.objects.create(name="b", kind="old")
    rows = [thing(name=name, kind="new") for name in ("c", "b", "a", "c")]
    new = insert_missing(rows, known_by="name")
    assert new == [rows[0], rows[2]]
    assert {row.name: row.pk for row in new} == dict(
        thing.objects.filter(kind="new").values_list("name", "pk")
    )
    assert [row._state.adding for row in rows] == [False, True, False, True]
    new[0].kind = "changed"
    new[0].save()
    assert thing.objects.count() == 3


def test_all_or_none_are_inserted_where_all_must_be_new(thing: Any) -> None:
    thing.objects.create(name="b")
    rows = [thing(name="a"), thing(name="b")]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_all(rows, known_by="name")
    assert [row.pk for row in rows] == [None, None]
    insert_all([rows[0], thing(name="c")], known_by="name")
    assert rows[0].pk == thing.objects.get(name="a").pk
    assert thing.objects.count() == 3


def test_rows_that_nothing_tells_apart_are_inserted_without_their_ids(thing: Any) -> None:
    thing.objects.create(name="b", kind="same")
    rows = [thing(name=name, kind="same") for name in ("a", "b", "c")]
    insert_unless_there(rows)
    assert [row.pk for row in rows] == [None, None, None]
    assert set(thing.objects.values_list("name", flat=True)) == {"a", "b", "c"}


def test_nothing_is_no_query(django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        assert insert_missing([], known_by="id") == []
        insert_all([], known_by="id")
        insert_unless_there([])
