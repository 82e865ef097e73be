"""The registry of schools: imported after a yes, keyed by code, the authority over loads."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.access import Forbidden, Scope
from service.models import AuditEntry, Load, LoadStatus, Operator, OperatorRole, School
from service.registry import Refusal, editing, imports
from service.registry.lookup import RegistrySchool, registry_schools
from service.registry.template import registry_file
from service.settings import RegistrySettings
from tests.service.factories import CITY, NOW, add, add_operator
from tests.service.tables import TITLES, as_csv, load, receive, say_yes, told
from tests.service.trial import A, Trial, on_both_databases, pupil

TODAY = NOW.date()
DISTRICT = Scope(actor="d", role=OperatorRole.DISTRICT, items=frozenset(["Василеостровский"]))
SCHOOL = Scope(actor="s", role=OperatorRole.SCHOOL, items=frozenset(["a-4"]))
COUNTS = ("Код ОО", "Обучающихся", "Численность на дату", "Источник численности")

FOURS = (
    TITLES,
    ("a-4", "4", "ГБОУ СОШ №4", "Василеостровский", "общеобразовательная"),
    ("b-4", "4", "ГБОУ гимназия №4", "Василеостровский", "школа"),
    ("a-153", "153", "ГБОУ СОШ №153", "Центральный", "школа"),
    ("b-153", "153", "ГБОУ СОШ №153", "Калининский", "школа"),
)
"""Two schools No. 4 in one district, two No. 153 with the same name."""


@pytest.fixture
def fours(session: Session) -> Session:
    """The registry of these schools."""
    load(session, *FOURS)
    return session


def listed(session: Session, scope: Scope = CITY, **options: Any) -> dict[str, RegistrySchool]:
    found = registry_schools(session, scope, **{"at": TODAY} | options)
    return {one.code: one for one in found}


def test_schools_with_one_number_in_one_district_stay_apart(fours: Session) -> None:
    found = registry_schools(fours, CITY, at=TODAY)
    assert [(one.code, one.number, one.district) for one in found] == [
        ("a-4", "4", "Василеостровский"), ("b-4", "4", "Василеостровский"),
        ("b-153", "153", "Калининский"), ("a-153", "153", "Центральный"),
    ]  # fmt: skip
    assert {one.type for one in found} == {"general"}
    assert all(one.last_applied_at is None and one.is_open and one.registered for one in found)
    written = select(AuditEntry).where(AuditEntry.action == "school.write")
    assert len(fours.scalars(written).all()) == 4
    assert set(listed(fours, DISTRICT)) == {"a-4", "b-4"}
    assert set(listed(fours, SCHOOL)) == {"a-4"}


def test_a_preview_tells_each_field_that_changes_and_who_is_not_in_the_file(fours: Session) -> None:
    _number, again = receive(fours, as_csv(*FOURS))
    assert (again.added, again.changed, again.same, again.can_apply) == ([], [], 4, False)
    line = ("a-4", "Невский", "1С:Школа")
    _number, found = receive(fours, as_csv(("Код", "Район", "Система"), line))
    (entry,) = found.changed
    assert entry.changes == {
        "district": ("Василеостровский", "Невский"), "source_system": ("", "1С:Школа"),
    }  # fmt: skip
    assert {one.key for one in found.missing} == {"b-4", "a-153", "b-153"}
    assert listed(fours)["a-4"].district == "Василеостровский"


def test_nothing_is_deleted_and_an_empty_cell_says_nothing(fours: Session) -> None:
    load(fours, ("Код", "Район", "Тип"), ("a-4", "", "СПО"))
    found = listed(fours)
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
def test_one_bad_row_keeps_the_file_out(session: Session, line: tuple[str, ...], code: str) -> None:
    number, found = receive(session, as_csv(*FOURS, line))
    assert told(found) == [(code, 6)]
    with pytest.raises(Refusal, match=r"import\.has_problems"):
        say_yes(session, number, found)
    assert listed(session) == {}


def test_a_yes_counts_only_for_what_was_looked_at_and_only_once(fours: Session) -> None:
    number, found = receive(fours, as_csv(("Код", "Район"), ("a-4", "Невский")))
    fours.get_one(School, "a-4").district = "Курортный"
    with pytest.raises(Refusal, match=r"import\.differs"):
        say_yes(fours, number, found)
    fours.get_one(School, "a-4").district = "Василеостровский"
    say_yes(fours, number, found)
    for decide in (
        lambda: say_yes(fours, number, found),
        lambda: imports.reject(fours, number, scope=CITY, now=NOW),
    ):
        with pytest.raises(Refusal, match=r"import\.decided"):
            decide()


def test_head_counts_are_kept_by_date_and_the_one_in_force_is_given(fours: Session) -> None:
    load(fours, COUNTS, ("a-4", "800", "01.09.2025", "ОО-1"))
    load(fours, COUNTS, ("a-4", "812", "01.09.2026", "ОО-1"))
    late = receive(fours, as_csv(COUNTS, ("a-4", "800", "01.09.2025", "ОО-1")))[1]
    assert not late.can_apply  # an older one that stands already is no change
    counted = listed(fours)["a-4"].head_counts["learners"]  # type: ignore[index]
    assert (counted.people, counted.as_of, counted.source) == (812, date(2026, 9, 1), "ОО-1")
    earlier = listed(fours, at=date(2026, 8, 31))["a-4"].head_counts
    assert earlier["learners"].people == 800  # type: ignore[index]
    assert listed(fours, known_at=datetime(2026, 1, 1, tzinfo=UTC))["a-4"].head_counts == {}
    _number, undated = receive(fours, as_csv(("Код", "Обучающихся"), ("a-4", "800")))
    assert told(undated) == [("cell.empty", 2), ("cell.empty", 2)]


def test_the_registry_as_a_file_comes_back_without_a_change(fours: Session) -> None:
    load(fours, (*COUNTS, "Государственная система"), ("a-4", "8", "01.09.2026", "ОО-1", "нет"))
    found = listed(fours)["a-4"]
    assert (found.head_counts["learners"].people, found.state_system) == (8, False)  # type: ignore[index]
    for form in ("xlsx", "csv"):
        _number, found = receive(fours, registry_file(fours, CITY, form, at=TODAY))
        assert (found.same, found.added, found.changed, found.problems) == (4, [], [], [])


def test_changes_are_audited_with_before_and_after(fours: Session) -> None:
    assert editing.edit(fours, CITY, "a-4", {"district": "Невский"}, NOW) == ()
    (entry,) = editing.history(fours, CITY, "a-4")[:1]
    assert entry.details == {"district": ["Василеостровский", "Невский"]}
    assert (entry.actor, entry.school_code) == (CITY.actor, "a-4")


def test_a_district_changes_plans_and_counts_of_its_schools_only(fours: Session) -> None:
    form = {
        "source_system": "1С", "state_system": "нет", "esia_plan_on": "2027-09-01",
        "teachers": "40", "counted_on": "2026-09-01", "count_source": "ОО-1",
    }  # fmt: skip
    assert editing.edit(fours, DISTRICT, "a-4", form, NOW) == ()
    found = listed(fours)["a-4"]
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
            editing.edit(fours, scope, code, fields, NOW)


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


def test_a_wrong_form_changes_nothing_and_says_why(fours: Session) -> None:
    form = {"district": "", "type": "вуз", "source_system": "1С"}
    problems = editing.edit(fours, CITY, "a-4", form, NOW)
    assert sorted(one.code for one in problems) == ["cell.empty", "cell.not_choice"]
    assert listed(fours)["a-4"].source_system == ""
    # The type may be given as its code, and an emptied field is empty afterwards.
    assert editing.edit(fours, CITY, "a-4", {"type": "preschool"}, NOW) == ()
    assert listed(fours)["a-4"].type == "preschool"
    editing.edit(fours, CITY, "a-4", {"esia_plan_on": "2027-01-01", "state_system": "да"}, NOW)
    editing.edit(fours, CITY, "a-4", {"esia_plan_on": "", "state_system": "", "type": ""}, NOW)
    found = listed(fours)["a-4"]
    assert (found.esia_plan_on, found.state_system, found.type) == (None, None, None)


def test_a_merged_school_stays_and_is_closed_from_the_day_after(fours: Session) -> None:
    editing.close(fours, CITY, "b-4", on=date(2026, 8, 31), merged_into="a-4", now=NOW)
    found = listed(fours)["b-4"]
    assert (found.is_open, found.merged_into) == (False, "a-4")
    assert listed(fours, at=date(2026, 8, 31))["b-4"].is_open
    for successor in ("b-4", "nobody"):
        with pytest.raises(Refusal, match=r"school\.no_successor"):
            editing.close(fours, CITY, "b-4", on=TODAY, merged_into=successor, now=NOW)


def test_a_renamed_district_keeps_its_operators_and_waiting_loads(fours: Session) -> None:
    old, new = "Василеостровский", "Островной"
    operator = add_operator(fours, "district", OperatorRole.DISTRICT, [old, "Невский"])
    waiting = add(
        fours, Load, status=LoadStatus.RECEIVED, scope_role=OperatorRole.DISTRICT,
        scope_items=[old, "Невский"],
    )  # fmt: skip
    assert editing.rename_district(fours, CITY, old, new, NOW) == (2, 1)
    fours.flush()
    fours.expire_all()
    assert fours.get_one(Operator, operator.id).scope == [new, "Невский"]
    assert fours.get_one(Load, waiting.id).scope_items == [new, "Невский"]
    assert set(listed(fours, Scope.of(operator))) == {"a-4", "b-4"}
    for name, code in (("Центральный", "exists"), (" ", "no_name"), ("x" * 101, "no_name")):
        with pytest.raises(Refusal, match=rf"district\.{code}"):
            editing.rename_district(fours, CITY, "Островной", name, NOW)


@on_both_databases
def test_a_load_that_disagrees_with_the_registry_is_told_and_changes_nothing(trial: Trial) -> None:
    titles = ("Код", "Наименование ОО", "Полное наименование", "Номер", "Район")
    line = (A, "Лицей № 1", "Государственное учреждение  школа №1", "1", "Невский")
    with trial.rows() as session:
        load(session, titles, line)
    load_id = trial.load(trial.write(A, [pupil("s-1")]))
    assert trial.rules(load_id)["school.differs_from_registry"] == A
    assert trial.stored(select(School.short_name)) == ["Лицей № 1"]
    trial.carry_out(load_id, over_limits=True)
    names = {category["name"] for category in trial.moodle()["categories"]}
    assert names & {"Лицей № 1", "Школа № 1"} == {"Лицей № 1"}


def test_a_school_outside_the_registry_follows_its_loads(trial: Trial) -> None:
    trial.sync(trial.write(A, [pupil("s-1")]))
    assert trial.stored(select(School.short_name, School.registered_at)) == [("Школа № 1", None)]
