"""The names of the groups and of the object permissions that bind them to a team."""

from enum import StrEnum


class Role(StrEnum):
    """A group of people; what each may do stands in the groups' migration."""

    ADMIN = "Admin"
    MANAGER = "Manager"
    ENGINEER = "Engineer"
    RESPONDER = "Responder"
    AUDITOR = "Auditor"


class TeamPermission(StrEnum):
    """An object permission on a team, held by one person."""

    MANAGE = "manage_team"
    RESPOND = "respond_for_team"


class Scope(StrEnum):
    """What a token is narrowed to; without any it may all that its person may."""

    READ = "read"
