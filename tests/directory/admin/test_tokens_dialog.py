"""A dialog's button leaves by a header, so that what it did is said on the page it leads to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from deadlines.extension import PORTAL
from directory.enums import Role
from directory.models import User
from directory.services import create_token, grant_role


@pytest.mark.django_db
def test_revoking_in_the_dialog_ends_the_token_and_says_so_on_the_list(client: Client) -> None:
    admin = User.objects.create_user("root@example.org", "a long password", name="Root")
    grant_role(admin.pk, Role.ADMIN, actor=PORTAL)
    token = create_token(admin.pk, "script", actor=PORTAL, now=datetime.now(UTC)).token
    client.force_login(User.objects.get(pk=admin.pk))
    page = reverse("admin:directory_apitoken_changelist")

    answer = client.post(
        f"{page}{token.pk}/revoke/",
        {"_form_submitted": "on"},  # what the dialog sends
        headers={"HX-Request": "true"},
    )

    assert answer["HX-Redirect"] == page
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert "The token is revoked." in client.get(page).content.decode()
