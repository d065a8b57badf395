"""Everybody who signs in looks after their own contact methods."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from notifications import delivery
from notifications.models import ContactMethod, Page
from notifications.services.contacts import code_of
from tests.notifications.factories import MailServer, make_person

pytestmark = pytest.mark.django_db

METHODS = reverse("notifications:methods")


def button(method: ContactMethod) -> str:
    return reverse("notifications:method", args=[method.pk])


def test_a_way_is_added_verified_and_tried(client: Client, smtp: MailServer) -> None:
    ann = make_person()
    client.force_login(ann)

    answer = client.post(METHODS, {"channel": "mail", "address": "new@example.org", "pager": "1"})
    assert answer.status_code == 302
    method = ContactMethod.objects.get(address="new@example.org")
    assert (method.user, method.kind, method.usable) == (ann, "pager", False)
    assert "Not verified" in client.get(METHODS).content.decode()

    client.post(button(method), {"press": "verify", "code": "wrong"})
    client.post(button(method), {"press": "verify", "code": code_of(method)})
    method.refresh_from_db()
    assert method.usable
    client.post(button(method), {"press": "test"})
    delivery.deliver_due(now=Page.objects.latest("id").next_try_at)

    assert set(smtp.recipients) == {"new@example.org"}


def test_a_wrong_address_is_explained_and_kept_in_the_form(client: Client) -> None:
    client.force_login(make_person())
    answer = client.post(METHODS, {"channel": "webhook", "address": "javascript:alert(1)"})

    assert answer.status_code == 422
    assert "javascript:alert(1)" in answer.content.decode()
    assert not ContactMethod.objects.filter(channel="webhook").exists()


def test_another_persons_method_answers_like_a_missing_one(client: Client) -> None:
    [other] = make_person().contact_methods.all()
    client.force_login(make_person())

    assert client.post(button(other), {"press": "remove"}).status_code == 404
    assert other.address not in client.get(METHODS).content.decode()
    assert ContactMethod.objects.filter(pk=other.pk).exists()


def test_whom_nothing_reaches_is_told_so(client: Client) -> None:
    ann = make_person()
    client.force_login(ann)
    client.post(button(ann.contact_methods.all()[0]), {"press": "remove"})

    assert "No page can reach you" in client.get(METHODS).content.decode()


def test_get_changes_nothing_and_strangers_sign_in(client: Client) -> None:
    [method] = make_person().contact_methods.all()
    assert client.get(METHODS).status_code == 302
    client.force_login(method.user)

    assert client.get(button(method)).status_code == 405
    assert client.post(button(method), {"press": "nothing"}).status_code == 404
