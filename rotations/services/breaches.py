"""What the proof finds, kept on record from the look that found it to the look that no longer does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from directory.models import User
from rotations.models import Breach
from rotations.rules.proof import Breach as Found


def keep_breaches(
    team_id: int,
    found: Sequence[Found],
    *,
    now: datetime,
    waived: Collection[str] = (),
    waived_by: User | None = None,
    waiver_reason: str = "",
) -> list[Breach]:
    """Writes what is new, brings up to date what stands, ends what is gone. Returns the new rows."""
    standing = {row.key: row for row in Breach.objects.filter(team_id=team_id, gone_at=None)}
    fresh, by_key = [], {one.key: one for one in found}
    for key, one in by_key.items():
        row = standing.pop(key, None)
        if row is None:
            row = Breach(team_id=team_id, key=key, found_at=now)
            fresh.append(row)
        row.rota_id, row.kind, row.clause, row.level = one.rota_id, one.kind, one.clause, one.level
        row.user_ids = list(one.user_ids)
        row.starts_at, row.ends_at = one.starts_at, one.ends_at
        row.blocking, row.said = one.blocking, one.said[:500]
        if key in waived:
            row.waived_by, row.waived_at, row.waived_reason = waived_by, now, waiver_reason
        row.save()
    Breach.objects.filter(pk__in=[row.pk for row in standing.values()]).update(gone_at=now)
    return fresh
