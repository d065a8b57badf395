"""From the bytes of a request to a parsed document, within bounds."""

from __future__ import annotations

import json
import re
import zlib
from itertools import accumulate
from typing import Any

from alerts.rules.facts import TooLarge, Unreadable

DEPTH = 64
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def unpacked(body: bytes, encoding: str, *, limit: int) -> bytes:
    """The body without its content encoding, never more than `limit` bytes of it.

    Raises TooLarge for a bomb, Unreadable for what is broken or packed in another way.
    """
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise Unreadable(
            f"The content encoding {encoding[:40]!r} is not understood; send gzip or none."
        )
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error:
        raise Unreadable(f"The body is not {encoding}, though its header says so.") from None
    if len(plain) > limit:
        raise TooLarge
    if not inflater.eof:
        raise Unreadable(f"The {encoding} body ends too early.")
    return plain


def parsed(body: bytes) -> Any:
    """The JSON document. Lenient with controls in texts, strict with everything that leaves a doubt.

    Raises Unreadable, saying what is wrong and where.
    """
    if not body.strip():
        raise Unreadable("The body is empty.")
    encoding = json.detect_encoding(body)
    content = body.decode(encoding, "replace")
    if _too_deep(body if encoding.startswith("utf-8") else content.encode()):
        raise Unreadable(f"The JSON is nested deeper than {DEPTH} levels.")
    try:
        return _DECODER.decode(content)
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except (RecursionError, ValueError):
        raise Unreadable("The body is not JSON that can be read.") from None


def _too_deep(body: bytes) -> bool:
    if body.count(b"[") + body.count(b"{") <= DEPTH:
        return False
    brackets = _STRINGS.sub(b"", body).translate(None, _NOT_BRACKETS)
    return any(depth > DEPTH for depth in accumulate(map(_STEP.__getitem__, brackets)))


def _number(digits: str) -> int | str:
    return int(digits) if len(digits) <= 40 else digits


_DECODER = json.JSONDecoder(strict=False, parse_int=_number, parse_constant=str)
