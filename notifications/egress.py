"""The guard on the way out. Every connection a Python library makes in this process passes here.

An audit hook sees each `socket.connect`, also of libraries that make their own connections, and
refuses what is neither public nor allowed. It is installed in `AppConfig.ready`, so that no process
that sends — web, worker, beat, clock, commands — can forget it; an audit hook cannot be removed.
Allowed beyond the public internet: our own database, broker, mail server and BASE_URL, the addresses
an operator set in the environment, and the rows of `AllowedTarget`.
"""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from django.conf import settings

from notifications.channels.clock import AttemptClock
from notifications.models import AllowedTarget
from notifications.rules.addresses import is_public, unwrap

logger = logging.getLogger(__name__)

DEFAULT_PORTS = {
    "http": 80, "https": 443, "redis": 6379, "rediss": 6379, "postgresql": 5432, "smtp": 25,
    "smtps": 465, "smtp+tls": 587,
}  # fmt: skip
SETTINGS_WITH_URLS = (
    "BASE_URL", "REDIS_URL", "EMAIL_URL", "HEARTBEAT_URL", "SLACK_API_URL", "PAGERDUTY_EVENTS_URL",
)  # fmt: skip
RESOLVED_FOR_SECONDS = 60.0
LOOK_AGAIN_AFTER_SECONDS = 5.0
MAX_REDIRECTS = 3
MAX_BYTES = 1_000_000
MAX_HEADERS = 100


class EgressRefused(PermissionError):
    """The portal does not connect there; the text names the target and what would allow it."""


Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Target:
    """A host name, address or network that may be reached; without a port, every port."""

    host: str
    port: int | None


_lock = threading.Lock()
_rows: tuple[Target, ...] = ()
_rows_read_at = -1e9
_resolved: dict[str, tuple[float, frozenset[str]]] = {}
_installed = False


def install() -> None:
    """Installs the audit hook, once per process. `settings.EGRESS_GUARD` turns its judgement off."""
    global _installed  # noqa: PLW0603 - an audit hook is for the whole process
    if not _installed:
        _installed = True
        sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event not in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        return
    sock, address = args[0], args[-1] if event != "socket.connect" else args[1]
    if not isinstance(address, tuple) or len(address) < 2 or not address[0]:
        return
    if sock.family not in {socket.AF_INET, socket.AF_INET6} or not settings.EGRESS_GUARD:
        return
    check(str(address[0]), int(address[1]))


def check(address: str, port: int) -> None:
    """Raises EgressRefused for an address that is neither public nor allowed; a name is judged by
    every address it has."""
    found = {address} if _network(address) else _addresses_of(address)
    for candidate in found:
        if is_public(candidate) or is_allowed(candidate, port):
            continue
        if _resolve_again() and is_allowed(candidate, port):
            continue
        logger.warning("refused to connect to %s port %s", address, port)
        raise EgressRefused(
            f"{address} port {port} is not on the public internet; an admin can allow it as a target."
        )


def is_allowed(address: str, port: int) -> bool:
    """Whether one of our own servers, or a row of the admin's, covers the address."""
    ip = unwrap(address)
    for target in targets():
        if target.port not in {None, port}:
            continue
        network = _network(target.host)
        if network is not None and ip in network:
            return True
        if network is None and str(ip) in _addresses_of(target.host):
            return True
    return False


def targets() -> tuple[Target, ...]:
    """Our own servers, from the settings, and the admin's rows as last read."""
    own = [_target_of(str(getattr(settings, name, "") or "")) for name in SETTINGS_WITH_URLS]
    database = settings.DATABASES["default"]
    host = str(database.get("HOST") or "")
    if host and not host.startswith("/"):
        own.append(Target(host, int(database.get("PORT") or 5432)))
    own.append(Target("127.0.0.1", settings.PORT))
    if settings.EMBEDDED:
        own.append(_target_of(_embedded_broker()))
    extra = [_target_of(url) for url in getattr(settings, "EGRESS_ALLOWED_URLS", ())]
    return (*(target for target in (*own, *extra) if target), *_rows)


def _embedded_broker() -> str:
    """Where the broker that comes along listens now; the one who starts it learns that last."""
    try:
        return (Path(settings.DATA_DIR) / "valkey.url").read_text().strip()
    except OSError:
        return ""


def read_rows(*, older_than: float = 30.0) -> None:
    """Reads the admin's rows when the last reading is older than so many seconds.

    Needs the database, so it is called by the loops that send and not by the hook.
    """
    global _rows, _rows_read_at  # noqa: PLW0603 - the hook must not ask the database
    if time.monotonic() - _rows_read_at < older_than:
        return
    _rows = tuple(
        Target(host.strip(), port)
        for host, port in AllowedTarget.objects.values_list("host", "port")
    )
    _rows_read_at = time.monotonic()


def _target_of(url: str) -> Target | None:
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.hostname:
            return Target(parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme))
    return None


def _network(host: str) -> Network | None:
    try:
        return ip_network(host.partition("%")[0], strict=False)
    except ValueError:
        return None


def _addresses_of(host: str) -> frozenset[str]:
    known = _resolved.get(host)
    if known and time.monotonic() - known[0] < RESOLVED_FOR_SECONDS:
        return known[1]
    found = _lookup(host)
    with _lock:
        _resolved[host] = (time.monotonic(), found)
    return found


def _lookup(host: str) -> frozenset[str]:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return frozenset(str(unwrap(str(answer[4][0]))) for answer in answers)
    except (OSError, ValueError, UnicodeError):
        return frozenset()


def _resolve_again() -> bool:
    """Forgets what names resolved to, at most every few seconds: a server may have moved."""
    now = time.monotonic()
    with _lock:
        stale = [host for host, (at, _) in _resolved.items() if now - at > LOOK_AGAIN_AFTER_SECONDS]
        for host in stale:
            del _resolved[host]
    return bool(stale)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. Header names are lower case; the body is cut at the cap."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


def request(
    method: str,
    url: str,
    *,
    clock: AttemptClock,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    max_bytes: int = MAX_BYTES,
) -> Reply:
    """The one HTTP client: resolves, judges every address, connects to the judged one, and does so
    again at each of at most three redirects. Caps the time (`clock`) and the size of the answer.

    A redirect of 307 or 308 repeats the request, the others go on with GET and without the body;
    another host is not given the headers. Raises EgressRefused, OutOfTime or OSError;
    http.client.HTTPException for what is not HTTP; ValueError for a URL that is none.
    """
    sent = dict(headers or {})
    for _ in range(MAX_REDIRECTS + 1):
        parts = _checked(url)
        reply = _once(method, parts, body, sent, clock, max_bytes)
        place = reply.headers.get("location")
        if reply.status not in {301, 302, 303, 307, 308} or not place:
            return reply
        following = urljoin(url, place)
        if reply.status not in {307, 308}:
            method, body = ("GET" if method != "HEAD" else method), b""
        before, after = parts, _checked(following)
        if (before.scheme, before.netloc) != (after.scheme, after.netloc):
            sent = {}
        url = following
    raise EgressRefused(f"more than {MAX_REDIRECTS} redirects")


def _checked(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("an address like https://host/path is needed, without a password in it")
    if any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise ValueError("the address contains blanks or control characters")
    _ = parts.port
    return parts


def _once(
    method: str,
    parts: SplitResult,
    body: bytes,
    headers: Mapping[str, str],
    clock: AttemptClock,
    max_bytes: int,
) -> Reply:
    host = parts.hostname or ""
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    connection = http.client.HTTPConnection(host, port)
    path = parts.path or "/"
    if parts.query:
        path = f"{path}?{parts.query}"
    raw = _connect(host, port, clock)
    with raw, clock.guard(raw):
        sock: socket.socket = raw
        if parts.scheme == "https":
            sock = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
        with sock:
            connection.sock = sock
            connection.request(method, path, body=body or None, headers=dict(headers))
            answer = connection.getresponse()
            content = answer.read(max_bytes)
            found = {name.lower(): value for name, value in answer.getheaders()[:MAX_HEADERS]}
            answer.close()
            clock.left()
            return Reply(answer.status, found, content, parts.geturl())


def _connect(host: str, port: int, clock: AttemptClock) -> socket.socket:
    """Connects to the first address that is permitted and answers. A name with any inner address is
    judged address by address: what is connected to is what was judged."""
    refused: EgressRefused | None = None
    failed: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        if settings.EGRESS_GUARD:
            try:
                check(str(address[0]), port)
            except EgressRefused as error:
                refused = error
                continue
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(clock.left())
            sock.connect(address)
        except OSError as error:
            sock.close()
            failed = error
            continue
        return sock
    raise failed or refused or OSError(f"{host} has no address")
