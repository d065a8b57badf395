"""Every address under /api/v1/: each room's own, and a problem for all others."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from directory.api.problems import unknown_address

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("procedures.api.urls")),
    path("", include("directory.api.urls")),
    path("", include("rotations.api.urls")),
    path("", include("incidents.api.urls")),
    path("", include("alerts.api.urls")),
    re_path("", unknown_address),
]
