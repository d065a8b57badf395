"""What a parcel says, worked out right before it is sent, outside any transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from notifications.enums import OPEN_PAGE_OUTS, Lane, PageState, Purpose
from notifications.links import phone_url
from notifications.models import ContactMethod, Page, PageOut, PagingLimits
from notifications.registry import Provider, Teller, provider_of
from notifications.rendering import (
    code_message,
    render_bundle,
    render_digest,
    render_notes,
    with_html,
)
from notifications.rules.message import Link, Message, message_from_json, one_line
from notifications.services.claiming import Parcel
from notifications.services.contacts import code_of

logger = logging.getLogger(__name__)

ENDED = "it was no longer needed when it came to sending it"
_IN_FULL = (Lane.DIGEST, Lane.NOTE)
"""What has nothing else to be read by: each is said in full, however many."""
LEFT = "the person was deactivated before it came to sending it"


@dataclass(frozen=True, slots=True)
class Letter:
    """A parcel ready to go: its message, the pages it speaks for (the first gives the key), those that
    are not said any more, and what was amiss with the message."""

    parcel: Parcel
    key: str
    message: Message | None
    ended: tuple[int, ...]
    note: str = ""
    left: tuple[int, ...] = ()


def compose(parcels: Sequence[Parcel], *, now: datetime, in_force: PagingLimits) -> list[Letter]:
    """Reads the pages once more, in one query, and says what is still to be said.

    Pages somebody answered or superseded since the claim are left out, and those of people who were
    deactivated since they were called. A provider that fails costs the details, never the page: a
    plain message with the link goes out, and it is loud. What several pages tell of is read at once.
    """
    ids = [page_id for parcel in parcels for page_id in parcel.page_ids]
    pages = {
        page.pk: page
        for page in Page.objects.filter(pk__in=ids, state=PageState.SENDING).select_related(
            "page_out__user"
        )
    }
    tellers = _tellers([page.page_out for page in pages.values()], now)
    return [
        _compose(
            parcel,
            [
                pages[page_id]
                for page_id in parcel.page_ids
                if page_id in pages and pages[page_id].leased_by == parcel.lease
            ],
            tellers,
            now,
            in_force,
        )
        for parcel in parcels
    ]


def _tellers(outs: Sequence[PageOut], now: datetime) -> dict[str, Teller]:
    """By subject type: what builds a message of any of the page-outs.

    Where they cannot be read together, each is read by itself, so that one bad subject costs no other
    page its details.
    """
    tellers = {}
    for subject_type in {out.subject_type for out in outs if _tells_of_its_subject(out)}:
        provider = provider_of(subject_type)
        if provider is None:
            continue
        own = [out for out in outs if out.subject_type == subject_type]
        try:
            tellers[subject_type] = provider(own, now)
        except Exception:
            logger.exception("what %s pages tell could not be read together", len(own))
            tellers[subject_type] = partial(_alone, provider, now)
    return tellers


def _alone(provider: Provider, now: datetime, out: PageOut) -> Message | None:
    return provider([out], now)(out)


def _tells_of_its_subject(out: PageOut) -> bool:
    return out.purpose != Purpose.CODE and not out.message


def _compose(
    parcel: Parcel,
    pages: list[Page],
    tellers: Mapping[str, Teller],
    now: datetime,
    in_force: PagingLimits,
) -> Letter:
    ended = [page.pk for page in pages if page.page_out.state not in OPEN_PAGE_OUTS]
    pages = [page for page in pages if page.page_out.state in OPEN_PAGE_OUTS]
    left = tuple(page.pk for page in pages if _has_left(page.page_out))
    pages = [page for page in pages if page.pk not in left]
    spell_out = in_force.bundle_lists if parcel.lane not in _IN_FULL else len(pages)
    said: list[tuple[Page, Message]] = []
    counted: list[Page] = []
    note = ""
    for page in pages:
        if len(said) >= max(1, spell_out):
            counted.append(page)
            continue
        message, trouble = _message_of(page.page_out, tellers, in_force)
        note = note or trouble
        if message is None:
            ended.append(page.pk)
        else:
            said.append((page, message))
    if not said:
        return Letter(parcel, "", None, tuple(ended), left=left)
    first = said[0][0]
    kept = replace(
        parcel, page_ids=tuple(page.pk for page in [*(page for page, _ in said), *counted])
    )
    message = _as_one([message for _, message in said], len(said) + len(counted), parcel.lane)
    if first.instead_of:
        message = _stand_in(message, first.instead_of)
    return Letter(kept, first.delivery_key, with_html(message), tuple(ended), note, left)


def _has_left(out: PageOut) -> bool:
    return out.user is not None and not out.user.is_active


def _as_one(messages: Sequence[Message], total: int, lane: str) -> Message:
    if total == 1:
        return messages[0]
    if lane == Lane.DIGEST:
        return render_digest(messages)
    return render_notes(messages) if lane == Lane.NOTE else render_bundle(messages, total)


def _message_of(
    out: PageOut, tellers: Mapping[str, Teller], in_force: PagingLimits
) -> tuple[Message | None, str]:
    try:
        return _built(out, tellers, in_force), ""
    except Exception as error:
        logger.exception("the message of page-out %s could not be built", out.pk)
        return _plain(
            out
        ), f"The message could not be built ({type(error).__name__}); a plain one went."


def _built(out: PageOut, tellers: Mapping[str, Teller], in_force: PagingLimits) -> Message | None:
    if out.purpose == Purpose.CODE:
        method = ContactMethod.objects.filter(pk=out.subject_id).first()
        if method is None or method.verified_at or not method.code_salt:
            return None
        return code_message(code_of(method), in_force.code_minutes)
    if out.message:
        return message_from_json(out.message)
    teller = tellers.get(out.subject_type)
    return teller(out) if teller else _plain(out)


def _plain(out: PageOut) -> Message:
    """Enough to act on, and nothing that might be restricted."""
    url = phone_url(out)
    what = one_line(f"{out.severity} page: {out.step_label or out.step_key}")
    return Message(
        subject=what,
        text=f"{what}\n\nSee what it is and answer:\n{url}\n",
        links=(Link("Answer", url),),
        facts={"severity": out.severity, "step": out.step_label, "clause": out.clause},
    )


def _stand_in(message: Message, channel: str) -> Message:
    """Says at the end that this would have come another way."""
    return Message(
        subject=message.subject,
        text=f"{message.text.rstrip()}\n\n(This stands in for {channel}, which is not set up.)\n",
        html=message.html.replace(
            "</body>",
            f'<p class="quiet" style="max-width:560px;margin:0 auto;padding:0 16px 20px;color:#5b616e">'
            f"This stands in for {channel}, which is not set up.</p></body>",
        ),
        links=message.links,
        facts={**message.facts, "instead_of": channel},
    )
