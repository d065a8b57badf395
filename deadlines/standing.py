"""What seldom changes and is read all the time: each process keeps it for as long as the database says it stands.

Every table that holds such facts bears the trigger `noted()`: a change writes a fresh random mark, in the
changing transaction. All marks together are the revision. Who reads asks for the revision first and for
the rows after it, so what is kept under a revision is never older than that: whoever was deactivated, or
handed the pager on, in a committed transaction is seen so by the next look, in every process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any
from weakref import WeakSet

import pgtrigger
from django.db import connection

SLOTS = 256
"""Transactions that change such facts side by side write different rows, and seldom wait for each other."""

_MARK = f"""
INSERT INTO deadlines_standingmark (slot, mark)
VALUES (mod(pg_backend_pid(), {SLOTS}), (random() * 9007199254740992)::bigint)
ON CONFLICT (slot) DO UPDATE SET mark = excluded.mark;
RETURN NULL;
"""  # noqa: S608 - a constant

_REVISION = "SELECT coalesce(bit_xor(mark), 0) FROM deadlines_standingmark"
READERS: WeakSet[Kept[Any, Any]] = WeakSet()
"""Every kept read there is."""
_looked: ContextVar[list[int] | None] = ContextVar("standing_revision", default=None)


def noted(*columns: str) -> pgtrigger.Trigger:
    """The trigger of a table whose rows are kept; with `columns`, of updates only theirs count."""
    updates = pgtrigger.UpdateOf(*columns) if columns else pgtrigger.Update  # type: ignore[no-untyped-call]
    return pgtrigger.Trigger(
        name="standing_facts_noted",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert | updates | pgtrigger.Delete | pgtrigger.Truncate,
        func=_MARK,
    )


def revision() -> int:
    """The revision of all standing facts: one query, or none inside `one_look`."""
    looked = _looked.get()
    if looked:
        return looked[0]
    with connection.cursor() as cursor:
        cursor.execute(_REVISION)
        found: int = cursor.fetchone()[0]
    if looked is not None:
        looked.append(found)
    return found


@contextmanager
def one_look(*, anew: bool = False) -> Iterator[None]:
    """Within it the revision is read once. For one short transaction that changes no standing fact itself.

    Inside another look that one counts; `anew` after a wait, in which facts may have changed.
    """
    if _looked.get() is not None and not anew:
        yield
        return
    token = _looked.set([])
    try:
        yield
    finally:
        _looked.reset(token)


class Kept[K: Hashable, V]:
    """A read of standing facts whose answers this process keeps. Answers are shared: never change one.

    Usable as a decorator of a function of one hashable argument. Keeps at most `most` answers.
    """

    def __init__(self, read: Callable[[K], V], *, most: int = 2048) -> None:
        self._read = read
        self._most = most
        self._answers: OrderedDict[K, tuple[tuple[object, ...], V]] = OrderedDict()
        self._lock = Lock()
        self.__doc__ = read.__doc__
        READERS.add(self)

    def __call__(self, key: K) -> V:
        place = connection.settings_dict
        stands = (revision(), place["NAME"], place["PORT"])
        with self._lock:
            known = self._answers.get(key)
            if known is not None:
                self._answers.move_to_end(key)
        if known is not None and known[0] == stands:
            return known[1]
        answer = self._read(key)
        with self._lock:
            if known is not None:
                self._answers.clear()  # facts have changed: what else is kept will not be asked for again
            self._answers[key] = (stands, answer)
            self._answers.move_to_end(key)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return answer
