"""The rules as rows: the draft, its published versions, and the ledger of outcomes."""

from procedures.models.clause import Clause
from procedures.models.outcome import Outcome
from procedures.models.path import EscalationPath, EscalationStep, RepeatExtra
from procedures.models.people import ChatChannel, Role, RoleMethod, RotaRule
from procedures.models.procedure import Procedure
from procedures.models.response import (
    LogLocation,
    Phase,
    PhaseItem,
    Playbook,
    PlaybookAction,
    Recipe,
    RecipeStep,
    Runbook,
)
from procedures.models.setting import Setting
from procedures.models.severity import Criterion, Severity
from procedures.models.version import ProcedureVersion
from procedures.models.writing import (
    Checklist,
    ChecklistItem,
    MessageTemplate,
    PostmortemField,
    PostmortemSection,
    WarRoomRole,
    WarRoomTrigger,
)

__all__ = [
    "ChatChannel",
    "Checklist",
    "ChecklistItem",
    "Clause",
    "Criterion",
    "EscalationPath",
    "EscalationStep",
    "LogLocation",
    "MessageTemplate",
    "Outcome",
    "Phase",
    "PhaseItem",
    "Playbook",
    "PlaybookAction",
    "PostmortemField",
    "PostmortemSection",
    "Procedure",
    "ProcedureVersion",
    "Recipe",
    "RecipeStep",
    "RepeatExtra",
    "Role",
    "RoleMethod",
    "RotaRule",
    "Runbook",
    "Setting",
    "Severity",
    "WarRoomRole",
    "WarRoomTrigger",
]
