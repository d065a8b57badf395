"""A wrong value is refused with the variable's name and what it takes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import env

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "value", "read", "takes"),
    [
        ("DEBUG", "maybe", lambda: env.flag("DEBUG", default=False), "1 or 0"),
        ("PORT", "80a", lambda: env.integer("PORT", default=1), "whole number"),
        ("PORT", "70000", lambda: env.integer("PORT", default=1, most=65535), "65535"),
        ("PORT", "٣", lambda: env.integer("PORT", default=1), "whole number"),
        ("BASE_URL", "watchbill.example", lambda: env.address("BASE_URL"), "https://"),
        ("BASE_URL", "http://host:99999", lambda: env.address("BASE_URL"), "https://"),
        ("DATABASE_URL", "mysql://a@b/c", lambda: env.database(Path("/")), "postgresql://"),
        ("DATABASE_URL", "postgresql://a@b", lambda: env.database(Path("/")), "postgresql://"),
        ("REDIS_URL", "amqp://b", lambda: env.redis_url(Path("/")), "redis://"),
        ("EMAIL_URL", "imap://mail", env.email, "smtp://"),
        ("EMAIL_URL", "smtp://mail:abc", env.email, "smtps://"),
        ("LOG_LEVEL", "loud", lambda: env.choice("LOG_LEVEL", ["INFO"], default="INFO"), "INFO"),
        ("SECRET_KEY", "short", lambda: env.secret_key(Path("/"), embedded=True), "32"),
        ("SECRET_KEY_FILE", "/nowhere", lambda: env.text("SECRET_KEY"), "readable file"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, read: Callable[[], Any], takes: str
) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as refused:
        read()
    assert name in str(refused.value)
    assert takes in str(refused.value)


def test_a_refusal_does_not_repeat_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_URL", "ftp://me:hunter2@host")
    with pytest.raises(ImproperlyConfigured) as refused:
        env.address("BASE_URL")
    assert "hunter2" not in str(refused.value)


def test_a_secret_comes_from_a_file_unless_it_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("from the file\n")
    monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", str(file))
    assert env.text("SLACK_BOT_TOKEN") == "from the file"
    monkeypatch.setenv("SLACK_BOT_TOKEN", "given")
    assert env.text("SLACK_BOT_TOKEN") == "given"


def test_every_variable_of_a_prefix_is_read_files_included(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("s")
    monkeypatch.setenv("OIDC_CLIENT_ID", "me")
    monkeypatch.setenv("OIDC_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    assert env.prefixed("OIDC_") == {"CLIENT_ID": "me", "CLIENT_SECRET": "s"}


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail.example", 25, False, False),
        ("smtp+tls://u:p%40ss@mail.example", 587, True, False),
        ("smtps://mail.example:4465", 4465, False, True),
    ],
)
def test_the_mail_server_is_read_from_its_address(
    monkeypatch: pytest.MonkeyPatch, url: str, port: int, tls: bool, ssl: bool
) -> None:
    monkeypatch.setenv("EMAIL_URL", url)
    settings = env.email()
    assert settings["EMAIL_PORT"] == port
    assert (settings["EMAIL_USE_TLS"], settings["EMAIL_USE_SSL"]) == (tls, ssl)
    assert settings["EMAIL_HOST_PASSWORD"] == ("p@ss" if "@m" in url else "")


def test_the_embedded_secret_key_is_made_once_and_readable_by_its_owner_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    first = env.secret_key(tmp_path, embedded=True)
    assert first == env.secret_key(tmp_path, embedded=True)
    assert len(first) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_sockets_folder_is_read_from_the_database_address() -> None:
    config = env.database_config("postgresql://me:pw@%2Fvar%2Frun:5432/name")
    assert (config["HOST"], config["NAME"]) == ("/var/run", "name")
    assert "statement_timeout" in config["OPTIONS"]["options"]


def test_a_wrong_value_ends_a_command_with_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "run"],
        cwd=ROOT,
        env=os.environ
        | {"DJANGO_SETTINGS_MODULE": "portal.settings", "DATA_DIR": str(tmp_path), "PORT": "eight"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "watchbill: PORT takes a whole number from 1 to 65535, not 'eight'."
    )


def test_a_broken_broker_address_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for wrong in ("redis://[::1", "http://localhost:6379", "localhost"):
        monkeypatch.setenv("REDIS_URL", wrong)
        with pytest.raises(ImproperlyConfigured, match=r"^REDIS_URL takes "):
            env.redis_url(tmp_path)


def test_a_database_that_does_not_answer_ends_a_command_with_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "who_is_on_call"],
        cwd=ROOT,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DATA_DIR": str(tmp_path),
            "DATABASE_URL": "postgresql://me:secret-word@127.0.0.1:1/none",
            "SECRET_KEY": "x" * 50,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("watchbill: The database does not answer: ")
    assert done.stderr.rstrip().endswith("Check DATABASE_URL.")
    assert len(done.stderr.splitlines()) == 1
    assert "secret-word" not in done.stderr
