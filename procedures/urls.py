"""The addresses of the procedure's pages."""

from django.urls import path

from procedures import views

app_name = "procedures"

urlpatterns = [
    path("clauses/", views.clauses, name="clauses"),
]
