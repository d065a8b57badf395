"""From bytes to a document: lenient where nothing is in doubt, and never beyond the bounds."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from alerts.rules.body import DEPTH, parsed, unpacked
from alerts.rules.facts import TooLarge, Unreadable


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('{"ä": "ö"}'.encode("utf-16"), {"ä": "ö"}),
        (b'{"a": "tab\there"}', {"a": "tab\there"}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
        (b'{"a": NaN, "b": -Infinity}', {"a": "NaN", "b": "-Infinity"}),
        (b'{"a": ' + b"9" * 5000 + b"}", {"a": "9" * 5000}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"[]", []),
        (b'"text"', "text"),
    ],
)
def test_what_can_be_read_is_read(body: bytes, document: object) -> None:
    assert parsed(body) == document


@pytest.mark.parametrize(
    "body", [b"", b"  ", b"{", b'{"a": 1} x', b"a=1&b=2", b"\x00\x01\x02", b"<xml/>", b"{'a': 1}"]
)
def test_what_cannot_be_read_says_why(body: bytes) -> None:
    with pytest.raises(Unreadable) as fault:
        parsed(body)
    assert fault.value.errors[0].startswith(("The body is not JSON", "The body is empty"))


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
@pytest.mark.parametrize("times", [DEPTH + 1, 100_000])
def test_deep_nesting_is_refused_before_it_is_parsed(opening: bytes, times: int) -> None:
    with pytest.raises(Unreadable, match="nested deeper"):
        parsed(opening * times)


def test_brackets_in_texts_and_side_by_side_are_not_deep() -> None:
    document = {"text": "[" * 1000 + '\\"{' * 1000, "list": [[] for _ in range(1000)]}
    assert parsed(json.dumps(document).encode()) == document


def test_packed_bodies_are_unpacked() -> None:
    assert unpacked(gzip.compress(b"{}"), "gzip", limit=100) == b"{}"
    assert unpacked(zlib.compress(b"{}"), "deflate", limit=100) == b"{}"
    assert unpacked(b"{}", "identity", limit=100) == b"{}"


def test_a_bomb_is_too_large_long_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"\x00" * 200_000_000)
    with pytest.raises(TooLarge):
        unpacked(bomb, "gzip", limit=1_000_000)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"{}", "gzip"), (gzip.compress(b"{}" * 1000)[:-12], "gzip"), (b"{}", "br"), (b"", "gzip")],
)
def test_a_broken_packing_is_unreadable(body: bytes, encoding: str) -> None:
    with pytest.raises(Unreadable):
        unpacked(body, encoding, limit=10_000)
