"""Calls become rows: once, all at one time, for whoever can be reached."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from notifications.enums import PageOutState, Reply
from notifications.events import page_answered
from notifications.links import hash_token, phone_url, token_of
from notifications.models import Page, PageOut
from notifications.queries import page_out_by_token
from notifications.services import answer_page, page_people, supersede
from tests.notifications.factories import NOON, make_method, make_person, page_request

pytestmark = pytest.mark.django_db


def test_saying_it_twice_pages_once() -> None:
    request = page_request(make_person())
    [first] = page_people([request], now=NOON)
    [second] = page_people([request], now=NOON + timedelta(seconds=1))

    assert first.pk == second.pk
    assert Page.objects.count() == 1
    [other_round] = page_people([page_request(first.user, round=1)], now=NOON)  # type: ignore[arg-type]
    assert other_round.pk != first.pk


@pytest.mark.clause("C78")
def test_all_pages_of_one_call_share_one_dispatch_time() -> None:
    people = [make_person() for _ in range(3)]
    outs = page_people([page_request(person) for person in people], now=NOON)

    assert {out.created_at for out in outs} == {NOON}
    assert set(Page.objects.values_list("created_at", "not_before", "next_try_at")) == {
        (NOON, NOON, NOON)
    }


def test_the_answers_come_in_the_order_of_the_requests() -> None:
    people = [make_person() for _ in range(5)][::-1]
    outs = page_people([page_request(person) for person in people], now=NOON)

    assert [out.user_id for out in outs] == [person.pk for person in people]


def test_paging_many_takes_a_fixed_number_of_queries(django_assert_num_queries: object) -> None:
    people = [make_person() for _ in range(30)]
    with django_assert_num_queries(8):  # type: ignore[operator]
        page_people([page_request(person) for person in people], now=NOON)
    with django_assert_num_queries(3):  # type: ignore[operator]
        # Everything about them still stands: one look at that, and the two inserts.
        page_people([page_request(person, step_key="again") for person in people], now=NOON)


def test_a_person_without_a_verified_method_comes_back_unreachable() -> None:
    person = make_person()
    person.contact_methods.update(verified_at=None)

    [out] = page_people([page_request(person)], now=NOON)

    assert out.state == PageOutState.UNREACHABLE
    assert "no verified contact method" in out.reason
    assert not Page.objects.exists()


def test_a_person_who_left_is_not_paged() -> None:
    [out] = page_people([page_request(make_person(is_active=False))], now=NOON)

    assert out.state == PageOutState.UNREACHABLE
    assert not Page.objects.exists()


@pytest.mark.clause("X1")
def test_only_the_allowed_kinds_of_methods_are_used() -> None:
    person = make_person("pager@example.org")
    make_method(person, address="phone@example.org", kind="phone", position=1)

    page_people([page_request(person, allowed_kinds=("phone",))], now=NOON)

    assert [page.address for page in Page.objects.all()] == ["phone@example.org"]


@pytest.mark.clause("X1")
def test_who_has_no_method_of_the_allowed_kind_is_reached_by_mail_and_it_says_so() -> None:
    person = make_person("pager@example.org")

    page_people([page_request(person, allowed_kinds=("phone",))], now=NOON)

    page = Page.objects.get()
    assert (page.address, page.instead_of) == ("pager@example.org", "phone")


def test_superseding_ends_what_waits_and_leaves_other_subjects_alone() -> None:
    person = make_person()
    [ours] = page_people([page_request(person, 1)], now=NOON)
    [theirs] = page_people([page_request(person, 2)], now=NOON)

    assert supersede("tests.fire", 1, now=NOON, reason="acknowledged by Bo") == 1
    assert supersede("tests.fire", 1, now=NOON, reason="again") == 0

    ours.refresh_from_db()
    theirs.refresh_from_db()
    assert (ours.state, ours.reason) == (PageOutState.SUPERSEDED, "acknowledged by Bo")
    assert theirs.state == PageOutState.WAITING


@pytest.mark.clause("C39")
def test_an_answer_given_twice_is_announced_once_and_keeps_its_instant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[dict[str, object]] = []
    monkeypatch.setattr(page_answered, "_receivers", {})
    page_answered.listen(lambda **facts: heard.append(facts))
    [out] = page_people([page_request(make_person())], now=NOON)

    answer_page(out.pk, Reply.ACKNOWLEDGED, now=NOON)
    again = answer_page(out.pk, Reply.ACKNOWLEDGED, now=NOON + timedelta(minutes=1))
    later = answer_page(out.pk, Reply.NEED_HELP, now=NOON + timedelta(minutes=2))

    assert again.answered_at == NOON
    assert (later.answer, later.acknowledged_at) == (Reply.NEED_HELP, NOON)
    assert [facts["answer"] for facts in heard] == ["acknowledged", "need_help"]


def test_a_link_opens_its_own_page_until_it_expires() -> None:
    [out] = page_people([page_request(make_person())], now=NOON)
    token = token_of(out)

    assert page_out_by_token(token, NOON) == out
    assert page_out_by_token(token, NOON + timedelta(days=7)) is None
    assert page_out_by_token(token[:-1] + "!", NOON) is None
    assert page_out_by_token("", NOON) is None


def test_the_database_does_not_hold_what_opens_a_page() -> None:
    [out] = page_people([page_request(make_person())], now=NOON)
    token = token_of(out)

    values = " ".join(str(value) for value in PageOut.objects.values_list().get())
    assert token not in values
    assert hash_token(token) in values
    assert phone_url(out).endswith(f"/p/{token}/")
    assert len(token) == 32


def test_a_link_sent_under_an_older_secret_key_still_opens(settings: Any) -> None:
    [out] = page_people([page_request(make_person())], now=NOON)
    token = token_of(out)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"  # noqa: S105

    assert token_of(out) == token
    assert page_out_by_token(token, NOON) == out


def test_after_a_lost_secret_key_a_new_link_is_issued(settings: Any) -> None:
    [out] = page_people([page_request(make_person())], now=NOON)
    before = token_of(out)
    settings.SECRET_KEY = "another"  # noqa: S105
    settings.SECRET_KEY_FALLBACKS = []

    after = token_of(out)

    assert after != before
    assert page_out_by_token(after, NOON) == out
