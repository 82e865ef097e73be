"""The registry of schools: imported after a yes, keyed by code, the authority over loads."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.access import Forbidden, Scope, command_line_scope
from service.models import AuditEntry, Operator, OperatorRole, School
from service.registry import editing, imports
from service.registry.lookup import RegistrySchool, registry_schools
from service.registry.preview import Preview
from service.registry.refusals import Refusal
from service.registry.template import registry_file
from service.settings import RegistrySettings
from tests.service.console_factories import add_operator
from tests.service.tables import TITLES, as_csv
from tests.service.trial import A, Trial, on_both_databases, pupil

NOW = datetime(2026, 10, 2, 9, 30, tzinfo=UTC)
TODAY = date(2026, 10, 2)
CITY = command_line_scope("tests")
COUNTS = ("Код ОО", "Обучающихся", "Численность на дату", "Источник численности")

FOURS = (
    TITLES,
    ("a-4", "4", "ГБОУ СОШ №4", "Василеостровский", "общеобразовательная"),
    ("b-4", "4", "ГБОУ гимназия №4", "Василеостровский", "школа"),
    ("a-153", "153", "ГБОУ СОШ №153", "Центральный", "школа"),
    ("b-153", "153", "ГБОУ СОШ №153", "Калининский", "школа"),
)
"""Two schools No. 4 in one district, two No. 153 with the same name."""


def receive(session: Session, data: bytes, subject: str = "schools") -> tuple[int, Preview]:
    received = imports.receive(
        session, RegistrySettings(), scope=CITY, subject=subject, file_name="реестр.csv",
        data=data, now=NOW,
    )  # fmt: skip
    return received.id, imports.preview(session, received)


def load(session: Session, *lines: tuple[Any, ...]) -> Preview:
    number, found = receive(session, as_csv(*lines))
    imports.apply(session, number, scope=CITY, digest=found.digest, now=NOW)
    return found


def listed(session: Session, scope: Scope = CITY, **options: Any) -> dict[str, RegistrySchool]:
    found = registry_schools(session, scope, **{"at": TODAY} | options)
    return {one.code: one for one in found}


def test_schools_with_one_number_in_one_district_stay_apart(session: Session) -> None:
    load(session, *FOURS)
    found = registry_schools(session, CITY, at=TODAY)
    assert [(one.code, one.number, one.district) for one in found] == [
        ("a-4", "4", "Василеостровский"), ("b-4", "4", "Василеостровский"),
        ("b-153", "153", "Калининский"), ("a-153", "153", "Центральный"),
    ]  # fmt: skip
    assert {one.type for one in found} == {"general"}
    assert all(one.last_applied_at is None and one.is_open and one.registered for one in found)


def test_the_same_file_again_changes_nothing(session: Session) -> None:
    load(session, *FOURS)
    _number, again = receive(session, as_csv(*FOURS))
    assert (again.added, again.changed, again.same, again.can_apply) == ([], [], 4, False)


def test_a_preview_tells_each_field_that_would_change_and_who_is_not_in_the_file(
    session: Session,
) -> None:
    load(session, *FOURS)
    _number, found = receive(
        session, as_csv(("Код", "Район", "Система"), ("a-4", "Невский", "1С:Школа"))
    )
    (entry,) = found.changed
    assert entry.changes == {
        "district": ("Василеостровский", "Невский"), "source_system": ("", "1С:Школа"),
    }  # fmt: skip
    assert {one.key for one in found.missing} == {"b-4", "a-153", "b-153"}
    assert listed(session)["a-4"].district == "Василеостровский"


def test_nothing_is_deleted_and_an_empty_cell_says_nothing(session: Session) -> None:
    load(session, *FOURS)
    load(session, ("Код", "Район", "Тип"), ("a-4", "", "СПО"))
    found = listed(session)
    assert len(found) == 4
    assert (found["a-4"].district, found["a-4"].type) == ("Василеостровский", "vocational")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (("c-1", "1", "Школа", "Невский", "вуз"), "cell.not_choice"),
        (("a-4", "4", "Школа", "Невский", "СПО"), "row.twice"),
        (("c-1", "1", "Школа", "", "СПО"), "school.new_lacks"),
        (("c-1", "1", "", "Невский", "СПО"), "school.new_lacks"),
    ],
)
def test_one_bad_row_keeps_the_whole_file_out(
    session: Session, line: tuple[str, ...], code: str
) -> None:
    number, found = receive(session, as_csv(*FOURS, line))
    assert [one.code for one in found.problems] == [code]
    assert found.problems[0].row == 6
    with pytest.raises(Refusal, match=r"import\.has_problems"):
        imports.apply(session, number, scope=CITY, digest=found.digest, now=NOW)
    assert listed(session) == {}


def test_a_yes_counts_only_for_what_was_looked_at_and_only_once(session: Session) -> None:
    load(session, *FOURS)
    number, found = receive(session, as_csv(("Код", "Район"), ("a-4", "Невский")))
    session.get_one(School, "a-4").district = "Курортный"
    with pytest.raises(Refusal, match=r"import\.differs"):
        imports.apply(session, number, scope=CITY, digest=found.digest, now=NOW)
    session.get_one(School, "a-4").district = "Василеостровский"
    imports.apply(session, number, scope=CITY, digest=found.digest, now=NOW)
    for decide in (
        lambda: imports.apply(session, number, scope=CITY, digest=found.digest, now=NOW),
        lambda: imports.reject(session, number, scope=CITY, now=NOW),
    ):
        with pytest.raises(Refusal, match=r"import\.decided"):
            decide()


def test_head_counts_are_kept_by_date_and_the_one_in_force_is_given(session: Session) -> None:
    load(session, *FOURS)
    load(session, COUNTS, ("a-4", "800", "01.09.2025", "ОО-1"))
    load(session, COUNTS, ("a-4", "812", "01.09.2026", "ОО-1"))
    late = receive(session, as_csv(COUNTS, ("a-4", "800", "01.09.2025", "ОО-1")))[1]
    assert not late.can_apply  # an older one that stands already is no change
    counted = listed(session)["a-4"].head_counts["learners"]  # type: ignore[index]
    assert (counted.people, counted.as_of, counted.source) == (812, date(2026, 9, 1), "ОО-1")
    earlier = listed(session, at=date(2026, 8, 31))["a-4"].head_counts
    assert earlier["learners"].people == 800  # type: ignore[index]
    assert listed(session, known_at=datetime(2026, 1, 1, tzinfo=UTC))["a-4"].head_counts == {}


def test_a_head_count_without_date_or_source_is_refused(session: Session) -> None:
    load(session, *FOURS)
    _number, found = receive(session, as_csv(("Код", "Обучающихся"), ("a-4", "800")))
    assert [one.code for one in found.problems] == ["cell.empty", "cell.empty"]


def test_the_registry_as_a_file_comes_back_without_a_change(session: Session) -> None:
    load(session, *FOURS)
    load(session, (*COUNTS, "Государственная система"), ("a-4", "8", "01.09.2026", "ОО-1", "нет"))
    for form in ("xlsx", "csv"):
        _number, found = receive(session, registry_file(session, CITY, form, at=TODAY))
        assert (found.same, found.added, found.changed, found.problems) == (4, [], [], [])


def test_changes_are_audited_with_before_and_after(session: Session) -> None:
    load(session, *FOURS)
    assert editing.edit(session, CITY, "a-4", {"district": "Невский"}, NOW) == ()
    (entry,) = editing.history(session, CITY, "a-4")[:1]
    assert entry.details == {"district": ["Василеостровский", "Невский"]}
    assert (entry.actor, entry.school_code) == (CITY.actor, "a-4")


DISTRICT = Scope(actor="d", role=OperatorRole.DISTRICT, items=frozenset(["Василеостровский"]))
SCHOOL = Scope(actor="s", role=OperatorRole.SCHOOL, items=frozenset(["a-4"]))


def test_a_district_changes_plans_and_counts_of_its_schools_only(session: Session) -> None:
    load(session, *FOURS)
    form = {
        "source_system": "1С", "state_system": "нет", "esia_plan_on": "2027-09-01",
        "teachers": "40", "counted_on": "2026-09-01", "count_source": "ОО-1",
    }  # fmt: skip
    assert editing.edit(session, DISTRICT, "a-4", form, NOW) == ()
    found = listed(session)["a-4"]
    assert (found.source_system, found.state_system) == ("1С", False)
    assert found.esia_plan_on == date(2027, 9, 1)
    for scope, code, fields in (
        (DISTRICT, "a-4", {"name": "Другая"}),
        (DISTRICT, "a-153", {"source_system": "1С"}),
        (DISTRICT, "nobody", {"source_system": "1С"}),
        (SCHOOL, "a-4", {"source_system": "1С"}),
        (SCHOOL, "b-4", {"source_system": "1С"}),
    ):
        with pytest.raises(Forbidden):
            editing.edit(session, scope, code, fields, NOW)


@pytest.mark.parametrize("scope", [DISTRICT, SCHOOL])
def test_only_the_city_imports_adds_closes_and_renames(session: Session, scope: Scope) -> None:
    load(session, *FOURS)
    number, found = receive(session, as_csv(("Код", "Тип"), ("a-4", "СПО")))
    for forbidden in (
        lambda: imports.receive(
            session, RegistrySettings(), scope=scope, subject="schools", file_name="a.csv",
            data=as_csv(*FOURS), now=NOW,
        ),
        lambda: imports.apply(session, number, scope=scope, digest=found.digest, now=NOW),
        lambda: imports.latest(session, scope),
        lambda: editing.add(session, scope, {"code": "x", "district": "Василеостровский"}, NOW),
        lambda: editing.close(session, scope, "a-4", on=TODAY, now=NOW),
        lambda: editing.rename_district(session, scope, "Василеостровский", "Новый", NOW),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            forbidden()


def test_each_sees_their_part_of_the_registry(session: Session) -> None:
    load(session, *FOURS)
    assert set(listed(session, DISTRICT)) == {"a-4", "b-4"}
    assert set(listed(session, SCHOOL)) == {"a-4"}


def test_a_wrong_form_changes_nothing_and_says_why(session: Session) -> None:
    load(session, *FOURS)
    form = {"district": "", "type": "вуз", "source_system": "1С"}
    problems = editing.edit(session, CITY, "a-4", form, NOW)
    assert sorted(one.code for one in problems) == ["cell.empty", "cell.not_choice"]
    assert listed(session)["a-4"].source_system == ""


def test_an_emptied_field_is_empty_afterwards(session: Session) -> None:
    load(session, *FOURS)
    editing.edit(session, CITY, "a-4", {"esia_plan_on": "2027-01-01", "state_system": "да"}, NOW)
    editing.edit(session, CITY, "a-4", {"esia_plan_on": "", "state_system": "", "type": ""}, NOW)
    found = listed(session)["a-4"]
    assert (found.esia_plan_on, found.state_system, found.type) == (None, None, None)


def test_a_merged_school_stays_and_is_closed_from_the_day_after(session: Session) -> None:
    load(session, *FOURS)
    editing.close(session, CITY, "b-4", on=date(2026, 8, 31), merged_into="a-4", now=NOW)
    found = listed(session)["b-4"]
    assert (found.is_open, found.merged_into) == (False, "a-4")
    assert listed(session, at=date(2026, 8, 31))["b-4"].is_open
    for successor in ("b-4", "nobody"):
        with pytest.raises(Refusal, match=r"school\.no_successor"):
            editing.close(session, CITY, "b-4", on=TODAY, merged_into=successor, now=NOW)


def test_a_renamed_district_keeps_its_operators(session: Session) -> None:
    load(session, *FOURS)
    operator = add_operator(
        session, "district", OperatorRole.DISTRICT, ["Василеостровский", "Невский"]
    )
    old, new = "Василеостровский", "Островной"
    assert editing.rename_district(session, CITY, old, new, NOW) == (2, 1)
    session.flush()
    session.expire_all()
    assert session.get_one(Operator, operator.id).scope == ["Островной", "Невский"]
    assert set(listed(session, Scope.of(operator))) == {"a-4", "b-4"}
    for name, code in (("Центральный", "exists"), (" ", "no_name"), ("x" * 101, "no_name")):
        with pytest.raises(Refusal, match=rf"district\.{code}"):
            editing.rename_district(session, CITY, "Островной", name, NOW)


@on_both_databases
def test_a_load_that_disagrees_with_the_registry_is_told_and_changes_nothing(
    trial: Trial,
) -> None:
    with trial.application.sessions.begin() as session:
        title = ("Код", "Наименование ОО", "Полное наименование", "Номер", "Район")
        load(
            session, title, (A, "Лицей № 1", "Государственное учреждение  школа №1", "1", "Невский")
        )
    load_id = trial.load(trial.write(A, [pupil("s-1")]))
    assert trial.rules(load_id)["school.differs_from_registry"] == A
    with trial.application.sessions() as session:
        assert session.get_one(School, A).short_name == "Лицей № 1"
    trial.carry_out(load_id, over_limits=True)
    names = {category["name"] for category in trial.moodle()["categories"]}
    assert "Лицей № 1" in names
    assert "Школа № 1" not in names


def test_a_school_outside_the_registry_follows_its_loads(trial: Trial) -> None:
    trial.sync(trial.write(A, [pupil("s-1")]))
    with trial.application.sessions() as session:
        school = session.get_one(School, A)
        assert (school.short_name, school.registered_at) == ("Школа № 1", None)


def test_rows_of_the_audit_count_every_school_of_an_import(session: Session) -> None:
    load(session, *FOURS)
    written = select(func.count()).where(AuditEntry.action == "school.write")
    assert session.scalar(written.select_from(AuditEntry)) == 4


def test_the_form_takes_the_type_as_its_code(session: Session) -> None:
    load(session, *FOURS)
    assert editing.edit(session, CITY, "a-4", {"type": "preschool"}, NOW) == ()
    assert listed(session)["a-4"].type == "preschool"
