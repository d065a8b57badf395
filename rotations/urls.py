"""The addresses of the rotas' pages."""

from django.urls import path

from rotations import views

app_name = "rotations"

urlpatterns = [
    path("", views.rotas, name="list"),
]
