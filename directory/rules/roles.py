"""Who holds a role of the procedure for a team."""

from __future__ import annotations

from typing import NamedTuple


class RoleHolders(NamedTuple):
    """User ids: those who hold the role, and those who stand in when none of them answers."""

    holders: tuple[int, ...] = ()
    backups: tuple[int, ...] = ()

    @property
    def everyone(self) -> tuple[int, ...]:
        """Holders, then backups, each once."""
        return tuple(dict.fromkeys(self.holders + self.backups))
