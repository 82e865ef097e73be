"""The guide and the table of facts: complete, and every test they name exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from auth.esia.protocol.errors import CATALOGUE, REST_CATALOGUE
from auth.esia.workbench.diagnostics import NextStep
from auth.esia.workbench.faults import KINDS

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
GUIDE = (ROOT / "docs" / "esia.md").read_text("utf-8")
FACTS = (ROOT / "docs" / "facts" / "esia.md").read_text("utf-8")
OF_OTHERS = {"0", "1", "11"}
"""Sections with facts that ask nothing of the stand-in and need no test."""


def rows() -> list[tuple[str, list[str]]]:
    """The section each row of the table stands in, with its four cells."""
    found = []
    for part in FACTS.split("\n## ")[1:]:
        for line in part.splitlines():
            if re.match(r"\| \d", line):
                cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
                found.append((part.partition(".")[0], cells))
    return found


def functions_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}


def test_every_section_of_the_notes_has_its_facts() -> None:
    sections = re.findall(r"(?m)^## (.+?)\. .+$", FACTS)
    assert sections == [str(number) for number in range(16)]
    assert {section for section, _ in rows()} == set(sections)


def test_facts_are_numbered_in_their_order_without_a_gap() -> None:
    numbers: dict[str, list[str]] = {}
    for section, cells in rows():
        numbers.setdefault(section, []).append(cells[0])
    for section, found in numbers.items():
        assert found == [f"{section}.{place}" for place in range(1, len(found) + 1)]


def test_every_fact_names_a_test_that_exists() -> None:
    wrong = []
    for section, (number, fact, here, shown_by) in rows():
        assert fact, number
        assert here, number
        named = re.fullmatch(r"`((?:tests/)?[\w/]+\.py)::(test_\w+)`", shown_by)
        if named is None:
            if shown_by != "–" or section not in OF_OTHERS:
                wrong.append(number)
            continue
        places = [ROOT / named[1]] if named[1].startswith("tests/") else HERE.rglob(named[1])
        if not any(path.is_file() and named[2] in functions_in(path) for path in places):
            wrong.append(number)
    assert wrong == []
    assert len(rows()) > 120


def test_every_error_of_the_catalogue_is_a_fact() -> None:
    missing = [code for code in (*CATALOGUE, *REST_CATALOGUE) if code not in FACTS]
    assert [code for code in missing if not code.startswith("0367")] == []


def test_every_next_step_is_explained() -> None:
    assert [step.value for step in NextStep if f"`{step.value}`" not in GUIDE and step] == []


@pytest.mark.parametrize("place", KINDS)
def test_every_fault_is_explained(place: str) -> None:
    kinds = {kind for kind in KINDS[place] if not kind.isdigit()}
    assert [kind for kind in kinds if f"`{place}:{kind}`" not in GUIDE] == []
