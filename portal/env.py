"""One typed reader for the environment: a wrong value is refused with the variable's name and what it takes."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

MAIL_SCHEMES = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def text(name: str, default: str = "") -> str:
    """The variable, or the content of the file named by NAME_FILE, or the default."""
    path = os.environ.get(f"{name}_FILE", "").strip()
    if path and not os.environ.get(name, "").strip():
        try:
            return Path(path).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise ImproperlyConfigured(
                f"{name}_FILE takes a readable file, not {path} ({reason})."
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


def integer(name: str, *, default: int, least: int = 0, most: int = 2**31 - 1) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise ImproperlyConfigured(
            f"{name} takes a whole number from {least} to {most}, not {value!r}."
        )
    return int(value)


def choice(name: str, allowed: list[str], *, default: str) -> str:
    value = text(name, default).upper()
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} takes one of {', '.join(allowed)}, not {value!r}.")
    return value


def words(name: str, *, default: list[str]) -> list[str]:
    """Values separated by commas."""
    value = text(name)
    return [word.strip() for word in value.split(",") if word.strip()] if value else default


def folder(name: str, default: Path) -> Path:
    value = text(name)
    path = Path(value).expanduser().resolve() if value else default
    if path.exists() and not path.is_dir():
        raise ImproperlyConfigured(f"{name} takes a folder; {path} is a file.")
    return path


def address(name: str, *, default: str = "") -> str:
    """An http or https address without a slash at its end, or the default."""
    value = text(name, default).rstrip("/")
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ImproperlyConfigured(
            f"{name} takes an address like https://watchbill.example.org, not {_shown(value)!r}."
        )
    return value


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def prefixed(prefix: str) -> dict[str, str]:
    """Every variable whose name begins with the prefix, files included, by the rest of its name."""
    names = {name.removesuffix("_FILE") for name in os.environ if name.startswith(prefix)}
    return {name.removeprefix(prefix): text(name) for name in sorted(names)}


def secret_key(data_dir: Path, *, embedded: bool) -> str:
    """The key of SECRET_KEY, or with the embedded database one that is made once and kept."""
    value = text("SECRET_KEY")
    if value:
        if len(value) < 32:
            raise ImproperlyConfigured("SECRET_KEY takes at least 32 characters, hard to guess.")
        return value
    if not embedded:
        raise ImproperlyConfigured(
            "SECRET_KEY is required with DATABASE_URL: a long random text, the same on each host."
        )
    path = data_dir / "secret_key"
    kept = read_marker(path)
    if kept:
        return kept
    made = secrets.token_urlsafe(50)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(made)
    except OSError as error:
        raise ImproperlyConfigured(
            f"DATA_DIR takes a folder that can be written; {data_dir} cannot ({error.strerror})."
        ) from error
    return made


def database(data_dir: Path) -> dict[str, Any]:
    """The outside server of DATABASE_URL, or the embedded one, whose address lies in the data folder."""
    url = text("DATABASE_URL") or read_marker(data_dir / "postgres.url")
    return database_config(url or "postgresql://watchbill@localhost/watchbill")


def database_config(url: str) -> dict[str, Any]:
    """Django's settings of one database, with limits on every wait."""
    try:
        config: dict[str, Any] = dict(Env.db_url_config(url))
    except (ValueError, KeyError):
        config = {}
    if not str(config.get("ENGINE", "")).endswith("postgresql") or not config.get("NAME"):
        raise ImproperlyConfigured("DATABASE_URL takes postgresql://user:password@host:port/name.")
    config["HOST"] = unquote(str(config["HOST"]))  # a socket's folder comes as %2Fvar%2Frun
    config["CONN_MAX_AGE"] = 600
    config["CONN_HEALTH_CHECKS"] = True
    config["OPTIONS"] = {
        "options": (
            "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=15s"
        ),
        "connect_timeout": 5,
        "keepalives": 1,
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20000,
        "application_name": "watchbill",
        **config.get("OPTIONS", {}),
    }
    return config


def redis_url(data_dir: Path) -> str:
    """The outside server of REDIS_URL, or the embedded one, whose address lies in the data folder."""
    url = text("REDIS_URL") or read_marker(data_dir / "valkey.url") or "redis://localhost:6379/0"
    try:
        good = urlsplit(url).scheme in {"redis", "rediss"}
    except ValueError:
        good = False
    if not good:
        raise ImproperlyConfigured("REDIS_URL takes redis://:password@host:port/0 or rediss://….")
    return url


def email(name: str = "EMAIL_URL") -> dict[str, Any]:
    """Django's mail settings; without an address, mail is kept as files."""
    url = text(name)
    if not url:
        return {}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in MAIL_SCHEMES or not parts.hostname:
        raise ImproperlyConfigured(
            f"{name} takes smtp://user:password@host:port, smtp+tls://… (STARTTLS) or smtps://… (TLS)."
        )
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or MAIL_SCHEMES[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 8,
    }


def read_marker(path: Path) -> str:
    """What an embedded server left there; empty when it has never run or is somebody else's."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _shown(url: str) -> str:
    """Without what may be a password."""
    return url.rpartition("@")[2]
