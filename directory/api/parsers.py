"""Reading JSON that may be hostile: too deep, too long, or with characters no text column can hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

DEEPEST = 64
LONGEST = 1024 * 1024  # bytes

_STRING = re.compile(rb'"(?:[^"\\]+|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class TooLarge(APIException):
    """The body is longer than any request needs."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body may have {LONGEST} bytes at most."
    default_code = "too_large"


class BoundedJSON(BaseParser):
    """JSON of bounded length and depth, in UTF-8; everything else gets a clear 4xx."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw = stream.read(LONGEST + 1)
        if len(raw) > LONGEST:
            raise TooLarge
        return read_json(raw)


def read_json(raw: bytes, *, deepest: int = DEEPEST) -> Any:
    """The value that the bytes say. Raises ParseError (400) for what is no JSON, is nested deeper than
    `deepest`, or holds NUL, a lone surrogate, NaN or an infinity."""
    if depth_of(raw, up_to=deepest) > deepest:
        raise ParseError(f"The JSON is nested deeper than {deepest} levels.")
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"The body is no JSON: {error}") from error
    _refuse_unstorable(value)
    return value


def depth_of(raw: bytes, *, up_to: int) -> int:
    """How deep brackets are nested outside strings; counting stops once it is more than `up_to`."""
    deepest = depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", raw)):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
        if deepest > up_to:
            break
    return deepest


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _refuse_unstorable(value: Any) -> None:
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise ParseError("Text may hold neither NUL nor half a surrogate pair.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_unstorable(key)
            _refuse_unstorable(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_unstorable(item)
    elif isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise ParseError("A number is too large.")
