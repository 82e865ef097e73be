"""Every problem that the product raises has a sentence, and every sentence a problem."""

from __future__ import annotations

import re
from pathlib import Path

import service
from service.problems import AskError
from service.words.problems import _SENTENCES, sentence
from tests.language import in_language

CODE = re.compile(
    r'(?:\w+Problem|Refusal|\w+Error|NoPdf|KeptInMoodle|UnknownSchool)\(\s*f?"([a-z_]+\.[a-z_]+)'
)
NOT_FOUND = re.compile(r'Forbidden\("(\w+)"\)')
NAMED = re.compile(r'"(link\.nobody|mapping\.unusable)"|return "(undo\.[a-z_]+)"')


def test_each_code_has_a_sentence_and_each_sentence_a_code() -> None:
    text = "".join(
        path.read_text("utf-8")
        for path in Path(service.__file__).parent.rglob("*.py")
        if path.name != "problems.py"
    )
    named = {code for found in NAMED.findall(text) for code in found if code}
    raised = {*CODE.findall(text), *NOT_FOUND.findall(text), *named}
    # One code is composed of the role; a load that is not there is what nobody names.
    assert raised - {"operator.no_"} == _SENTENCES.keys() - {
        "operator.no_school", "operator.no_district", "load",
    }  # fmt: skip


def test_a_sentence_is_filled_in_the_language_of_the_reader() -> None:
    problem = AskError("period.no_day", text="31.09.2026")
    with in_language("en"):
        assert sentence(problem) == "The calendar has no day “31.09.2026”."
    with in_language("ru"):
        assert "«31.09.2026»" in sentence(problem)
