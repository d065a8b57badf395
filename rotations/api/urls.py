"""The addresses of rotas under /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from rotations.api import planning, views

router = SimpleRouter()
router.register("overrides", planning.OverrideViewSet, "override")
router.register("rotas", views.RotaViewSet, "rota")
router.register("swaps", planning.SwapViewSet, "swap")
router.register("time-off", planning.TimeOffViewSet, "time-off")

urlpatterns = [
    path("on-call/", views.OnCallView.as_view(), name="on-call"),
    path("shifts/", views.ShiftsView.as_view(), name="shifts"),
    *router.urls,
]
