"""The table of docs/questions.md, the effects and the words say of the same answers."""

from __future__ import annotations

import re
from pathlib import Path

from provisioning.questions import ANSWERS, Question
from service.questions.effects import EFFECTS
from service.words.questions import asked, effect, kind
from tests.language import in_language

PAGE = Path(__file__).parents[3] / "docs" / "questions.md"


def documented() -> set[tuple[str, str]]:
    """Kind and answer of each row of the table; an empty first cell repeats the kind above."""
    found, about = set(), ""
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [one.strip() for one in line.strip("|").split("|")]
        if len(cells) != 4 or not line.startswith("|"):
            continue
        if told := re.match(r"`(\w+)`", cells[0]):
            about = told[1]
        if answer := re.match(r"`(\w+)", cells[2]):
            found.add((about, answer[1]))
    return found


def test_the_page_names_every_kind_and_answer_and_no_other() -> None:
    all_of_them = {(each.value, given.value) for each, some in ANSWERS.items() for given in some}
    assert documented() == all_of_them
    assert {(each.value, given.value) for each, given in EFFECTS} == all_of_them


def test_every_kind_and_answer_has_its_words() -> None:
    with in_language("ru"):
        for each, some in ANSWERS.items():
            assert kind(each)
            assert asked(each)
            for given in some:
                assert effect(Question(kind=each, school_code="1", key="1"), given)
