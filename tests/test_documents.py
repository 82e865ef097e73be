"""Documents: whatever they name exists, and the facts that the code cites are in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import service.models  # noqa: F401 - registers the tables
from auth.tables import Base as AuthBase
from service.db import Base
from tests.test_architecture import ROOT, TIERS, files

PAPERS = ("FORMAT-" + "FACTS", "PROTOCOL" + ".md", "INDICATORS" + ".md", "(Moodle " + "notes",
          "ЕСИА " + "notes")  # fmt: skip
"""Names of papers that are not in the repository."""

CITATION = re.compile(
    r"docs/facts/(\w+)\.md[\s#]+(?:section )?([A-Z]?\d+(?:\.\d+)*|[A-Z]\b)"
    r"((?:(?:,| to| and)\s+[A-Z]?\d+(?:\.\d+)*)*)"
)
NUMBER = re.compile(r"[A-Z]?\d+(?:\.\d+)*")
DOCUMENT = re.compile(r"\bdocs/[\w/-]+\.md\b")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)")
CODE_PATH = re.compile(r"`((?:service|auth|provisioning|tests|bench)/[\w./-]+)`")


def _texts(*tops: str) -> Iterator[tuple[str, str]]:
    for path in files(*tops):
        if path.suffix in {".py", ".toml", ".md", ".html", ".mako"}:
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def _numbers(document: str) -> set[str]:
    """The numbers of the facts of a document, and those of its sections."""
    text = (ROOT / "docs" / "facts" / f"{document}.md").read_text("utf-8")
    rows = re.findall(r"(?m)^\| ([A-Z]?\d+(?:\.\d+)*) \|", text)
    return {*rows, *re.findall(r"(?m)^## ([A-Z]|\d+)\.", text)}


def test_no_paper_outside_the_repository_is_cited() -> None:
    found = {
        (name, paper)
        for name, text in _texts()
        for paper in PAPERS
        if name != "CHANGELOG.md" and paper in text
    }
    assert found == set()


@pytest.mark.parametrize(
    ("tops", "pattern"),
    [([], DOCUMENT), (["docs", "README.md"], LINK), (["docs", "README.md"], CODE_PATH)],
    ids=["documents", "links of documents", "files that documents name"],
)
def test_what_is_named_exists(tops: list[str], pattern: re.Pattern[str]) -> None:
    missing = {
        (name, named)
        for name, text in _texts(*tops)
        if name.endswith(".md") or pattern is DOCUMENT
        for named in pattern.findall(text)
        if not ((ROOT / name).parent if pattern is LINK else ROOT).joinpath(named).exists()
    }
    assert missing == set()


def test_every_fact_that_is_cited_exists() -> None:
    missing, cited = set(), 0
    for name, text in _texts():
        for document, first, more in CITATION.findall(text):
            cited += 1
            for number in (first, *NUMBER.findall(more)):
                if number not in _numbers(document):
                    missing.add((name, document, number))
    assert missing == set()
    assert cited > 100


def test_the_drawing_of_the_tiers_is_that_of_the_rules() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    drawing = text.partition("\n service/\n")[2].partition("\n\n")[0]
    drawn: dict[str, set[str]] = {}
    tier = ""
    for line in drawing.splitlines():
        words = line.split()
        if line[3] != " ":
            tier, *words = words
        drawn.setdefault(tier, set()).update(words)
    assert drawn == {name: set(rooms) for name, rooms in TIERS.items()}


def test_the_tables_of_the_drawing_are_those_of_the_models() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"(?m)^\| `((?:service|auth)/[\w/]+)\.py` \| (.+) \|$", text)
    drawn = [(room, table) for room, tables in rows for table in re.findall(r"`(\w+)`", tables)]
    models = [one.class_ for base in (Base, AuthBase) for one in base.registry.mappers]
    made = [(one.__module__.replace(".", "/"), one.__tablename__) for one in models]
    assert sorted(drawn) == sorted(made)
