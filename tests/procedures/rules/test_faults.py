"""A file with faults is refused whole, each fault named by its key and its line."""

from __future__ import annotations

import pytest

from tests.procedures.factories import SMALL, faults_of

SEVERITY = '[[severity]]\ncode = "{code}"\nrank = {rank}\nname = "More"\n'


def changed(old: str, new: str) -> str:
    assert SMALL.count(old) == 1, old
    return SMALL.replace(old, new)


def test_the_small_procedure_is_good() -> None:
    assert faults_of(SMALL) == []


P1_ACK = 'acknowledge_within = "3s"'
BOSS_WHEN = 'when = ["unacknowledged", "unresolved 30m"]'
STEPS = SMALL[SMALL.index("[[path.step]]") : SMALL.index("[[role]]")]
ONE_PATH = 'severities = ["P1"]\n\n[[path.step]]\nkey = "primary"'


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        # names that are nowhere defined
        ('who = ["role boss"]', 'who = ["role ghost"]', "path[standard].step[boss].who[1]",
         "unknown role 'ghost'"),
        ('who = ["role boss"]', 'who = ["rota tertiary"]', "path[standard].step[boss].who[1]",
         "no rota 'tertiary' is defined"),
        ('who = ["role boss"]', 'who = ["team others"]', "path[standard].step[boss].who[1]",
         "unknown team"),
        ('severities = ["P1"]', 'severities = ["P1", "P9"]', "path[standard].severities[2]",
         "unknown severity 'P9'"),
        ('severity = "P1"\n', 'severity = "P7"\n', "role[boss].method[P7].severity",
         "unknown severity 'P7'"),
        ('clause = "C1"', 'clause = "C999"', "path[standard].step[primary].clause",
         "unknown clause 'C999'"),
        ('name = "Boss"', 'name = "Boss"\nalso_clauses = ["X9"]', "role[boss].also_clauses[1]",
         "unknown clause 'X9'"),
        ('name = "Boss"', 'name = "Boss"\nbackup_role = "ghost"', "role[boss].backup_role",
         "unknown role 'ghost'"),
        ('name = "Boss"', 'name = "Boss"\nbackup_role = "boss"', "role[boss].backup_role",
         "cannot back itself up"),
        # steps that can never fire
        (BOSS_WHEN, "when = []", "path[standard].step[boss].when", "it can never fire"),
        (BOSS_WHEN, 'when = ["flag boredom"]', "path[standard].step[boss].when[1]",
         "nobody can set the flag 'boredom'"),
        (BOSS_WHEN, 'when = ["at once", "unresolved 30m"]', "path[standard].step[boss].when[2]",
         "can never fire: the step is taken at once already"),
        (BOSS_WHEN, 'when = ["unresolved 30m", "unresolved 1h"]',
         "path[standard].step[boss].when[2]", "can never fire: another 'unresolved' stands above"),
        (BOSS_WHEN, 'when = ["flag major", "flag major"]', "path[standard].step[boss].when[2]",
         "the same flag stands above"),
        (P1_ACK, "", "path[standard].step[boss].when[1]", "P1 has no acknowledgment time"),
        (BOSS_WHEN, 'when = ["unresolved 1 business day"]', "path[standard].step[boss].when[1]",
         "business days on a severity that runs on all hours"),
        (BOSS_WHEN, 'when = ["tomorrow"]', "path[standard].step[boss].when[1]", "write"),
        (BOSS_WHEN, 'when = ["unresolved"]', "path[standard].step[boss].when[1]", "write"),
        # paths that reach nobody
        (STEPS, "", "path[standard].step", "the path is empty"),
        ('who = ["role boss"]', "who = []", "path[standard].step[boss].who", "reaches nobody"),
        ('when = ["at once"]', 'when = ["on demand"]', "path[standard].step", "begins with silence"),
        ('severities = ["P1"]', "severities = []", "path[standard].severities",
         "the path can never run"),
        ('severities = ["P1"]', 'severities = ["P1", "P2"]', "path[standard].severities[2]",
         "P2 pages nobody"),
        ("pages = false", "pages = true", "severity[P2].pages", "it would page nobody"),
        # times
        ('"3s"', '"-3s"', "severity[P1].acknowledge_within", "cannot be negative"),
        ('"3s"', '"soon"', "severity[P1].acknowledge_within", "write a time like"),
        ('"3s"', '"0s"', "severity[P1].acknowledge_within", "longer than nothing"),
        ('"3s"', "3", "severity[P1].acknowledge_within", "string"),
        ('"3s"', '"1 business day"', "severity[P1].acknowledge_within",
         "need the business clock"),
        ('"unresolved 30m"', '"unresolved -30m"', "path[standard].step[boss].when[2]",
         "cannot be negative"),
        ('"48h"', '"-48h"', "setting[postmortem.due_within].value", "cannot be negative"),
        ('"48h"', "48", "setting[postmortem.due_within].value", "is no span"),
        ('"48h"', "2020-01-01", "setting[postmortem.due_within].value", "must be a text"),
        # shape
        ("rank = 1\n", "rank = 1\ncolour = 'red'\n", "severity[P1].colour", "unknown key"),
        ('platform = "Shed"', "", "procedure.platform", "is missing"),
        ('name = "Critical"', 'name = ""', "severity[P1].name", "must not be empty"),
        ("rank = 1\n", "rank = 0\n", "severity[P1].rank", "greater than or equal to 1"),
        ("rank = 2\n", "rank = 1\n", "severity[P2].rank", "given twice"),
        ('code = "P2"', 'code = "P1"', "severity[P1]", "'P1' is there already"),
        ('key = "boss"', 'key = "primary"', "path[standard].step[primary]",
         "'primary' is there already"),
        ('code = "P1"', 'code = "P 1"', "severity[P 1].code", "is no short name"),
        ('by = ["phone"]', 'by = ["pigeon"]', "role[boss].method[P1].by[1]", "must be"),
        ('platform = "Shed"', 'platform = "Shed"\nzone = "Mars/Olympus"', "procedure.zone",
         "is no time zone"),
        ('platform = "Shed"', 'platform = "Shed"\nopens = 18:00:00', "procedure.closes",
         "must end after they begin"),
        ('platform = "Shed"', 'platform = "Shed"\nworkdays = []', "procedure.workdays",
         "at least one day"),
        # repeats
        ('severities = ["P1"]', 'severities = ["P1"]\nrepeat_every = "5m"',
         "path[standard].repeat_every", "at which severities"),
        ('severities = ["P1"]', 'severities = ["P1"]\nrepeat_severities = ["P1"]',
         "path[standard].repeat_severities", "how often"),
        ('severities = ["P1"]',
         'severities = ["P1"]\nrepeat_every = "5m"\nrepeat_severities = ["P2"]',
         "path[standard].repeat_severities[1]", "P2 is no severity of this path"),
        ('severities = ["P1"]', 'severities = ["P1"]\nwith_standard = ["P1"]',
         "path[standard].with_standard", "only a security path"),
        ("[[role]]", '[[path.repeat]]\nkey = "x"\nlabel = "X"\nround = 2\nwho = ["role boss"]\n'
         "\n[[role]]", "path[standard].repeat", "the path does not repeat"),
    ],
)  # fmt: skip
def test_each_fault_is_named_by_its_key(old: str, new: str, where: str, what: str) -> None:
    found = [fault for fault in faults_of(changed(old, new)) if fault.where == where]
    assert found, faults_of(changed(old, new))
    assert any(what in fault.what for fault in found), found


@pytest.mark.parametrize(
    ("more", "where", "what"),
    [
        (
            '[[path]]\nslug = "again"\nname = "Again"\nseverities = ["P1"]\n[[path.step]]\n'
            'key = "a"\nlabel = "A"\nwho = ["role boss"]\nwhen = ["at once"]\n',
            "path[again].severities",
            "the standard path 'standard' is for P1 already",
        ),
        (
            '[[war_room_trigger]]\nkey = "w"\ntext = "W"\nkind = "lasting"\n',
            "war_room_trigger[w].after",
            "can never fire",
        ),
        (
            '[[war_room_trigger]]\nkey = "w"\ntext = "W"\nkind = "decision"\n',
            "war_room_trigger[w]",
            "at no severity",
        ),
        (
            '[[phase]]\nslug = "p"\nname = "P"\nbegins_after = "10m"\nends_after = "5m"\n',
            "phase[p].ends_after",
            "ends before it begins",
        ),
        (
            '[[playbook]]\nslug = "p"\nname = "P"\nrunbook = "ghost"\n',
            "playbook[p].runbook",
            "unknown runbook",
        ),
        (
            '[[channel]]\nkey = "c"\nname = "#c"\nroutes = ["alert P8"]\n',
            "channel[c].routes[1]",
            "unknown severity 'P8'",
        ),
        (
            '[[channel]]\nkey = "c"\nname = "#c"\nroutes = ["smoke P1"]\n',
            "channel[c].routes[1]",
            "write",
        ),
        ("[weather]\nrain = true\n", "weather", "unknown key"),
    ],
)
def test_a_fault_in_an_added_table_is_named(more: str, where: str, what: str) -> None:
    found = {fault.where: fault.what for fault in faults_of(f"{SMALL}\n{more}")}
    assert where in found
    assert what in found[where]


def test_all_faults_are_named_at_once_shape_and_meaning_alike_with_their_lines() -> None:
    bent = (
        SMALL.replace('"3s"', '"-3s"')
        .replace('who = ["role boss"]', 'who = ["role ghost"]')
        .replace('clause = "C1"', 'clause = "C7"')
        .replace('platform = "Shed"\n', "")
        .replace("rank = 2", "rank = 2\ncolour = 'red'")
    )
    lines = bent.splitlines()
    faults = faults_of(bent)
    assert [(fault.where, lines[(fault.line or 0) - 1]) for fault in faults] == [
        ("procedure.platform", "[procedure]"),
        ("severity[P1].acknowledge_within", 'acknowledge_within = "-3s"'),
        ("severity[P2].colour", "colour = 'red'"),
        ("path[standard].step[primary].clause", 'clause = "C7"'),
        ("path[standard].step[boss].who[1]", 'who = ["role ghost"]'),
    ]
    assert str(faults[1]).startswith("line 12: severity[P1].acknowledge_within: ")


def test_a_value_set_aside_does_not_make_false_faults_elsewhere() -> None:
    faults = faults_of(changed('code = "P1"', "code = 7"))
    assert "severity[1].code" in {fault.where for fault in faults}


@pytest.mark.parametrize("data", ["severity = 3\n", 'procedure = "x"\n', "[[procedure]]\n", ""])
def test_a_file_of_a_foreign_shape_is_refused_and_never_crashes(data: str) -> None:
    assert faults_of(data)
