"""The sample city: the same for the same numbers, believable people, and true changes by month."""

from __future__ import annotations

import re
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import date
from pathlib import Path

import pytest

from provisioning.roster import PersonStatus, Role, SchoolClass
from service.sample import LAST_MONTH, City, SampleSchool, make_city, write_sample
from service.sample.city import month_fates
from service.sample.names import DISTRICTS, feminine
from service.sample.rows import Row
from tests.service.sample.truth import Changes, describe, make_numbers, month_by_month, on_roll


def rows(city: City, month: int = 0) -> Iterator[Row]:
    return (row for school in make_city(city, month) for row in school.rows)


def test_the_same_numbers_make_the_same_city() -> None:
    assert list(make_city(make_numbers(), 2)) == list(make_city(make_numbers(), 2))
    # Another seed makes other people.
    first = {row.person.snils for row in rows(make_numbers(seed=1))}
    second = {row.person.snils for row in rows(make_numbers(seed=2))}
    assert first & second <= {""}


def test_a_school_does_not_depend_on_how_many_schools_follow_it() -> None:
    few, many = make_city(make_numbers()), make_city(make_numbers(schools=30))
    assert [next(few) for _ in range(2)] == [next(many) for _ in range(2)]


@pytest.mark.parametrize("people", [20, 150, 300, 715, 3600])
def test_a_school_has_exactly_the_people_asked_for(people: int) -> None:
    school = next(make_city(make_numbers(people_per_school=people)))
    ids = [row.person.sourced_id for row in school.rows]
    assert len(ids) == len(set(ids)) == people


def test_every_class_has_pupils_and_covers_all_grades() -> None:
    school = next(make_city(make_numbers()))
    taken = {row.class_id for row in school.rows}
    assert {each.sourced_id for each in school.classes} <= taken
    assert {each.grade for each in school.classes} == set(range(1, 12))
    assert len({each.title for each in school.classes}) == len(school.classes)


def test_two_schools_share_a_number_in_two_districts() -> None:
    first, second, *_ = [each.school for each in make_city(make_numbers())]
    assert first.number == second.number == "153"
    assert first.district != second.district
    assert first.code != second.code


def test_schools_are_in_all_eighteen_districts() -> None:
    city = make_numbers(schools=18, people_per_school=20)
    assert {each.school.district for each in make_city(city)} == set(DISTRICTS)
    assert len(DISTRICTS) == 18


@pytest.mark.parametrize("month", range(LAST_MONTH + 1))
@pytest.mark.parametrize("people", [20, 300])
def test_a_teacher_of_the_first_school_also_works_in_the_second(people: int, month: int) -> None:
    city = make_numbers(schools=2, people_per_school=people)
    first, second = [school.staff() for school in make_city(city, month)]
    humans = {row.human: row.person for row in first}
    [(here, there)] = [(one.person, humans[one.human]) for one in second if one.human in humans]
    assert here.role is there.role is Role.TEACHER
    assert here.snils == there.snils != ""
    assert here.birth_date == there.birth_date
    assert here.sourced_id != there.sourced_id


def test_insurance_numbers_are_valid_unique_and_never_issued() -> None:
    by_number: dict[str, set[str]] = defaultdict(set)
    for row in rows(make_numbers(schools=10, people_per_school=20), 7):
        by_number[row.person.snils].add(row.human)
    assert by_number.pop(""), "some have none"
    for number, humans in by_number.items():
        total = sum(int(digit) * (9 - place) for place, digit in enumerate(number[:9]))
        assert int(number[9:]) == total % 101 % 100
        assert number > "90000000000"
        assert len(humans) == 1


def test_pupils_are_as_old_as_their_grade() -> None:
    for school in make_city(make_numbers()):
        grades = {each.sourced_id: each.grade for each in school.classes}
        for row in school.rows:
            if row.class_id:
                age = (date(2026, 9, 1) - row.person.birth_date).days / 365.25
                assert 6.4 <= age - grades[row.class_id] + 1 <= 7.7


def test_staff_are_of_working_age() -> None:
    ages = [
        2026 - row.person.birth_date.year
        for row in rows(make_numbers())
        if row.person.role is not Role.STUDENT
    ]
    assert 22 <= min(ages) <= max(ages) <= 68


def test_the_awkward_kinds_of_people_are_in_a_city_of_three_schools() -> None:
    listed = list(rows(make_numbers()))
    people = [row.person for row in listed]
    names = " ".join(f"{each.family_name} {each.given_name}" for each in people)
    birthdays = Counter((each.birth_date.month, each.birth_date.day) for each in people)
    assert birthdays[2, 29] >= 5
    assert birthdays[1, 1] >= 9
    assert any(not each.middle_name for each in people)
    assert any(each.middle_name.endswith((" оглы", " кызы")) for each in people)
    assert "ё" in names
    assert "'" in names
    assert re.search(r"[а-я]-[А-Я]", names)
    assert re.search(r"[A-Za-z]{2}", names)
    assert any(row.person.role is Role.STUDENT and not row.class_id for row in listed)
    assert any(each.status is PersonStatus.ON_LEAVE for each in people)


def test_twins_share_all_but_the_given_name() -> None:
    school = next(make_city(make_numbers()))
    elder, younger = school.rows[0].person, school.rows[1].person
    assert elder.birth_date == younger.birth_date
    assert elder.given_name != younger.given_name
    assert elder.family_name.removesuffix("а") == younger.family_name.removesuffix("а")


def test_a_family_name_has_the_form_of_the_sex() -> None:
    men = ["Орлов", "Соловьёв", "Никитин", "Озёрский", "Черных", "Шевченко"]
    women = ["Орлова", "Соловьёва", "Никитина", "Озёрская", "Черных", "Шевченко"]
    assert [feminine(man) for man in men] == women


def test_every_class_is_taught_by_people_of_its_own_school() -> None:
    for school in make_city(make_numbers(), 3):
        teachers = {r.person.sourced_id for r in school.rows if r.person.role is Role.TEACHER}
        assert {link.person_id for link in school.teaching} <= teachers
        assert {each.teacher_id for each in school.classes} <= teachers
        assert {each.class_id for each in school.teaching} == {c.sourced_id for c in school.classes}


@pytest.mark.parametrize(
    "numbers", [{"schools": 0}, {"people_per_school": 19}, {"broken": 4}, {"schools": 10**7}]
)
def test_numbers_that_make_no_city_are_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        make_numbers(**numbers)


@pytest.mark.parametrize("month", [-1, LAST_MONTH + 1])
def test_a_month_outside_the_school_year_is_refused(month: int) -> None:
    with pytest.raises(ValueError):
        make_city(make_numbers(), month)


@pytest.mark.parametrize(
    ("today", "year", "days"),
    [
        (date(2026, 11, 22), "2026/2027", ["2026-09-05", "2026-10-05", "2026-11-05", "2026-11-22"]),
        (date(2026, 9, 1), "2026/2027", ["2026-09-01"] * 4),
        (date(2027, 8, 31), "2026/2027", ["2026-09-05", "2026-10-05", "2026-11-05", "2026-12-05"]),
        (date(2028, 2, 29), "2027/2028", ["2027-09-05", "2027-10-05", "2027-11-05", "2027-12-05"]),
    ],
)
def test_exports_are_of_this_school_year_not_later(today: date, year: str, days: list[str]) -> None:
    city = make_numbers(today=today)
    moments = [city.exported_at(month) for month in range(4)]
    assert city.school_year == year
    assert [each.date().isoformat() for each in moments] == days
    assert moments == sorted(set(moments))


def test_a_class_of_a_big_school_still_has_a_title_of_its_own() -> None:
    school = next(make_city(make_numbers(schools=1, people_per_school=20_000)))
    titles = Counter(each.title for each in school.classes)
    assert set(titles.values()) == {1}
    assert "8-11" in titles


def test_a_broken_school_keeps_its_sound_people() -> None:
    *_, sound = make_city(make_numbers())
    *_, broken = make_city(make_numbers(broken=1))
    assert broken.rows[: len(sound.rows)] == sound.rows
    assert sum(not row.usable for row in broken.rows) == 5
    *_, truth = describe(make_numbers(broken=1))
    assert truth.set_aside == 5


def test_memory_does_not_grow_with_the_number_of_schools(tmp_path: Path) -> None:
    def peak(schools: int) -> int:
        city = make_numbers(schools=schools, people_per_school=40)
        tracemalloc.start()
        write_sample(tmp_path, city, layout="roster-1", month=1)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)
    assert peak(100) < 2 * peak(10)  # Ten times as much if the schools were kept.


# The next months: what changes is what the truth says

EVERY_MONTH = pytest.mark.parametrize("month", range(1, LAST_MONTH + 1))


@EVERY_MONTH
@pytest.mark.parametrize("people", [20, 300])
def test_whoever_goes_to_another_school_was_there_and_is_gone(people: int, month: int) -> None:
    city = make_numbers(people_per_school=people, broken=1)
    for before, after, changes in month_by_month(city, month):
        assert changes.transfers_out <= on_roll(before).keys() - on_roll(after).keys()


def test_nobody_has_two_fates_in_a_year() -> None:
    city = make_numbers()
    fated = [n for month in range(1, LAST_MONTH + 1) for n, _ in month_fates(city, 0, month)]
    assert len(fated) == len(set(fated)) == LAST_MONTH * len(city.fates)


def test_every_kind_of_change_happens_in_the_first_month() -> None:
    for truth in describe(make_numbers(), 1):
        missing = [each.name for each in fields(Changes) if not getattr(truth.changes, each.name)]
        assert missing == []


def test_a_city_of_one_school_has_no_transfers() -> None:
    [truth] = describe(make_numbers(schools=1), 3)
    assert not truth.changes.transfers_in
    assert not truth.changes.transfers_out
    assert truth.changes.arrivals


@EVERY_MONTH
@pytest.mark.parametrize("schools", [2, 3, 7])
def test_a_transfer_keeps_the_person_and_gets_a_new_source_id(schools: int, month: int) -> None:
    city = make_numbers(schools=schools)
    before = {school.school.code: on_roll(school) for school in make_city(city, month - 1)}
    sent, received = set(), set()
    for _, school, changes in month_by_month(city, month):
        sent |= {(school.school.code, each) for each in changes.transfers_out}
        received |= set(changes.transfers_in.values())
        for here, (code, there) in changes.transfers_in.items():
            old, new = before[code][there].person, on_roll(school)[here].person
            assert code != school.school.code
            assert old.sourced_id != new.sourced_id
            for name in ("family_name", "given_name", "middle_name", "birth_date", "snils", "sex"):
                assert getattr(old, name) == getattr(new, name)
    assert sent == received


def test_a_renamed_pupil_changes_nothing_but_the_family_name() -> None:
    for before, after, changes in month_by_month(make_numbers()):
        [key] = changes.renamed
        old, new = asdict(on_roll(before)[key].person), asdict(on_roll(after)[key].person)
        assert [name for name in old if old[name] != new[name]] == ["family_name"]


def test_a_renamed_class_keeps_its_id_its_grade_and_its_pupils() -> None:
    def with_key(school: SampleSchool, key: str) -> tuple[SchoolClass, set[str]]:
        [one] = [each for each in school.classes if each.sourced_id == key]
        return one, {row.person.sourced_id for row in school.rows if row.class_id == key}

    for before, after, changes in month_by_month(make_numbers()):
        [key] = changes.renamed_classes
        (old, were), (new, are) = with_key(before, key), with_key(after, key)
        assert old.grade == new.grade
        assert old.title != new.title
        assert were - (changes.leavers | changes.transfers_out | changes.moved) <= are


def test_a_new_teacher_takes_over_the_teaching_of_the_one_who_left() -> None:
    def taught(school: SampleSchool, teacher: str) -> set[tuple[str, str]]:
        return {(x.class_id, x.subject) for x in school.teaching if x.person_id == teacher}

    for before, after, changes in month_by_month(make_numbers()):
        [gone], [new] = changes.left_staff, changes.new_staff
        assert taught(after, gone) == set()
        assert taught(before, gone) == taught(after, new) != set()


def test_some_leavers_are_still_listed_as_such_and_gone_a_month_later() -> None:
    city = make_numbers(schools=10)

    def declared(month: int) -> set[tuple[str, str]]:
        return {
            (school.school.code, row.person.sourced_id)
            for school in make_city(city, month)
            for row in school.rows
            if row.person.status is PersonStatus.LEFT
        }

    first, second = declared(1), declared(2)
    leavers = {(t.code, each) for t in describe(city, 1) for each in t.changes.leavers}
    assert first
    assert first < leavers
    assert not first & second
