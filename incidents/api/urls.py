"""The addresses of incidents, the freeze and the preview under /api/v1/."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from incidents.api import views

router = SimpleRouter()
router.register("incidents", views.IncidentViewSet, "incident")
router.register("action-items", views.ActionItemViewSet, "action-item")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
    path("freeze/", views.FreezeView.as_view(), name="freeze"),
    path("preview/", views.PreviewView.as_view(), name="api-preview"),
]
