"""The addresses of one's own shifts."""

from django.urls import path

from rotations.views import feeds, shifts

app_name = "shifts"

urlpatterns = [
    path("shifts/", shifts.mine, name="mine"),
    path("shifts/new-feed/", shifts.new_feed, name="new-feed"),
    path("shifts/feeds/<int:feed_id>/revoke/", shifts.revoke, name="revoke-feed"),
    path("shifts.ics", feeds.my_feed, name="feed"),
]
