"""The admin's doors: one's own methods, the limits for admins, the outbox to look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deadlines import extension
from directory.models import User
from notifications import delivery
from notifications.enums import PageState
from notifications.models import AllowedTarget, Channel, ContactMethod, Page, PageOut, PagingLimits
from notifications.services import page_people, send_code
from notifications.services.contacts import code_of
from tests.directory.factories import (
    make_admin,
    make_auditor,
    make_engineer,
    make_manager,
    make_team,
)
from tests.directory.forms import form_of
from tests.notifications.factories import NOON, MailServer, make_method, make_person, page_request

pytestmark = pytest.mark.django_db

Enter = Callable[[User], Client]
EVERY_LIST = [ContactMethod, PageOut, Page, Channel, AllowedTarget]


@pytest.fixture
def enter(client: Client) -> Enter:
    def signed_in(user: User) -> Client:
        client.force_login(User.objects.get(pk=user.pk))
        return client

    return signed_in


def listed(model: Any) -> str:
    return reverse(f"admin:notifications_{model._meta.model_name}_changelist")


def change(row: Any) -> str:
    return reverse(f"admin:notifications_{row._meta.model_name}_change", args=[row.pk])


def press(row: Any, name: str) -> str:
    return reverse(f"admin:notifications_{row._meta.model_name}_press", args=[row.pk, name])


@pytest.mark.parametrize("model", EVERY_LIST)
def test_each_list_opens_for_admins_and_not_for_engineers(enter: Enter, model: Any) -> None:
    assert enter(make_admin()).get(listed(model)).status_code == 200
    assert enter(make_engineer(make_team())).get(listed(model)).status_code == 302


@pytest.mark.parametrize("model", [PageOut, Page])
def test_a_list_costs_the_same_with_one_row_and_with_thirty(enter: Enter, model: Any) -> None:
    browser = enter(make_admin())
    counts = []
    for number in (1, 30):
        page_people([page_request(make_person(), number) for _ in range(number)], now=NOON)
        browser.get(listed(model))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            browser.get(listed(model))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_an_admin_edits_the_limits_in_one_place(enter: Enter) -> None:
    PagingLimits.objects.get_or_create(pk=1)
    browser = enter(make_admin())
    answer = browser.get(listed(PagingLimits))
    form = form_of(browser.get(answer["Location"]))
    assert browser.post(answer["Location"], form | {"bundle_seconds": "7"}).status_code == 302
    assert PagingLimits.objects.get().bundle_seconds == 7


def test_managers_do_not_edit_channels_and_limits(enter: Enter) -> None:
    browser = enter(make_manager(make_team()))
    assert browser.get(listed(Channel)).status_code == 403
    assert browser.get(listed(PagingLimits)).status_code == 403
    assert browser.get(reverse("admin:notifications_allowedtarget_add")).status_code == 403


def test_an_auditor_looks_and_changes_nothing(enter: Enter) -> None:
    browser = enter(make_auditor())
    channel = Channel.objects.get(slug="mail")
    assert browser.get(change(channel)).status_code == 200
    assert browser.post(change(channel), {"name": "x", "concurrency": "1"}).status_code == 403


class TestContactMethods:
    def test_a_manager_has_their_own_only(self, enter: Enter) -> None:
        manager = make_manager(make_team())
        own = make_method(manager, address="me@example.org")
        [other] = make_person().contact_methods.all()
        browser = enter(manager)

        assert browser.get(change(own)).status_code == 200
        assert browser.get(change(other)).status_code == 302
        assert browser.post(press(other, "test")).status_code == 404

    def test_a_changed_address_is_no_longer_verified(self, enter: Enter) -> None:
        manager = make_manager(make_team())
        own = make_method(manager, address="me@example.org")
        browser = enter(manager)
        form = form_of(browser.get(change(own)))
        browser.post(change(own), form | {"address": "new@example.org"})

        own.refresh_from_db()
        assert (own.address, own.verified_at) == ("new@example.org", None)

    def test_a_code_is_sent_and_typed_in(self, enter: Enter) -> None:
        manager = make_manager(make_team())
        own = make_method(manager, address="me@example.org", verified_at=None)
        browser = enter(manager)
        browser.post(press(own, "send-code"))
        own.refresh_from_db()
        browser.post(press(own, "verify"), {"text": "no"})
        own.refresh_from_db()
        assert own.verified_at is None
        browser.post(press(own, "verify"), {"text": code_of(own)})

        own.refresh_from_db()
        assert own.verified_at is not None

    def test_a_button_is_pressed_by_post_alone(self, enter: Enter) -> None:
        manager = make_manager(make_team())
        own = make_method(manager, address="me@example.org", verified_at=None)

        assert enter(manager).get(press(own, "send-code")).status_code == 405
        assert not Page.objects.exists()

    def test_an_admin_cannot_verify_by_guessing_for_others(self, enter: Enter) -> None:
        [method] = make_person().contact_methods.all()
        method.verified_at = None
        method.save()
        send_code(method.pk, now=NOON)

        enter(make_admin()).post(press(method, "verify"), {"text": "000000"})

        method.refresh_from_db()
        assert method.verified_at is None


class TestOutbox:
    def test_nobody_edits_or_deletes_the_record(self, enter: Enter) -> None:
        [out] = page_people([page_request(make_person())], now=NOON)
        browser = enter(make_admin())

        assert browser.get(change(out)).status_code == 200
        assert browser.post(change(out), {"state": "answered"}).status_code == 403
        delete = reverse("admin:notifications_pageout_delete", args=[out.pk])
        assert browser.post(delete, {"post": "yes"}).status_code == 403

    def test_the_record_does_not_show_the_link(self, enter: Enter) -> None:
        [out] = page_people([page_request(make_person())], now=NOON)
        page = enter(make_admin()).get(change(out)).content.decode()

        assert out.token_hash not in page
        assert out.token_salt not in page

    def test_what_an_upper_room_hides_is_hidden_here(
        self, enter: Enter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [out] = page_people([page_request(make_person(), 7)], now=NOON)
        page = Page.objects.get()
        monkeypatch.setitem(
            extension._contributions["outbox.visible"],
            "tests",
            lambda user, outs: outs.exclude(subject_type="tests.fire", subject_id=7),
        )
        browser = enter(make_admin())

        assert browser.get(change(out)).status_code == 302
        assert browser.get(change(page)).status_code == 302
        assert str(out) not in browser.get(listed(PageOut)).content.decode()

    def test_a_quarantined_message_is_tried_again_by_a_button(
        self, enter: Enter, smtp: MailServer
    ) -> None:
        page_people([page_request(make_person("ann@example.org"))], now=NOON)
        page = Page.objects.get()
        Page.objects.update(state=PageState.QUARANTINED, claims=6)
        assert enter(make_manager(make_team())).post(press(page, "retry")).status_code == 403

        enter(make_admin()).post(press(page, "retry"))
        page.refresh_from_db()
        assert page.state == PageState.PENDING
        delivery.deliver_due(now=page.next_try_at)

        assert smtp.recipients == ["ann@example.org"]
        assert enter(make_admin()).post(press(page, "retry")).status_code == 403
