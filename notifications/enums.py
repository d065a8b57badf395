"""The words of the outbox."""

from enum import StrEnum


class Urgency(StrEnum):
    """Which of a person's notification rules apply. High wakes."""

    HIGH = "high"
    LOW = "low"


class Purpose(StrEnum):
    """What a message is for: a page wants an answer, the others only inform."""

    PAGE = "page"
    NOTE = "note"
    DIGEST = "digest"
    CODE = "code"
    TEST = "test"


class PageOutState(StrEnum):
    """Where one person's call stands, over all the ways it is sent."""

    WAITING = "waiting"
    HELD = "held"
    SENT = "sent"
    ANSWERED = "answered"
    SUPERSEDED = "superseded"
    UNREACHABLE = "unreachable"
    COLLAPSED = "collapsed"


class PageState(StrEnum):
    """Where one message over one channel stands."""

    PENDING = "pending"
    HELD = "held"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BUNDLED = "bundled"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    QUARANTINED = "quarantined"


class MethodKind(StrEnum):
    """What a contact method is to the procedure; the channel says how it is reached."""

    PAGER = "pager"
    MAIL = "mail"
    PHONE = "phone"
    WEBHOOK = "webhook"


class Outcome(StrEnum):
    """How an attempt ended. Accepted is a provider's promise, delivered a receipt.

    One that stays begun lost its sender: the message may have left or not.
    """

    BEGUN = "begun"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    TRANSIENT = "transient"
    PERMANENT = "permanent"


class Reply(StrEnum):
    """What a person said to a page."""

    ACKNOWLEDGED = "acknowledged"
    NEED_HELP = "need_help"
    CANNOT_TAKE = "cannot_take"
    UPDATE = "update"


class Lane(StrEnum):
    """Messages of one lane to one address are bundled with each other; direct ones never."""

    HIGH = "high"
    LOW = "low"
    NOTE = "note"
    DIGEST = "digest"
    DIRECT = "direct"


OPEN_PAGES = (PageState.PENDING, PageState.HELD, PageState.SENDING)
"""States from which a page may still go out."""

REACHED = (PageState.SENT, PageState.DELIVERED, PageState.BUNDLED)
"""States of a page that a channel took."""

OPEN_PAGE_OUTS = (PageOutState.WAITING, PageOutState.HELD, PageOutState.SENT)
"""States in which a person's call still sends."""
