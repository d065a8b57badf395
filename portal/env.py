"""One typed reader for the environment: a wrong value is refused with the variable's name and what it takes."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env


def text(name: str, default: str = "") -> str:
    """The variable, or the content of the file named by NAME_FILE, or the default."""
    path = os.environ.get(f"{name}_FILE")
    if path and name not in os.environ:
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(
                f"{name}_FILE: cannot read {path} ({error.strerror})."
            ) from error
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} takes 1 or 0, not {value!r}.")


def integer(name: str, *, default: int) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isdigit():
        raise ImproperlyConfigured(f"{name} takes a whole number, not {value!r}.")
    return int(value)


def words(name: str, *, default: list[str]) -> list[str]:
    value = text(name)
    return [word.strip() for word in value.split(",") if word.strip()] if value else default


def folder(name: str, default: Path) -> Path:
    value = text(name)
    return Path(value).expanduser().resolve() if value else default


def host_of(url: str) -> str:
    host = urlsplit(url).hostname
    if not host:
        raise ImproperlyConfigured(
            f"BASE_URL takes an address like https://watchbill.example.org, not {url!r}."
        )
    return host


def secret_key(data_dir: Path, *, embedded: bool) -> str:
    value = text("SECRET_KEY")
    if value:
        return value
    if not embedded:
        raise ImproperlyConfigured(
            "SECRET_KEY is required with DATABASE_URL: a long random text, the same on each host."
        )
    path = data_dir / "secret_key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text().strip()


def database(data_dir: Path) -> dict[str, Any]:
    url = text("DATABASE_URL")
    if not url:
        marker = data_dir / "postgres.url"
        url = (
            marker.read_text().strip()
            if marker.exists()
            else "postgresql://watchbill@localhost/watchbill"
        )
    config: dict[str, Any] = dict(Env.db_url_config(url))
    if not str(config.get("ENGINE", "")).endswith("postgresql"):
        raise ImproperlyConfigured("DATABASE_URL takes postgresql://user:password@host:port/name.")
    config["CONN_MAX_AGE"] = 600
    config["CONN_HEALTH_CHECKS"] = True
    return config


def redis_url(data_dir: Path) -> str:
    url = text("REDIS_URL")
    if url:
        return url
    marker = data_dir / "valkey.url"
    return marker.read_text().strip() if marker.exists() else "redis://localhost:6379/0"


def mail_server(url: str) -> dict[str, Any]:
    """Django's mail settings from EMAIL_URL; empty means mail is kept as files."""
    if not url:
        return {}
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in {"smtp", "smtps", "smtp+tls"} or not parts.hostname or port == 0:
        raise ImproperlyConfigured(
            "EMAIL_URL takes smtp://user:password@host:port, smtp+tls:// for STARTTLS or smtps:// for TLS."
        )
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }
