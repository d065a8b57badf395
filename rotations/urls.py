"""The addresses of the rotas' pages."""

from django.urls import path

from rotations.views import calendars, changes, fairness, feeds, shifts, swaps

app_name = "rotations"

urlpatterns = [
    path("", calendars.rotas, name="list"),
    path("<slug:slug>.ics", feeds.rota_feed, name="feed"),
    path("<slug:slug>/", calendars.rota, name="rota"),
    path("<slug:slug>/take-over/", changes.take_over, name="take-over"),
    path("<slug:slug>/override/", changes.override, name="override"),
    path("<slug:slug>/days/", changes.days, name="days"),
    path(
        "<slug:slug>/override/<int:override_id>/remove/",
        changes.remove_override,
        name="remove-override",
    ),
    path("<slug:slug>/swap/", swaps.choose, name="swap"),
    path("<slug:slug>/swap/<str:stretch>/", swaps.ask, name="ask-swap"),
    path("<slug:slug>/fairness/", fairness.page, name="fairness"),
    path("<slug:slug>/hours.csv", fairness.hours, name="hours"),
    path("<slug:slug>/new-feed/", shifts.new_feed, name="new-feed"),
]
