"""Figures that people bring: regional totals, the plan of the transition, platforms' weeks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from service.access import Forbidden, Scope
from service.models import OperatorRole, RegionalTotal, TotalKey
from service.registry import Refusal, imports, milestones, platforms, totals
from service.registry.lookup import (
    PlatformFigures,
    StepState,
    denominator,
    platform_figures,
    platform_versions,
    regional_totals,
    step_state,
)
from service.registry.lookup import milestones as plan
from service.registry.mappings import MappingError, load_mappings
from service.registry.preview import Preview
from service.registry.template import template
from service.words.problems import sentence
from tests.service.factories import CITY, NOW, add_school
from tests.service.tables import as_csv, load, receive, say_yes, told

LATER = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
DISTRICT = Scope(actor="d", role=OperatorRole.DISTRICT, items=frozenset(["Невский"]))
TITLES = ("Показатель", "Значение", "На дату", "Источник", "Номер документа")
GENERAL, ADDITIONAL, VOCATIONAL = (word for word in list(totals.KEYS)[:3])


def test_the_total_in_force_is_the_newest_as_of_the_day(session: Session) -> None:
    load(
        session, TITLES,
        (GENERAL, "500 000", "01.10.2025", "ОО-1", "5"),
        (GENERAL, "510000", "01.10.2026", "ОО-1", ""),
        subject="totals",
    )  # fmt: skip
    assert regional_totals(session, date(2025, 9, 30)) == {}
    for day, value in (
        (date(2025, 10, 1), 500_000), (date(2026, 9, 30), 500_000), (date(2026, 10, 1), 510_000),
    ):  # fmt: skip
        found = regional_totals(session, day)[TotalKey.LEARNERS_GENERAL]
        assert found.value == value
    assert (found.document, found.document_number, found.recorded_by) == ("ОО-1", "", CITY.actor)


def test_a_correction_is_a_new_row_and_an_earlier_report_keeps_its_figure(session: Session) -> None:
    line = ("01.10.2026", "ОО-1", "")
    load(session, TITLES, (GENERAL, "500000", *line), subject="totals")
    load(session, TITLES, (GENERAL, "500100", *line), subject="totals", now=LATER)
    now = regional_totals(session, NOW.date())[TotalKey.LEARNERS_GENERAL]
    then = regional_totals(session, NOW.date(), known_at=NOW)[TotalKey.LEARNERS_GENERAL]
    assert (now.value, then.value) == (500_100, 500_000)
    again = load(session, TITLES, (GENERAL, "500100", *line), subject="totals")
    assert (again.same, again.can_apply) == (1, False)


def test_three_denominators_differ_and_one_with_a_part_missing_is_none(session: Session) -> None:
    def add(*figures: tuple[str, str, str]) -> None:
        lines = [(key, value, "01.10.2026", document, "") for key, value, document in figures]
        load(session, TITLES, *lines, subject="totals")

    def totals() -> dict[TotalKey, RegionalTotal]:
        return regional_totals(session, NOW.date())

    add((GENERAL, "500", "ОО-1"), (VOCATIONAL, "100", "СПО-1"))
    assert denominator(totals(), "E4.07").value == 600
    found = denominator(totals(), "E4.03")
    assert (found.value, found.missing) == (None, [TotalKey.LEARNERS_ADDITIONAL])
    assert [part.value for part in found.parts] == [500, 100]
    add((ADDITIONAL, "50", "1-ДОП"))
    values = [denominator(totals(), key).value for key in ("E4.03", "E4.04", "E4.08")]
    assert values == [650, 650, None]
    with pytest.raises(KeyError):
        denominator(totals(), "E4.01.05")


def test_one_figure_twice_in_a_file_is_a_contradiction(session: Session) -> None:
    line = (GENERAL, "5", "01.10.2026", "ОО-1", "")
    found = load(session, TITLES, line, line, subject="totals")
    assert told(found) == [("row.twice", 3)]


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
        session, titles,
        ("2.1", "ЕСИА добавлен", "01.09.2026", "08.01.2027", "КИС, КО"),
        ("1.4.1", "Инфографика", "", "25.08.2026", "КИС"),
        subject="milestones",
    )  # fmt: skip
    moved = ("2.1", "ЕСИА добавлен", "", "01.02.2027", "")
    found = load(session, titles, moved, subject="milestones")
    assert found.changed[0].changes == {"due_on": ("2027-01-08", "2027-02-01")}
    assert [one.key for one in found.missing] == ["1.4.1"]
    first, second = plan(session, NOW.date())
    assert (first.number, first.state) == ("1.4.1", StepState.OVERDUE)
    assert (second.responsible, second.begins_on) == (("КИС", "КО"), date(2026, 9, 1))
    wrong = ("3", "x", "02.01.2027", "01.01.2027", "")
    bad = load(session, titles, wrong, subject="milestones")
    assert told(bad) == [("milestone.period", 2)]


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
def test_every_template_is_read_as_its_subject(session: Session, subject: str, form: str) -> None:
    _number, found = receive(session, template(subject, form), subject=subject, name=f"t.{form}")
    codes = {one.code for one in found.problems}
    assert codes <= {"cell.empty"}  # totals wait to be filled in
    assert len(found.added) == (10 if subject == "milestones" else 0)


# Other platforms' weeks: which school a row is, versions, mappings of one's own

THEN = datetime(2023, 4, 14, 14, 0, tzinfo=UTC)
SATURDAY, FRIDAY = date(2023, 4, 8), date(2023, 4, 14)
WEEK_TITLES = ("Район", "№ ОО", "Наименование ОО", "Учителей", "Учителей с сообщениями", "Статус")


@pytest.fixture
def schools(session: Session) -> Session:
    """No. 153 in two districts with one name; No. 4 twice in one district."""
    for code, number, district, name in (
        ("n-153", "153", "Невский", "Школа № 153"),
        ("c-153", "153", "Центральный", "Школа № 153"),
        ("v-4a", "4", "Василеостровский", "Школа № 4"),
        ("v-4b", "4", "Василеостровский", "Гимназия"),
    ):  # fmt: skip
        add_school(session, code, number=number, district=district, name=name, short_name=name)
    return session


def shown(
    session: Session, *lines: tuple[object, ...], titles: tuple[str, ...] = WEEK_TITLES,
    folders: Sequence[Path] = (), mapping: str = "default", day: date = FRIDAY,
) -> tuple[int, Preview]:  # fmt: skip
    chosen = load_mappings(folders)[mapping]
    week = imports.WeekOfPlatform(platform=" Сферум ", day=day, mapping=chosen)
    return receive(session, as_csv(titles, *lines), subject="platform", week=week, now=THEN)


def load_week(session: Session, *lines: tuple[object, ...], now: datetime = THEN) -> None:
    say_yes(session, *shown(session, *lines), now)


def figures(session: Session, scope: Scope = CITY, **options: Any) -> PlatformFigures:
    found = platform_figures(session, scope, "Сферум", FRIDAY, **options)
    assert found is not None
    return found


def test_rows_are_matched_by_number_and_district_or_name_never_guessed(schools: Session) -> None:
    _number, found = shown(
        schools,
        ("Невский", "153", "", 40, 12, "Активен"),
        ("Центральный", "153.0", "", 41, 0, "Не активен"),
        ("Василеостровский", "4", "", 30, 1, ""),
        ("", "", "Школа № 153", 1, 1, ""),
        ("", "", "гимназия", 20, 2, ""),
        ("", "999", "", 20, 2, ""),
    )
    assert [(entry.key, entry.title) for entry in found.added] == [
        ("Невский, №153", "n-153"),
        ("Центральный, №153", "c-153"),
        ("Василеостровский, №4", ""),
        ("Школа № 153", ""),
        ("гимназия", "v-4b"),
        ("№999", ""),
    ]
    assert found.unmatched == ["Василеостровский, №4", "Школа № 153", "№999"]
    assert [one.key for one in found.missing] == ["v-4a"]


def test_what_the_file_does_not_say_is_missing_and_not_zero(schools: Session) -> None:
    load_week(schools, ("Невский", "153", "", 40, 0, ""))
    found = figures(schools)
    row = found.schools["n-153"]
    said = (row.teachers, row.teachers_with_messages, row.messages, row.active, row.registered)
    assert said == (40, 0, None, None, None)
    assert platform_figures(schools, CITY, "Сферум", SATURDAY - timedelta(days=1)) is None
    assert platform_figures(schools, CITY, "Другая", FRIDAY) is None


def test_a_second_import_of_a_week_is_a_new_version_and_the_first_stays(schools: Session) -> None:
    load_week(schools, ("Невский", "153", "", 40, 12, "Активен"))
    load_week(schools, ("Невский", "153", "", 40, 15, "Не активен"), now=THEN + timedelta(hours=3))
    newest, first, then = (
        figures(schools, **options) for options in ({}, {"version": 1}, {"known_at": THEN})
    )
    assert newest.source.version == 2
    assert newest.schools["n-153"].teachers_with_messages == 15
    assert newest.schools["n-153"].active is False
    assert first == then
    assert first.schools["n-153"].teachers_with_messages == 12
    assert [one.version for one in platform_versions(schools, "Сферум")] == [2, 1]
    assert (first.source.first_day, first.source.last_day) == (SATURDAY, FRIDAY)
    assert first.source.imported_by == CITY.actor


def test_what_a_person_matched_is_remembered_for_every_week(schools: Session) -> None:
    line = ("Василеостровский", "4", "", 30, 1, "")
    load_week(schools, line)
    platforms.match(schools, CITY, "Сферум", "Василеостровский, №4", "v-4a", THEN)
    found = figures(schools)
    assert set(found.schools) == {"v-4a"}
    _number, again = shown(schools, line, day=FRIDAY + timedelta(days=7))
    assert again.added[0].title == "v-4a"
    platforms.match(schools, CITY, "Сферум", "Василеостровский, №4", None, THEN)
    found = figures(schools)
    assert (found.schools, found.unmatched) == ({}, [])


def test_two_rows_never_count_for_one_school(schools: Session) -> None:
    line = ("Невский", "153", "", 40, 1, "")
    _number, found = shown(schools, line, ("Невский", "", "Школа № 153", 41, 2, ""))
    assert told(found) == [("school.two_rows", 2), ("school.two_rows", 3)]
    assert not found.can_apply
    # Rows of no school, or twice the same, are told too.
    _number, found = shown(schools, ("", "", "", 5, 5, ""), line, line)
    assert told(found) == [
        ("school.not_named", 2), ("school.two_rows", 3), ("row.twice", 4), ("school.two_rows", 4),
    ]  # fmt: skip
    load_week(schools, line, ("", "", "Неизвестная", 41, 2, ""))
    with pytest.raises(Refusal, match=r"platform\.two_rows"):
        platforms.match(schools, CITY, "Сферум", "Неизвестная", "n-153", THEN)


def test_a_district_reads_its_own_schools_and_matches_none(schools: Session) -> None:
    load_week(
        schools, ("Невский", "153", "", 40, 1, ""), ("Центральный", "153", "", 4, 1, ""),
        ("", "", "Неизвестная", 41, 2, ""),
    )  # fmt: skip
    found = figures(schools, DISTRICT)
    assert (set(found.schools), found.unmatched) == ({"n-153"}, [])
    with pytest.raises(Forbidden):
        platforms.match(schools, DISTRICT, "Сферум", "Неизвестная", "n-153", THEN)
    for label, code in (("Неизвестная", "nobody"), ("Никакая", "n-153")):
        with pytest.raises(Forbidden):
            platforms.match(schools, CITY, "Сферум", label, code, THEN)


OWN = """
title = "Выгрузка платформы"
[school]
code = ["OrgId"]
[figures]
users = ["Total users"]
active = ["State"]
[words.active]
yes = ["on"]
no = ["off"]
"""


def test_a_mapping_of_ones_own_reads_the_platforms_file(schools: Session, tmp_path: Path) -> None:
    (tmp_path / "vk.toml").write_text(OWN, "utf-8")
    titles = ("OrgId", "Total users", "State")
    lines = ("n-153", "1 200", "ON"), ("zzz", "5", "off")
    number, found = shown(schools, *lines, titles=titles, folders=[tmp_path], mapping="vk")
    say_yes(schools, number, found)
    week = figures(schools)
    assert (week.schools["n-153"].users, week.schools["n-153"].active) == (1200, True)
    assert [one.label for one in week.unmatched] == ["zzz"]
    assert week.source.mapping == "vk"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("title = ", "vk.toml"),
        (OWN.replace("users", "people"), "people"),
        (OWN.replace('["OrgId"]', '"OrgId"'), "code"),
        (OWN.replace('code = ["OrgId"]', 'district = ["D"]'), "school"),
        (OWN.replace("Total users", "orgid"), "two columns"),
        (OWN.replace("yes =", "maybe ="), "maybe"),
        (OWN.replace("[words.active]", "[words.users]"), "users"),
    ],
)
def test_a_wrong_mapping_is_named(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "vk.toml").write_text(text, "utf-8")
    with pytest.raises(MappingError) as refused:
        load_mappings([tmp_path])
    assert part in sentence(refused.value)
    with pytest.raises(MappingError):
        load_mappings([tmp_path / "nowhere"])
