"""OneRoster in CSV: a set of tables, as a folder or an archive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from provisioning.roster import ClassKind, Mode, PersonStatus, Role
from provisioning.validation import validate
from tests.provisioning.roster_files import DATA, TODAY, ReadResult, read
from tests.provisioning.table_files import zipped

VERSIONS = ("1.1", "1.2")
Edit = Callable[[dict[str, str]], None]


def members(version: str) -> dict[str, str]:
    folder = DATA / f"oneroster-csv-{version}"
    return {path.name: path.read_text("utf-8") for path in sorted(folder.iterdir())}


def read_set(tmp_path: Path, version: str, *edits: tuple[str, str, str]) -> ReadResult:
    """What is read of the sample after some edits: (file, old text, new text)."""
    files = members(version)
    for name, old, new in edits:
        assert old in files[name], name
        files[name] = files[name].replace(old, new)
    return read([zipped(tmp_path / "oneroster.zip", files)])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_set_is_read_from_an_archive_as_from_a_folder(tmp_path: Path, version: str) -> None:
    folder = read([DATA / f"oneroster-csv-{version}"]).roster
    archive = read_set(tmp_path, version)
    assert archive.rules == ["guardian.ignored"]
    roster = archive.roster
    assert roster.persons.keys() == folder.persons.keys() == {"s-1", "t-1"}
    assert roster.enrolments == folder.enrolments
    kinds = {one.title: one.kind for one in roster.classes.values()}
    assert kinds == {"8А": ClassKind.HOMEROOM, "8А, математика": ClassKind.GROUP}
    assert roster.classes["c-8a"].teacher_id == "t-1"
    assert roster.persons["t-1"].role is Role.TEACHER
    assert (roster.source, roster.mode, roster.school_year) == ("oneroster", Mode.FULL, "2026/2027")
    assert validate(roster, TODAY)[1] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_delta_is_a_load_of_changes(tmp_path: Path, version: str) -> None:
    gone = ("s-1,,,true", "s-1,tobedeleted,2026-10-01T08:30:00Z,true")
    result = read_set(
        tmp_path, version, ("manifest.csv", "file.users,bulk", "file.users,delta"),
        ("users.csv", *gone),
    )  # fmt: skip
    assert result.roster.mode is Mode.CHANGES
    assert result.roster.persons["s-1"].status is PersonStatus.LEFT
    assert result.roster.persons["t-1"].status is PersonStatus.ACTIVE


@pytest.mark.parametrize("version", VERSIONS)
def test_a_user_who_is_not_enabled_has_left(tmp_path: Path, version: str) -> None:
    result = read_set(tmp_path, version, ("users.csv", "s-1,,,true", "s-1,active,,false"))
    assert result.roster.persons["s-1"].status is PersonStatus.LEFT


@pytest.mark.parametrize("version", VERSIONS)
def test_a_person_without_a_birth_date_is_set_aside(tmp_path: Path, version: str) -> None:
    result = read_set(tmp_path, version, ("demographics.csv", "s-1,,,2012-02-29,male", "x,,,,"))
    assert "field.missing" in result.rules
    assert "reference.unknown" not in result.rules
    assert result.roster.set_aside == {"s-1"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_school_without_an_identifier_has_its_sourced_id_for_a_code(
    tmp_path: Path, version: str
) -> None:
    result = read_set(tmp_path, version, ("orgs.csv", "school,78-0243,", "school,,"))
    assert result.roster.school.code == "o-1"


SECOND_SCHOOL = "o-2,,,ГБОУ школа № 244,school,78-0244,o-d\n"


def test_a_teacher_of_two_schools_is_read_in_both(tmp_path: Path) -> None:
    result = read_set(
        tmp_path, "1.1", ("orgs.csv", "o-1,,,", f"{SECOND_SCHOOL}o-1,,,"),
        ("users.csv", "t-1,,,true,o-1,", 't-1,,,true,"o-1,o-2",'),
    )  # fmt: skip
    found = {one.school.code: set(one.persons) for one in result.rosters}
    assert found == {"78-0243": {"s-1", "t-1"}, "78-0244": {"t-1"}}
    result = read_set(
        tmp_path, "1.2", ("orgs.csv", "o-1,,,", f"{SECOND_SCHOOL}o-1,,,"),
        ("roles.csv", "r-3,", "r-9,,,t-1,secondary,teacher,,,o-2,\nr-3,"),
    )  # fmt: skip
    assert {one.school.code: set(one.persons) for one in result.rosters} == found


@pytest.mark.parametrize("version", VERSIONS)
def test_of_several_school_years_that_of_the_export_counts(tmp_path: Path, version: str) -> None:
    last = "y-2026,,,2025/2026,schoolYear,2025-09-01,2026-08-31,,2026\ny-2027"
    result = read_set(
        tmp_path, version, ("academicSessions.csv", "y-2027,,,2026/2027", f"{last},,,x")
    )
    assert result.roster.school_year == "2026/2027"


@pytest.mark.parametrize("version", VERSIONS)
def test_zeros_lost_before_class_ids_are_put_back_and_told(tmp_path: Path, version: str) -> None:
    result = read_set(
        tmp_path, version, ("classes.csv", "c-8a,", "0017,"), ("enrollments.csv", "c-8a,", "17,")
    )
    assert "table.lost_zeros" in result.rules
    assert ("s-1", "0017") in {(one.person_id, one.class_id) for one in result.roster.enrolments}


@pytest.mark.parametrize("version", VERSIONS)
def test_tables_that_no_set_has_are_told(tmp_path: Path, version: str) -> None:
    files = members(version) | {"notes.csv": "a,b\n1,2\n"}
    result = read([zipped(tmp_path / "a.zip", files)])
    (told,) = (one for one in result.findings if one.rule == "table.not_used")
    assert told.value == "notes"


def test_two_sets_in_two_folders_are_two_uploads_of_two_schools(tmp_path: Path) -> None:
    files = {f"a/{name}": text for name, text in members("1.1").items()}
    files |= {
        f"b/{name}": text.replace("78-0243", "78-0244").replace("2012-02-29", "2012-03-01")
        .replace("s-1", "s-2")
        for name, text in members("1.2").items()
    }  # fmt: skip
    # What both say word for word is told as the same file, and is of the second set too.
    files = {name: f"{text}\n" if name.startswith("b/") else text for name, text in files.items()}
    result = read([zipped(tmp_path / "a.zip", files)])
    assert [one.school.code for one in result.rosters] == ["78-0243", "78-0244"]
    assert result.rosters[1].persons["s-2"].birth_date == date(2012, 3, 1)
