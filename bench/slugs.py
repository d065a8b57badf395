"""How the bench's services are called: known to who makes them and to who sends their alerts."""

TEAMS = 300
"""Each has one person on call: at 20 alerts a second nobody is paged twice within 15 s."""
HANDS = "bench-hands"
"""The service of the large team."""


def slug_of(number: int) -> str:
    """The service of a team."""
    return f"bench-{number % TEAMS}"
