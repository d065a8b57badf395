"""Inserting many rows in one statement, where some may be there already, and learning which were not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection, models

_LEFT_OUT = "ON CONFLICT DO NOTHING"


def insert_missing[M: models.Model](rows: Sequence[M], *, known_by: str) -> list[M]:
    """Inserts the rows in one statement, leaves out what a unique constraint forbids, and returns those
    that are new, with their ids, in the order given.

    `known_by` names a field that tells the rows apart, by which the database's answer is matched.
    Django's `bulk_create(ignore_conflicts=True)` says neither which rows are new nor what their ids are,
    and costs several times as much. The rows travel as one JSON text, whose values the database reads as
    its columns' types; so no field may hold bytes, and no text a NUL. Model signals are not sent.
    """
    return _insert(rows, known_by, _LEFT_OUT) if rows else []


def insert_unless_there(rows: Sequence[models.Model]) -> None:
    """The same for rows that no field tells apart: nobody learns which are new, and none gets its id."""
    if rows:
        _answers(rows, _statement(type(rows[0]), _LEFT_OUT))


def insert_all(rows: Sequence[models.Model], *, known_by: str) -> None:
    """The same where every row must be new. Raises `IntegrityError` otherwise."""
    if rows:
        _insert(rows, known_by, "")


def _insert[M: models.Model](rows: Sequence[M], known_by: str, conflict: str) -> list[M]:
    ids = {
        str(key): pk for pk, key in _answers(rows, _statement(type(rows[0]), conflict, known_by))
    }
    new = []
    for row in rows:
        if (pk := ids.pop(str(getattr(row, known_by)), None)) is not None:
            row.pk = pk
            row._state.adding = False
            row._state.db = connection.alias
            new.append(row)
    return new


def _answers(rows: Sequence[models.Model], statement: str) -> list[tuple[Any, ...]]:
    fields = _fields(type(rows[0]))
    document = [{column: getattr(row, name) for name, column, _ in fields} for row in rows]
    for row, values in zip(rows, document, strict=True):
        for _, column, field in fields:
            if field is not None:
                values[column] = field.pre_save(row, True)
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(document, default=_as_json)])
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _as_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value // timedelta(microseconds=1)} microseconds"
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"a {type(value).__name__} does not travel as JSON")


@lru_cache(maxsize=64)
def _fields(
    model: type[models.Model],
) -> tuple[tuple[str, str, models.Field[Any, Any] | None], ...]:
    """Attribute and column of each field that is written; and the field where it fills itself in."""
    return tuple(
        (
            field.attname,
            field.column,
            field
            if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
            else None,
        )
        for field in model._meta.local_concrete_fields
        if field.column and not isinstance(field, models.AutoField)
    )


@lru_cache(maxsize=64)
def _statement(model: type[models.Model], conflict: str, known_by: str | None = None) -> str:
    """The insert, which answers with each new row's id, and with what tells it apart."""
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    columns = ", ".join(quote(column) for _, column, _ in _fields(model))
    of = {field.attname: str(field.column) for field in model._meta.local_concrete_fields}
    answer = [model._meta.pk.attname, *([known_by] if known_by else [])]
    return (
        f"INSERT INTO {table} ({columns}) "  # noqa: S608 - names of the models
        f"SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s) "
        f"{conflict} RETURNING {', '.join(quote(of[name]) for name in answer)}"
    )
