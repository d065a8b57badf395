"""Taking an incident, talking about it, asking for help."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from deadlines import failpoint
from deadlines.extension import PORTAL, Actor
from deadlines.models import Deadline
from deadlines.queries import open_promises
from deadlines.services import cancel, settle
from directory.models import Service, User
from directory.queries import calendar_of, names_of
from incidents.enums import EntryKind, Promised, RoleName, Status, UpdateKind
from incidents.events import incident_acknowledged, update_posted
from incidents.models import Incident, IncidentRole, TimelineEntry
from incidents.permissions import Verb, grant_sight
from incidents.queries.facts import facts_of, policy_of_incident
from incidents.rules.escalation import (
    call_all_hands,
    call_experts,
    call_fallback,
    next_step,
    step_of_person,
)
from incidents.rules.texts import clean_text
from incidents.services.errors import VerbRefused
from incidents.services.paging import HANDOVER, call_in, fire_now, promise_handover, send
from incidents.services.record import (
    SUBJECT,
    allowed,
    change_status,
    keep,
    locked,
    note_in_run,
    staff_of,
    write_entry,
)
from incidents.services.updating import start_next_update
from notifications.enums import OPEN_PAGE_OUTS, Purpose, Reply
from notifications.models import PageOut
from notifications.services import answer_page, supersede
from procedures.rules.policy import Path, Step

SAME_TAP = timedelta(minutes=2)


@transaction.atomic
def acknowledge(incident_id: int, *, actor: Actor, now: datetime) -> Incident:
    """Somebody takes the incident (C39, C77): the paging stops, the clock of “unresolved” goes on (C73).

    Settles the acknowledgment, cancels what waits for it, supersedes pages not yet sent. A second
    person's acknowledgment stops their pages too; the first one stays the owner unless they declined.
    Saying it twice changes nothing. An incident that its source resolved can still be acknowledged.
    """
    incident = locked(incident_id)
    user = allowed(actor, Verb.ACKNOWLEDGE, incident)
    if user is not None and user.pk in incident.run.get("engaged", []):
        return incident
    if user is None and incident.status != Status.TRIGGERED:
        return incident
    if incident.status == Status.CLOSED:
        raise VerbRefused("closed", "The incident is closed.")
    first = incident.acknowledged_at is None
    if user is not None:
        note_in_run(incident, "engaged", user.pk)
        _back_in(incident, user.pk)
    if first:
        incident.acknowledged_at = now
        incident.acknowledged_by = user
    if incident.status == Status.TRIGGERED:
        change_status(incident, Status.ACKNOWLEDGED, "It cannot be acknowledged any more.")
    if user is not None and (first or incident.owner_id is None or _waits_for_somebody(incident)):
        incident.owner = user
    incident.run.pop("handover", None)
    if user is not None:
        _answer_own_pages(incident, user, now=now)
    _stop_paging(incident, actor, now=now)
    write_entry(
        incident,
        EntryKind.ACKNOWLEDGED,
        f"{actor.label} acknowledged." if first else f"{actor.label} answers too.",
        actor=actor,
        now=now,
        clause=policy_of_incident(incident).severity(incident.severity).acknowledge_clause,
        data={"first": first},
    )
    keep(incident)
    if first:
        incident_acknowledged.announce(
            incident_id=incident.pk, now=now.isoformat(), user_id=user.pk if user else None
        )
    failpoint.reached("before-acknowledgment-commits")
    return incident


def _waits_for_somebody(incident: Incident) -> bool:
    return "handover" in incident.run or incident.owner_id in incident.run.get("declined", [])


def _answer_own_pages(incident: Incident, user: User, *, now: datetime) -> None:
    """Wherever somebody acknowledges, the pages that called them are answered."""
    own = PageOut.objects.filter(
        subject_type=SUBJECT,
        subject_id=incident.pk,
        user=user,
        purpose=Purpose.PAGE,
        state__in=OPEN_PAGE_OUTS,
    )
    for page_out_id in own.order_by("id").values_list("id", flat=True):
        answer_page(page_out_id, Reply.ACKNOWLEDGED, now=now)


def _back_in(incident: Incident, user_id: int) -> None:
    declined = incident.run.get("declined", [])
    if user_id in declined:
        declined.remove(user_id)


def _stop_paging(incident: Incident, actor: Actor, *, now: datetime) -> None:
    settle(
        SUBJECT, incident.pk, kinds=[Promised.ACKNOWLEDGE], now=now, evidence={"by": actor.label}
    )
    cancel(
        SUBJECT,
        incident.pk,
        kinds=[Promised.REPEAT, Promised.OPENING],
        now=now,
        reason="acknowledged",
    )
    waiting = [
        deadline.key
        for deadline in _pending_steps(incident)
        if deadline.payload.get("waits") in ("unacknowledged", HANDOVER)
    ]
    if waiting:
        cancel(SUBJECT, incident.pk, keys=waiting, now=now, reason="acknowledged")
    supersede(SUBJECT, incident.pk, now=now, reason=f"{actor.label} acknowledged")


def _pending_steps(incident: Incident) -> QuerySet[Deadline]:
    return open_promises(SUBJECT, [incident.pk]).filter(kind=Promised.STEP)


@transaction.atomic
def post_update(
    incident_id: int, *, text: str, actor: Actor, now: datetime, kind: str = UpdateKind.STATUS.value
) -> TimelineEntry:
    """An update for those who follow. The first findings settle the first update (C40) and start the
    cadence (X20); every later one settles the update that is due and starts the next (C132 to C134).

    The same words of the same person within two minutes are one update.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.UPDATE, incident)
    try:
        word = UpdateKind(kind)
    except ValueError:
        raise VerbRefused(
            "unknown_kind", 'An update is "initial", "status" or "findings".'
        ) from None
    words = clean_text(text)
    if not words:
        raise VerbRefused("no_text", "Write what is known, even if it is “still looking”.")
    if (same := _said_before(incident, actor, words, now, EntryKind.UPDATE)) is not None:
        return same
    severity = policy_of_incident(incident).severity(incident.severity)
    first = word == UpdateKind.FINDINGS and incident.first_update_at is None
    if incident.active:
        if first:
            incident.first_update_at = now
            settle(
                SUBJECT,
                incident.pk,
                kinds=[Promised.FIRST_UPDATE],
                now=now,
                evidence={"by": actor.label},
            )
            cancel(
                SUBJECT,
                incident.pk,
                kinds=[Promised.NUDGE],
                now=now,
                reason="the first update was posted",
            )
        if incident.first_update_at is not None:
            settle(
                SUBJECT, incident.pk, kinds=[Promised.UPDATE], now=now, evidence={"by": actor.label}
            )
            start_next_update(incident, now)
    entry = write_entry(
        incident,
        EntryKind.UPDATE,
        words,
        actor=actor,
        now=now,
        clause=severity.first_update_clause if first else severity.update_clause,
        data={"kind": word.value, "first": first},
    )
    keep(incident)
    update_posted.announce(
        incident_id=incident.pk,
        now=now.isoformat(),
        entry_id=entry.pk,
        kind=word.value,
        user_id=actor.id if actor.kind == "user" else None,
    )
    return entry


@transaction.atomic
def add_note(incident_id: int, *, text: str, actor: Actor, now: datetime) -> TimelineEntry:
    """Something worth remembering that is no update. The same words within two minutes are one note."""
    incident = locked(incident_id)
    allowed(actor, Verb.UPDATE, incident)
    words = clean_text(text)
    if not words:
        raise VerbRefused("no_text", "Write something to remember.")
    if (same := _said_before(incident, actor, words, now, EntryKind.NOTE)) is not None:
        return same
    entry = write_entry(incident, EntryKind.NOTE, words, actor=actor, now=now)
    keep(incident)
    return entry


def _said_before(
    incident: Incident, actor: Actor, words: str, now: datetime, kind: EntryKind
) -> TimelineEntry | None:
    return TimelineEntry.objects.filter(
        incident=incident,
        kind=kind.value,
        actor_kind=actor.kind,
        actor_id=actor.id,
        text=words,
        at__gt=now - SAME_TAP,
    ).first()


@transaction.atomic
def need_help(incident_id: int, *, actor: Actor, now: datetime) -> Incident:
    """The next step is paged now (C74). Nobody is asked why.

    Asking again before the ones just paged had the path's time to answer (five minutes) changes nothing.
    After the last step: the team's managers and the admins.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.NEED_HELP, incident)
    _still_active(incident)
    if _asked_just_now(incident, "help", actor, now):
        return incident
    facts = facts_of(incident)
    found = next_step(policy_of_incident(incident), facts)
    clause = found[1].clause if found else "C74"
    text = f"{actor.label} needs help. " + (
        f"{found[1].label} is paged." if found else "The team's managers and the admins are paged."
    )
    write_entry(
        incident,
        EntryKind.NEED_HELP,
        text,
        actor=actor,
        now=now,
        clause="C74",
        data={"clause": clause},
    )
    _page_next(incident, found, actor, now, further=True)
    return keep(incident)


@transaction.atomic
def cannot_take(incident_id: int, *, actor: Actor, now: datetime) -> Incident:
    """This person cannot take it (C219): the next one on the path is paged at once and owns it (C22).

    No reason is asked. They are paged no more. Somebody else who answers already owns it then; else,
    when nobody takes it over within the acknowledgment time, the step after that is paged, and so on.
    Saying it twice changes nothing.
    """
    incident = locked(incident_id)
    user = allowed(actor, Verb.CANNOT_TAKE, incident)
    _still_active(incident)
    if user is None:
        raise VerbRefused("no_person", "Only a person can say that they cannot take it.")
    if user.pk in incident.run.get("declined", []):
        return incident
    policy = policy_of_incident(incident)
    staff = staff_of(incident)(now)
    standing = step_of_person(policy, facts_of(incident), staff, user.pk)
    note_in_run(incident, "declined", user.pk)
    engaged = incident.run.get("engaged", [])
    if user.pk in engaged:
        engaged.remove(user.pk)
    write_entry(
        incident,
        EntryKind.CANNOT_TAKE,
        f"{actor.label} cannot take this.",
        actor=actor,
        now=now,
        clause="C219",
    )
    supersede(
        SUBJECT, incident.pk, now=now, reason=f"{actor.label} cannot take it", user_ids=[user.pk]
    )
    facts = facts_of(incident)
    found = (
        next_step(policy, facts, beyond=standing[1].key) if standing else next_step(policy, facts)
    )
    if incident.owner_id == user.pk:
        incident.owner = None
    heirs = [*engaged, *_page_next(incident, found, actor, now)]
    if heirs and incident.owner_id is None:
        incident.owner_id = heirs[0]
        write_entry(
            incident,
            EntryKind.OWNER,
            f"{names_of(heirs[:1])[heirs[0]]} takes over.",
            actor=PORTAL,
            now=now,
            clause="C22",
        )
    if found is not None and not engaged and incident.status != Status.TRIGGERED:
        promise_handover(incident, found, now)
    return keep(incident)


@transaction.atomic
def escalate(
    incident_id: int, *, actor: Actor, now: datetime, to: str | None = None, reason: str = ""
) -> Incident:
    """Pages a step of the incident's paths by its key, a person by e-mail address, or the next step.

    A person paged so is brought in. Refuses a step or person nobody knows. The same wish of the same
    person within the path's repeat time changes nothing.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.ESCALATE, incident)
    _still_active(incident)
    if _asked_just_now(incident, f"escalate:{to or ''}", actor, now):
        return incident
    words = clean_text(reason)
    because = f": {words}" if words else "."
    if to is not None and "@" in to:
        user = User.objects.filter(email=to.strip().lower(), is_active=True).first()
        if user is None:
            raise VerbRefused("unknown_person", f"Nobody here has the address {to}.")
        write_entry(
            incident,
            EntryKind.ESCALATED,
            f"{actor.label} calls {user}{because}",
            actor=actor,
            now=now,
            clause="C20",
        )
        _bring_in(incident, user, RoleName.RESPONDER, now)
        call_in(incident, user, now=now)
        return keep(incident)
    policy = policy_of_incident(incident)
    facts = facts_of(incident)
    found = _step_called(incident, to) if to else next_step(policy, facts)
    label = found[1].label if found else "the team's managers and the admins"
    write_entry(
        incident, EntryKind.ESCALATED, f"{actor.label} escalates to {label}{because}", actor=actor, now=now,
        clause=found[1].clause if found else "X17",
    )  # fmt: skip
    _page_next(incident, found, actor, now, further=to is None)
    return keep(incident)


def _step_called(incident: Incident, key: str) -> tuple[Path, Step]:
    policy = policy_of_incident(incident)
    paths = policy.paths_for(incident.kind, incident.severity)
    for path in paths:
        for step in path.steps:
            names = {step.key, f"{path.slug}/{step.key}", *(target.name for target in step.targets)}
            if key in names:
                if all(trigger.kind == "flag" for trigger in step.triggers):
                    raise VerbRefused(
                        "needs_flag",
                        f"{step.label} waits for a decision: {step.triggers[0].flag.replace('_', ' ')}.",
                    )
                return path, step
    keys = ", ".join(step.key for path in paths for step in path.steps)
    raise VerbRefused("unknown_step", f"The path has no step {key!r}. It has: {keys}.")


def _page_next(
    incident: Incident,
    found: tuple[Path, Step] | None,
    actor: Actor,
    now: datetime,
    *,
    further: bool = False,
) -> list[int]:
    """Pages the step, and while that calls nobody anew the ones after it, if it is to go `further`."""
    while found is not None:
        path, step = found
        fired = fire_now(incident, [(path.slug, step.key, "on-demand")], actor=actor, now=now)
        if fired.pages or not further:
            return [page.user_id for page in fired.pages]
        # Whoever holds the step answers already: help is somebody else.
        found = next_step(policy_of_incident(incident), facts_of(incident))
    incident.run["fallbacks"] = incident.run.get("fallbacks", 0) + 1
    fired = call_fallback(
        policy_of_incident(incident), facts_of(incident), staff_of(incident), calendar_of(incident.team),
        at=now, round_number=incident.run["fallbacks"],
    )  # fmt: skip
    send(incident, fired, now=now, actor=actor)
    return [page.user_id for page in fired.pages]


@transaction.atomic
def all_hands(incident_id: int, *, actor: Actor, now: datetime) -> Incident:
    """The whole team is paged (C49, C79), once per incident; the second press changes nothing."""
    incident = locked(incident_id)
    allowed(actor, Verb.ALL_HANDS, incident)
    _still_active(incident)
    if "all_hands" in incident.run:
        return incident
    incident.run["all_hands"] = now.isoformat()
    write_entry(
        incident,
        EntryKind.ALL_HANDS,
        f"{actor.label} calls all hands.",
        actor=actor,
        now=now,
        clause="C49",
    )
    fired = call_all_hands(
        policy_of_incident(incident),
        facts_of(incident),
        staff_of(incident),
        calendar_of(incident.team),
        at=now,
    )
    send(incident, fired, now=now, actor=actor)
    return keep(incident)


@transaction.atomic
def assign_role(
    incident_id: int, *, role: str, user_id: int, actor: Actor, now: datetime
) -> Incident:
    """Gives a person a role on the incident, who can then see it and answer it, and tells them.

    Commander, ops lead and communications lead are one person each: the new one takes it from the old.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.ASSIGN_ROLE, incident)
    try:
        name = RoleName(role)
    except ValueError:
        known = ", ".join(one.value for one in RoleName)
        raise VerbRefused("unknown_role", f"The role is one of {known}.") from None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise VerbRefused("unknown_person", "There is no such person.")
    if not _bring_in(incident, user, name, now):
        return incident
    write_entry(
        incident, EntryKind.ROLE, f"{user} is {name.value.replace('-', ' ')}.", actor=actor, now=now,
        clause="C26", data={"role": name.value, "user": user.pk},
    )  # fmt: skip
    if incident.active and user.pk != actor.id:
        call_in(incident, user, now=now)
    return keep(incident)


_HELD_BY_ONE = {RoleName.COMMANDER, RoleName.OPS_LEAD, RoleName.COMMUNICATIONS_LEAD}


def _bring_in(incident: Incident, user: User, role: RoleName, now: datetime) -> bool:
    held = IncidentRole.objects.filter(incident=incident, role=role.value)
    if held.filter(user=user).exists():
        return False
    if role in _HELD_BY_ONE:
        held.delete()
    IncidentRole.objects.create(incident=incident, role=role.value, user=user, since=now)
    grant_sight(incident, [user.pk])
    return True


@transaction.atomic
def add_services(
    incident_id: int, *, service_ids: list[int], actor: Actor, now: datetime
) -> Incident:
    """Further services are affected: their teams' primaries are paged as experts for a P1 or P2 (C21).

    The incident stays its lead service's team's. Services it has already change nothing.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.UPDATE, incident)
    known = set(incident.services.values_list("pk", flat=True))
    new = list(Service.objects.filter(pk__in=set(service_ids) - known).order_by("name"))
    if not new:
        return incident
    incident.services.add(*new)
    write_entry(
        incident, EntryKind.NOTE, f"Also affected: {', '.join(service.name for service in new)}.",
        actor=actor, now=now, data={"services": [service.slug for service in new]},
    )  # fmt: skip
    if incident.active:
        facts = facts_of(incident)
        fired = call_experts(
            policy_of_incident(incident),
            facts,
            staff_of(incident),
            calendar_of(incident.team),
            at=now,
        )
        new_pages = tuple(page for page in fired.pages if page.user_id not in facts.paged)
        send(incident, type(fired)(fired.facts, new_pages), now=now)
    return keep(incident)


def _still_active(incident: Incident) -> None:
    if not incident.active:
        raise VerbRefused("not_active", f"The incident is {incident.status}. Reopen it first.")


def _asked_just_now(incident: Incident, what: str, actor: Actor, now: datetime) -> bool:
    """Whether this person asked for the same within the path's repeat time; otherwise it is noted."""
    asked = incident.run.setdefault("asked", {})
    key = f"{what}:{actor.kind}:{actor.id}"
    before = asked.get(key)
    paths = policy_of_incident(incident).paths_for(incident.kind, incident.severity)
    every = next((path.repeat_every for path in paths if path.repeat_every), None)
    patience = timedelta(seconds=every.seconds) if every else timedelta(minutes=5)
    if before is not None and now < datetime.fromisoformat(before) + patience:
        return True
    asked[key] = now.isoformat()
    return False
