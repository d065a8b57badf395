"""Addresses are one whatever their case."""

from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction

from directory.models import User

PHRASE = "correct horse battery staple"
pytestmark = pytest.mark.django_db


def test_one_signs_in_in_any_case() -> None:
    user = User.objects.create_user("Ann.Lee@Example.ORG", PHRASE, name="Ann Lee")
    assert user.email == "ann.lee@example.org"
    for address in ("ann.lee@example.org", "ANN.LEE@example.org"):
        assert authenticate(username=address, password=PHRASE) == user


def test_two_people_cannot_have_one_address() -> None:
    User.objects.create_user("ann@example.org", name="Ann")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("ANN@example.org", name="Another")
    with pytest.raises(ValidationError):
        User(email="ANN@example.org", name="Another").validate_unique()


def test_without_an_address_there_is_nobody() -> None:
    with pytest.raises(ValueError, match="address"):
        User.objects.create_user("", name="Nobody")


def test_a_superuser_is_made_from_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PHRASE)
    call_command(
        "createsuperuser", email="Root@example.org", name="Root", interactive=False, verbosity=0
    )
    root = User.objects.get()
    assert (root.email, root.is_staff, root.is_superuser) == ("root@example.org", True, True)
