"""Other platforms' weeks: which school a row is, versions, mappings of one's own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from service.access import Forbidden, Scope, command_line_scope
from service.calendar.weeks import week_of
from service.models import OperatorRole
from service.registry import imports, platforms
from service.registry.lookup import platform_figures, platform_versions
from service.registry.mappings import MappingError, PlatformMapping, load_mappings
from service.registry.preview import Preview
from service.registry.refusals import Refusal
from service.settings import RegistrySettings
from service.words.problems import sentence
from tests.service.console_factories import add_school
from tests.service.tables import as_csv

NOW = datetime(2023, 4, 14, 14, 0, tzinfo=UTC)
CITY = command_line_scope("tests")
DISTRICT = Scope(actor="d", role=OperatorRole.DISTRICT, items=frozenset(["Невский"]))
SATURDAY, FRIDAY = date(2023, 4, 8), date(2023, 4, 14)
TITLES = ("Район", "№ ОО", "Наименование ОО", "Учителей", "Учителей с сообщениями", "Статус")
DEFAULT = load_mappings([])["default"]


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
    session: Session, *lines: tuple[object, ...], titles: tuple[str, ...] = TITLES,
    mapping: PlatformMapping = DEFAULT, day: date = FRIDAY,
) -> tuple[int, Preview]:  # fmt: skip
    received = imports.receive(
        session, RegistrySettings(), scope=CITY, subject="platform", file_name="неделя.csv",
        data=as_csv(titles, *lines), now=NOW,
        week=imports.WeekOfPlatform(platform=" Сферум ", day=day, mapping=mapping),
    )  # fmt: skip
    return received.id, imports.preview(session, received)


def load(session: Session, *lines: tuple[object, ...], now: datetime = NOW) -> None:
    number, found = shown(session, *lines)
    imports.apply(session, number, scope=CITY, digest=found.digest, now=now)


@pytest.mark.parametrize(
    ("day", "first"),
    [
        (date(2023, 4, 14), SATURDAY),
        (date(2023, 4, 8), SATURDAY),
        (date(2023, 4, 15), date(2023, 4, 15)),
        (date(2027, 1, 1), date(2026, 12, 26)),
    ],
)
def test_a_week_is_from_saturday_to_friday_also_across_the_years_end(
    day: date, first: date
) -> None:
    assert week_of(day).first == first


def test_a_row_is_matched_by_number_and_district_else_by_name_and_never_guessed(
    schools: Session,
) -> None:
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
    load(schools, ("Невский", "153", "", 40, 0, ""))
    found = platform_figures(schools, CITY, "Сферум", FRIDAY)
    assert found is not None
    row = found.schools["n-153"]
    assert (row.teachers, row.teachers_with_messages, row.messages) == (40, 0, None)
    assert (row.active, row.registered) == (None, None)
    assert platform_figures(schools, CITY, "Сферум", SATURDAY - timedelta(days=1)) is None
    assert platform_figures(schools, CITY, "Другая", FRIDAY) is None


def test_a_second_import_of_a_week_is_a_new_version_and_the_first_stays(schools: Session) -> None:
    load(schools, ("Невский", "153", "", 40, 12, "Активен"))
    load(schools, ("Невский", "153", "", 40, 15, "Не активен"), now=NOW + timedelta(hours=3))
    newest, first, then = (
        platform_figures(schools, CITY, "Сферум", FRIDAY, **options)  # type: ignore[arg-type]
        for options in ({}, {"version": 1}, {"known_at": NOW})
    )
    assert newest
    assert first
    assert then
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
    load(schools, line)
    platforms.match(schools, CITY, "Сферум", "Василеостровский, №4", "v-4a", NOW)
    found = platform_figures(schools, CITY, "Сферум", FRIDAY)
    assert found is not None
    assert set(found.schools) == {"v-4a"}
    _number, again = shown(schools, line, day=FRIDAY + timedelta(days=7))
    assert again.added[0].title == "v-4a"
    platforms.match(schools, CITY, "Сферум", "Василеостровский, №4", None, NOW)
    found = platform_figures(schools, CITY, "Сферум", FRIDAY)
    assert found is not None
    assert (found.schools, found.unmatched) == ({}, [])


def test_two_rows_never_count_for_one_school(schools: Session) -> None:
    _number, found = shown(
        schools, ("Невский", "153", "", 40, 1, ""), ("Невский", "", "Школа № 153", 41, 2, "")
    )
    assert [(one.code, one.row) for one in found.problems] == [
        ("school.two_rows", 2), ("school.two_rows", 3),
    ]  # fmt: skip
    assert not found.can_apply
    load(schools, ("Невский", "153", "", 40, 1, ""), ("", "", "Неизвестная", 41, 2, ""))
    with pytest.raises(Refusal, match=r"platform\.two_rows"):
        platforms.match(schools, CITY, "Сферум", "Неизвестная", "n-153", NOW)


def test_rows_of_no_school_or_twice_the_same_are_told(schools: Session) -> None:
    line = ("Невский", "153", "", 40, 1, "")
    _number, found = shown(schools, ("", "", "", 5, 5, ""), line, line)
    assert [(one.code, one.row) for one in found.problems] == [
        ("school.not_named", 2), ("school.two_rows", 3), ("row.twice", 4), ("school.two_rows", 4),
    ]  # fmt: skip


def test_a_district_reads_its_own_schools_and_matches_none(schools: Session) -> None:
    load(
        schools, ("Невский", "153", "", 40, 1, ""), ("Центральный", "153", "", 4, 1, ""),
        ("", "", "Неизвестная", 41, 2, ""),
    )  # fmt: skip
    found = platform_figures(schools, DISTRICT, "Сферум", FRIDAY)
    assert found is not None
    assert (set(found.schools), found.unmatched) == ({"n-153"}, [])
    with pytest.raises(Forbidden):
        platforms.match(schools, DISTRICT, "Сферум", "Неизвестная", "n-153", NOW)
    for label, code in (("Неизвестная", "nobody"), ("Никакая", "n-153")):
        with pytest.raises(Forbidden):
            platforms.match(schools, CITY, "Сферум", label, code, NOW)


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


def test_a_mapping_of_ones_own_reads_a_file_as_the_platform_writes_it(
    schools: Session, tmp_path: Path
) -> None:
    (tmp_path / "vk.toml").write_text(OWN, "utf-8")
    mapping = load_mappings([tmp_path])["vk"]
    titles = ("OrgId", "Total users", "State")
    number, found = shown(
        schools, ("n-153", "1 200", "ON"), ("zzz", "5", "off"), titles=titles, mapping=mapping
    )
    imports.apply(schools, number, scope=CITY, digest=found.digest, now=NOW)
    figures = platform_figures(schools, CITY, "Сферум", FRIDAY)
    assert figures is not None
    assert (figures.schools["n-153"].users, figures.schools["n-153"].active) == (1200, True)
    assert [one.label for one in figures.unmatched] == ["zzz"]
    assert figures.source.mapping == "vk"


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
