"""Webhook: the message as signed JSON, POSTed to the person's own address."""

from __future__ import annotations

import hmac
import http.client
import json
import time

from django.conf import settings

from notifications import egress
from notifications.channels import Answer
from notifications.channels.clock import AttemptClock
from notifications.enums import Outcome
from notifications.rules.message import Message

TRANSIENT_STATUS = frozenset({408, 421, 425, 429})


def secret_for(address: str) -> str:
    """The secret a receiver checks signatures with; shown to the method's owner."""
    material = f"watchbill.webhook\0{address}".encode()
    return hmac.digest(settings.SECRET_KEY.encode(), material, "sha256").hex()


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """What `X-Watchbill-Signature` holds: `t=TIMESTAMP,v1=HEX` over `TIMESTAMP.BODY`, HMAC-SHA256."""
    digest = hmac.digest(secret.encode(), str(timestamp).encode() + b"." + body, "sha256").hex()
    return f"t={timestamp},v1={digest}"


def send(message: Message, address: str, *, key: str, clock: AttemptClock) -> Answer:
    """POSTs once. 2xx is accepted; 408, 421, 425, 429, 5xx and broken connections are transient;
    everything else, and an address the portal does not connect to, is permanent."""
    body = json.dumps(
        {
            "key": key,
            "subject": message.subject,
            "text": message.text,
            "links": [{"label": link.label, "url": link.url} for link in message.links],
            "facts": dict(message.facts),
        },
        ensure_ascii=True,
    ).encode()
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Watchbill",
        "Idempotency-Key": key,
        "X-Watchbill-Signature": signature(secret_for(address), timestamp, body),
    }
    try:
        reply = egress.request("POST", address, clock=clock, body=body, headers=headers)
    except egress.EgressRefused as error:
        return Answer(Outcome.PERMANENT, str(error))
    except ValueError as error:
        return Answer(Outcome.PERMANENT, f"the address cannot be used: {error}")
    except (OSError, http.client.HTTPException) as error:
        late = clock.over
        return Answer(
            Outcome.TRANSIENT, "no answer in time" if late else f"{type(error).__name__}: {error}"
        )
    text = f"HTTP {reply.status}"
    if 200 <= reply.status < 300:
        return Answer(
            Outcome.ACCEPTED, text, provider_id=reply.headers.get("x-request-id", "")[:200]
        )
    if reply.status in TRANSIENT_STATUS or reply.status >= 500:
        return Answer(
            Outcome.TRANSIENT, text, retry_after=_seconds(reply.headers.get("retry-after", ""))
        )
    return Answer(Outcome.PERMANENT, text)


def _seconds(value: str) -> float | None:
    return float(value) if value.isascii() and value.isdigit() and len(value) < 7 else None
