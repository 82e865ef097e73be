"""Documents: whatever they name exists, and the facts that the code cites are in them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import service.models  # noqa: F401 - registers the tables
from auth.tables import Base as AuthBase
from service.db import Base
from tests.test_architecture import TIERS

ROOT = Path(__file__).parents[1]
PAPERS = (
    "FORMAT-" + "FACTS",
    "PROTOCOL" + ".md",
    "INDICATORS" + ".md",
    "(Moodle " + "notes",
    "ЕСИА " + "notes",
)
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
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *tops],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".py", ".toml", ".md", ".html", ".mako"} and path.is_file():
            yield name, path.read_text("utf-8")


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


def test_every_document_that_is_named_exists() -> None:
    missing = {
        (name, named)
        for name, text in _texts()
        for named in DOCUMENT.findall(text)
        if not (ROOT / named).is_file()
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


def test_links_of_documents_lead_somewhere() -> None:
    missing = {
        (name, target)
        for name, text in _texts("docs", "README.md")
        if name.endswith(".md")
        for target in LINK.findall(text)
        if not (ROOT / name).parent.joinpath(target).exists()
    }
    assert missing == set()


def test_files_that_documents_name_exist() -> None:
    missing = {
        (name, named)
        for name, text in _texts("docs", "README.md")
        for named in CODE_PATH.findall(text)
        if not (ROOT / named).exists()
    }
    assert missing == set()
