"""What is said of a swap."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rotations.rules.swapping import Said, StretchSaid, SwapSaid, subject_of, text_of

WEEK = StretchSaid(
    "Primary", datetime(2026, 3, 23, 8, tzinfo=UTC), datetime(2026, 3, 30, 7, tzinfo=UTC)
)
SWAP = SwapSaid("Cleo", "Ann", WEEK, actor="Boss", words="Please")


def test_instants_are_on_the_readers_clock_also_when_it_changes() -> None:
    text = text_of(Said.ASKED, SWAP, zone="Europe/Berlin")
    assert text == (
        "Boss asks Ann to take a shift of Cleo's.\n\n"
        "Primary: Mon 23 Mar 2026 09:00 to Mon 30 Mar 2026 09:00 CEST.\n\n"
        "“Please”"
    )


def test_what_is_taken_in_exchange_is_said() -> None:
    text = text_of(Said.TAKEN, SwapSaid("Cleo", "Ann", WEEK, back=WEEK), zone="UTC")
    assert text.splitlines()[-1] == (
        "In exchange Cleo takes Primary: Mon 23 Mar 2026 08:00 to Mon 30 Mar 2026 07:00 UTC."
    )


@pytest.mark.parametrize("said", Said)
def test_everything_has_a_subject_and_a_sentence_that_names_somebody(said: Said) -> None:
    assert subject_of(said, SWAP).endswith(": Primary")
    assert {"Ann", "Cleo"} & set(text_of(said, SWAP, zone="UTC").replace("'", " ").split())
