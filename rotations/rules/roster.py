"""Who answers for a team at an instant: one value that incidents' rules read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from directory.rules.roles import RoleHolders
from rotations.enums import Level

ENGINEERING_MANAGER = "engineering-manager"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may be paged. `methods` are the kinds of contact method that can reach them now."""

    id: int
    name: str
    methods: tuple[str, ...] = ()

    @property
    def reachable(self) -> bool:
        return bool(self.methods)


@dataclass(frozen=True, slots=True)
class Roster:
    """A team at an instant: who holds each level, who holds each role, everybody, and who can be reached.

    `on_call` has the holders of each level in the rotas' order; a level without a rota is missing.
    """

    team_id: int
    on_call: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    roles: Mapping[str, RoleHolders] = field(default_factory=dict)
    team: tuple[int, ...] = ()
    people: Mapping[int, Person] = field(default_factory=dict)

    def holder(self, level: str) -> int | None:
        """Who holds the level. The tertiary is the Engineering Manager unless a rota says otherwise (C12)."""
        held = self.on_call.get(level, ())
        if held:
            return held[0]
        if level == Level.TERTIARY:
            managers = self.role_holders(ENGINEERING_MANAGER)
            return managers[0] if managers else None
        return None

    def backup_of(self, level: str) -> int | None:
        """Who stands in: for the primary the secondary, for the secondary the Engineering Manager (X13).

        A person who holds both levels is not their own backup: the next one up is.
        """
        if level == Level.PRIMARY:
            secondary = self.holder(Level.SECONDARY)
            if secondary is not None and secondary != self.holder(level):
                return secondary
        if level in (Level.PRIMARY, Level.SECONDARY):
            return self.holder(Level.TERTIARY)
        return None

    def role(self, slug: str) -> tuple[int, ...]:
        """The role's holders, then its backups. The first is whom to ask first; empty when nobody is named."""
        return self.roles.get(slug, RoleHolders()).everyone

    def role_holders(self, slug: str) -> tuple[int, ...]:
        """The role's holders alone."""
        return self.roles.get(slug, RoleHolders()).holders

    def role_backups(self, slug: str) -> tuple[int, ...]:
        """Those who stand in for the role's holders."""
        return self.roles.get(slug, RoleHolders()).backups

    def reachable(self, user_id: int) -> bool:
        """Whether the person has a way to be reached."""
        person = self.people.get(user_id)
        return person is not None and person.reachable

    @property
    def default_owner(self) -> int | None:
        """Who owns what nobody else does: the primary (C16)."""
        return self.holder(Level.PRIMARY)
