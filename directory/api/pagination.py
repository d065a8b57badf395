"""Long lists, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView


class ByCursor(CursorPagination):
    """`next` and `previous` are addresses; a page keeps its place while rows are added.

    A view's own order is its `ordering`; the default is the newest first.
    """

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = "-id"

    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> tuple[str, ...]:
        own = getattr(view, "ordering", None)
        if own and not hasattr(view, "ordering_fields"):
            return (own,) if isinstance(own, str) else tuple(own)
        return tuple(super().get_ordering(request, queryset, view))

    def get_page_size(self, request: Request) -> int:
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        digits = asked.lstrip("0")
        if not (digits.isascii() and digits.isdigit()):
            raise ValidationError({self.page_size_query_param: "Say a whole number from 1 on."})
        return min(int(digits[:9]), self.max_page_size)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        cursor, size = super().get_schema_operation_parameters(view)
        size["schema"] |= {"minimum": 1, "default": self.page_size}
        size["description"] = f"How many rows; never more than {self.max_page_size}."
        return [cursor, size]

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, DjangoValidationError, DataError) as error:
            raise NotFound(self.invalid_cursor_message) from error
