"""People, teams and services in the admin."""

from directory.admin.people import GroupAdmin, PersonAdmin
from directory.admin.services import ServiceAdmin
from directory.admin.teams import TeamAdmin
from directory.admin.tokens import ApiTokenAdmin

__all__ = ["ApiTokenAdmin", "GroupAdmin", "PersonAdmin", "ServiceAdmin", "TeamAdmin"]
