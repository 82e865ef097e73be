"""What holds for any file of any school: twins, namesakes, wrong numbers and typing errors."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.matching import KnownIdentities, KnownIdentity, Matching, match
from provisioning.questions import QuestionKind, RowRef
from provisioning.roster import Person, PersonStatus, Role, Roster
from tests.factories import SCHOOL_CODE, make_person
from tests.provisioning.matching.people import OTHER_SNILS, SNILS, class_roster

BORN = date(2012, 9, 1)

ROWS = st.builds(
    make_person,
    sourced_id=st.sampled_from([f"s-{number}" for number in range(8)]),
    role=st.sampled_from([Role.STUDENT, Role.STUDENT, Role.TEACHER]),
    family_name=st.sampled_from(["Близнецов", "Близнецова", "Иной", "Инoй"]),
    given_name=st.sampled_from(["Пётр", "Петр", "Анна", "Алина", "Арина"]),
    middle_name=st.sampled_from(["Тестович", ""]),
    birth_date=st.sampled_from([BORN, date(2012, 1, 9), date(2012, 9, 2), date(1980, 5, 5)]),
    sex=st.sampled_from(["", "", "M", "F"]),
    snils=st.sampled_from(["", "", SNILS, OTHER_SNILS]),
    status=st.sampled_from([PersonStatus.ACTIVE, PersonStatus.ACTIVE, PersonStatus.LEFT]),
)
FILES = st.lists(ROWS, max_size=8, unique_by=lambda row: row.sourced_id)


def known_after(roster: Roster, found: Matching) -> KnownIdentities:
    """What the registry knows once this file is applied, nobody having been known before."""
    humans: dict[str, KnownIdentity] = {}
    keys: dict[str, list[RowRef]] = {}
    for sourced_id, one in found.matches.items():
        row = roster.persons[sourced_id]
        keys.setdefault(one.person_id, []).append(
            RowRef(school_code=SCHOOL_CODE, sourced_id=sourced_id)
        )
        if sourced_id in found.second_rows:
            continue
        humans[one.person_id] = KnownIdentity(
            person_id=one.person_id,
            family_name=row.family_name,
            given_name=row.given_name,
            middle_name=row.middle_name,
            birth_date=row.birth_date,
            sex=row.sex,
            snils="" if sourced_id in found.numberless else row.snils,
            school_code=SCHOOL_CODE,
            role=row.role.value,
            class_id="c-1",
            class_title="5А",
            listed=frozenset({SCHOOL_CODE}),
        )
    humans = {key: replace(one, keys=tuple(keys[key])) for key, one in humans.items()}
    by_snils: dict[str, list[KnownIdentity]] = {}
    for one in humans.values():
        if one.snils:
            by_snils.setdefault(one.snils, []).append(one)
    return KnownIdentities(
        by_key={key: humans[one.person_id] for key, one in found.matches.items()},
        by_snils=by_snils,
        own=humans,
    )


def matched(rows: list[Person], known: KnownIdentities) -> tuple[Roster, Matching]:
    numbers = count(1)
    roster = class_roster(rows)
    # Nobody's new id is one that is known.
    return roster, match(roster, known, lambda: f"new-{len(known.own)}-{next(numbers)}")


@given(FILES, FILES)
def test_a_person_id_has_one_first_row_and_every_row_is_dealt_with_once(
    first: list[Person], second: list[Person]
) -> None:
    known = known_after(*matched(first, KnownIdentities()))
    _, found = matched(second, known)
    firsts = [one.person_id for key, one in found.matches.items() if key not in found.second_rows]
    assert max(Counter(firsts).values(), default=1) == 1
    assert set(firsts) == {one.person_id for one in found.matches.values()}
    assert not found.matches.keys() & found.waiting.keys()
    assert not found.set_aside & set(firsts)
    asked = {
        row.sourced_id
        for one in found.questions
        if one.kind is not QuestionKind.SPLIT
        for row in one.rows
    }
    assert asked <= found.waiting.keys()


@given(FILES, st.data())
def test_the_order_of_rows_makes_no_difference(first: list[Person], data: Any) -> None:
    known = known_after(*matched(first, KnownIdentities()))
    second = data.draw(FILES)
    turned = data.draw(st.permutations(second))

    def outcome(rows: list[Person]) -> object:
        _, found = matched(rows, known)
        groups: dict[str, list[str]] = {}
        for key, one in found.matches.items():
            groups.setdefault(one.person_id, []).append(key)
        old = {one.person_id for one in known.own.values()}
        humans = {
            (person_id if person_id in old else "", tuple(sorted(keys)))
            for person_id, keys in groups.items()
        }
        questions = {(one.kind, one.key) for one in found.questions}
        return humans, questions, found.waiting, found.set_aside, found.second_rows

    assert outcome(second) == outcome(turned)


@given(FILES)
def test_an_unchanged_file_is_known_and_asks_nothing_new(rows: list[Person]) -> None:
    roster, found = matched(rows, KnownIdentities())
    assert found.waiting == {}
    known = known_after(roster, found)
    again = match(roster, known, lambda: "somebody new")
    assert {key: one.person_id for key, one in again.matches.items()} == {
        key: one.person_id for key, one in found.matches.items()
    }
    assert (again.waiting, again.set_aside) == ({}, frozenset())
    assert {one.key for one in again.questions} <= {one.key for one in found.questions}


@given(FILES)
def test_who_is_in_the_file_as_before_is_never_given_to_another_row(rows: list[Person]) -> None:
    known = known_after(*matched(rows, KnownIdentities()))
    newcomers = [replace(row, sourced_id=f"x-{row.sourced_id}") for row in rows]
    _, found = matched([*rows, *newcomers], known)
    for row in rows:
        human, match_now = known.by_key[row.sourced_id], found.matches.get(row.sourced_id)
        if match_now is None:
            # An active row may be whose row has ended: that human stays as they are meanwhile.
            assert row.status is PersonStatus.LEFT
            assert human.person_id in found.set_aside
        else:
            assert match_now.person_id == human.person_id
