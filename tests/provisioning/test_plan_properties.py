"""What holds for every school and every pair of files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.changes import Action, Change, Kind
from provisioning.limits import Limit
from provisioning.person_states import PersonState
from provisioning.plan import make_plan
from provisioning.roster import Mode, Part, PersonStatus, Role, Roster
from provisioning.settings import CourseSettings, LimitSettings
from provisioning.several_schools import Place
from provisioning.state import (
    CourseEnrolment,
    CourseRole,
    Member,
    MoodleCategory,
    MoodleCohort,
    MoodleCourse,
    MoodleUser,
    State,
)
from tests.factories import make_class, make_enrolment, make_person, make_roster, make_teacher
from tests.provisioning.loading import Loaded, person_id_of
from tests.soak import soak

PUPILS = [f"s-{number}" for number in range(6)]
STAFF = [f"t-{number}" for number in range(3)]
CLASSES = ["c-1", "c-2", "g-1"]
RECORDS: dict[Kind, tuple[str, Any]] = {
    Kind.CATEGORY: ("categories", MoodleCategory),
    Kind.COHORT: ("cohorts", MoodleCohort),
    Kind.COURSE: ("courses", MoodleCourse),
    Kind.USER: ("users", MoodleUser),
    Kind.MEMBER: ("members", Member),
    Kind.ENROLMENT: ("enrolments", CourseEnrolment),
}
NEEDED = {
    "parent": "categories", "category": "categories", "cohort": "cohorts", "course": "courses",
}  # fmt: skip
"""A field that names something else, and where that must be."""


def apply_to_state(known: State, changes: Iterable[Change]) -> State:
    """What Moodle is after the changes, each done in its turn; a wrong order fails."""
    state: dict[str, Any] = {}
    for name, _ in RECORDS.values():
        before = getattr(known, name)
        state[name] = set(before) if isinstance(before, frozenset) else dict(before)
    for change in changes:
        name, record = RECORDS[change.kind]
        fields = dict(change.after or change.before)
        assert all(fields[key] in state[NEEDED[key]] for key in NEEDED if fields.get(key))
        if change.kind is Kind.USER:
            born = fields["birth_date"]
            fields["birth_date"] = born and date.fromisoformat(born)
        elif change.kind is Kind.ENROLMENT:
            fields["role"] = CourseRole(fields["role"])
        one = record(**fields)
        if isinstance(state[name], dict):
            assert (change.key in state[name]) == (change.action != Action.CREATE)
            state[name][change.key] = one
        else:
            assert one.person_id in state["users"]
            assert (one in state[name]) == (change.action == Action.REMOVE)
            state[name] ^= {one}
    links = {name: frozenset(state[name]) for name in ("members", "enrolments")}
    return replace(known, **state | links)


@st.composite
def rosters(draw: st.DrawFn, *, full: bool = False) -> Roster:
    def one(*values: Any) -> Any:
        return draw(st.sampled_from(values))

    def some(keys: list[str]) -> list[str]:
        return draw(st.lists(st.sampled_from(keys), unique=True))

    people = [
        make_person(key, family_name=one("Примеров", "Образцов"), status=one(*PersonStatus))
        for key in some(PUPILS)
    ]
    staff = [make_teacher(key, role=one(Role.TEACHER, Role.ADMINISTRATOR)) for key in some(STAFF)]
    classes = [
        make_class(key, title=one("8А", "8Б"), teacher_id=one(None, *STAFF))
        for key in some(CLASSES)
    ]
    of_a_class = st.sampled_from(CLASSES)
    subjects = st.sampled_from(["", "Физика", "физика", "Химия"])
    teaching = {"role": st.just(Role.TEACHER), "subject": subjects}
    links = st.builds(make_enrolment, st.sampled_from(PUPILS), of_a_class) | st.builds(
        make_enrolment, st.sampled_from(STAFF), of_a_class, **teaching
    )
    roster = make_roster([*people, *staff], classes, draw(st.lists(links, max_size=12)))
    options: dict[str, Any] = {
        "school_year": one("2026/2027", "2027/2028"),
        "parts": frozenset(Part),
    }
    if not full:
        absent = set(PUPILS + STAFF) - set(roster.persons)
        options |= {
            "mode": one(*Mode),
            "parts": draw(st.frozensets(st.sampled_from(Part))),
            "set_aside": frozenset(draw(st.sets(st.sampled_from(sorted(absent) or ["none"])))),
        }
    return replace(roster, **options)


PLACE = Place(exported_at=None, role="student", class_title="6В", institution="Школа № 6")


@st.composite
def loads(draw: st.DrawFn) -> dict[str, Any]:
    """Options of one load."""
    elsewhere = draw(st.sets(st.sampled_from(PUPILS)))
    created = draw(st.sampled_from(["per_class", "per_subject", "none"]))
    return {
        "elsewhere": {person_id_of(key): {"78-0006": PLACE} for key in elsewhere},
        "courses": CourseSettings(create=created),
    }


@st.composite
def histories(draw: st.DrawFn) -> Loaded:
    """A school after up to three files."""
    school = Loaded()
    for roster in draw(st.lists(rosters(), max_size=3)):
        school = school.next(roster, **draw(loads()))
    return school


def changes_between(known: State, desired: State) -> list[Change]:
    return list(make_plan(known, desired, LimitSettings()).changes)


@soak
@given(histories(), rosters(), loads())
def test_the_plan_turns_known_into_desired(
    school: Loaded, roster: Roster, options: dict[str, Any]
) -> None:
    desired = school.next(roster, **options).state
    changes = changes_between(school.state, desired)
    assert apply_to_state(school.state, changes) == desired
    ranks = [change.rank for change in changes]
    assert ranks == sorted(ranks)


@soak
@given(histories(), rosters(), loads())
def test_the_same_file_again_changes_nothing_and_nothing_is_ever_lost(
    school: Loaded, roster: Roster, options: dict[str, Any]
) -> None:
    once = school.next(roster, **options)
    assert changes_between(once.state, once.next(roster, **options).state) == []
    desired = once.state
    for name in ("users", "cohorts", "courses", "categories"):
        assert set(getattr(school.state, name)) <= set(getattr(desired, name))
    for person_id, user in school.state.users.items():
        assert desired.users[person_id].username == user.username


@soak
@given(histories(), rosters(), loads())
def test_who_the_file_does_not_speak_of_is_not_touched(
    school: Loaded, roster: Roster, options: dict[str, Any]
) -> None:
    desired = school.next(roster, **options).state
    in_file = {person_id_of(key) for key in roster.persons}
    aside = {person_id_of(key) for key in roster.set_aside}
    for person_id, user in school.state.users.items():
        entry = school.roll.after.get(person_id)
        role = entry.role if entry else user.role
        part = Part.STUDENTS if role == "student" else Part.STAFF
        unspoken = roster.mode is Mode.CHANGES or part not in roster.parts
        if person_id in aside or (unspoken and person_id not in in_file):
            assert desired.users[person_id] == user
            for name in ("members", "enrolments"):
                before = {x for x in getattr(school.state, name) if x.person_id == person_id}
                assert before == {x for x in getattr(desired, name) if x.person_id == person_id}


@soak
@given(histories(), rosters(), loads(), st.randoms(use_true_random=False))
def test_the_digest_does_not_depend_on_the_order_of_the_rows(
    school: Loaded, roster: Roster, options: dict[str, Any], random: Any
) -> None:
    def shuffled(items: Iterable[Any]) -> list[Any]:
        mixed = list(items)
        random.shuffle(mixed)
        return mixed

    other = replace(
        roster,
        persons=dict(shuffled(roster.persons.items())),
        classes=dict(shuffled(roster.classes.items())),
        enrolments=tuple(shuffled(roster.enrolments)),
    )
    one, another = (
        make_plan(school.state, school.next(roster, **options).state, LimitSettings()).digest
        for roster in (roster, other)
    )
    assert one == another


@soak
@given(rosters(full=True), st.integers(min_value=0, max_value=1000))
def test_an_empty_roll_is_never_applied_without_a_second_yes(roster: Roster, floor: int) -> None:
    school = Loaded().next(roster)
    emptied = school.next(make_roster())
    plan = make_plan(school.state, emptied.state, LimitSettings(floor=floor))
    was_active = bool(school.state.users)
    assert [breach.limit for breach in plan.breaches] == [Limit.SUSPENDED] * was_active
    assert {user.state for user in emptied.state.users.values()} <= {PersonState.IN_TRANSIT}
