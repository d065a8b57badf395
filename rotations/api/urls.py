"""The addresses of rotas under /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from rotations.api import views

router = SimpleRouter()
router.register("overrides", views.OverrideViewSet, "override")
router.register("rotas", views.RotaViewSet, "rota")

urlpatterns = [
    path("on-call/", views.OnCallView.as_view(), name="on-call"),
    path("shifts/", views.ShiftsView.as_view(), name="shifts"),
    *router.urls,
]
