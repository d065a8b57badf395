from django.http import HttpRequest, HttpResponse


def page(request: HttpRequest, slug: str) -> HttpResponse: ...


def hours(request: HttpRequest, slug: str) -> HttpResponse: ...
