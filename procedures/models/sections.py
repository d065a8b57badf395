"""Which table of the document is kept in which rows."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models

from procedures.models.clause import Clause
from procedures.models.path import EscalationPath, EscalationStep, RepeatExtra
from procedures.models.people import ChatChannel, Role, RoleMethod, RotaRule
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
from procedures.models.writing import (
    Checklist,
    ChecklistItem,
    MessageTemplate,
    PostmortemField,
    PostmortemSection,
    WarRoomRole,
    WarRoomTrigger,
)
from procedures.rules import document as facts


@dataclass(frozen=True, slots=True)
class Section:
    """One list of the document: its key, its shape, its rows, and the lists inside each item."""

    key: str
    shape: type[facts.Facts]
    model: type[models.Model]
    parent: str = "procedure"
    children: tuple[Section, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields an item and its row share, in the document's order."""
        inner = {child.key for child in self.children}
        return tuple(name for name in self.shape.model_fields if name not in inner)


SECTIONS: tuple[Section, ...] = (
    Section(
        "severity",
        facts.SeverityFacts,
        Severity,
        children=(Section("criterion", facts.CriterionFacts, Criterion, "severity"),),
    ),
    Section(
        "path",
        facts.PathFacts,
        EscalationPath,
        children=(
            Section("step", facts.StepFacts, EscalationStep, "path"),
            Section("repeat", facts.RepeatFacts, RepeatExtra, "path"),
        ),
    ),
    Section(
        "role",
        facts.RoleFacts,
        Role,
        children=(Section("method", facts.MethodFacts, RoleMethod, "role"),),
    ),
    Section("rota", facts.RotaFacts, RotaRule),
    Section("channel", facts.ChannelFacts, ChatChannel),
    Section(
        "phase",
        facts.PhaseFacts,
        Phase,
        children=(Section("item", facts.ItemFacts, PhaseItem, "phase"),),
    ),
    Section("log_location", facts.LogLocationFacts, LogLocation),
    Section(
        "recipe",
        facts.RecipeFacts,
        Recipe,
        children=(Section("step", facts.ItemFacts, RecipeStep, "recipe"),),
    ),
    Section(
        "postmortem_section",
        facts.PostmortemSectionFacts,
        PostmortemSection,
        children=(Section("field", facts.PostmortemFieldFacts, PostmortemField, "section"),),
    ),
    Section("template", facts.TemplateFacts, MessageTemplate),
    Section(
        "checklist",
        facts.ChecklistFacts,
        Checklist,
        children=(Section("item", facts.ItemFacts, ChecklistItem, "checklist"),),
    ),
    Section("war_room_trigger", facts.WarRoomTriggerFacts, WarRoomTrigger),
    Section("war_room_role", facts.WarRoomRoleFacts, WarRoomRole),
    Section(
        "playbook",
        facts.PlaybookFacts,
        Playbook,
        children=(Section("action", facts.ItemFacts, PlaybookAction, "playbook"),),
    ),
    Section("runbook", facts.RunbookFacts, Runbook),
    Section("setting", facts.SettingFacts, Setting),
    Section("clause", facts.ClauseFacts, Clause),
)
HEAD: tuple[str, ...] = tuple(facts.ProcedureFacts.model_fields)
