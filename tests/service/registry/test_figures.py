"""Regional totals in force at a date, and the plan of the transition with what is overdue."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from service.access import Forbidden, Scope, command_line_scope
from service.models import OperatorRole, TotalKey
from service.registry import imports, milestones, totals
from service.registry.lookup import StepState, denominator, regional_totals, step_state
from service.registry.lookup import milestones as plan
from service.registry.preview import Preview
from service.registry.template import template
from service.settings import RegistrySettings
from tests.service.tables import as_csv

NOW = datetime(2026, 10, 2, 9, 30, tzinfo=UTC)
LATER = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
CITY = command_line_scope("tests")
DISTRICT = Scope(actor="d", role=OperatorRole.DISTRICT, items=frozenset(["Невский"]))
TITLES = ("Показатель", "Значение", "На дату", "Источник", "Номер документа")
GENERAL, ADDITIONAL, VOCATIONAL = (word for word in list(totals.KEYS)[:3])


def load(session: Session, subject: str, *lines: tuple[str, ...], now: datetime = NOW) -> Preview:
    received = imports.receive(
        session, RegistrySettings(), scope=CITY, subject=subject, file_name="итоги.csv",
        data=as_csv(*lines), now=now,
    )  # fmt: skip
    found = imports.preview(session, received)
    if found.can_apply:
        imports.apply(session, received.id, scope=CITY, digest=found.digest, now=now)
    return found


def test_the_total_in_force_is_the_newest_as_of_the_day(session: Session) -> None:
    load(
        session, "totals", TITLES,
        (GENERAL, "500 000", "01.10.2025", "ОО-1", "5"),
        (GENERAL, "510000", "01.10.2026", "ОО-1", ""),
    )  # fmt: skip
    for day, value in (
        (date(2025, 9, 30), None), (date(2025, 10, 1), 500_000), (date(2026, 9, 30), 500_000),
        (date(2026, 10, 1), 510_000),
    ):  # fmt: skip
        found = regional_totals(session, day).get(TotalKey.LEARNERS_GENERAL)
        assert (found.value if found else None) == value
    assert found is not None
    assert (found.document, found.document_number, found.recorded_by) == ("ОО-1", "", CITY.actor)


def test_a_correction_is_a_new_row_and_an_earlier_report_keeps_its_figure(
    session: Session,
) -> None:
    day = date(2026, 10, 2)
    load(session, "totals", TITLES, (GENERAL, "500000", "01.10.2026", "ОО-1", ""))
    load(session, "totals", TITLES, (GENERAL, "500100", "01.10.2026", "ОО-1", ""), now=LATER)
    now = regional_totals(session, day)[TotalKey.LEARNERS_GENERAL]
    then = regional_totals(session, day, known_at=NOW)[TotalKey.LEARNERS_GENERAL]
    assert (now.value, then.value) == (500_100, 500_000)
    again = load(session, "totals", TITLES, (GENERAL, "500100", "01.10.2026", "ОО-1", ""))
    assert (again.same, again.can_apply) == (1, False)


def test_three_denominators_differ_and_one_with_a_part_missing_is_none(session: Session) -> None:
    day = date(2026, 10, 2)
    load(
        session, "totals", TITLES,
        (GENERAL, "500", "01.10.2026", "ОО-1", ""), (VOCATIONAL, "100", "01.10.2026", "СПО-1", ""),
    )  # fmt: skip
    totals = regional_totals(session, day)
    assert denominator(totals, "E4.07").value == 600
    found = denominator(totals, "E4.03")
    assert (found.value, found.missing) == (None, [TotalKey.LEARNERS_ADDITIONAL])
    assert [part.value for part in found.parts] == [500, 100]
    load(session, "totals", TITLES, (ADDITIONAL, "50", "01.10.2026", "1-ДОП", ""))
    totals = regional_totals(session, day)
    assert denominator(totals, "E4.03").value == 650
    assert denominator(totals, "E4.04").value == 650
    assert denominator(totals, "E4.08").value is None
    with pytest.raises(KeyError):
        denominator(totals, "E4.01.05")


def test_one_figure_twice_in_a_file_is_a_contradiction(session: Session) -> None:
    line = (GENERAL, "5", "01.10.2026", "ОО-1", "")
    found = load(session, "totals", TITLES, line, line)
    assert [(one.code, one.row) for one in found.problems] == [("row.twice", 3)]


@pytest.mark.parametrize(
    ("begins", "due", "done", "at", "state"),
    [
        (None, None, None, "2026-10-02", StepState.UNDATED),
        (None, "2026-10-02", None, "2026-10-02", StepState.UNDER_WAY),
        (None, "2026-10-01", None, "2026-10-02", StepState.OVERDUE),
        (None, "2026-10-01", "2026-10-02", "2026-10-02", StepState.DONE),
        (None, "2026-10-01", "2026-10-03", "2026-10-02", StepState.OVERDUE),
        ("2026-10-03", "2026-12-01", None, "2026-10-02", StepState.AHEAD),
        ("2026-10-02", "2026-12-01", None, "2026-10-02", StepState.UNDER_WAY),
        ("2026-10-02", None, None, "2036-10-02", StepState.UNDER_WAY),
        (None, None, "2026-10-01", "2026-10-02", StepState.DONE),
    ],
)
def test_a_step_is_overdue_from_the_day_after_its_last(
    begins: str | None, due: str | None, done: str | None, at: str, state: StepState
) -> None:
    days = [date.fromisoformat(day) if day else None for day in (begins, due, done)]
    assert step_state(*days, date.fromisoformat(at)) is state


def test_the_offered_steps_have_the_letters_structure_and_no_dates(session: Session) -> None:
    assert milestones.offer_starting_set(session, CITY, NOW) == 10
    assert milestones.offer_starting_set(session, CITY, NOW) == 0
    steps = plan(session, NOW.date())
    assert [step.number for step in steps][:4] == ["1.1", "1.2", "1.3", "1.4.1"]
    assert steps[2].responsible == ("КО", "АР", "ОО")
    assert {step.state for step in steps} == {StepState.UNDATED}
    assert b"2017" not in template("milestones", "csv")


def test_the_plan_is_imported_with_dates_and_changed_by_a_second_file(session: Session) -> None:
    titles = ("№ п/п", "Мероприятие", "Начало", "Срок", "Ответственные")
    load(
        session, "milestones", titles,
        ("2.1", "ЕСИА добавлен", "01.09.2026", "08.01.2027", "КИС, КО"),
        ("1.4.1", "Инфографика", "", "25.08.2026", "КИС"),
    )  # fmt: skip
    found = load(session, "milestones", titles, ("2.1", "ЕСИА добавлен", "", "01.02.2027", ""))
    assert found.changed[0].changes == {"due_on": ("2027-01-08", "2027-02-01")}
    assert [one.key for one in found.missing] == ["1.4.1"]
    first, second = plan(session, NOW.date())
    assert (first.number, first.state) == ("1.4.1", StepState.OVERDUE)
    assert (second.responsible, second.begins_on) == (("КИС", "КО"), date(2026, 9, 1))
    bad = load(session, "milestones", titles, ("3", "x", "02.01.2027", "01.01.2027", ""))
    assert [one.code for one in bad.problems] == ["milestone.period"]


def test_a_mark_names_who_and_when_and_only_the_city_sets_it(session: Session) -> None:
    milestones.offer_starting_set(session, CITY, NOW)
    milestones.mark(session, CITY, "1.1", "2026-10-02", NOW)
    step = plan(session, NOW.date())[0]
    assert (step.state, step.done_on, step.done_by) == (
        StepState.DONE, NOW.date(), CITY.actor,
    )  # fmt: skip
    milestones.mark(session, CITY, "1.1", None, NOW)
    assert plan(session, NOW.date())[0].done_by == ""
    for forbidden in (
        lambda: milestones.mark(session, DISTRICT, "1.1", "2026-10-02", NOW),
        lambda: milestones.save(session, DISTRICT, "1.1", {"title": "x"}, NOW),
        lambda: milestones.remove(session, DISTRICT, "1.1", NOW),
        lambda: milestones.mark(session, CITY, "9.9", None, NOW),
        lambda: milestones.remove(session, CITY, "9.9", NOW),
    ):
        with pytest.raises(Forbidden):
            forbidden()


@pytest.mark.parametrize("subject", ["schools", "totals", "milestones"])
@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_every_template_is_read_back_as_its_subject(
    session: Session, subject: str, form: str
) -> None:
    received = imports.receive(
        session, RegistrySettings(), scope=CITY, subject=subject, file_name=f"t.{form}",
        data=template(subject, form), now=NOW,
    )  # fmt: skip
    codes = {one["code"] for one in received.problems}
    assert codes <= {"cell.empty"}  # totals wait to be filled in
    assert len(received.rows) == (10 if subject == "milestones" else 0)
