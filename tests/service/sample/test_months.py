"""The next months of the sample city: what changes is what the truth says."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from provisioning.roster import Person, PersonStatus, Role
from service.sample import LAST_MONTH, City, SampleSchool, make_city
from service.sample.city import month_fates
from tests.service.sample.truth import Changes, describe


def make_numbers(**overrides: Any) -> City:
    return City(**{"schools": 3, "people_per_school": 300} | overrides)


def roll(school: SampleSchool) -> dict[str, Person]:
    return {
        row.person.sourced_id: row.person
        for row in school.rows
        if row.usable and row.person.status is not PersonStatus.LEFT
    }


def home_classes(school: SampleSchool) -> dict[str, str]:
    return {row.person.sourced_id: row.class_id for row in school.rows}


def pupils(people: dict[str, Person]) -> dict[str, Person]:
    return {key: each for key, each in people.items() if each.role is Role.STUDENT}


@pytest.mark.parametrize("month", range(1, LAST_MONTH + 1))
@pytest.mark.parametrize("people", [20, 300])
def test_the_described_changes_lead_from_one_month_to_the_next(people: int, month: int) -> None:
    city = make_numbers(people_per_school=people, broken=1)
    months = zip(
        make_city(city, month - 1), make_city(city, month), describe(city, month), strict=True
    )
    for before, after, truth in months:
        old, new, changes = pupils(roll(before)), pupils(roll(after)), truth.changes
        gone = changes.leavers | changes.transfers_out
        come = changes.arrivals | changes.transfers_in.keys()
        assert new.keys() == (old.keys() - gone) | come
        assert gone <= old.keys()
        assert not come & old.keys()
        assert not changes.leavers & changes.transfers_out
        assert not changes.arrivals & changes.transfers_in.keys()
        classes, classes_now = home_classes(before), home_classes(after)
        stayed = old.keys() & new.keys()
        assert changes.moved == {key for key in stayed if classes[key] != classes_now[key]}
        assert len(new) == truth.students
        assert len(roll(after)) == truth.students + truth.teachers + truth.administrators


def test_nobody_has_two_fates_in_a_year() -> None:
    city = make_numbers()
    fated = [n for month in range(1, LAST_MONTH + 1) for n, _ in month_fates(city, 0, month)]
    assert len(fated) == len(set(fated)) == LAST_MONTH * len(city.fates)


def test_every_kind_of_change_happens_in_the_first_month() -> None:
    for truth in describe(make_numbers(), 1):
        missing = [each.name for each in fields(Changes) if not getattr(truth.changes, each.name)]
        assert missing == []


def test_nothing_has_changed_in_the_first_export() -> None:
    assert all(truth.changes == Changes() for truth in describe(make_numbers(), 0))


def test_a_city_of_one_school_has_no_transfers() -> None:
    [truth] = describe(make_numbers(schools=1), 3)
    assert not truth.changes.transfers_in
    assert not truth.changes.transfers_out
    assert truth.changes.arrivals


@pytest.mark.parametrize("month", range(1, LAST_MONTH + 1))
@pytest.mark.parametrize("schools", [2, 3, 7])
def test_a_transfer_keeps_the_person_and_gets_a_new_source_id(schools: int, month: int) -> None:
    city = make_numbers(schools=schools)
    before = {school.school.code: roll(school) for school in make_city(city, month - 1)}
    after = {school.school.code: roll(school) for school in make_city(city, month)}
    sent = {(t.code, each) for t in describe(city, month) for each in t.changes.transfers_out}
    received = set()
    for truth in describe(city, month):
        for here, (code, there) in truth.changes.transfers_in.items():
            received.add((code, there))
            old, new = before[code][there], after[truth.code][here]
            assert code != truth.code
            assert old.sourced_id != new.sourced_id
            for name in ("family_name", "given_name", "middle_name", "birth_date", "snils", "sex"):
                assert getattr(old, name) == getattr(new, name)
    assert sent == received


def test_a_renamed_pupil_changes_nothing_but_the_family_name() -> None:
    city = make_numbers()
    months = zip(make_city(city, 0), make_city(city, 1), describe(city, 1), strict=True)
    for before, after, truth in months:
        [key] = truth.changes.renamed
        old, new = roll(before)[key], roll(after)[key]
        changed = [f.name for f in fields(Person) if getattr(old, f.name) != getattr(new, f.name)]
        assert changed == ["family_name"]


def test_a_renamed_class_keeps_its_id_its_grade_and_its_pupils() -> None:
    city = make_numbers()
    months = zip(make_city(city, 0), make_city(city, 1), describe(city, 1), strict=True)
    for before, after, truth in months:
        [key] = truth.changes.renamed_classes
        [old] = [each for each in before.classes if each.sourced_id == key]
        [new] = [each for each in after.classes if each.sourced_id == key]
        assert old.grade == new.grade
        assert old.title != new.title
        stayed = {r.person.sourced_id for r in before.rows if r.class_id == key}
        stayed -= truth.changes.leavers | truth.changes.transfers_out | truth.changes.moved
        assert stayed <= {r.person.sourced_id for r in after.rows if r.class_id == key}


def test_a_new_teacher_takes_over_the_teaching_of_the_one_who_left() -> None:
    city = make_numbers()
    months = zip(make_city(city, 0), make_city(city, 1), describe(city, 1), strict=True)
    for before, after, truth in months:
        [gone], [new] = truth.changes.left_staff, truth.changes.new_staff
        assert gone not in {link.person_id for link in after.teaching}
        taught = {(x.class_id, x.subject) for x in before.teaching if x.person_id == gone}
        assert taught == {(x.class_id, x.subject) for x in after.teaching if x.person_id == new}
        assert taught


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
