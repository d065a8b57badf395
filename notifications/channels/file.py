"""Messages kept as files under DATA_DIR/mail, one .eml each, readable at /outbox/."""

from __future__ import annotations

import hashlib
import os
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings

from notifications.channels import Answer
from notifications.channels.clock import AttemptClock
from notifications.channels.letters import letter
from notifications.enums import Outcome
from notifications.rules.message import Message


def send(message: Message, address: str, *, key: str, clock: AttemptClock) -> Answer:
    """Writes the message as a mail would look. The same key writes the same file once."""
    clock.left()
    folder = mail_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.eml"
    draft = folder / f".{name}.{os.getpid()}"
    draft.touch(mode=0o600)
    with draft.open("wb") as file:
        file.write(letter(message, address, key=key).message().as_bytes())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / name)
    return Answer(Outcome.DELIVERED, "kept as a file", provider_id=name)


def mail_folder() -> Path:
    return Path(settings.DATA_DIR) / "mail"


def kept_letter(name: str) -> EmailMessage | None:
    """A kept message by its file's name, parsed; None when it is gone or no such name can be."""
    if "/" in name or not name.endswith(".eml") or name.startswith("."):
        return None
    try:
        content = (mail_folder() / name).read_bytes()
    except OSError:
        return None
    found = message_from_bytes(content, policy=policy.default)
    return found if isinstance(found, EmailMessage) else None
