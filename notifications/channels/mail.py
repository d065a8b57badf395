"""Mail over SMTP through Django's mail API. Each sending thread keeps its connection open."""

from __future__ import annotations

import smtplib
import socket
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend

from notifications.channels import Answer
from notifications.channels.clock import AttemptClock, OutOfTime
from notifications.channels.letters import letter
from notifications.enums import Outcome
from notifications.rules.message import Message

FRESH_SECONDS = 2.0
"""A connection used so lately is not asked whether it still lives."""
OLD_SECONDS = 60.0
"""A connection idle for so long is not used again."""

_own = threading.local()
_sessions: set[smtplib.SMTP] = set()


class _Session(smtplib.SMTP):
    """SMTP within an attempt's time that knows whether the message itself was begun: before that, a
    repeat is harmless."""

    data_begun = False

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        _own.guards.enter_context(_own.clock.guard(sock))
        return sock

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.data_begun = True
        return super().data(msg)


class _SessionOverTLS(smtplib.SMTP_SSL, _Session):
    """The same where TLS begins with the connection."""


class Backend(EmailBackend):
    """Django's SMTP backend with the sessions above."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _SessionOverTLS if self.use_ssl else _Session


def send(message: Message, address: str, *, key: str, clock: AttemptClock) -> Answer:
    """Hands one mail to the server. 4xx, timeouts and broken connections are transient; a 5xx for
    the recipient or the message is permanent; one for the sender or the sign-in is our own set-up's
    fault and stays transient, so that the page is not given up for it."""
    mail = letter(message, address, key=key)
    with ExitStack() as guards:
        _own.clock, _own.guards = clock, guards
        return _send(mail, clock)


def _send(mail: EmailMultiAlternatives, clock: AttemptClock) -> Answer:
    try:
        if _reusable():
            try:
                return _hand_over(mail, clock)
            except (smtplib.SMTPServerDisconnected, ConnectionError):
                begun = _data_begun()
                _drop()
                if begun:
                    raise
        _open(clock)
        return _hand_over(mail, clock)
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        return _refused(code, words)
    except smtplib.SMTPDataError as error:
        return _refused(error.smtp_code, error.smtp_error)
    except smtplib.SMTPResponseException as error:
        _drop()
        return Answer(Outcome.TRANSIENT, _words(error.smtp_code, error.smtp_error))
    except (smtplib.SMTPNotSupportedError, ValueError) as error:
        _drop()
        return Answer(Outcome.PERMANENT, f"the address cannot be used: {error}")
    except (smtplib.SMTPException, OSError) as error:
        _drop()
        late = clock.over or isinstance(error, OutOfTime)
        text = "no answer in time" if late else f"{type(error).__name__}: {error}"
        return Answer(Outcome.TRANSIENT, text)


def _refused(code: int, text: bytes | str) -> Answer:
    """The server spoke and the session goes on; only after an odd answer is it dropped."""
    if not 400 <= code < 600:
        _drop()
    return Answer(Outcome.PERMANENT if 500 <= code < 600 else Outcome.TRANSIENT, _words(code, text))


def _words(code: int, text: bytes | str) -> str:
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return " ".join(f"{code} {plain}".split())


def _hand_over(mail: EmailMultiAlternatives, clock: AttemptClock) -> Answer:
    backend: Backend = _own.backend
    session: Any = backend.connection
    session.data_begun = False
    session.sock.settimeout(clock.left())
    _own.guards.enter_context(clock.guard(session.sock))
    if backend.send_messages([mail]) != 1:
        raise ValueError("it is empty")
    _own.used_at = time.monotonic()
    return Answer(
        Outcome.ACCEPTED, "taken by the mail server", provider_id=mail.extra_headers["Message-ID"]
    )


def _place() -> tuple[Any, ...]:
    return (
        settings.EMAIL_HOST,
        settings.EMAIL_PORT,
        settings.EMAIL_HOST_USER,
        settings.EMAIL_USE_TLS,
        settings.EMAIL_USE_SSL,
    )


def _reusable() -> bool:
    backend = getattr(_own, "backend", None)
    if backend is None or getattr(backend.connection, "sock", None) is None:
        return False
    idle = time.monotonic() - _own.used_at
    if idle > OLD_SECONDS or _own.place != _place():
        _drop()
        return False
    if idle < FRESH_SECONDS:
        return True
    with suppress(smtplib.SMTPException, OSError):
        backend.connection.sock.settimeout(1.0)
        if backend.connection.noop()[0] == 250:
            return True
    _drop()
    return False


def _data_begun() -> bool:
    return bool(getattr(_own.backend.connection, "data_begun", False))


def _open(clock: AttemptClock) -> None:
    """Connects, greets and signs in, all within the attempt's time even if the server drips."""
    _drop()
    backend = Backend(timeout=clock.left())
    _own.backend, _own.place, _own.used_at = backend, _place(), time.monotonic()
    backend.open()
    if backend.connection is not None:
        _sessions.add(backend.connection)


def _drop() -> None:
    """Closes this thread's connection without a farewell, which a hung server would not answer."""
    backend = getattr(_own, "backend", None)
    _own.backend = None
    session = getattr(backend, "connection", None)
    if session is not None:
        _sessions.discard(session)
        with suppress(OSError):
            session.close()


def close_all() -> None:
    """Closes every thread's connection, when the process stops sending."""
    while _sessions:
        with suppress(OSError):
            _sessions.pop().close()
