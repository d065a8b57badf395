"""Every button of the rotas' pages: one POST, one service."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse


def take_over(request: HttpRequest, slug: str) -> HttpResponse: ...


def override(request: HttpRequest, slug: str) -> HttpResponse: ...
