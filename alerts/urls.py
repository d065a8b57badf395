"""The addresses monitoring sends to, with or without a slash at the end, and the pages of test alerts."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from alerts.views import hooks, tests

urlpatterns: list[URLPattern] = [
    re_path(r"^v2/enqueue/?$", hooks.enqueue, name="enqueue"),
    re_path(
        r"^hooks/alertmanager/(?P<key>[^/]+)/?$", hooks.alertmanager_hook, name="hook-alertmanager"
    ),
    re_path(r"^hooks/grafana/(?P<key>[^/]+)/?$", hooks.grafana_hook, name="hook-grafana"),
    re_path(r"^hooks/generic/(?P<key>[^/]+)/?$", hooks.generic_hook, name="hook-generic"),
    re_path(r"^heartbeats/(?P<key>[^/]+)/?$", hooks.heartbeat, name="heartbeat"),
    re_path(r"^hooks/(?P<rest>.*)$", hooks.nothing_here, name="hook-unknown"),
    re_path(r"^heartbeats/(?P<rest>.*)$", hooks.nothing_here, name="heartbeat-unknown"),
    path("integrations/<int:integration_id>/test/", tests.test_alert, name="test-alert"),
    path("integrations/<int:integration_id>/test/<int:run_id>/", tests.test_run, name="test-run"),
]
