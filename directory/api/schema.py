"""What the OpenAPI schema says of every operation: how one signs in, and how it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from directory.api.problems import MEDIA_TYPE

_TEXT = {"type": "string"}
_FAULT = {
    "type": "object",
    "description": "What is wrong with one field; `pointer` is a JSON pointer to it.",
    "properties": {"pointer": _TEXT, "code": _TEXT, "detail": _TEXT},
    "required": ["pointer", "code", "detail"],
}
_REASON = {
    "type": "object",
    "description": "What must be done first, and the clause that asks for it; of a roster also when, where, who.",
    "properties": {
        "code": _TEXT,
        "text": _TEXT,
        "clause": _TEXT,
        "waivable": {"type": "boolean"},
        "level": _TEXT,
        "users": {"type": "array", "items": {"type": "integer"}},
        "starts_at": {"type": "string", "format": "date-time"},
        "ends_at": {"type": "string", "format": "date-time"},
    },
    "required": ["code", "text", "clause", "waivable"],
}
PROBLEM = {
    "type": "object",
    "description": "A refusal, as RFC 9457 has it.",
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": _TEXT,
        "errors": {"type": "array", "items": _FAULT},
        "reasons": {"type": "array", "items": _REASON},
    },
    "required": ["type", "title", "status", "detail"],
}


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer KEY`."""

    target_class = "directory.api.authentication.BearerToken"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A key made in the admin."}


def add_refusals(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of the generator: every operation names its 4xx answers, all of them problem details."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for status, why in _refusals(path, method, operation):
                answer = {"content": content, "description": why}
                operation["responses"].setdefault(status, answer)
    return result


def _refusals(path: str, method: str, operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    asked = {parameter["name"] for parameter in operation.get("parameters", ())}
    body = "requestBody" in operation
    if body or any(each["in"] == "query" for each in operation.get("parameters", ())):
        yield "400", "The request holds values that cannot be."
    yield "401", "The token is missing, unknown or has ended."
    if method != "get":
        yield "403", "One may not do this."
    if body or "{" in path or "cursor" in asked:
        yield "404", "There is no such thing, or one may not see it."
    if method != "get":
        yield "409", "It cannot be done now."
    if body:
        yield "413", "The body is too long."
        yield "415", "The body is no JSON."
