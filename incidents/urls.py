"""The addresses of incidents."""

from django.urls import path

from incidents import views

app_name = "incidents"

urlpatterns = [
    path("", views.listing, name="list"),
    path("declare/", views.declaring, name="declare"),
    path("<str:ref>/", views.page, name="page"),
    path("<str:ref>/live/", views.live, name="live"),
    path("<str:ref>/record.pdf", views.record_pdf, name="record"),
    path("<str:ref>/breach/", views.breach, name="breach"),
    path("<str:ref>/<slug:verb>/", views.verb, name="verb"),
]
