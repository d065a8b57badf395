from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procedures.rules.document import (
    ClauseFacts,
    Document,
    ItemFacts,
    ProcedureFacts,
    RecipeFacts,
    SettingFacts,
)
from procedures.rules.file import UnreadableFile, places, preface_of, read_file, write_file
from tests.procedures.factories import SMALL, mother_harness

words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1
).filter(lambda text: bool(text.strip()))

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def small_document(**more: object) -> Document:
    head = ProcedureFacts(slug="s", name="S", platform="P", last_updated=date(2026, 1, 1))
    return Document.model_validate({"procedure": head, **more})


@patient
@given(text=words, command=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])))
def test_any_text_survives_the_file(text: str, command: str) -> None:
    item = ItemFacts(key="a", text=text, command=command)
    document = small_document(recipe=[RecipeFacts(slug="r", name=text, step=[item])])
    assert Document.model_validate(read_file(write_file(document))) == document


@patient
@given(
    st.one_of(
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
        words,
        st.lists(words),
    )
)
def test_any_setting_survives_the_file(value: object) -> None:
    setting = SettingFacts.model_validate({"key": "k", "kind": "text", "value": value})
    document = small_document(setting=[setting])
    assert Document.model_validate(read_file(write_file(document))) == document


def test_writing_is_stable_and_leaves_out_what_has_its_default() -> None:
    document = small_document(
        clause=[
            ClauseFacts.model_validate(
                {"code": "C1", "chapter": "A", "text": "B", "kinds": ["data"]}
            )
        ]
    )
    text = write_file(document, "# mine")
    assert text.startswith("# mine\n\n# --- The document")
    assert write_file(Document.model_validate(read_file(text)), preface_of(text)) == text
    assert "meaning" not in text
    assert "review_every" not in text
    assert f"opens = {time(9).isoformat()}" in text


def test_the_line_of_every_key_is_known() -> None:
    where = places(SMALL)
    lines = SMALL.splitlines()
    assert lines[where["severity", 0, "acknowledge_within"] - 1] == 'acknowledge_within = "3s"'
    assert lines[where["path", 0, "step", 1, "who"] - 1] == 'who = ["role boss"]'
    assert lines[where["severity", 1] - 1] == "[[severity]]"
    assert lines[where["severity", 1]] == 'code = "P2"'


def test_lines_are_right_behind_texts_of_several_lines() -> None:
    text = mother_harness()
    where = places(text)
    lines = text.splitlines()
    for place, number in where.items():
        name = str(place[-1] if isinstance(place[-1], str) else place[-2])
        assert name in lines[number - 1]
    last = len(read_file(text)["clause"]) - 1
    assert lines[where["clause", last, "code"] - 1] == 'code = "X25"'


def test_a_file_that_is_no_toml_says_where() -> None:
    with pytest.raises(UnreadableFile) as refused:
        read_file('[procedure]\nslug = "a"\nslug = "b"\n')
    assert refused.value.line == 3
