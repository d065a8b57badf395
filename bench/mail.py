"""From an alert's POST to the last line of its mail: a steady stream to many people, and one burst."""

from __future__ import annotations

import asyncio
import json
import time
from statistics import median, quantiles

from bench.events import event, mark
from bench.load import Sent, once, paced, post
from bench.slugs import HANDS, slug_of
from bench.smtp import Ledger
from bench.stack import Stack, until
from bench.table import Row, ms

PER_SECOND = 20
SECONDS = 60
PLAIN_LOOP = "from bench import plain_mail; plain_mail.loop()"


def rows(stack: Stack, ledger: Ledger) -> list[Row]:
    print("mail: a plain loop …", flush=True)
    plain = json.loads(stack.shell(PLAIN_LOOP))
    floor = f"a plain loop: {plain['per_second']:.0f}/s, {ms(plain['median'])} each"
    print(f"mail: {PER_SECOND} new incidents a second for {SECONDS} s …", flush=True)
    found = stream(stack, ledger, floor)
    stack.tidy()
    print("mail: all hands …", flush=True)
    found += burst(stack, ledger, floor)
    stack.tidy()
    return found


def stream(stack: Stack, ledger: Ledger, floor: str) -> list[Row]:
    key, started = stack.integration_key, time.monotonic()

    def request(number: int) -> bytes:
        rule = mark("stream", number)
        return event(key, rule, rule=rule, service=slug_of(number))

    count = PER_SECOND * SECONDS
    sent = asyncio.run(paced(stack.port, request, per_second=PER_SECOND, count=count))
    waiting = stack.outbox()
    until(lambda: len(ledger.first_of(started)) >= sent.accepted, within=60)
    late = latencies(sent, ledger.first_of(started), "stream")
    if not late:
        return [Row(f"{PER_SECOND}/s: POST to mail", "no mail", floor, "", False)]
    p99 = quantiles(late, n=100)[98]
    lost = count - len(late)
    return [
        Row(f"{PER_SECOND} incidents/s: POST to mail, median", ms(median(late)), floor, "200 ms", median(late) < 0.2),
        Row("  p99", ms(p99), "", "1 s", p99 < 1),
        Row(
            "  waiting at the end; without a mail a minute later",
            f"{waiting}; {lost} of {count}, answers {dict(sent.statuses)}",
            "", "0", waiting <= PER_SECOND and not lost,
        ),
    ]  # fmt: skip


def latencies(sent: Sent, heard: dict[bytes, float], run: str) -> list[float]:
    """Seconds from each accepted request until the first mail that names it."""
    marks = {number: mark(run, number).encode() for number in sent.answered}
    return [heard[word] - sent.began[number] for number, word in marks.items() if word in heard]


def burst(stack: Stack, ledger: Ledger, floor: str) -> list[Row]:
    """All hands of a team of hundreds: every page in one transaction, so that all are due in one instant."""
    word, started = mark("burst", 0), time.monotonic()
    alert = event(stack.integration_key, word, rule=word, service=HANDS)
    asyncio.run(once(stack.port, alert))
    until(lambda: ledger.first_of(started), within=30)
    ref = stack.ask("SELECT ref FROM incidents_incident WHERE title LIKE %s", f"{word}%")
    before = stack.ask("SELECT count(*) FROM notifications_page")
    press = post(
        f"/api/v1/incidents/{ref}/all-hands/", b"{}", token=stack.demo["api_tokens"]["admin"]
    )
    pressed = time.monotonic()
    status, body = asyncio.run(once(stack.port, press))
    answered = time.monotonic()
    pages = stack.ask("SELECT count(*) FROM notifications_page") - before
    until(lambda: len(ledger.since(pressed)) >= pages, within=60)
    mails = ledger.since(pressed)
    if status != 200 or not mails:
        return [Row("burst", f"{status} {body[:200]!r}, {len(mails)} mails", "", "", False)]
    rate = len(mails) / (mails[-1].at - answered)
    first = mails[0].at - answered
    good = rate >= 150 and len(mails) == pages
    return [
        Row(f"burst: {pages} pages to as many people", f"{rate:.0f} mails/s", floor, "150/s", good),
        Row("  first mail after the commit", ms(first), "", "300 ms", first < 0.3),
        Row("  the press itself", ms(answered - pressed)),
    ]
