"""Every code of evidence has words, and no words are kept for a code that nobody gives."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import provisioning
import service.loads
from provisioning.evidence import Field, Likeness
from provisioning.questions import (
    ANSWERS,
    Answer,
    Evidence,
    Question,
    QuestionKind,
    RowRef,
    Speaks,
    places_key,
)
from provisioning.school_identity import By
from service.words import questions as wording
from tests.language import in_language

ROOMS = (Path(provisioning.__file__).parent, Path(service.loads.__file__).parent)
CODE = re.compile(r"[a-z_]+\.[a-z_]*[a-z]")
FORMED = {
    "provisioning/evidence.py": {
        f"{name}.{how}" for name in Field for how in Likeness if how is not Likeness.NEITHER
    },
    "provisioning/class_evidence.py": {
        f"class_pupils.{how}" for how in ("none", "unknown", "most", "some")
    }
    | {
        f"class_{what}.{how}"
        for what in ("title", "grade", "teacher", "id")
        for how in ("equal", "different")
    },
    "provisioning/adoption/comparing.py": {
        *(f"{name}.{how}" for name in ("school", "class") for how in ("equal", "other", "unsaid")),
        "id_number.equal",
        "login.equal",
        "email.another",
        "account.suspended",
    },
    "provisioning/school_identity.py": {f"school.known_by_{by}" for by in By},
}
"""Codes that a module puts together: one that does so and is not here fails the test."""


def written_out() -> Iterator[tuple[str, set[str]]]:
    """Modules that make evidence, and the codes that stand in them as they are."""
    for room in ROOMS:
        for path in sorted(room.rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            made = [
                node
                for node in ast.walk(tree)
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Evidence"
            ]
            if not made:
                continue
            # ``asking`` hands its codes over by a function of its own, ``tell``.
            whole = "matching" in path.parts
            texts = {
                node.value
                for call in ([tree] if whole else made)
                for node in ast.walk(call)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
            name = path.relative_to(room.parent).as_posix()
            yield name, {text for text in texts if CODE.fullmatch(text)}


MADE = dict(written_out())
CODES = set().union(*MADE.values(), *FORMED.values())


def test_codes_that_are_put_together_are_known() -> None:
    assert FORMED.keys() <= MADE.keys()
    formed = {name for name, codes in MADE.items() if not codes or name in FORMED}
    assert formed == FORMED.keys()
    assert {"move.listed_by_both", "role.other", "names.turned", "school.own_file"} <= CODES


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_of_evidence_has_words(code: str) -> None:
    one = Evidence(code=code, speaks=Speaks.NEITHER)
    said = []
    for language in ("ru", "en"):
        with in_language(language):
            said.append(wording.evidence_in_words(one))
    russian, english = said
    assert re.fullmatch(r"[а-яёА-ЯЁ ,:«»№-]+", russian.replace("Moodle", ""))
    assert "_" not in english
    assert english.isascii()


def test_no_words_are_kept_for_a_code_that_nobody_gives() -> None:
    names, ways = (set(half) for half in zip(*(code.split(".") for code in CODES), strict=True))
    assert wording.FIELDS.keys() == names
    assert wording.WAYS.keys() == ways


@pytest.mark.parametrize("language", ["ru", "en"])
def test_each_kind_and_answer_has_words(language: str) -> None:
    assert ANSWERS.keys() == set(QuestionKind)
    with in_language(language):
        for kind, answers in ANSWERS.items():
            assert wording.kind(kind)
            assert wording.asked(kind)
            question = Question(kind=kind, school_code="1", key="p-1")
            assert all(wording.effect(question, one) and wording.answer(one) for one in answers)
    assert {one for answers in ANSWERS.values() for one in answers} == set(Answer)


def test_who_has_left_another_school_is_answered_in_its_own_words() -> None:
    row = RowRef(school_code="1", sourced_id="p-1")
    who = Question(kind=QuestionKind.MOVE, school_code="1", key="p-1", rows=(row,))
    places = Question(kind=QuestionKind.MOVE, school_code="1", key=places_key("p-1"), rows=(row,))
    with in_language("en"):
        assert wording.answer_to(who, Answer.REFUSE) == "refuse"
        assert wording.answer_to(places, Answer.REFUSE) == "attends both schools"
        assert wording.answer_to(places, Answer.CONFIRM) == "has left the other school"
        assert wording.asked_in_words(places) != wording.asked_in_words(who)
        assert "both schools" in wording.effect(places, Answer.REFUSE)
        assert "account of its own" in wording.effect(who, Answer.REFUSE)
