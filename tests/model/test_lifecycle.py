"""The real services on the real database against the small model, through random days.

Nothing is mocked but the channels, which do as the machine says. Time is passed, never slept. A crash
is an exception at a statement of any verb, tick or delivery: what was committed by then stays. README.md
names what was broken to see this fail.

LIFECYCLE_EXAMPLES=500 takes longer and goes further; without it the days are the same ones every time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import TestCase
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from alerts import services as alerts
from alerts.enums import Action, IntegrationKind
from alerts.models import Alert as AlertRow
from alerts.rules.facts import AlertFacts
from deadlines.enums import State
from deadlines.extension import PORTAL
from deadlines.models import Deadline, Pulse
from deadlines.services import enforce
from deadlines.standing import READERS, Kept
from directory.models import User
from incidents import services
from incidents.enums import Promised
from incidents.models import Incident as Row
from incidents.queries.health import without_a_future
from incidents.services.phone import answer_from_phone
from notifications import delivery, nudge
from notifications.channels import Answer
from notifications.enums import (
    OPEN_PAGE_OUTS,
    OPEN_PAGES,
    REACHED,
    Outcome,
    PageState,
    Purpose,
    Reply,
)
from notifications.events import page_exhausted
from notifications.models import ContactMethod, Page, PageOut
from notifications.services import remove_method
from notifications.services.claiming import take
from rotations.models import PlanMember
from tests.alerts.factories import Sender, make_sender
from tests.incidents.factories import WEDNESDAY, make_procedure
from tests.model.model import ENGINEERS, Alerts, Incident, People, levels

EXAMPLES = int(os.environ.get("LIFECYCLE_EXAMPLES", "0"))
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LAST = WEDNESDAY.replace(hour=15)
KEYS = ("a1", "a2", "b1")
VERBS = {
    "triggered": ("acknowledge", "acknowledge", "set_severity", "post_findings", "mitigate"),
    "acknowledged": (
        "mitigate",
        "mitigate",
        "resolve",
        "set_severity",
        "post_findings",
        "acknowledge",
    ),
    "mitigated": ("relapse", "relapse", "undo", "resolve", "set_severity", "post_findings"),
    "resolved": ("reopen", "reopen", "undo", "acknowledge", "close"),
    "closed": ("acknowledge", "reopen"),
}
"""What is tried in each status; what is there twice more often."""
ANSWERERS = (*ENGINEERS, "manager")
NAMES = {
    Promised.ACKNOWLEDGE: "acknowledge", Promised.FIRST_UPDATE: "findings", Promised.UPDATE: "update",
    Promised.RESOLVE: "resolve", Promised.NUDGE: "nudge", Promised.REPEAT: "repeat",
}  # fmt: skip


class Died(BaseException):
    """The process is no more. No `except Exception` catches it."""


class AtOnce:
    """An executor whose work is done when it is submitted, in the thread that submits it."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def submit(self, work: Callable[[Any], Any], flight: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(flight))
        return future

    def shutdown(self, **_: Any) -> None:
        pass


crashes = st.sampled_from([None, None, None, 4, 9, 14, 19, 25, 40])
incidents = st.integers(0, 2)
severities = st.sampled_from(["P1", "P2", "P3"])


class Lifecycle(RuleBasedStateMachine):
    """One example is one Wednesday of one team."""

    sender: Sender  # made once, and brought back to what it was after each example
    kept: list[Kept[Any, Any]]

    def __init__(self) -> None:
        super().__init__()
        self.day = transaction.atomic()
        self.day.__enter__()
        for kept in self.kept:
            kept._answers.clear()  # so that a crash at a statement finds the same one again
        self.world = self.sender.world
        self.now = WEDNESDAY
        self.people = People()
        self.model = Alerts(self.people, [levels(15)])
        self.ways: dict[str, Outcome] = {}
        self.broker: list[str] = []
        self.ledger: Counter[str] = Counter()
        self.crashed = 0
        self.touched = False
        self.noise: list[str] = []
        self.heard: list[tuple[int, bool]] = []
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(delivery, "ThreadPoolExecutor", AtOnce)
        self.patch.setattr(delivery, "STALE_SECONDS", 1e9)  # the wall clock decides nothing
        self.patch.setattr(delivery, "channel_module", lambda _: self)
        self.patch.setattr(nudge, "_raise_flag", lambda: self.broker.append("deliver"))
        self.patch.setitem(page_exhausted._receivers, "zz the model", self.hear)

    def teardown(self) -> None:
        self.patch.undo()
        delivery.close()
        connection.check_constraints()
        transaction.set_rollback(True)
        self.day.__exit__(None, None, None)

    # -- the world around ---------------------------------------------------------------------

    def send(self, message: object, address: str, *, key: str, clock: object) -> Answer:
        """The only channel. It knows people by their addresses."""
        call = PageOut.objects.get(key=key.rpartition(".")[0])
        if call.purpose == Purpose.PAGE and call.state not in OPEN_PAGE_OUTS:
            self.noise.append(f"{call} was sent to {address}")
        outcome = self.ways.get(self.world.name(call.user_id), Outcome.ACCEPTED)
        if outcome == Outcome.ACCEPTED:
            self.ledger[key] += 1
        return Answer(outcome, str(outcome))

    def hear(self, *, page_out_id: int, subject_id: int, **_: Any) -> None:
        """Somebody cannot be reached: whether others of the same step may be is asked at this moment."""
        call = PageOut.objects.get(pk=page_out_id)
        step = "/".join(call.step_key.split("/")[:2])
        others = PageOut.objects.filter(subject_id=subject_id, step_key__startswith=f"{step}/")
        rest = others.exclude(user=call.user).exclude(state="unreachable")
        self.heard.append((page_out_id, not rest.exists()))

    @contextmanager
    def dying(self, crash: int | None) -> Iterator[None]:
        """The process dies at the so-manieth statement in here, unless it ends before."""
        count = 0

        def die(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal count
            if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
                count += 1
                if count == crash:
                    raise Died
            return execute(sql, params, many, context)

        with TestCase.captureOnCommitCallbacks(execute=True), connection.execute_wrapper(die):
            yield

    def do(self, crash: int | None, verb: Callable[[], object]) -> bool:
        """Whether the verb came to its end. Refusals are ends; the model refuses the same."""
        self.touched = True
        try:
            with self.dying(crash):
                verb()
        except Died:
            self.crashed += 1
            return False
        except (services.VerbRefused, services.GatesUnmet):
            return True
        return True

    def rows(self) -> list[Row]:
        return list(Row.objects.order_by("id"))

    def one(self, number: int) -> tuple[Row, Incident]:
        """One of the incidents, a late one rather than an early one."""
        rows = self.rows()
        place = max(len(rows) - 1 - number, 0)
        return rows[place], self.model.incidents[place]

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        """Chosen here and not among many rules: so the days are full, where rules would mostly idle."""
        early = self.now < LAST
        what = data.draw(st.sampled_from(HAPPENINGS if early else HAPPENINGS_LATE))
        what(self, data)

    # -- alerts -------------------------------------------------------------------------------

    def take(self, action: Action, key: str, severity: str = "") -> None:
        facts = AlertFacts(key, action, title=key, severity=severity, rule=f"Rule {key[0]}")
        alerts.take(self.sender.key, IntegrationKind.GENERIC, [facts], now=self.now)

    def told(self) -> int:
        return sum(AlertRow.objects.values_list("count", flat=True))

    @initialize(data=st.data())
    def trigger(self, data: st.DataObject) -> None:
        """Its sender hears nothing when we die, and says it again."""
        key, severity = data.draw(st.sampled_from(KEYS)), data.draw(severities)
        crash = data.draw(crashes)
        self.now += SECOND
        before = self.told()
        if not self.do(crash, lambda: self.take(Action.TRIGGER, key, severity)):
            if self.told() > before:
                self.model.trigger(key, severity, self.now)
            self.take(Action.TRIGGER, key, severity)
        self.model.trigger(key, severity, self.now)

    def source_says_more(self, data: st.DataObject) -> None:
        """That somebody has it, or that it is over; twice when we die over the first."""
        keys = [alert.key for alert in self.model.alerts if alert.state != "resolved"]
        key, over = data.draw(st.sampled_from(keys or KEYS)), data.draw(st.booleans())
        crash = data.draw(crashes)
        self.now += SECOND
        action = Action.RESOLVE if over else Action.ACKNOWLEDGE
        if not self.do(crash, lambda: self.take(action, key)):
            self.take(action, key)
        (self.model.resolve if over else self.model.acknowledge)(key, self.now)
        self.model.end_with_incidents()

    # -- people -------------------------------------------------------------------------------

    def person_acts(self, data: st.DataObject) -> None:
        """Does something that the incident's status may allow; what it refuses, the model refuses too."""
        row, incident = self.one(data.draw(incidents))
        crash = data.draw(crashes)
        names = [name for name in ANSWERERS if name not in self.people.gone]
        if not names:
            return
        verb = data.draw(st.sampled_from(VERBS[incident.status]))
        name = data.draw(st.sampled_from(names))
        self.now += SECOND
        say, told = self.verb(verb, row.pk, incident, name, data)
        if self.do(crash, say):
            told()
            self.model.end_with_incidents()

    def verb(
        self, verb: str, pk: int, incident: Incident, name: str, data: st.DataObject
    ) -> tuple[Callable[[], object], Callable[[], object]]:
        """What is said to the services, and what to the model."""
        actor, now = self.world.actor(name), self.now
        if verb == "acknowledge":
            return (
                lambda: services.acknowledge(pk, actor=actor, now=now),
                lambda: incident.acknowledge(name, now),
            )
        if verb == "reopen":
            return (
                lambda: services.reopen(pk, reason="It is back", actor=actor, now=now),
                lambda: incident.reopen(name, now),
            )
        if verb == "set_severity":
            code = data.draw(severities)
            return (
                lambda: services.set_severity(pk, severity=code, actor=PORTAL, now=now),
                lambda: incident.set_severity(code, now),
            )
        if verb == "post_findings":
            return (
                lambda: services.post_update(
                    pk, text=f"Seen at {now}", kind="findings", actor=actor, now=now
                ),
                lambda: incident.post_findings(now),
            )
        return (
            lambda: getattr(services, verb)(pk, actor=actor, now=now),
            lambda: getattr(incident, verb)(now),
        )

    def phone_acknowledges(self, data: st.DataObject) -> None:
        """By the link of any page ever made, however old."""
        number, crash = data.draw(st.integers(0, 9)), data.draw(crashes)
        calls = PageOut.objects.filter(purpose=Purpose.PAGE, user__is_active=True).order_by("-id")
        if not calls:
            return
        self.now += SECOND
        call = calls[number % len(calls)]
        incident = self.model.incidents[self.rows().index(Row.objects.get(pk=call.subject_id))]
        if self.do(crash, lambda: answer_from_phone(call, Reply.ACKNOWLEDGED, now=self.now)):
            incident.acknowledge(self.world.name(call.user_id), self.now)

    # -- time ---------------------------------------------------------------------------------

    def tick(self, crash: int | None = None, *, process: str | None = None) -> None:
        """A clock that dies in the middle is started again."""
        if not self.do(crash, lambda: enforce(now=self.now, process=process)):
            enforce(now=self.now, process=process)

    def time_passes(self, data: st.DataObject) -> None:
        """With a clock that is in time: it looks at each instant at which something is due."""
        minutes = data.draw(st.sampled_from([1, 4, 5, 11, 16, 31]))
        crash = data.draw(crashes)
        end = self.now + minutes * MINUTE
        while self.now < end:
            due = [o.due for i in self.model.incidents for o in i.owed.values() if o.left is None]
            self.now = min([end, *(max(at, self.now + SECOND / 2) for at in due)])
            self.tick(crash)
            self.model.each(lambda incident: incident.tick(self.now))

    def portal_is_down(self, data: st.DataObject) -> None:
        """Nothing ticks; when it is back, what fell due is caught up with. Or the clock lags a little."""
        minutes, crash = data.draw(st.sampled_from([0, 0, 2, 7, 20])), data.draw(crashes)
        if not minutes:
            self.now += 20 * SECOND
            return
        self.tick()
        self.model.each(lambda incident: incident.tick(self.now))
        began = self.now
        Pulse.objects.update_or_create(
            name="clock:model", role="clock",
            defaults={"ticked_at": began, "lag": timedelta(), "skew": timedelta()},
        )  # fmt: skip
        self.now += minutes * MINUTE
        self.tick(crash, process="clock:model")
        self.model.each(lambda incident: incident.tick(self.now, down_since=began))

    # -- the outbox ---------------------------------------------------------------------------

    def deliver(self, send: Callable[[], object], crash: int | None = None) -> None:
        self.do(crash, send)
        self.learn()

    def learn(self) -> None:
        """What the outbox found out is told to the model: who was sent a page, who cannot be reached."""
        rows = [row.pk for row in self.rows()]
        for subject_id, user_id in PageOut.objects.filter(
            purpose=Purpose.PAGE, sent_at__isnull=False
        ).values_list("subject_id", "user_id"):
            self.model.incidents[rows.index(subject_id)].sent.add(self.world.name(user_id))
        for page_out_id, alone in self.heard:
            call = PageOut.objects.get(pk=page_out_id)
            if call.exhaustion_told_at is None:
                continue  # told in a transaction that came to nothing
            path, step = call.step_key.split("/")[:2]
            incident = self.model.incidents[rows.index(call.subject_id)]
            incident.not_reached(path, step, self.now, alone=alone, called_at=call.created_at)
        self.heard.clear()

    def pages_are_sent(self, data: st.DataObject) -> None:
        """By a worker that hears the nudge; without one by the clock's sweep, a little later."""
        swept, crash = data.draw(st.booleans()), data.draw(crashes)
        if self.broker and not swept:
            self.broker.clear()
            self.deliver(lambda: delivery.deliver_due(now=self.now), crash)
        else:
            self.now += 3 * SECOND
            self.deliver(lambda: delivery.sweep(now=self.now), crash)

    # -- the ground --------------------------------------------------------------------------------

    def ground_moves(self, data: st.DataObject) -> None:
        """What an incident and its pages stand on is changed under their feet."""
        change = data.draw(st.sampled_from(CHANGES))
        change(self, data)

    def empty_broker(self, data: st.DataObject) -> None:
        self.broker.clear()

    def let_sender_die(self, data: st.DataObject) -> None:
        """With pages it had claimed: they come back when the lease is over."""
        take(self.now, 10, "never heard of again", channels=["file"])
        self.crashed += 1
        self.touched = True

    def change_way(self, data: st.DataObject) -> None:
        """From now on the channel answers so for this person."""
        outcomes = (Outcome.ACCEPTED, Outcome.TRANSIENT, Outcome.PERMANENT)
        self.ways[data.draw(st.sampled_from(ANSWERERS))] = data.draw(st.sampled_from(outcomes))

    def reorder_rota(self, data: st.DataObject) -> None:
        self.people.order = data.draw(st.permutations(ENGINEERS))
        plan = self.world.rota.plans.get()
        plan.members.all().delete()
        PlanMember.objects.bulk_create(
            PlanMember(plan=plan, user=getattr(self.world, name), position=position)
            for position, name in enumerate(self.people.order)
        )

    def remove_methods(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(ANSWERERS))
        methods = ContactMethod.objects.filter(user=getattr(self.world, name)).order_by("position")
        for method in methods[: data.draw(st.sampled_from([1, 3]))]:
            remove_method(method.pk)
        if not methods.exists():
            self.people.without_a_way.add(name)

    def deactivate(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(ANSWERERS))
        User.objects.filter(pk=getattr(self.world, name).pk).update(is_active=False)
        self.people.gone.add(name)

    def publish_procedure(self, data: st.DataObject) -> None:
        minutes = data.draw(st.sampled_from([10, 20]))
        make_procedure(**{'acknowledge_within = "15m"': f'acknowledge_within = "{minutes}m"'})
        self.model.versions.append(levels(minutes))

    # -- what always holds --------------------------------------------------------------------

    @invariant()
    def all_holds(self) -> None:
        if not self.touched:
            return
        self.touched = False
        rows = self.rows()
        self.alerts_agree(rows)
        self.incidents_agree(rows)
        assert without_a_future(self.now) == [], "the watchdog finds an incident without a future"
        self.no_page_is_lost()
        self.nothing_is_sent_that_has_ended_or_twice_without_a_crash()

    def alerts_agree(self, rows: list[Row]) -> None:
        places = {row.pk: place for place, row in enumerate(rows)}
        assert [
            (row.dedup_key, row.state, row.severity, row.count, places[row.incident_id or 0])
            for row in AlertRow.objects.order_by("id")
        ] == [
            (a.key, a.state, a.severity, a.count, self.model.incidents.index(a.incident))
            for a in self.model.alerts
        ]

    def incidents_agree(self, rows: list[Row]) -> None:
        """Whatever the model says of them: status, severity, what is owed, missed and met, who was called
        at which step and in which order. So an incident that nobody has acknowledged calls again."""
        assert [(row.status, row.severity) for row in rows] == [
            (one.status, one.code) for one in self.model.incidents
        ]
        for row, incident in zip(rows, self.model.incidents, strict=True):
            owed, ended = self.promises_of(row)
            assert owed == {key: (o.due, o.left) for key, o in incident.owed.items()}
            assert ended == incident.ended
            assert self.calls_of(row) == incident.calls
            assert [(path, step, at) for path, step, _, at in row.run.get("reached", [])] == [
                (path, step, at.isoformat()) for path, step, _, at in incident.reached
            ], "the steps, in the order in which they were climbed"
            assert self.status_told(row) == row.status

    def promises_of(self, row: Row) -> tuple[dict[str, Any], Counter[tuple[str, str]]]:
        owed, ended = {}, Counter[tuple[str, str]]()
        for promise in Deadline.objects.filter(subject_type="incident", subject_id=row.pk):
            name = NAMES.get(Promised(promise.kind)) or "/".join(
                promise.payload[part] for part in ("path", "step", "cause")
            )
            if promise.state in (State.PENDING, State.PAUSED):
                assert name not in owed, f"{name} is promised twice"
                owed[name] = (promise.due_at, promise.remaining)
            elif promise.nature == "duty" and promise.state != State.CANCELLED:
                ended[name, promise.state] += 1
        return owed, ended

    def calls_of(self, row: Row) -> Counter[tuple[str, str]]:
        found = Counter[tuple[str, str]]()
        for call in PageOut.objects.filter(subject_id=row.pk, purpose=Purpose.PAGE):
            path, step, cause = call.step_key.split("/")[:3]
            if step == "fallback" and cause.startswith("after-"):
                cause = "after-empty"
            found[f"{path}/{step}/{cause}", self.world.name(call.user_id)] += 1
        return found

    def status_told(self, row: Row) -> str:
        """The timeline is numbered without holes, and whoever reads it alone knows the status."""
        entries = list(row.timeline.order_by("number").values_list("number", "kind", "at"))
        assert [number for number, _, _ in entries] == list(range(1, row.entries + 1))
        status, before = "", ""
        for _, kind, _ in entries:
            if kind == "acknowledged":
                status = "acknowledged" if status == "triggered" else status
            elif kind == "undone":
                status = (
                    "mitigated" if (status, before) == ("resolved", "mitigated") else "acknowledged"
                )
            elif kind in STATUS_OF:
                before, status = status, STATUS_OF[kind]
        return status

    def no_page_is_lost(self) -> None:
        """Each call has ended, has been sent, or is tried again."""
        alive = PageOut.objects.filter(state__in=["waiting", "held"])
        assert not alive.exclude(pages__state__in=OPEN_PAGES).exists()
        assert not Page.objects.filter(state=PageState.SENDING, lease_until=None).exists()
        sent = PageOut.objects.filter(state="sent")
        assert not sent.exclude(pages__state__in=REACHED).exists()

    def nothing_is_sent_that_has_ended_or_twice_without_a_crash(self) -> None:
        assert self.noise == []
        again = sum(times - 1 for times in self.ledger.values())
        assert again <= self.crashed
        known = set(Page.objects.values_list("delivery_key", flat=True))
        assert set(self.ledger) <= known


HAPPENINGS_LATE = (
    *[Lifecycle.trigger] * 3,
    *[Lifecycle.source_says_more] * 2,
    *[Lifecycle.person_acts] * 6,
    *[Lifecycle.phone_acknowledges] * 1,
    *[Lifecycle.pages_are_sent] * 3,
    *[Lifecycle.ground_moves] * 2,
)
HAPPENINGS = (
    *HAPPENINGS_LATE,
    *[Lifecycle.time_passes] * 4,
    *[Lifecycle.portal_is_down] * 2,
)
CHANGES = (
    Lifecycle.empty_broker,
    Lifecycle.let_sender_die,
    Lifecycle.change_way,
    Lifecycle.change_way,
    Lifecycle.reorder_rota,
    Lifecycle.remove_methods,
    Lifecycle.deactivate,
    Lifecycle.publish_procedure,
)
STATUS_OF = {
    "declared": "triggered", "mitigated": "mitigated", "relapsed": "acknowledged", "resolved": "resolved",
    "reopened": "acknowledged", "closed": "closed",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute, unless the machine has much else to do
@pytest.mark.django_db
@pytest.mark.clause("C39", "X6", "X12", "X17")
def test_the_services_do_what_the_model_says(settings: Any) -> None:
    settings.NUDGE_WORKERS = True
    settings.EMAIL_URL = ""
    Lifecycle.sender = make_sender(resolve_mode="resolve", group_window_seconds=0)
    Lifecycle.kept = list(READERS)
    run_state_machine_as_test(Lifecycle, settings=PROFILE)


PROFILE = settings(
    max_examples=EXAMPLES or 30,
    stateful_step_count=30,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    phases=[Phase.generate],
)
