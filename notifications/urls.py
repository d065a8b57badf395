"""The addresses of the outbox."""

from django.urls import path

from notifications import views

app_name = "notifications"

urlpatterns = [
    path("", views.outbox, name="outbox"),
    path("<int:page_id>/", views.message, name="message"),
    path("<int:page_id>/body/", views.body, name="body"),
]
