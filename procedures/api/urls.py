"""The addresses of procedures under /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from procedures.api import views

router = SimpleRouter()
router.register("procedures", views.ProcedureViewSet, "procedure")

urlpatterns = [
    *router.urls,
    path(
        "procedures/<slug:slug>/versions/",
        views.VersionViewSet.as_view({"get": "list"}),
        name="procedure-versions",
    ),
    path(
        "procedures/<slug:slug>/versions/<int:number>/",
        views.VersionViewSet.as_view({"get": "retrieve"}),
        name="procedure-version",
    ),
]
