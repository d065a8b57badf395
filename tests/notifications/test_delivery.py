"""From the outbox to a real mail server: taken once, tried again, handed to the next way, or said loudly."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent import futures
from datetime import timedelta
from typing import Any

import pytest

from notifications import delivery
from notifications.channels import Answer, mail
from notifications.enums import Outcome, PageOutState, PageState, Reply
from notifications.events import page_exhausted, page_sent
from notifications.models import Attempt, Channel, NotificationRule, Page, PageOut, PagingLimits
from notifications.rules.message import Message
from notifications.services import answer_page, page_people, release_held, retry_page, supersede
from notifications.services.claiming import claim, take
from notifications.services.recording import Landed, record_answers, record_quarantine
from tests.notifications.factories import (
    NOON,
    MailServer,
    WebStub,
    make_method,
    make_person,
    page_request,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, Any]]]:
    """What was announced."""
    facts: dict[str, list[dict[str, Any]]] = {"sent": [], "exhausted": []}
    monkeypatch.setattr(page_sent, "_receivers", {})
    monkeypatch.setattr(page_exhausted, "_receivers", {})

    def on_sent(**what: Any) -> None:
        facts["sent"].append(what)

    def on_exhausted(**what: Any) -> None:
        facts["exhausted"].append(what)

    page_sent.listen(on_sent)
    page_exhausted.listen(on_exhausted)
    return facts


def test_a_page_reaches_the_mail_server_and_is_recorded(
    smtp: MailServer, heard: dict[str, list[dict[str, Any]]]
) -> None:
    [out] = page_people([page_request(make_person("ann@example.org"))], now=NOON)

    assert delivery.deliver_due(now=NOON) == 1

    page = Page.objects.get()
    out.refresh_from_db()
    assert smtp.recipients == ["ann@example.org"]
    assert (page.state, page.tries, page.sent_at, page.claims) == (PageState.SENT, 1, NOON, 0)
    assert out.state == PageOutState.SENT
    assert page.provider_id == str(smtp.taken[0][1]["Message-ID"])
    assert Attempt.objects.get().outcome == Outcome.ACCEPTED
    assert [facts["page_id"] for facts in heard["sent"]] == [page.pk]
    assert delivery.deliver_due(now=NOON + timedelta(minutes=5)) == 0
    assert len(smtp.taken) == 1
    assert len(heard["sent"]) == 1


def test_every_verified_method_is_used_at_once_when_a_person_has_no_rules(smtp: MailServer) -> None:
    page_people([page_request(make_person("one@example.org", "two@example.org"))], now=NOON)

    delivery.deliver_due(now=NOON)

    assert sorted(smtp.recipients) == ["one@example.org", "two@example.org"]


def test_rules_say_which_method_when(smtp: MailServer) -> None:
    person = make_person("first@example.org", "later@example.org")
    first, later = person.contact_methods.all()
    NotificationRule.objects.create(user=person, method=first, urgency="high")
    NotificationRule.objects.create(user=person, method=later, urgency="high", after_seconds=120)
    page_people([page_request(person)], now=NOON)

    delivery.deliver_due(now=NOON + timedelta(seconds=119))
    assert smtp.recipients == ["first@example.org"]
    delivery.deliver_due(now=NOON + timedelta(seconds=120))
    assert smtp.recipients == ["first@example.org", "later@example.org"]


@pytest.mark.clause("C39")
def test_nothing_goes_out_after_an_acknowledgment(smtp: MailServer) -> None:
    person = make_person("first@example.org", "later@example.org")
    first, later = person.contact_methods.all()
    NotificationRule.objects.create(user=person, method=first, urgency="high")
    NotificationRule.objects.create(user=person, method=later, urgency="high", after_seconds=120)
    [out] = page_people([page_request(person)], now=NOON)
    delivery.deliver_due(now=NOON)

    answer_page(out.pk, Reply.ACKNOWLEDGED, now=NOON + timedelta(seconds=30))
    supersede("tests.fire", 1, now=NOON + timedelta(seconds=30), reason="acknowledged")
    delivery.deliver_due(now=NOON + timedelta(minutes=10))

    assert smtp.recipients == ["first@example.org"]
    assert [page.state for page in Page.objects.order_by("id")] == ["sent", "superseded"]
    out.refresh_from_db()
    assert (out.state, out.answer, out.acknowledged_at) == (
        PageOutState.ANSWERED,
        Reply.ACKNOWLEDGED,
        NOON + timedelta(seconds=30),
    )


def test_a_page_superseded_between_claim_and_send_does_not_go_out(
    smtp: MailServer, providers: dict[str, Any]
) -> None:
    """The message is built and the page read again after the claim: here somebody acknowledges then."""
    page_people([page_request(make_person())], now=NOON)
    [page] = claim(NOON, 10, "somebody who is slow")
    assert page.state == PageState.SENDING

    supersede("tests.fire", 1, now=NOON, reason="acknowledged")
    delivery.deliver_due(now=NOON + timedelta(seconds=31))  # the lease of the slow one is over

    assert smtp.taken == []
    page.refresh_from_db()
    assert page.state == PageState.SUPERSEDED


def test_a_failed_try_is_not_repeated_once_acknowledged(smtp: MailServer) -> None:
    smtp.refusals["ann@example.org"] = "451 later"
    page_people([page_request(make_person("ann@example.org"))], now=NOON)
    delivery.deliver_due(now=NOON)
    smtp.refusals.clear()

    supersede("tests.fire", 1, now=NOON, reason="acknowledged")
    delivery.deliver_due(now=NOON + timedelta(hours=1))

    assert smtp.taken == []


def test_a_provider_that_has_nothing_to_say_ends_the_page(
    smtp: MailServer, providers: dict[str, Any]
) -> None:
    providers["tests.fire"] = lambda page_outs, now: lambda page_out: None
    page_people([page_request(make_person())], now=NOON)

    delivery.deliver_due(now=NOON)

    assert smtp.taken == []
    assert Page.objects.get().state == PageState.SUPERSEDED
    assert PageOut.objects.get().state == PageOutState.SUPERSEDED


def test_what_is_said_is_worked_out_right_before_each_try(
    smtp: MailServer, providers: dict[str, Any]
) -> None:
    title = "first"
    providers["tests.fire"] = lambda page_outs, now: lambda page_out: Message(title, "text")
    smtp.data_answer = "451 not now"
    page_people([page_request(make_person())], now=NOON)
    delivery.deliver_due(now=NOON)
    smtp.data_answer, title = "", "second"

    delivery.deliver_due(now=NOON + timedelta(minutes=1))

    assert smtp.subjects == ["second"]


def test_a_provider_that_fails_costs_the_details_and_not_the_page(
    smtp: MailServer, providers: dict[str, Any]
) -> None:
    def broken(page_outs: Any, now: Any) -> Message:
        raise RuntimeError("no such column")

    providers["tests.fire"] = broken
    page_people([page_request(make_person())], now=NOON)

    delivery.deliver_due(now=NOON)

    [(_, mail)] = smtp.taken
    assert "P1 page: Primary on call" in str(mail["Subject"])
    assert "/p/" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "RuntimeError" in Page.objects.get().error


def test_a_subject_that_cannot_be_read_costs_no_other_page_its_details(
    smtp: MailServer, providers: dict[str, Any]
) -> None:
    def touchy(page_outs: Any, now: Any) -> Any:
        if any(out.subject_id == 2 for out in page_outs):
            raise RuntimeError("no such column")
        return lambda page_out: Message(f"fire {page_out.subject_id}", "text")

    providers["tests.fire"] = touchy
    page_people([page_request(make_person(), subject_id) for subject_id in (1, 2, 3)], now=NOON)

    delivery.deliver_due(now=NOON)

    assert sorted(smtp.subjects) == ["P1 page: Primary on call", "fire 1", "fire 3"]


@pytest.mark.parametrize(
    ("answer", "state", "tries"),
    [("451 busy", PageState.PENDING, 1), ("550 nobody here", PageState.FAILED, 1)],
)
def test_a_4xx_is_tried_again_and_a_5xx_given_up(
    smtp: MailServer, answer: str, state: PageState, tries: int
) -> None:
    smtp.refusals["ann@example.org"] = answer
    page_people([page_request(make_person("ann@example.org"))], now=NOON)

    delivery.deliver_due(now=NOON)

    page = Page.objects.get()
    assert (page.state, page.tries, page.error) == (state, tries, answer)


def test_a_transient_failure_is_tried_again_with_growing_waits_and_the_same_message_id(
    smtp: MailServer,
) -> None:
    smtp.data_answer = "451 not now"
    page_people([page_request(make_person())], now=NOON)
    waits, at = [], NOON
    for _ in range(6):
        delivery.deliver_due(now=at)
        page = Page.objects.get()
        waits.append((page.next_try_at - at).total_seconds())
        at = page.next_try_at
    smtp.data_answer = ""
    delivery.deliver_due(now=at)

    page.refresh_from_db()
    assert 1 <= waits[0] <= 3
    assert all(wait <= 15 * 1.5 for wait in waits)
    assert waits[5] > waits[0]
    assert (page.state, page.tries) == (PageState.SENT, 7)
    assert str(smtp.taken[0][1]["X-Watchbill-Delivery"]) == page.delivery_key


def test_after_its_tries_others_are_called_once_and_the_page_goes_out_when_the_server_is_back(
    smtp: MailServer, heard: dict[str, list[dict[str, Any]]]
) -> None:
    PagingLimits.objects.update_or_create(pk=1, defaults={"max_tries": 3})
    smtp.data_answer = "451 not now"
    [out] = page_people([page_request(make_person())], now=NOON)
    for minute in range(8):
        delivery.deliver_due(now=NOON + timedelta(minutes=2 * minute))

    assert Page.objects.get().tries == 8
    assert [facts["page_out_id"] for facts in heard["exhausted"]] == [out.pk]

    smtp.data_answer = ""
    delivery.deliver_due(now=NOON + timedelta(hours=1))
    assert len(smtp.taken) == 1
    out.refresh_from_db()
    assert out.state == PageOutState.SENT


def test_after_some_failed_tries_the_next_method_starts_beside(smtp: MailServer) -> None:
    person = make_person("first@example.org", "second@example.org")
    NotificationRule.objects.create(
        user=person, method=person.contact_methods.all()[0], urgency="high"
    )
    smtp.refusals["first@example.org"] = "451 busy"
    page_people([page_request(person)], now=NOON)

    at = NOON
    for _ in range(4):
        delivery.deliver_due(now=at)
        at += timedelta(minutes=1)

    assert smtp.recipients == ["second@example.org"]
    assert Page.objects.get(address="first@example.org").state == PageState.PENDING


def test_a_refused_address_leads_to_the_persons_next_method_at_once(
    smtp: MailServer, heard: dict[str, list[dict[str, Any]]]
) -> None:
    person = make_person("gone@example.org", "second@example.org")
    first, second = person.contact_methods.all()
    NotificationRule.objects.create(user=person, method=first, urgency="high")
    NotificationRule.objects.create(user=person, method=second, urgency="high", after_seconds=600)
    smtp.refusals["gone@example.org"] = "550 no such user"
    page_people([page_request(person)], now=NOON)

    delivery.deliver_due(now=NOON)

    assert smtp.recipients == ["second@example.org"]
    assert heard["exhausted"] == []


def test_a_method_outside_the_rules_is_the_last_resort(smtp: MailServer) -> None:
    person = make_person("gone@example.org", "spare@example.org")
    NotificationRule.objects.create(user=person, method=person.contact_methods.all()[0])
    smtp.refusals["gone@example.org"] = "550 no such user"
    page_people([page_request(person)], now=NOON)

    delivery.deliver_due(now=NOON)

    assert smtp.recipients == ["spare@example.org"]


@pytest.mark.clause("X17")
def test_when_every_way_failed_the_person_is_unreachable_and_that_is_announced_once(
    smtp: MailServer, heard: dict[str, list[dict[str, Any]]]
) -> None:
    [out] = page_people([page_request(make_person("a@example.org", "b@example.org"))], now=NOON)
    smtp.refusals.update({"a@example.org": "550 no", "b@example.org": "550 no"})

    delivery.deliver_due(now=NOON)
    delivery.deliver_due(now=NOON + timedelta(minutes=1))

    out.refresh_from_db()
    assert out.state == PageOutState.UNREACHABLE
    assert "550 no" in out.reason
    [facts] = heard["exhausted"]
    assert (facts["page_out_id"], facts["user_id"], facts["step_key"]) == (
        out.pk,
        out.user_id,
        "primary",
    )


@pytest.mark.clause("X17")
def test_a_queued_page_of_somebody_deactivated_since_is_not_sent_and_is_announced_once(
    smtp: MailServer, heard: dict[str, list[dict[str, Any]]]
) -> None:
    gone, here = make_person("a@example.org", "b@example.org"), make_person("here@example.org")
    out, _ = page_people([page_request(gone), page_request(here)], now=NOON)
    gone.is_active = False
    gone.save()

    delivery.deliver_due(now=NOON)
    delivery.deliver_due(now=NOON + timedelta(minutes=5))

    assert smtp.recipients == ["here@example.org"]
    out.refresh_from_db()
    assert out.state == PageOutState.UNREACHABLE
    assert "deactivated" in out.reason
    assert set(out.pages.values_list("state", "leased_by")) == {(PageState.FAILED, "")}
    assert [facts["page_out_id"] for facts in heard["exhausted"]] == [out.pk]


def test_one_persons_refused_address_does_not_touch_another_person(smtp: MailServer) -> None:
    smtp.refusals["gone@example.org"] = "550 no such user"
    people = [make_person("gone@example.org"), make_person("fine@example.org")]
    page_people([page_request(person) for person in people], now=NOON)

    delivery.deliver_due(now=NOON)

    assert smtp.recipients == ["fine@example.org"]


@pytest.mark.clause("C64")
def test_a_held_page_is_visible_and_goes_out_when_its_time_has_come(smtp: MailServer) -> None:
    morning = NOON + timedelta(hours=21)
    [out] = page_people([page_request(make_person(), held_until=morning)], now=NOON)
    assert (out.state, Page.objects.get().state) == (PageOutState.HELD, PageState.HELD)

    delivery.deliver_due(now=morning - timedelta(seconds=1))
    assert release_held(morning - timedelta(seconds=1)) == 0
    assert smtp.taken == []
    delivery.deliver_due(now=morning)

    out.refresh_from_db()
    assert (len(smtp.taken), out.state) == (1, PageOutState.SENT)


@pytest.mark.clause("C64")
def test_the_sweep_releases_what_was_held(smtp: MailServer) -> None:
    morning = NOON + timedelta(hours=21)
    [out] = page_people([page_request(make_person(), held_until=morning)], now=NOON)

    assert release_held(morning) == 1

    out.refresh_from_db()
    assert (out.state, Page.objects.get().state) == (PageOutState.WAITING, PageState.PENDING)


def test_a_claim_that_brought_no_result_is_taken_over_when_its_lease_is_over(
    smtp: MailServer,
) -> None:
    page_people([page_request(make_person())], now=NOON)
    [page] = claim(NOON, 10, "a worker that is killed now")

    assert delivery.deliver_due(now=NOON + timedelta(seconds=29)) == 0
    assert delivery.deliver_due(now=NOON + timedelta(seconds=31)) == 1

    page.refresh_from_db()
    assert (page.state, page.claims, len(smtp.taken)) == (PageState.SENT, 0, 1)


def test_a_message_that_kills_its_senders_is_set_aside_and_its_person_reached_another_way(
    smtp: MailServer, heard: dict[str, list[dict[str, Any]]]
) -> None:
    person = make_person("poison@example.org", "spare@example.org")
    NotificationRule.objects.create(user=person, method=person.contact_methods.all()[0])
    page_people([page_request(person)], now=NOON)
    at = NOON
    for _ in range(5):
        assert claim(at, 10, "killed") or claim(at, 10, "killed", suspects=True)
        at += timedelta(seconds=31)

    delivery.deliver_due(now=at)

    poison = Page.objects.get(address="poison@example.org")
    assert poison.state == PageState.QUARANTINED
    assert smtp.recipients == ["spare@example.org"]

    assert retry_page(poison.pk, now=at)
    delivery.deliver_due(now=at)
    assert smtp.recipients == ["spare@example.org", "poison@example.org"]


def test_a_sender_that_dies_as_it_sets_a_message_aside_leaves_its_person_to_the_sweep(
    smtp: MailServer,
) -> None:
    person = make_person("poison@example.org", "spare@example.org", "third@example.org")
    NotificationRule.objects.create(user=person, method=person.contact_methods.all()[0])
    page_people([page_request(person)], now=NOON)
    at = NOON
    for _ in range(5):
        assert claim(at, 10, "killed") or claim(at, 10, "killed", suspects=True)
        at += timedelta(seconds=31)
    [poison] = take(at, 10, "killed", suspects=True).quarantined

    for _ in range(2):
        at += timedelta(seconds=2)
        delivery.sweep(now=at)
    assert smtp.recipients == ["spare@example.org"]

    record_quarantine(poison, now=at)  # by a sender that was only slow
    delivery.sweep(now=at + timedelta(seconds=2))
    assert smtp.recipients == ["spare@example.org"]
    page = Page.objects.get(pk=poison)
    assert (page.state, page.error, page.leased_by) == (
        PageState.QUARANTINED,
        "claimed 6 times without a result",
        "",
    )


def test_a_suspect_is_claimed_alone(db: None) -> None:
    people = [make_person() for _ in range(3)]
    page_people([page_request(person) for person in people], now=NOON)
    assert len(claim(NOON, 10, "killed")) == 3
    later = NOON + timedelta(seconds=31)

    assert claim(later, 10, "next") == []
    assert len(claim(later, 1, "next", suspects=True)) == 1


def test_a_method_whose_channel_is_not_set_up_is_stood_in_for_by_mail(smtp: MailServer) -> None:
    person = make_person("ann@example.org")
    make_method(person, address="+49 1", kind="phone", channel="phone", position=1)
    page_people([page_request(person, allowed_kinds=("phone",))], now=NOON)

    delivery.deliver_due(now=NOON)

    page = Page.objects.get()
    assert (page.channel, page.instead_of, page.address) == ("mail", "phone", "ann@example.org")
    [(_, mail)] = smtp.taken
    assert "stands in for phone" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "stands in for phone" in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]


def test_without_a_mail_server_mail_is_kept_as_files(files: Any) -> None:
    page_people([page_request(make_person("ann@example.org"))], now=NOON)

    delivery.deliver_due(now=NOON)

    page = Page.objects.get()
    assert (page.state, page.channel, page.instead_of) == (PageState.DELIVERED, "file", "mail")
    [letter] = files.glob("*.eml")
    assert letter.name == page.provider_id
    assert letter.stat().st_mode & 0o077 == 0
    assert b"To: ann@example.org" in letter.read_bytes()


def test_a_hung_channel_does_not_slow_another(
    smtp: MailServer, web: WebStub, settings: Any
) -> None:
    settings.PAGE_ATTEMPT_SECONDS = 1
    web.delay = 2.0
    stuck = make_person("unused@example.org")
    stuck.contact_methods.all().delete()
    for number in range(12):
        make_method(
            stuck, address=f"{web.url}/{number}", channel="webhook", kind="webhook", position=number
        )
    page_people([page_request(stuck)], now=NOON)
    page_people([page_request(make_person()) for _ in range(20)], now=NOON + timedelta(seconds=1))

    delivery.deliver_due(now=NOON + timedelta(seconds=1))

    assert len(smtp.taken) == 20
    first_webhook_result = Attempt.objects.filter(page__channel="webhook").order_by("id").first()
    last_mail = Attempt.objects.filter(page__channel="mail").order_by("-id").first()
    assert first_webhook_result is not None
    assert last_mail is not None
    assert last_mail.pk < first_webhook_result.pk
    assert set(Page.objects.filter(channel="webhook").values_list("state", flat=True)) == {
        "pending"
    }


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many results each record took."""
    sizes: list[int] = []
    really = record_answers

    def record(landed: Sequence[Landed], **rest: Any) -> list[int]:
        sizes.append(len(landed))
        return really(landed, **rest)

    monkeypatch.setattr(delivery, "record_answers", record)
    return sizes


def test_what_lands_soon_after_another_is_recorded_with_it(
    smtp: MailServer, recorded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first_landed = threading.Event()
    really_wait, really_send = futures.wait, mail.send

    def wait(*flying: Any, **options: Any) -> Any:
        done = really_wait(*flying, **options)
        if done.done:
            first_landed.set()
        return done

    def send(message: Message, address: str, **rest: Any) -> Answer:
        if address == "second@example.org":
            first_landed.wait(10)
        return really_send(message, address, **rest)

    monkeypatch.setattr(delivery, "GATHER_SECONDS", 10)
    monkeypatch.setattr(delivery, "wait", wait)
    monkeypatch.setattr(mail, "send", send)
    people = [make_person("first@example.org"), make_person("second@example.org")]
    page_people([page_request(person) for person in people], now=NOON)

    delivery.deliver_due(now=NOON)

    assert (len(smtp.taken), recorded) == (2, [2])


def test_a_result_does_not_wait_long_for_the_others(
    smtp: MailServer, recorded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    really_send = mail.send
    given_up = threading.Event()

    def send(message: Message, address: str, **rest: Any) -> Answer:
        while address == "second@example.org" and not recorded and not given_up.wait(0.01):
            pass
        return really_send(message, address, **rest)

    monkeypatch.setattr(mail, "send", send)
    people = [make_person("first@example.org"), make_person("second@example.org")]
    page_people([page_request(person) for person in people], now=NOON)

    hopeless = threading.Timer(10, given_up.set)
    hopeless.start()
    delivery.deliver_due(now=NOON)
    hopeless.cancel()

    assert (len(smtp.taken), recorded) == (2, [1, 1])


def test_a_message_composed_anew_has_a_whole_lease_before_it(
    smtp: MailServer, settings: Any
) -> None:
    """An attempt may wait for a thread, take all its time and be given up late: that is more than is
    left of an old lease, and another sender would take it up beside this one."""
    page_people([page_request(make_person())], now=NOON)
    run = delivery._Run(NOON, "a busy one", timedelta(), None)
    [parcel] = take(NOON, 1, "a busy one").parcels

    run.now = later = NOON + timedelta(seconds=25)
    run._send_again([parcel])

    [page] = Page.objects.all()
    assert page.lease_until == later + timedelta(seconds=settings.PAGE_LEASE_SECONDS)
    assert run.until_quiet() == 1
    assert len(smtp.taken) == 1


def test_a_message_is_sent_though_its_channels_limit_is_edited_meanwhile(smtp: MailServer) -> None:
    page_people([page_request(make_person())], now=NOON)
    run = delivery._Run(NOON, "one that began before", timedelta(), None)

    Channel.objects.update_or_create(slug="mail", defaults={"name": "Mail", "concurrency": 3})
    assert delivery.deliver_due(now=NOON - timedelta(hours=1)) == 0  # another looks at the limits

    assert run.until_quiet() == 1
    assert len(smtp.taken) == 1


def test_a_channel_that_was_turned_off_is_stood_in_for(smtp: MailServer) -> None:
    person = make_person("ann@example.org")
    person.contact_methods.all().delete()
    make_method(person, address="https://example.org/hook", channel="webhook", kind="webhook")
    page_people([page_request(person)], now=NOON)
    Channel.objects.filter(slug="webhook").update(enabled=False)

    delivery.deliver_due(now=NOON)

    assert smtp.recipients == [person.email]
