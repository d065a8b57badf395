"""The floor of delivery: the same size of mail through Django's mail API, one connection, one loop."""

from __future__ import annotations

import json
import time
from statistics import median

from django.core.mail import EmailMultiAlternatives, get_connection

COUNT = 500


def loop() -> None:
    """Sends and prints mails per second and the median of one. Run by `manage.py shell`."""
    connection = get_connection()
    connection.open()
    spent = []
    started = time.perf_counter()
    for number in range(COUNT):
        began = time.perf_counter()
        mail = EmailMultiAlternatives(
            f"P2 Bench: a plain mail {number}",
            "What, since when, what is owed.\n" * 20,
            to=[f"person-{number}@bench.invalid"],
        )
        mail.attach_alternative("<p>What, since when, what is owed.</p>\n" * 40, "text/html")
        connection.send_messages([mail])
        spent.append(time.perf_counter() - began)
    rate = COUNT / (time.perf_counter() - started)
    connection.close()
    print(json.dumps({"per_second": rate, "median": median(spent)}))
