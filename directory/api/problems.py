"""Errors as RFC 9457 problem details, whatever raised them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, status
from rest_framework.views import exception_handler

MEDIA_TYPE = "application/problem+json"


class Refused(exceptions.APIException):
    """A verb that a rule refuses: 409, with its code and, where there are several, its reasons."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "refused"

    def __init__(
        self, code: str, message: str, reasons: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        super().__init__(message, code)
        self.reasons = reasons


class Senseless(exceptions.APIException):
    """A request whose shape is right and whose meaning is not: 400, with its code."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "senseless"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code)


def answer_problem(exc: Exception, context: Mapping[str, Any]) -> JsonResponse | None:
    """DRF's exception handler: the problem as a response; None for what is our own fault (500).

    It is JSON whatever was asked for, and where the API's own schema would be YAML.
    """
    error = _as_api_exception(exc)
    response = exception_handler(error, dict(context))
    if response is None:
        return None
    body = problem(response.status_code, error)
    answer = JsonResponse(body, status=response.status_code, content_type=MEDIA_TYPE)
    for name, value in response.headers.items():
        answer.headers.setdefault(name, value)
    return answer


def problem(status_code: int, error: Exception | None = None, detail: str = "") -> dict[str, Any]:
    """The body: type, title, status and detail; `code` where there is one; `errors` names each field."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status_code).phrase,
        "status": status_code,
        "detail": detail,
    }
    if isinstance(error, exceptions.ValidationError):
        body["detail"] = "The request holds values that cannot be."
        body["errors"] = list(_faults(error.get_full_details(), ""))
    elif isinstance(error, exceptions.APIException):
        body["detail"] = str(error.detail)
        body["code"] = error.get_codes()
    elif not detail:
        body["detail"] = HTTPStatus(status_code).description
    if isinstance(error, Refused) and error.reasons is not None:
        body["reasons"] = list(error.reasons)
    return body


@csrf_exempt
def unknown_address(request: HttpRequest, **_: Any) -> JsonResponse:
    """The answer for an address of the API that does not exist."""
    return problem_of(HTTPStatus.NOT_FOUND, "There is nothing at this address.")


def problem_of(status_code: HTTPStatus, detail: str = "") -> JsonResponse:
    """A whole answer, for what is refused outside the views of the API."""
    body = problem(status_code, detail=detail)
    return JsonResponse(body, status=status_code, content_type=MEDIA_TYPE)


def _as_api_exception(exc: Exception) -> Exception:
    """Django's own refusals with their code; values that only the database refuses are the client's mistake."""
    if isinstance(exc, Http404):
        return exceptions.NotFound()
    if isinstance(exc, PermissionDenied):
        return exceptions.PermissionDenied(str(exc) or None)
    if isinstance(exc, DjangoValidationError):
        return exceptions.ValidationError(exc.messages)
    if isinstance(exc, DataError | UnicodeEncodeError):
        return exceptions.ParseError("The request holds a value that cannot be stored.")
    if isinstance(exc, ValueError) and "NUL (0x00)" in str(exc):
        return exceptions.ParseError("Text may not hold NUL.")
    return exc


def _faults(details: Any, pointer: str) -> Iterator[dict[str, str]]:
    """Each fault with a JSON pointer to its field."""
    if isinstance(details, list):
        for place, item in enumerate(details):
            is_fault = isinstance(item, dict) and set(item) == {"message", "code"}
            yield from _faults(item, pointer if is_fault else f"{pointer}/{place}")
    elif isinstance(details, dict) and set(details) == {"message", "code"}:
        yield {
            "pointer": pointer.removesuffix("/non_field_errors") or "/",
            "code": str(details["code"]),
            "detail": str(details["message"]),
        }
    elif isinstance(details, dict):
        for key, item in details.items():
            yield from _faults(item, f"{pointer}/{key}")
