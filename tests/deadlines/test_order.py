"""What fell due for one subject is done in its order, however many enforce."""

from __future__ import annotations

import pytest

from deadlines.models import Deadline
from deadlines.registry import register_subject
from deadlines.services import enforce, schedule
from tests.deadlines.conftest import NOON, Bell
from tests.deadlines.test_promises import after, promise


@pytest.mark.django_db
def test_a_promise_waits_for_an_earlier_one_whose_subject_was_held_when_its_turn_came(
    bell: Bell,
) -> None:
    held = iter([False])
    register_subject("tests.bell", lock=lambda _: next(held, True), label=str)
    schedule([promise("first", minutes=1), promise("second", minutes=2)], now=NOON)

    enforce(now=after(3))
    assert bell.keys == ["first", "second"]


@pytest.mark.django_db
def test_what_is_handled_late_in_a_long_batch_is_dated_by_the_moment_it_is_handled(
    bell: Bell,
) -> None:
    schedule([promise("one", minutes=1), promise("other", minutes=2, subject_id=2)], now=NOON)

    enforce()
    one, other = (Deadline.objects.get(key=key).settled_at for key in ("one", "other"))
    assert one is not None
    assert other is not None
    assert one < other
