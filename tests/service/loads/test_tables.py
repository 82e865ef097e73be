"""Lists of schools on other information systems: from CSV and XLSX to accounts in Moodle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from provisioning.person_states import PersonState
from service.models import Load, LoadStatus, School
from service.reports.other_systems import last_layouts
from tests.provisioning.old_workbooks import Rows, ods, xls
from tests.provisioning.roster_files import DATA
from tests.provisioning.table_files import (
    OTHER,
    PUPIL,
    TITLES,
    csv_text,
    save,
    workbook,
    zipped,
)
from tests.service.trial import A, Trial, on_both_databases, pupils, teacher

CODE = "78-0243"


def sync_list(trial: Trial, path: Path, school: str = CODE) -> Load:
    return trial.carry_out(trial.load(path, expected_school=school), over_limits=True)


@on_both_databases
def test_a_list_becomes_accounts_with_class_cohort_and_course(trial: Trial) -> None:
    path = save(trial.folder / "list.csv", csv_text(TITLES, PUPIL, OTHER).encode("cp1251"))
    assert sync_list(trial, path).status == LoadStatus.APPLIED
    account = trial.account(CODE, "s-1")
    assert (account["lastname"], account["department"]) == ("Примеров", "8А")
    assert any("8А" in name for name in trial.cohorts_of(CODE, "s-1"))
    assert any("8А" in name for name, _role in trial.courses_of(CODE, "s-2"))
    assert len(trial.moodle()["users"]) == 2


@on_both_databases
def test_the_next_list_as_a_workbook_moves_a_pupil_and_lets_a_leaver_go(trial: Trial) -> None:
    sync_list(trial, save(trial.folder / "a.csv", csv_text(TITLES, PUPIL, OTHER)))
    day = datetime(2012, 2, 29)  # noqa: DTZ001 - cells know no zone
    moved = ("s-1", "Примеров", "Пётр", "Пробович", day, "8 б", 11223344595)
    path = save(trial.folder / "b.xlsx", workbook({"Лист1": [TITLES, moved]}))
    run = sync_list(trial, path)
    assert trial.account(CODE, "s-1")["department"] == "8Б"
    assert trial.known(CODE, "s-2").state == PersonState.IN_TRANSIT
    assert trial.courses_of(CODE, "s-2") == set()
    assert trial.rules(run.id).keys() <= {"set.no_staff", "school.no_district"}


@on_both_databases
@pytest.mark.parametrize(("make", "ending"), [(xls, "xls"), (ods, "ods")])
def test_a_list_in_an_old_or_free_workbook_becomes_accounts(
    trial: Trial, make: Callable[[Rows], bytes], ending: str
) -> None:
    path = save(trial.folder / f"list.{ending}", make([TITLES, PUPIL, OTHER]))
    assert sync_list(trial, path).status == LoadStatus.APPLIED
    assert trial.account(CODE, "s-1")["department"] == "8А"
    trial.writes()
    sync_list(trial, save(trial.folder / "next.csv", csv_text(TITLES, PUPIL, OTHER)))
    assert trial.writes() == {}


def test_a_list_of_pupils_leaves_the_staff_alone(trial: Trial) -> None:
    trial.sync(trial.write(A, [*pupils("s", 2), teacher("t-1")]))
    rows = [
        (one.sourced_id, one.family_name, one.given_name, one.middle_name,
         f"{one.birth_date:%d.%m.%Y}", "8А", "")
        for one in (row.person for row in pupils("s", 2))
    ]  # fmt: skip
    run = sync_list(trial, save(trial.folder / "list.csv", csv_text(TITLES, *rows)), A)
    assert run.status == LoadStatus.APPLIED
    assert trial.account(A, "t-1")["suspended"] == 0


def test_a_list_does_not_rename_the_school_that_it_does_not_name(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("s", 2)))
    before = trial.stored(select(School.short_name, School.district, School.number))
    sync_list(trial, save(trial.folder / "list.csv", csv_text(TITLES, PUPIL, OTHER)), A)
    assert trial.stored(select(School.short_name, School.district, School.number)) == before


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_oneroster_set_becomes_accounts(trial: Trial, version: str) -> None:
    folder = DATA / f"oneroster-csv-{version}"
    files = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
    path = zipped(trial.folder / "oneroster.zip", files)
    run = trial.sync(path)
    assert run.status == LoadStatus.APPLIED
    assert trial.account(CODE, "s-1")["department"] == "8А"
    assert ("8А, математика", "editingteacher") not in trial.courses_of(CODE, "t-1")
    roles = {role for name, role in trial.courses_of(CODE, "t-1") if "8А" in name}
    assert roles == {"editingteacher"}
    trial.settled(path)


def test_the_report_of_other_systems_names_the_layout_of_the_last_list(trial: Trial) -> None:
    sync_list(trial, save(trial.folder / "a.csv", csv_text(TITLES, PUPIL)))
    with trial.application.sessions() as session:
        assert last_layouts(session, [CODE, "nobody"]) == {CODE: "flat-list"}
    sync_list(trial, save(trial.folder / "b.csv", csv_text(TITLES[1:], PUPIL[1:])))
    with trial.application.sessions() as session:
        assert last_layouts(session, [CODE]) == {CODE: "flat-list-without-ids"}


def test_the_school_of_its_operator_is_that_of_a_list_without_a_code(trial: Trial) -> None:
    path = save(trial.folder / "list.csv", csv_text(TITLES, PUPIL))
    load_id = trial.load(path)
    assert trial.rules(load_id) == {"table.no_school": ""}
    assert trial.run(load_id).status == LoadStatus.REJECTED
