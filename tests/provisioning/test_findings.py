"""Findings: each rule has its texts in both languages, and none tells more than it may."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.findings import Finding, Severity, _texts, rules

ROOT = Path(__file__).parents[2]
REPORTERS = {"FileProblem", "report", "_reject", "about", "_finding"}
BUILT = {
    *(f"name.{why}" for why in ("characters", "damaged")),
    *(f"{of}.{why}" for of in ("birth_date", "date") for why in ("format", "impossible")),
    *(f"{of}.two_digit_year" for of in ("birth_date", "date")),
    *("birth_date.time_of_day", "birth_date.nobody_alive", "date.too_early"),
    *("snils.format", "snils.check_number", "email.format", "set.no_students", "set.no_staff"),
}
"""Rules whose names the code puts together from a field and what is wrong with it."""


def finding(rule: str, **details: str) -> Finding:
    person = {"person": "Примеров Пример", "field_name": "birth_date", "value": "30.02.2012"}
    return Finding(rule=rule, severity=rules()[rule], file="school.xml", **person, details=details)


TABLES = ("service/activity", "service/registry")
"""They read tables, whose problems are no findings."""


def code(*, without: tuple[str, ...] = ()) -> Iterator[ast.AST]:
    for package in ("provisioning", "service"):
        for path in (ROOT / package).rglob("*.py"):
            if not path.relative_to(ROOT).as_posix().startswith(without):
                yield from ast.walk(ast.parse(path.read_text("utf-8")))


def test_every_rule_that_is_reported_has_its_texts() -> None:
    reported = {
        node.args[0].value
        for node in code(without=TABLES)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) in REPORTERS
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(reported) > 40
    assert reported <= set(rules())


def test_no_rule_is_left_that_nothing_reports() -> None:
    texts = {node.value for node in code() if isinstance(node, ast.Constant)}
    assert set(rules()) - texts - BUILT == set()


def places(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("rule", sorted(rules()))
def test_every_rule_speaks_both_languages_about_the_same_things(rule: str) -> None:
    texts = _texts()[rule]
    assert set(texts) == {"severity", "message_ru", "message_en", "remedy_ru", "remedy_en"}
    assert places(texts["message_ru"]) == places(texts["message_en"])
    for key in texts.keys() - {"severity"}:
        assert bool(re.search("[а-я]", texts[key])) is key.endswith("_ru")
        assert texts[key].endswith((".", "?"))


def test_a_message_is_filled_from_the_finding() -> None:
    one = finding("birth_date.impossible")
    assert one.message("ru") == "Такой даты рождения не бывает: «30.02.2012»."
    assert one.message("en") == "There is no such birth date: “30.02.2012”."
    assert one.remedy("en").startswith("Correct it")
    # Braces in a value are only text.
    one = finding("name.mixed_alphabets", letters="{value} {0}")
    assert "{value} {0}" in one.message("ru")


def test_a_finding_in_a_log_shows_neither_person_nor_value() -> None:
    shown = repr(finding("snils.two_people", lines="11223344595"))
    assert not any(secret in shown for secret in ("Примеров", "30.02.2012", "11223344595"))
    assert "snils.two_people" in shown


def test_severities_are_the_three() -> None:
    assert set(rules().values()) == set(Severity)
