"""What a told history needs: messages that were sent long ago, by no channel of today."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F

from notifications.enums import PageOutState, PageState
from notifications.models import Page, PageOut

ON_THE_WAY = timedelta(milliseconds=400)


def record_as_delivered(*, now: datetime) -> int:
    """Ends every open page that was due by now as delivered, without sending anything. Returns how many.

    For the sample history only, which is played before any process delivers.
    """
    due = Page.objects.filter(state__in=[PageState.PENDING, PageState.HELD], not_before__lte=now)
    page_outs = list(due.values_list("page_out_id", flat=True))
    ended = due.update(
        state=PageState.DELIVERED,
        tries=1,
        sent_at=F("not_before") + ON_THE_WAY,
        delivered_at=F("not_before") + ON_THE_WAY,
        told_at=F("not_before") + ON_THE_WAY,
        answer="delivered, in the sample history",
    )
    PageOut.objects.filter(
        pk__in=page_outs, state__in=[PageOutState.WAITING, PageOutState.HELD]
    ).update(state=PageOutState.SENT, sent_at=F("created_at") + ON_THE_WAY)
    return ended
