"""The registry on the command line: a template, a preview, a yes, exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.service.command_line import TRACE, Ended, run
from tests.service.tables import TITLES, as_csv

LINES = (
    TITLES,
    ("a-4", "4", "ГБОУ СОШ №4", "Василеостровский", "школа"),
    ("b-4", "4", "ГБОУ гимназия №4", "Василеостровский", "школа"),
)


def written(folder: Path, *lines: tuple[Any, ...]) -> Path:
    path = folder / "schools.csv"
    path.write_bytes(as_csv(*lines))
    return path


def registry(*arguments: object, home: Path) -> Ended:
    ended = run("registry", *arguments, home=home)
    assert TRACE not in ended.err
    return ended


def test_nothing_changes_without_a_yes(home: Path, tmp_path: Path) -> None:
    path = written(tmp_path, *LINES)
    shown = registry("import", "schools", path, home=home)
    assert shown.code == 0
    assert "Added: 2" in shown.out
    assert "add --yes" in shown.out
    assert registry("schools", "--json", home=home).data == []
    done = registry("import", "schools", path, "--yes", "--json", home=home)
    assert done.data["applied"] is True
    found = registry("schools", "--json", home=home).data
    assert [(one["code"], one["number"], one["type"]) for one in found] == [
        ("a-4", "4", "general"), ("b-4", "4", "general"),
    ]  # fmt: skip
    assert "ГБОУ гимназия №4" in registry("schools", home=home).out


def test_mistakes_stop_the_import_and_name_their_rows(home: Path, tmp_path: Path) -> None:
    path = written(tmp_path, *LINES, ("c-1", "1", "Школа", "Невский", "вуз"))
    ended = registry("import", "schools", path, "--yes", home=home)
    assert ended.code == 3
    assert "row 4: “Тип” cannot be “вуз”." in ended.out
    assert registry("schools", "--json", home=home).data == []
    path.write_bytes(b"nothing;of;ours")
    assert registry("import", "schools", path, home=home).code == 1


def test_a_week_of_a_platform_names_platform_week_and_mapping(home: Path, tmp_path: Path) -> None:
    registry("import", "schools", written(tmp_path, *LINES), "--yes", home=home)
    path = written(tmp_path, ("Код ОО", "Учителей"), ("a-4", "40"), ("zzz", "4"))
    assert registry("import", "platform", path, home=home).code == 2
    week = ("--platform", "Сферум", "--week", "14.04.2023")
    unknown = registry("import", "platform", path, *week, "--mapping", "vk", home=home)
    assert unknown.code == 2
    assert "there are: default" in unknown.err
    done = registry("import", "platform", path, *week, "--yes", home=home)
    assert "To be matched in the console: 1" in done.out


def test_a_template_is_written_and_a_district_renamed(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.xlsx"
    assert registry("template", "schools", "--out", out, home=home).code == 0
    assert registry("import", "schools", out, home=home).code == 0
    registry("import", "schools", written(tmp_path, *LINES), "--yes", home=home)
    done = registry("rename-district", "Василеостровский", "Островной", home=home)
    assert "2 schools" in done.out
    again = registry("rename-district", "Василеостровский", "Островной", home=home)
    assert again.code == 1
    assert "Василеостровский" in again.err


@pytest.mark.parametrize("subject", ["schools", "totals", "milestones", "platform"])
def test_a_template_has_the_form_of_its_ending(subject: str, home: Path, tmp_path: Path) -> None:
    for name, begins in (("x.csv", b"\xef\xbb\xbf"), ("X.CSV", b"\xef\xbb\xbf"), ("x.xlsx", b"PK")):
        assert registry("template", subject, "--out", tmp_path / name, home=home).code == 0
        assert (tmp_path / name).read_bytes().startswith(begins)
    told = registry("template", subject, "--out", tmp_path / "y.csv", "--format", "xlsx", home=home)
    assert told.code == 0
    assert (tmp_path / "y.csv").read_bytes().startswith(b"PK")


def test_what_concerns_whole_schools_is_planned_and_approved(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sample"
    sizes = ("--schools", "2", "--people-per-school", "30")
    run("sample", *sizes, "--out", folder, home=home, code=0)
    loaded = run("sync", folder, "--yes", home=home)
    assert loaded.code == 0, loaded.err
    codes = [one["code"] for one in registry("schools", "--json", home=home).data]
    old, new = codes[:2]
    planned = registry("school-merge", old, new, "--json", home=home)
    assert [one["school"] for one in planned.data["schools"]] == [new]
    assert "user.create" not in planned.data["schools"][0]["counts"]
    load = planned.data["load"]
    assert run("approve", load, home=home).code == 0
    assert run("apply", load, home=home).code == 0
    again = registry("school-close", old, "--into", new, home=home)
    assert (again.code, "has ended already" in again.err) == (1, True)
    assert "are those of school" in registry("school-code", new, "new-1", home=home).out
    assert registry("school-split", new, old, "--classes", "8А", home=home).code == 1
    assert registry("school-close", new, home=home).code == 0
