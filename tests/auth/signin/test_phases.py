"""Which phase is in force for whom, who is exempt, and when a password ends."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auth.directory import Account
from auth.signin.phases import (
    CITY,
    Exemption,
    Exemptions,
    Phase,
    Rule,
    Schedule,
    Target,
    Who,
    birthday,
    is_under,
    password_ends_on,
    targets_of,
)
from tests.auth.people import make_account, make_teacher
from tests.soak import soak

PUPIL = make_account(class_id="c-5a")
"""Of class 5А of school 1001 in the district «Учебный», born on 5 March 2014."""
TEACHER = make_teacher()

DAY = date(2026, 10, 1)
BEFORE, AFTER = DAY - timedelta(days=30), DAY + timedelta(days=30)

OWN_CLASS = Target(school_code="1001", class_id="c-5a")
OWN_SCHOOL = Target(school_code="1001")
PUPILS_OF_SCHOOL = Target(school_code="1001", role="student")
OWN_DISTRICT = Target(district="Учебный")
PUPILS_OF_DISTRICT = Target(district="Учебный", role="student")
PUPILS = Target(role="student")

MOST_SPECIFIC_FIRST = [
    OWN_CLASS, PUPILS_OF_SCHOOL, OWN_SCHOOL, PUPILS_OF_DISTRICT, OWN_DISTRICT, PUPILS, CITY,
]  # fmt: skip
OF_OTHERS = [
    Target(school_code="1001", class_id="c-5b"),
    Target(school_code="1002", class_id="c-5a"),
    Target(school_code="1002"),
    Target(school_code="1001", role="teacher"),
    Target(district="Другой"),
    Target(district="Другой", role="student"),
    Target(role="teacher"),
]


Begins = tuple[Target, Phase, date]
"""A rule."""


def schedule(*rules: Begins, default: Phase = Phase.PASSWORD_ONLY) -> Schedule:
    return Schedule(
        default=default,
        rules=[Rule(target=target, phase=phase, starts_on=day) for target, phase, day in rules],
    )


def test_the_order_of_targets_is_written_down() -> None:
    assert list(targets_of(PUPIL)) == MOST_SPECIFIC_FIRST
    assert list(targets_of(make_account(school_code="", district="", roles=()))) == [CITY]
    assert next(targets_of(TEACHER)) == Target(school_code="1001", role="teacher")


@pytest.mark.parametrize("place", range(len(MOST_SPECIFIC_FIRST) - 1))
def test_the_more_specific_rule_wins_even_when_it_began_earlier(place: int) -> None:
    nearer, *wider = MOST_SPECIFIC_FIRST[place:]
    rules = [(target, Phase.ESIA_ONLY, DAY) for target in wider]
    found = schedule((nearer, Phase.BOTH, BEFORE), *rules).phase(PUPIL, DAY)
    assert found is Phase.BOTH


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], Phase.PASSWORD_ONLY),
        ([(CITY, Phase.BOTH, DAY)], Phase.BOTH),
        ([(CITY, Phase.BOTH, DAY + timedelta(days=1))], Phase.PASSWORD_ONLY),
        ([(CITY, Phase.BOTH, BEFORE), (CITY, Phase.ESIA_ONLY, DAY)], Phase.ESIA_ONLY),
        ([(CITY, Phase.ESIA_ONLY, BEFORE), (CITY, Phase.BOTH, DAY)], Phase.BOTH),
        ([(CITY, Phase.BOTH, BEFORE), (OWN_CLASS, Phase.ESIA_ONLY, DAY)], Phase.ESIA_ONLY),
        ([(CITY, Phase.BOTH, BEFORE), (OWN_CLASS, Phase.ESIA_ONLY, AFTER)], Phase.BOTH),
        ([(CITY, Phase.ESIA_ONLY, BEFORE), (OWN_SCHOOL, Phase.BOTH, AFTER)], Phase.ESIA_ONLY),
    ],
)
def test_only_rules_that_have_begun_count_and_the_last_one_of_a_target(
    rules: list[Begins], expected: Phase
) -> None:
    assert schedule(*rules).phase(PUPIL, DAY) is expected


days = st.dates(min_value=date(2026, 1, 1), max_value=date(2027, 12, 31))
phases = st.sampled_from(Phase)
own_rules = st.lists(st.tuples(st.sampled_from(MOST_SPECIFIC_FIRST), phases, days), max_size=8)
other_rules = st.lists(st.tuples(st.sampled_from(OF_OTHERS), phases, days), max_size=8)


@soak
@given(own=own_rules, others=other_rules, day=days)
def test_rules_for_other_people_never_change_this_persons_phase(
    own: list[Begins], others: list[Begins], day: date
) -> None:
    assert schedule(*own, *others).phase(PUPIL, day) is schedule(*own).phase(PUPIL, day)


@soak
@given(own=own_rules, later=own_rules, day=days)
def test_rules_that_begin_later_never_change_today(
    own: list[Begins], later: list[Begins], day: date
) -> None:
    coming = [rule for rule in later if rule[2] > day]
    assert schedule(*own, *coming).phase(PUPIL, day) is schedule(*own).phase(PUPIL, day)


@soak
@given(own=own_rules, day=days, phase=phases)
def test_a_rule_for_the_class_decides_whatever_else_is_ruled(
    own: list[Begins], day: date, phase: Phase
) -> None:
    others = [rule for rule in own if rule[0] != OWN_CLASS]
    assert schedule(*others, (OWN_CLASS, phase, day)).phase(PUPIL, day) is phase


@soak
@given(rules=own_rules, day=days)
def test_the_order_in_which_rules_are_kept_does_not_matter(rules: list[Begins], day: date) -> None:
    one_each = list({(target, start): (target, phase, start) for target, phase, start in rules}
                    .values())  # fmt: skip
    there, back = schedule(*one_each), schedule(*reversed(one_each))
    assert there.phase(PUPIL, day) is back.phase(PUPIL, day)


@pytest.mark.parametrize(
    "wrong",
    [
        {"class_id": "c-5a"},
        {"school_code": "1001", "class_id": "c-5a", "role": "student"},
        {"district": "Учебный", "school_code": "1001"},
    ],
)
def test_a_target_that_makes_no_sense_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"class|either"):
        Target(**wrong)


# Exemptions.


@pytest.mark.parametrize(
    ("born", "day", "under"),
    [
        (date(2012, 10, 2), DAY, True),
        (date(2012, 10, 2), DAY + timedelta(days=1), False),
        (date(2012, 2, 29), date(2026, 2, 28), True),  # turns 14 on 1 March
        (date(2012, 2, 29), date(2026, 3, 1), False),
        (None, DAY, False),
    ],
)
def test_who_is_under_14_is_so_until_the_birthday(
    born: date | None, day: date, under: bool
) -> None:
    assert is_under(14, born, day) is under


@soak
@given(born=st.dates(min_value=date(2000, 1, 1), max_value=date(2020, 12, 31)))
@example(born=date(2012, 2, 29))
def test_the_birthday_is_the_first_day_of_the_age(born: date) -> None:
    day = birthday(14, born)
    assert is_under(14, born, day - timedelta(days=1))
    assert not is_under(14, born, day)


@pytest.mark.parametrize(
    ("exemption", "account", "linked", "covered"),
    [
        (Exemption(target=CITY, person_id=PUPIL.person_id), PUPIL, False, True),
        (Exemption(target=CITY, person_id=PUPIL.person_id), TEACHER, False, False),
        (Exemption(target=Target(school_code="9"), person_id=PUPIL.person_id), PUPIL, False, True),
        (Exemption(target=OWN_CLASS), PUPIL, False, True),
        (Exemption(target=OWN_CLASS), TEACHER, False, False),
        (Exemption(target=Target(role="teacher")), TEACHER, False, True),
        (Exemption(target=Target(role="administrator")), TEACHER, False, False),
        (Exemption(target=CITY, who=Who.UNDER_14), PUPIL, False, True),
        (Exemption(target=CITY, who=Who.UNDER_14), PUPIL, True, True),
        (Exemption(target=OWN_DISTRICT, who=Who.UNDER_14), PUPIL, False, True),
        (Exemption(target=Target(district="Другой"), who=Who.UNDER_14), PUPIL, False, False),
        (Exemption(target=CITY, who=Who.UNDER_14), TEACHER, False, False),
        (Exemption(target=CITY, who=Who.STAFF_WITHOUT_ESIA), TEACHER, False, True),
        (Exemption(target=CITY, who=Who.STAFF_WITHOUT_ESIA), TEACHER, True, False),
        (Exemption(target=CITY, who=Who.STAFF_WITHOUT_ESIA), PUPIL, False, False),
        (Exemption(target=OWN_CLASS, until=DAY), PUPIL, False, True),
        (Exemption(target=OWN_CLASS, until=DAY - timedelta(days=1)), PUPIL, False, False),
    ],
)
def test_an_exemption_covers_whom_it_names(
    exemption: Exemption, account: Account, linked: bool, covered: bool
) -> None:
    assert exemption.covers(account, DAY, linked=linked) is covered
    assert Exemptions(items=[exemption], linked=linked).cover(account, DAY) is covered


# The end of a password.

SWITCH = (CITY, Phase.ESIA_ONLY, AFTER)
YOUNG = Exemption(target=CITY, who=Who.UNDER_14)


@pytest.mark.parametrize(
    ("rules", "items", "expected"),
    [
        ([], [], None),
        ([SWITCH], [], AFTER),
        ([(CITY, Phase.ESIA_ONLY, BEFORE)], [], None),
        ([SWITCH, (OWN_CLASS, Phase.BOTH, BEFORE)], [], None),
        ([SWITCH, (OWN_SCHOOL, Phase.ESIA_ONLY, DAY + timedelta(days=3))], [], date(2026, 10, 4)),
        ([SWITCH], [Exemption(target=OWN_CLASS)], None),
        ([SWITCH], [Exemption(target=OWN_CLASS, until=BEFORE)], AFTER),
        ([SWITCH], [Exemption(target=OWN_CLASS, until=date(2027, 5, 31))], date(2027, 6, 1)),
        ([SWITCH], [YOUNG], date(2028, 3, 5)),
        ([SWITCH], [Exemption(target=CITY, who=Who.STAFF_WITHOUT_ESIA)], AFTER),
    ],
)
def test_the_password_of_a_person_ends_with_the_phase_or_the_exemption(
    rules: list[Begins], items: list[Exemption], expected: date | None
) -> None:
    found = password_ends_on(schedule(*rules), Exemptions(items=items), PUPIL, DAY)
    assert found == expected


@soak
@given(own=own_rules, day=days)
def test_until_that_day_the_password_counts(own: list[Begins], day: date) -> None:
    rules = schedule(*own)
    ends = password_ends_on(rules, Exemptions(items=[YOUNG]), PUPIL, day)
    if ends:
        refused = [
            rules.phase(PUPIL, on) is Phase.ESIA_ONLY and not YOUNG.covers(PUPIL, on, linked=False)
            for on in (day, ends - timedelta(days=1), ends)
        ]
        assert refused == [False, False, True]


def test_the_city_counts_down_to_its_own_switch_alone() -> None:
    rules = schedule((OWN_CLASS, Phase.ESIA_ONLY, DAY), SWITCH)
    assert rules.city_switch(DAY) == AFTER
    assert rules.city_switch(AFTER) is None
    assert schedule((CITY, Phase.ESIA_ONLY, DAY)).city_switch(DAY) is None


def test_every_phase_in_force_for_somebody_is_known() -> None:
    rules = schedule((OWN_CLASS, Phase.ESIA_ONLY, DAY), (CITY, Phase.BOTH, AFTER))
    assert rules.phases(BEFORE) == {Phase.PASSWORD_ONLY}
    assert rules.phases(DAY) == {Phase.PASSWORD_ONLY, Phase.ESIA_ONLY}


def test_what_begins_today_has_begun() -> None:
    rules = schedule((OWN_CLASS, Phase.BOTH, DAY), (PUPILS, Phase.BOTH, AFTER), SWITCH)
    assert rules.starts_after(PUPIL, BEFORE) == [DAY, AFTER]
    assert rules.starts_after(PUPIL, DAY) == [AFTER]
