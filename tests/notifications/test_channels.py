"""The channels against real servers: what each answer means, and what is on the wire."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from notifications import egress
from notifications.channels import Answer, file, mail, webhook
from notifications.channels.clock import AttemptClock, OutOfTime
from notifications.channels.letters import message_id
from notifications.enums import Outcome
from notifications.rules.message import Link, Message
from tests.notifications.conftest import use_mail_server
from tests.notifications.factories import (
    MailServer,
    WebStub,
    dripping_server,
    free_port,
    mail_server,
)

MESSAGE = Message(
    "P1 orchestrator: down", "text", "<p>html</p>", (Link("Answer", "https://x/p/t/"),), {"ref": 1}
)


def send_mail(address: str = "ann@example.org", message: Message = MESSAGE, **how: Any) -> Answer:
    return mail.send(message, address, key=how.get("key", "k.0"), clock=AttemptClock(5))


def test_a_mail_has_text_and_html_and_an_id_made_of_its_key(smtp: MailServer) -> None:
    answer = send_mail(key="abc.0")

    [(_, taken)] = smtp.taken
    assert answer.outcome == Outcome.ACCEPTED
    assert answer.provider_id == str(taken["Message-ID"]) == message_id("abc.0")
    assert [part.get_content_type() for part in taken.iter_parts()] == ["text/plain", "text/html"]
    assert str(taken["Auto-Submitted"]) == "auto-generated"


@pytest.mark.parametrize(
    "evil",
    [
        "down\r\nBcc: all@example.org",
        "down\nX-Evil: 1",
        "down\x00\x1b[31m",
        "down\u2028Bcc: x@example.org",
        "down \u202egpj.exe",
        "x" * 5000,
        "\ud800 lone",
    ],
)
def test_a_title_cannot_break_the_headers(smtp: MailServer, evil: str) -> None:
    answer = send_mail(message=Message(evil, "text"))

    assert answer.outcome == Outcome.ACCEPTED
    [(_, taken)] = smtp.taken
    assert taken["Bcc"] is None
    assert taken["X-Evil"] is None
    subject = str(taken["Subject"])
    assert not any(ord(character) < 32 or character in "\u202e\u2028" for character in subject)
    assert len(subject) <= 260


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("421 closing", Outcome.TRANSIENT), ("450 full", Outcome.TRANSIENT),
     ("550 unknown", Outcome.PERMANENT), ("552 over quota", Outcome.PERMANENT)],
)  # fmt: skip
def test_what_the_server_says_of_a_recipient(smtp: MailServer, code: str, outcome: Outcome) -> None:
    smtp.refusals["ann@example.org"] = code

    answer = send_mail()

    assert (answer.outcome, answer.text) == (outcome, code)
    smtp.refusals.clear()
    assert send_mail().outcome == Outcome.ACCEPTED


def test_a_closed_port_is_transient(settings: Any) -> None:
    use_mail_server(settings, free_port())

    assert send_mail().outcome == Outcome.TRANSIENT


@pytest.mark.parametrize("address", ["ann@exa mple.org", "", "a@b@c, d@e"])
def test_an_address_that_is_none_is_not_retried_for_ever(smtp: MailServer, address: str) -> None:
    answer = send_mail(address)

    assert answer.outcome == Outcome.PERMANENT
    assert smtp.taken == []


def test_the_connection_is_kept_open_between_mails(smtp: MailServer) -> None:
    for number in range(5):
        send_mail(key=f"k.{number}")

    assert (len(smtp.taken), smtp.sessions) == (5, 1)


def test_a_server_that_went_away_between_mails_is_connected_to_anew(settings: Any) -> None:
    with mail_server() as (_, port):
        use_mail_server(settings, port)
        assert send_mail().outcome == Outcome.ACCEPTED
    with mail_server() as (second, port):
        settings.EMAIL_PORT = port
        assert send_mail().outcome == Outcome.ACCEPTED
        assert len(second.taken) == 1
        mail.close_all()


def test_a_connection_the_server_closed_is_replaced_within_the_same_try(smtp: MailServer) -> None:
    send_mail(key="k.1")
    mail._own.backend.connection.sock.shutdown(2)  # as if the server had hung up

    assert send_mail(key="k.2").outcome == Outcome.ACCEPTED
    assert len(smtp.taken) == 2


def test_a_dripping_mail_server_costs_no_more_than_the_attempts_time(settings: Any) -> None:
    with dripping_server() as port:
        use_mail_server(settings, port)
        began = time.monotonic()
        answer = mail.send(MESSAGE, "ann@example.org", key="k", clock=AttemptClock(0.5))

    assert time.monotonic() - began < 1.5
    assert answer == Answer(Outcome.TRANSIENT, "no answer in time")


def test_a_dripping_web_server_costs_no_more_than_the_attempts_time() -> None:
    with dripping_server(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000) as port:
        began = time.monotonic()
        answer = webhook.send(
            MESSAGE, f"http://127.0.0.1:{port}/", key="k", clock=AttemptClock(0.5)
        )

    assert time.monotonic() - began < 1.5
    assert answer == Answer(Outcome.TRANSIENT, "no answer in time")


def test_nothing_begins_after_the_attempts_time() -> None:
    clock = AttemptClock(0)
    with pytest.raises(OutOfTime):
        clock.left()


def test_a_webhook_is_signed_and_carries_its_key(web: WebStub) -> None:
    address = f"{web.url}/hook?x=1"
    answer = webhook.send(MESSAGE, address, key="k.7", clock=AttemptClock(5))

    [(method, path, headers, body)] = web.requests
    stamp, _, digest = headers["x-watchbill-signature"].removeprefix("t=").partition(",v1=")
    assert answer.outcome == Outcome.ACCEPTED
    assert (method, path, headers["idempotency-key"]) == ("POST", "/hook?x=1", "k.7")
    assert webhook.signature(webhook.secret_for(address), int(stamp), body).endswith(digest)
    assert json.loads(body) == {
        "key": "k.7",
        "subject": "P1 orchestrator: down",
        "text": "text",
        "links": [{"label": "Answer", "url": "https://x/p/t/"}],
        "facts": {"ref": 1},
    }


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "retry_after"),
    [
        (204, {}, Outcome.ACCEPTED, None),
        (429, {"Retry-After": "7"}, Outcome.TRANSIENT, 7.0),
        (429, {"Retry-After": "99999999999"}, Outcome.TRANSIENT, None),
        (503, {"Retry-After": "soon"}, Outcome.TRANSIENT, None),
        (404, {}, Outcome.PERMANENT, None),
        (410, {}, Outcome.PERMANENT, None),
    ],
)
def test_what_a_webhooks_status_means(
    web: WebStub,
    status: int,
    headers: dict[str, str],
    outcome: Outcome,
    retry_after: float | None,
) -> None:
    web.answers.append((status, headers, b""))

    answer = webhook.send(MESSAGE, web.url, key="k", clock=AttemptClock(5))

    assert (answer.outcome, answer.retry_after) == (outcome, retry_after)


def test_three_redirects_are_followed_and_a_fourth_is_not(web: WebStub) -> None:
    web.answers = [(307, {"Location": f"/{number}"}, b"") for number in range(3)]
    assert webhook.send(MESSAGE, web.url, key="k", clock=AttemptClock(5)).text == "HTTP 200"
    web.answers = [(307, {"Location": f"/{number}"}, b"") for number in range(4)]
    answer = webhook.send(MESSAGE, web.url, key="k", clock=AttemptClock(5))

    assert (answer.outcome, answer.text) == (Outcome.PERMANENT, "more than 3 redirects")


def test_another_host_is_not_given_the_headers(web: WebStub) -> None:
    web.answers = [(307, {"Location": f"http://localhost:{web.port}/next"}, b"")]
    webhook.send(MESSAGE, web.url, key="k", clock=AttemptClock(5))

    assert "x-watchbill-signature" not in web.requests[1][2]


def test_an_answer_is_read_up_to_its_cap(web: WebStub) -> None:
    web.answers = [(200, {}, b"x" * 3_000_000)]

    reply = egress.request("GET", web.url, clock=AttemptClock(5))

    assert len(reply.body) == 1_000_000


@pytest.mark.parametrize(
    "address",
    ["ftp://example.org/", "file:///etc/passwd", "http://user:pw@example.org/", "//evil", "http://",
     "http://example.org/\r\nX: 1", "http://example.org:99999/", "javascript:alert(1)"],
)  # fmt: skip
def test_an_address_that_is_no_web_address_is_permanent(address: str) -> None:
    answer = webhook.send(MESSAGE, address, key="k", clock=AttemptClock(1))

    assert answer.outcome == Outcome.PERMANENT


def test_a_file_is_written_once_per_key_and_read_back(files: Any) -> None:
    first = file.send(MESSAGE, "ann@example.org", key="k.0", clock=AttemptClock(1))
    second = file.send(MESSAGE, "ann@example.org", key="k.0", clock=AttemptClock(1))

    assert first.provider_id == second.provider_id
    assert len(list(files.iterdir())) == 1
    letter = file.kept_letter(first.provider_id)
    assert letter is not None
    assert str(letter["Subject"]) == "P1 orchestrator: down"


@pytest.mark.parametrize("name", ["../secret_key", "/etc/passwd", ".hidden.eml", "none.eml", "x"])
def test_no_other_file_is_read(files: Any, name: str) -> None:
    assert file.kept_letter(name) is None
