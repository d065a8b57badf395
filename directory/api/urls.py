"""The addresses of people, teams and services under /api/v1/."""

from rest_framework.routers import SimpleRouter

from directory.api import views

router = SimpleRouter()
router.register("people", views.PersonViewSet, "person")
router.register("services", views.ServiceViewSet, "service")
router.register("teams", views.TeamViewSet, "team")

urlpatterns = router.urls
