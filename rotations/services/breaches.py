"""What the proof finds, kept on record from the look that found it to the look that no longer does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence
from datetime import datetime, timedelta

from directory.models import User
from rotations.models import Breach
from rotations.rules.comparing import matter_of, overlap
from rotations.rules.proof import Breach as Found
from rotations.services.telling import WAKES_WITHIN, tell_gone


def keep_breaches(
    team_id: int,
    found: Sequence[Found],
    *,
    now: datetime,
    until: datetime | None = None,
    horizon: datetime | None = None,
    waived: Collection[str] = (),
    waived_by: User | None = None,
    waiver_reason: str = "",
) -> list[Breach]:
    """Writes what is new, brings up to date what stands, ends what is gone. Returns the new rows.

    The proof looked as far as `until` (None: at everything), which may lie beyond the `horizon` it looks to every
    hour; what is on record beyond that stays. A finding is the same as one on record by its key, or when it is
    about the same and overlaps it. One that was let stand and has grown since is open again, and so is one that
    goes on, a day before the end of what was let stand: nobody let the rest of it stand. Managers who were told
    of one that is gone hear that as well.
    """
    standing = _Standing(team_id)
    fresh, changed = [], []
    matched = [(one, standing.take(one.key)) for one in {one.key: one for one in found}.values()]
    for one, known in matched:
        row = known or standing.take_like(one)
        if row is None:
            row = Breach(team_id=team_id, found_at=now, starts_at=one.starts_at)
            fresh.append(row)
        before = _values(row)
        if row.waived_at is not None and _has_grown(row, one, now=now, horizon=horizon or until):
            row.waived_by, row.waived_reason = None, ""
            row.waived_at = row.waived_until = row.told_at = row.woke_at = None
        row.key, row.rota_id = one.key, one.rota_id
        row.kind, row.clause, row.level = one.kind.value, one.clause, one.level
        row.user_ids = list(one.user_ids)
        # As the proof begins at now, what began before keeps its beginning.
        row.starts_at = min(row.starts_at, one.starts_at) if one.starts_at <= now else one.starts_at
        row.ends_at = one.ends_at
        row.blocking, row.said = one.blocking, one.said[:500]
        if one.key in waived:
            row.waived_by, row.waived_at, row.waived_reason = waived_by, now, waiver_reason
            row.waived_until = one.ends_at
        if row.pk is not None and _values(row) != before:
            changed.append(row)
    gone = [row for row in standing.left() if until is None or row.starts_at < until]
    if gone:
        Breach.objects.filter(pk__in=[row.pk for row in gone]).update(gone_at=now)
    for row in changed:
        row.save()
    Breach.objects.bulk_create(fresh)
    tell_gone(team_id, gone, now=now)
    return fresh


def _has_grown(row: Breach, found: Found, *, now: datetime, horizon: datetime | None) -> bool:
    """Whether it has minutes to come that were not let stand.

    What reached to the horizon when it was let stand is only seen further as the horizon rolls on; a day
    before the end of what was seen it is asked again.
    """
    if found.starts_at < row.starts_at and row.starts_at > now:
        return True
    let_stand_until = row.waived_until or row.ends_at
    if found.ends_at <= let_stand_until:
        return False
    if now >= let_stand_until - WAKES_WITHIN or horizon is None or row.waived_at is None:
        return True
    # What was on record then had been seen by a look some time before.
    return let_stand_until < row.waived_at + (horizon - now) - timedelta(days=1)


def _values(row: Breach) -> tuple[object, ...]:
    return (
        row.key, row.rota_id, row.kind, row.clause, row.level, tuple(row.user_ids), row.starts_at,
        row.ends_at, row.blocking, row.said, row.waived_at, row.waived_until, row.told_at,
    )  # fmt: skip


class _Standing:
    """The team's breaches on record that are not gone; each is taken once."""

    def __init__(self, team_id: int) -> None:
        rows = Breach.objects.filter(team_id=team_id, gone_at=None)
        self._by_key = {row.key: row for row in rows}
        self._alike: dict[Hashable, list[Breach]] = defaultdict(list)
        for row in self._by_key.values():
            self._alike[matter_of(row)].append(row)

    def take(self, key: str) -> Breach | None:
        return self._by_key.pop(key, None)

    def take_like(self, one: Found) -> Breach | None:
        for row in self._alike[matter_of(one)]:
            if row.key in self._by_key and overlap(row, one):
                return self._by_key.pop(row.key)
        return None

    def left(self) -> list[Breach]:
        return list(self._by_key.values())
