"""The addresses of the outbox."""

from django.urls import path

from notifications import method_views, views

app_name = "notifications"

urlpatterns = [
    path("", views.outbox, name="outbox"),
    path("methods/", method_views.methods, name="methods"),
    path("methods/<int:method_id>/", method_views.press, name="method"),
    path("<int:page_id>/", views.message, name="message"),
    path("<int:page_id>/body/", views.body, name="body"),
]
