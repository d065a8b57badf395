"""A mail server for every test that asks, and no thread or connection left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notifications import delivery, registry
from notifications.channels.mail import close_all
from tests.notifications.factories import MailServer, WebStub, mail_server, web_stub


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    delivery.close()
    close_all()


@pytest.fixture(autouse=True)
def providers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The message providers, to be added to by one test."""
    mine = dict(registry._providers)
    monkeypatch.setattr(registry, "_providers", mine)
    return mine


@pytest.fixture
def smtp(settings: Any) -> Iterator[MailServer]:
    with mail_server() as (server, port):
        use_mail_server(settings, port)
        yield server
        delivery.close()


def use_mail_server(settings: Any, port: int) -> None:
    settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False


@pytest.fixture
def files(settings: Any, tmp_path: Path) -> Path:
    """Without a mail server: mail is kept in this folder."""
    settings.EMAIL_URL = ""
    settings.DATA_DIR = tmp_path
    return tmp_path / "mail"


@pytest.fixture
def web() -> Iterator[WebStub]:
    with web_stub() as stub:
        yield stub
