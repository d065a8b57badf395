"""Which of a person's ways are used, in which order, when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

MAIL = "mail"


@dataclass(frozen=True, slots=True)
class MethodFacts:
    """A verified, enabled contact method."""

    id: int
    kind: str
    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """One line of a person's notification rules."""

    method_id: int
    after_seconds: int


@dataclass(frozen=True, slots=True)
class Way:
    """One message to be sent: over `channel` to `address`, `after_seconds` from the page's creation.

    `instead_of` names the channel it stands in for because that one is not set up.
    """

    method_id: int | None
    channel: str
    address: str
    after_seconds: int = 0
    instead_of: str = ""


def ways(
    methods: Sequence[MethodFacts],
    rules: Sequence[RuleFacts],
    *,
    channels: Collection[str],
    allowed_kinds: Collection[str] | None = None,
    sign_in_address: str = "",
) -> list[Way]:
    """How a person is reached, in order; empty when there is no way.

    Without rules every method at once. `channels` are those set up. A method of another channel,
    or a person without any method of the allowed kinds, is stood in for by mail: to the person's
    mail method, or to the address of a verified method's owner. The same message is not sent twice
    to one address at one time.
    """
    by_id = {method.id: method for method in methods}
    wanted = [
        (by_id[rule.method_id], rule.after_seconds)
        for rule in sorted(rules, key=lambda rule: rule.after_seconds)
        if rule.method_id in by_id
    ] or [(method, 0) for method in methods]
    allowed = [
        (method, after)
        for method, after in wanted
        if allowed_kinds is None or method.kind in allowed_kinds
    ] or [
        (method, 0) for method in methods if allowed_kinds is None or method.kind in allowed_kinds
    ]
    mail = next((method for method in methods if method.channel == MAIL), None)
    mail_address = mail.address if mail else sign_in_address if methods else ""
    if MAIL not in channels:
        mail_address = ""
    mail_id = mail.id if mail else None
    found: list[Way] = []
    for method, after in allowed:
        if method.channel in channels:
            found.append(Way(method.id, method.channel, method.address, after))
        elif mail_address:
            found.append(Way(mail_id, MAIL, mail_address, after, instead_of=method.channel))
    if not found and mail_address:
        missing = sorted(allowed_kinds)[0] if allowed_kinds and not allowed else ""
        found.append(Way(mail_id, MAIL, mail_address, instead_of=missing))
    return _without_repeats(found)


def _without_repeats(found: list[Way]) -> list[Way]:
    kept: dict[tuple[str, str, int], Way] = {}
    for way in found:
        place = (way.channel, way.address, way.after_seconds)
        before = kept.get(place)
        if before is None or (before.instead_of and not way.instead_of):
            kept[place] = way
    return sorted(kept.values(), key=lambda way: way.after_seconds)
