"""The floor: a bare view with one INSERT, in the portal's own web processes, behind its middleware."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from portal import urls
from portal.urls import handler400 as handler400  # noqa: PLC0414 - Django looks for it here

TABLE = "CREATE TABLE IF NOT EXISTS bench_floor (id bigserial PRIMARY KEY, body text NOT NULL)"


@csrf_exempt
def insert(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_floor (body) VALUES (%s)", [request.body.decode(errors="replace")]
        )
    return HttpResponse(status=202)


urlpatterns = [path("floor", insert), *urls.urlpatterns]
