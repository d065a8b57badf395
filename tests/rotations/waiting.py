"""Waiting until somebody else waits."""

from __future__ import annotations

from time import monotonic, sleep

from django.db import connection


def wait_for_who_waits(within: float = 20.0) -> None:
    """Returns once another connection waits for a lock of this one; fails after `within` seconds."""
    give_up = monotonic() + within
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
        assert monotonic() < give_up, "nobody waits"
        sleep(0.02)
