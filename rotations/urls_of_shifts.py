"""The addresses of one's own shifts."""

from django.urls import path

from rotations.views import changes, feeds, shifts, swaps

app_name = "shifts"

urlpatterns = [
    path("shifts/", shifts.mine, name="mine"),
    path("shifts/new-feed/", shifts.new_feed, name="new-feed"),
    path("shifts/feeds/<int:feed_id>/revoke/", shifts.revoke, name="revoke-feed"),
    path("shifts/time-off/", changes.time_off, name="time-off"),
    path(
        "shifts/time-off/<int:time_off_id>/remove/",
        changes.remove_time_off,
        name="remove-time-off",
    ),
    path("shifts/swaps/<int:swap_id>/<slug:verb>/", swaps.answer, name="swap"),
    path("shifts.ics", feeds.my_feed, name="feed"),
]
