"""Files of other systems with the layouts that read them, to be varied; all people are invented."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from os import utime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from provisioning.roster import Roster
from tests.provisioning.roster_files import DATA, ReadResult, read

Changes = Iterable[tuple[str, str]]
"""What is replaced by what, everywhere in a text."""

NO_DOUBT = {"set.no_staff", "school.no_district"}
"""Warnings about what these files never hold."""
EXPORTED = datetime.fromisoformat("2026-10-01T09:00:00+00:00")


class Said(NamedTuple):
    """A roster in short."""

    people: set[tuple[str, str, str, str]]
    """Sourced id, role, full name, birth date."""
    classes: set[tuple[str, str, int, str]]
    """Sourced id, title, grade, kind."""
    places: set[tuple[str, str, str]]
    """Person, class, role."""


def said(roster: Roster) -> Said:
    return Said(
        people={
            (key, one.role.value, one.full_name, one.birth_date.isoformat())
            for key, one in roster.persons.items()
        },
        classes={
            (key, one.title, one.grade, one.kind.value) for key, one in roster.classes.items()
        },
        places={(one.person_id, one.class_id, one.role.value) for one in roster.enrolments},
    )


def text_of(kind: str, *changes: tuple[str, str]) -> str:
    """The file of a kind, changed; each change must be possible."""
    encoding = "cp1251" if kind == "flat1251" else "utf-8"
    return changed((DATA / kind / "school.xml").read_text(encoding), changes)


def layout_of(kind: str, *changes: tuple[str, str]) -> str:
    return changed((DATA / kind / "layout.toml").read_text("utf-8"), changes)


def changed(text: str, changes: Changes) -> str:
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return text


def read_with(layout: str, **files: str | bytes) -> ReadResult:
    """Read files, which were saved when they were exported, by a layout of their own."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "layout.toml").write_text(layout, "utf-8")
        paths = []
        for stem, content in files.items():
            path = folder / f"{stem}.xml"
            path.write_bytes(content if isinstance(content, bytes) else _encoded(content))
            utime(path, (EXPORTED.timestamp(), EXPORTED.timestamp()))
            paths.append(path)
        return read(paths, layout_folders=[folder])


def _encoded(text: str) -> bytes:
    return text.encode("cp1251" if 'encoding="windows-1251"' in text else "utf-8")


def doubts(result: ReadResult) -> list[str]:
    """The rules of findings but those that these files always have."""
    return [rule for rule in result.rules if rule not in NO_DOUBT]
