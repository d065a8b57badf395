"""People, teams and what they look after."""

from directory.models.service import Service
from directory.models.team import Membership, RoleHolder, Team, TeamChannel
from directory.models.token import ApiToken
from directory.models.user import User, UserManager

__all__ = [
    "ApiToken",
    "Membership",
    "RoleHolder",
    "Service",
    "Team",
    "TeamChannel",
    "User",
    "UserManager",
]
