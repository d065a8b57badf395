"""The addresses of alerts under /api/v1/."""

from rest_framework.routers import SimpleRouter

from alerts.api import views

router = SimpleRouter()
router.register("alerts", views.AlertViewSet, "alert")

urlpatterns = router.urls
