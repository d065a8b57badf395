"""A sender that dies in the middle: killed by the operating system, at the worst moments."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from deadlines.queries import database_now
from notifications import delivery
from notifications.enums import Outcome, PageState
from notifications.models import Page
from notifications.services import page_people
from tests.notifications.factories import MailServer, make_person, page_request

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
SENDER = """
import django
django.setup()
from notifications import delivery
delivery.deliver_due()
"""


def run_sender(settings: Any, tmp_path: Path, fail_point: str) -> int:
    """A process of its own that delivers what is due from this test's database; its exit code."""
    place = connection.get_connection_params()
    host = quote(place["host"], safe="")  # a socket's folder
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": f"postgresql://{quote(place['user'])}:{quote(place['password'])}"
        f"@{host}:{place['port']}/{quote(place['dbname'])}",
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "DATA_DIR": str(tmp_path),
        "EMAIL_URL": settings.EMAIL_URL,
        "WATCHBILL_FAIL_POINTS": str(tmp_path),
    }
    (tmp_path / fail_point).touch()
    done = subprocess.run(
        [sys.executable, "-c", SENDER], env=environment, cwd=ROOT, check=False, capture_output=True,
        timeout=60,
    )  # fmt: skip
    assert done.returncode in (0, -9), done.stderr.decode()[-2000:]
    return done.returncode


@pytest.mark.parametrize(
    ("fail_point", "sent_by_the_dead", "sent_in_all"),
    [("after-claim", 0, 1), ("after-attempt", 0, 1), ("after-send", 1, 2), ("after-result", 1, 1)],
)
def test_a_page_survives_its_sender_and_is_sent_once_or_once_more(
    smtp: MailServer,
    settings: Any,
    tmp_path: Path,
    fail_point: str,
    sent_by_the_dead: int,
    sent_in_all: int,
) -> None:
    page_people([page_request(make_person("ann@example.org"))], now=database_now())

    assert run_sender(settings, tmp_path, fail_point) == -9
    assert len(smtp.taken) == sent_by_the_dead
    delivery.deliver_due(now=database_now() + timedelta(seconds=31))

    page = Page.objects.get()
    assert page.state == PageState.SENT
    assert len(smtp.taken) == sent_in_all
    assert len({str(mail["Message-ID"]) for _, mail in smtp.taken}) == 1
    never_ended = page.attempts.filter(outcome=Outcome.BEGUN, finished_at=None).count()
    assert never_ended == (fail_point in ("after-attempt", "after-send"))
    assert page.attempts.filter(outcome=Outcome.ACCEPTED).count() == 1


def test_the_lease_keeps_others_away_only_as_long_as_it_lasts(
    smtp: MailServer, settings: Any, tmp_path: Path
) -> None:
    page_people([page_request(make_person())], now=database_now())
    assert run_sender(settings, tmp_path, "after-claim") == -9
    page = Page.objects.get()
    assert page.lease_until is not None

    assert delivery.deliver_due(now=page.lease_until - timedelta(seconds=1)) == 0
    assert delivery.deliver_due(now=page.lease_until) == 1
