"""Every address of the portal."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from incidents.views import phone, preview
from portal import monitoring, views
from portal.home import home

handler400 = "portal.views.unreadable"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", monitoring.healthz, name="healthz"),
    path("readyz", monitoring.readyz, name="readyz"),
    path("metrics", monitoring.metrics, name="metrics"),
    path("", include("alerts.urls")),
    path("", home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", views.SignOut.as_view(), name="sign-out"),
    path("clock/", views.clock, name="clock"),
    path("admin/login/", views.to_sign_in, name="admin-sign-in"),
    path("admin/r/<int:content_type_id>/<str:object_id>/", views.on_site, name="on-site"),
    path("admin/r/<path:rest>", views.no_such_row, name="nowhere-on-site"),
    path("admin/", admin.site.urls),
    path("incidents/", include("incidents.urls")),
    path("outbox/", include("notifications.urls")),
    path("p/<str:token>/", phone, name="phone"),
    path("preview/", preview, name="preview"),
    path("procedure/", include("procedures.urls")),
    path("rotations/", include("rotations.urls")),
    path("", include("rotations.urls_of_shifts")),
    path("api/v1/", include("portal.api")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
]
