"""Exports of other systems, from the file to the accounts in Moodle, by layouts alone."""

from __future__ import annotations

from datetime import UTC, datetime
from os import utime
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import select

from service.models import LoadFile
from tests.provisioning.test_formats_ims import two_schools
from tests.service.questions.asked import open_questions
from tests.service.trial import Trial, on_both_databases

DATA = Path(__file__).parents[2] / "data"


def foreign(trial: Trial, kind: str, *changes: tuple[str, str], name: str = "school") -> Path:
    """A file of this kind and its layout, known to the installation."""
    layouts = trial.folder / "layouts"
    layouts.mkdir(parents=True, exist_ok=True)
    copyfile(DATA / kind / "layout.toml", layouts / f"{kind}.toml")
    trial.configure("reading", layout_dirs=(layouts,))
    codec = "cp1251" if kind == "flat1251" else "utf-8"
    text = (DATA / kind / "school.xml").read_text(codec)
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = trial.folder / f"{name}.xml"
    path.write_text(text, codec)
    return path


@on_both_databases
def test_one_file_of_several_schools_is_loaded_school_by_school(trial: Trial) -> None:
    trial.folder.mkdir(parents=True, exist_ok=True)
    path = trial.folder / "pifu.xml"
    path.write_text(two_schools(), "utf-8")
    trial.sync(path)
    assert trial.account("999000111", "t-1")["institution"] == "Школа № 1"
    (asked,) = open_questions(trial)  # a teacher of two schools, without a number
    assert (asked.question.school_code, asked.question.key) == ("o-2", "t-1")
    assert trial.account("999000111", "s-1")["institution"] == "Школа № 1"
    assert trial.account("o-2", "s-2")["institution"] == "Школа № 2"
    assert len(trial.moodle()["users"]) == 3
    trial.settled(path)


SAID = ("<UAJ>123ABC</UAJ>", "<UAJ>123ABC</UAJ><HORODATAGE>01/10/2026 08:00:00</HORODATAGE>")


@on_both_databases
@pytest.mark.parametrize(
    ("kind", "changes", "code", "people"),
    [
        ("flat1251", [], "1243", {"1": ("Пробин", "5А"), "3": ("Третий", "6Б")}),
        ("ed", [], "o-1", {"p-1": ("Пробин", "5А")}),
        ("edex", [], "99XX-00", {"L1": ("van Jansen", "Groep 3A"), "T1": ("Bakker", "")}),
        ("siecle", [SAID], "123ABC", {"0001": ("HANDMADE", "4A"), "0002": ("COJAUNE", "4A")}),
    ],
    ids=["flat1251", "ed", "edex", "siecle"],
)
def test_a_foreign_file_becomes_accounts_in_their_classes(
    trial: Trial,
    kind: str,
    changes: list[tuple[str, str]],
    code: str,
    people: dict[str, tuple[str, str]],
) -> None:
    path = foreign(trial, kind, *changes)
    trial.sync(path)
    found = {key: trial.account(code, key) for key in people}
    assert {key: (one["lastname"], one["department"]) for key, one in found.items()} == people
    for key, (_, title) in people.items():
        assert any(title in name for name in trial.cohorts_of(code, key))
    trial.settled(path)


def test_who_is_not_in_the_next_flat_list_has_left_its_class(trial: Trial) -> None:
    trial.sync(foreign(trial, "flat1251"))
    moved = foreign(
        trial, "flat1251", ('Класс="6Б"', 'Класс="6 а"'), ("01.10.2026", "02.10.2026"), name="next"
    )
    trial.sync(moved)
    assert trial.account("1243", "3")["department"] == "6А"


def test_a_file_without_a_time_was_exported_when_it_was_saved(trial: Trial) -> None:
    path = foreign(trial, "siecle")
    saved = datetime(2026, 10, 2, 6, 30, tzinfo=UTC)
    utime(path, (saved.timestamp(), saved.timestamp()))
    load_id = trial.load(path)
    files = trial.stored(select(LoadFile.exported_at).where(LoadFile.load_id == load_id))
    assert files == [saved]
