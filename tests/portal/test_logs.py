"""No key, token or password is read in a log."""

from __future__ import annotations

import logging
import sys

import pytest

from portal.logs import SecretlessFormatter, without_secrets

KEY = "Zq9-s3cr3t_Value"


@pytest.mark.parametrize(
    "line",
    [
        f"Not Found: /hooks/alertmanager/{KEY}/",
        f"POST /heartbeats/{KEY}/ 404",
        f"Forbidden: /p/{KEY}/",
        f"GET /shifts.ics?token={KEY} 200",
        f'{{"routing_key": "{KEY}", "event_action": "trigger"}}',
        f"Authorization: Bearer {KEY}",
        f"cannot reach postgresql://watchbill:{KEY}@db:5432/x",
        f"redis://:{KEY}@127.0.0.1:6379/0",
    ],
)
def test_a_secret_in_a_line_is_blotted_out(line: str) -> None:
    assert KEY not in without_secrets(line)


def test_what_is_no_secret_stays() -> None:
    line = "GET /incidents/INC-2026-0001/ 200, /procedure/clauses/ and keys: 3"
    assert without_secrets(line) == line


def test_a_secret_in_an_argument_or_a_traceback_is_blotted_out() -> None:
    try:
        raise ValueError(f"bad address /p/{KEY}/")
    except ValueError:
        record = logging.LogRecord(
            "x", logging.ERROR, __file__, 1, "at %s", (f"/hooks/generic/{KEY}/",), sys.exc_info()
        )
    text = SecretlessFormatter("%(message)s").format(record)
    assert KEY not in text
    assert "ValueError" in text
