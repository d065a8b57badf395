"""`manage.py prepare`: what a start may do to what is there already."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from portal.management.commands import prepare
from procedures.models import ProcedureVersion, Severity

pytestmark = pytest.mark.django_db


def test_a_later_start_keeps_the_rules_as_the_manager_left_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_files(self: Any) -> None:
        """The static files are not asked about here."""

    monkeypatch.setattr(settings, "DEMO", False)
    monkeypatch.setattr(prepare.Command, "_collect_static", no_files)
    prepare.Command()._prepare()
    versions = ProcedureVersion.objects.count()
    assert versions
    edited = Severity.objects.get(code="P2")
    edited.name = "Ours"
    edited.save()
    prepare.Command()._prepare()
    assert Severity.objects.get(code="P2").name == "Ours"
    assert ProcedureVersion.objects.count() == versions
