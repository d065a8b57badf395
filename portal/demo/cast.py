"""Who and what the sample team is, as plain facts. Every address ends in `.invalid`, which no mail can reach."""

from __future__ import annotations

from dataclasses import dataclass

DOMAIN = "mother-harness.invalid"
TEAM_SLUG = "mother-harness"
TEAM_NAME = "Mother-Harness"
ZONE = "Europe/Berlin"
HOLIDAY_COUNTRY = "DE"


@dataclass(frozen=True, slots=True)
class Character:
    """A person of the sample team. `groups` are the names of `contract.md`'s roles."""

    login: str
    name: str
    group: str
    member: bool = True

    @property
    def email(self) -> str:
        return f"{self.login}@{DOMAIN}"


ENGINEERS = (
    Character("ada", "Ada Okafor", "Engineer"),
    Character("ben", "Ben Lindqvist", "Engineer"),
    Character("chiara", "Chiara Rossi", "Engineer"),
    Character("deniz", "Deniz Yıldız", "Engineer"),
    Character("emeka", "Emeka Obi", "Engineer"),
    Character("farah", "Farah Haddad", "Engineer"),
    Character("goran", "Goran Petrov", "Engineer"),
    Character("hana", "Hana Sato", "Engineer"),
)
MANAGER = Character("ingrid", "Ingrid Solberg", "Manager")
VP = Character("joaquin", "Joaquín Marín", "Responder", member=False)
CTO = Character("petra", "Petra Horváth", "Responder", member=False)
CISO = Character("katarzyna", "Katarzyna Nowak", "Responder", member=False)
SECURITY = (
    Character("liam", "Liam Byrne", "Responder", member=False),
    Character("mei", "Mei Chen", "Responder", member=False),
)
LEGAL = Character("noor", "Noor Aziz", "Responder", member=False)
PR = Character("oskar", "Oskar Weiss", "Responder", member=False)
CHIEF = Character("priya", "Priya Raman", "Responder", member=False)
INFRASTRUCTURE = Character("samir", "Samir Khoury", "Responder", member=False)
OUTSIDER = Character("quentin", "Quentin Dubois", "Engineer", member=False)
AUDITOR = Character("ruth", "Ruth Adler", "Auditor", member=False)
ADMIN = Character("admin", "Site Admin", "Admin", member=False)

EVERYBODY = (
    *ENGINEERS, MANAGER, VP, CTO, CISO, *SECURITY, LEGAL, PR, CHIEF, INFRASTRUCTURE, OUTSIDER, AUDITOR, ADMIN,
)  # fmt: skip

# role of the procedure -> holder, backup
ROLE_HOLDERS = {
    "engineering-manager": (MANAGER, ENGINEERS[0]),
    "vp-engineering": (VP, CTO),
    "ciso": (CISO, SECURITY[0]),
    "security-team": (SECURITY[0], SECURITY[1]),
    "legal": (LEGAL, None),
    "pr": (PR, None),
    "c-level": (CHIEF, CTO),
    "infrastructure": (INFRASTRUCTURE, ENGINEERS[2]),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A service of the platform."""

    slug: str
    name: str
    user_facing: bool
    experts: tuple[Character, ...]
    what: str


SERVICES = (
    Part(
        "orchestrator",
        "Orchestrator",
        True,
        (ENGINEERS[0], ENGINEERS[4]),
        "Plans and runs every task.",
    ),
    Part("docling", "Docling", False, (ENGINEERS[1],), "Turns documents into text."),
    Part(
        "redis-stack",
        "Redis Stack",
        False,
        (ENGINEERS[2], ENGINEERS[6]),
        "Task data, queues and caches.",
    ),
    Part("dashboard", "Dashboard", True, (ENGINEERS[3],), "What people look at."),
    Part("agents", "Agents", True, (ENGINEERS[5], ENGINEERS[7]), "The workers that do the tasks."),
    Part("n8n", "n8n", False, (ENGINEERS[6],), "Workflows to and from other systems."),
)
