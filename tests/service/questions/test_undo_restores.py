"""An answer that is carried out and taken back: Moodle is as it was before anybody answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from service.loads.planning import plan_load
from service.models import Load, SchoolMembership, SourceKey
from tests.service.questions.asked import answer, open_questions, undo
from tests.service.questions.test_whole import twin
from tests.service.trial import (
    A,
    B,
    C,
    Trial,
    make_class,
    on_both_databases,
    pupil,
    pupils,
    teacher,
)

OTHERS_A = [*pupils("a", 8), teacher("a-head")]
OTHERS_B = [*pupils("b", 8, "c-2"), teacher("b-head")]


def carried_out(trial: Trial) -> None:
    """Plan and apply every load that waits for a worker."""
    waiting = select(Load.id).where(Load.status == "received").order_by(Load.id)
    for load_id in trial.stored(waiting):
        plan_load(trial.application, load_id)
        if trial.run(load_id).status == "planned":
            trial.carry_out(load_id, over_limits=True)


def held(trial: Trial, people: set[str]) -> dict[str, Any]:
    """What Moodle has of these people."""
    state = trial.moodle()
    names = {one["id"]: one["idnumber"] for one in state["users"]}
    fields = ("username", "firstname", "lastname", "institution", "department", "suspended")
    found: dict[str, Any] = {
        one["idnumber"]: [{name: one[name] for name in fields}]
        for one in state["users"]
        if one["idnumber"] in people
    }
    cohorts = {one["id"]: one["name"] for one in state["cohorts"]}
    courses = {one["id"]: (one["fullname"], one["shortname"]) for one in state["courses"]}
    for one in state["members"]:
        if (who := names[one["userid"]]) in people:
            found[who].append(f"cohort {one['cohortid']} {cohorts[one['cohortid']]}")
    for one in state["enrolments"]:
        if (who := names[one["userid"]]) in people:
            found[who].append(f"course {one['courseid']} {one['role']} {courses[one['courseid']]}")
    return {who: sorted(map(str, rest)) for who, rest in found.items()}


def everybody(trial: Trial) -> set[str]:
    return {one["idnumber"] for one in trial.moodle()["users"] if one["idnumber"]}


def places_of_others(trial: Trial, people: set[str]) -> set[Any]:
    """What accounts have that were made on the way."""
    return {
        place
        for who, rest in held(trial, everybody(trial) - people).items()
        for place in rest
        if place.startswith(("cohort", "course"))
    }


def rolls(trial: Trial) -> set[tuple[Any, ...]]:
    places = SchoolMembership
    return set(
        trial.stored(
            select(places.school_code, places.person_id, places.class_id, places.confirmed)
        )
    )


def keys(trial: Trial) -> set[tuple[str, ...]]:
    return set(
        trial.stored(select(SourceKey.school_code, SourceKey.sourced_id, SourceKey.person_id))
    )


def _moved(trial: Trial) -> None:
    """B lists a pupil whom A still has."""
    trial.sync(trial.write(A, [*OTHERS_A, pupil("a-9", who="h", snils="")]))
    trial.sync(trial.write(B, [*OTHERS_B, pupil("b-9", "c-2", who="h", snils="")], day=1))


def _in_transit(trial: Trial) -> None:
    """B lists a pupil whom A has let go of, with a letter more in the name."""
    mover = pupil("a-9", who="h", snils="")
    trial.sync(trial.write(A, [*OTHERS_A, mover]))
    trial.sync(trial.write(A, OTHERS_A, day=1))
    name = mover.person.family_name + "а"
    row = pupil("b-9", "c-2", who="h", snils="", family_name=name)
    trial.sync(trial.write(B, [*OTHERS_B, row], day=2))


def _in_three_schools(trial: Trial) -> None:
    """A club has the pupil as well."""
    club = trial.write(C, [*pupils("d", 4), pupil("d-9", who="h", snils="")], kind="ДДТ")
    trial.sync(trial.write(A, [*OTHERS_A, pupil("a-9", who="h", snils="")]))
    trial.sync(club)
    for question in open_questions(trial):
        answer(trial, question.id, "same" if "same" in question.answers else "confirm")
        carried_out(trial)
    row = pupil("b-9", "c-2", who="h", snils="", begin_date=None)
    trial.sync(trial.write(B, [*OTHERS_B, row], day=2))


def _ids_of_twins(trial: Trial) -> None:
    """The ids of two twins changed places, and so did their classes."""
    names = ("Пётр", "Павел")

    def load(day: int, first: str, second: str) -> None:
        rows = [twin("t-1", first, snils=""), twin("t-2", second, snils="", class_id="c-2")]
        trial.sync(trial.write(A, [*OTHERS_A, *rows], day=day))

    load(0, *names)
    load(1, *reversed(names))


def _ids_of_twins_of_one_class(trial: Trial) -> None:
    """As soon as it is said who one of them is, the other row is the other twin."""
    names = ("Пётр", "Павел")
    for day, each in enumerate((names, reversed(names))):
        rows = [twin(f"t-{n}", name, snils="") for n, name in enumerate(each, 1)]
        trial.sync(trial.write(A, [*OTHERS_A, *rows], day=day))


def _new_id(trial: Trial) -> None:
    """A pupil of the school has a new id, another class and a letter less."""
    old = pupil("a-9", who="h", snils="")
    trial.sync(trial.write(A, [*OTHERS_A, *pupils("z", 4, "c-2"), old]))
    name = old.person.family_name + "а"
    row = pupil("n-9", "c-2", who="h", snils="", family_name=name)
    trial.sync(trial.write(A, [*OTHERS_A, *pupils("z", 4, "c-2"), row], day=1))


def _renumbered(trial: Trial) -> None:
    """A whole export has new ids, and one family name another letter."""
    rows = [pupil(f"a-{n}", who=f"h-{n}", snils="") for n in range(30)]
    trial.sync(trial.write(A, rows))
    other = rows[0].person.family_name + "а"
    again = [pupil(f"n-{n}", who=f"h-{n}", snils="") for n in range(30)]
    again[0] = pupil("n-0", who="h-0", snils="", family_name=other)
    trial.sync(trial.write(A, again, day=1))


def _number_of_a_director(trial: Trial) -> None:
    director = teacher("head")
    trial.sync(trial.write(A, [*pupils("a", 4), director]))
    row = pupil(
        "b-9", "c-2", given_name="Зоя", sex="F", snils=director.person.snils,
        birth_date=director.person.birth_date,
    )  # fmt: skip
    trial.sync(trial.write(B, [*pupils("b", 4), row]))


CLASSES = [make_class(f"c-{n}", f"8{title}") for n, title in enumerate("АБВГ", 1)]


def _a_class_in_two(trial: Trial) -> None:
    """The pupils of one class are in two others, of which one is it, or none."""
    trial.sync(trial.write(A, [*pupils("a", 12), *pupils("z", 4, "c-4")], classes=CLASSES[::3]))
    parts = [pupil(f"a-{n}", "c-2" if n < 7 else "c-3") for n in range(1, 13)]
    trial.sync(trial.write(A, [*parts, *pupils("z", 4, "c-4")], day=1, classes=CLASSES[1:]))


def _a_code_that_nobody_knows(trial: Trial) -> None:
    """The people of a school turn up under another code, in other classes and with others."""
    rows = pupils("a", 12)
    trial.sync(trial.write(A, [*rows, teacher("a-head")]))
    moved = [pupil(f"a-{n}", "c-2") for n in range(2, 13)]
    others = [*pupils("n", 2, "c-2"), teacher("a-head")]
    trial.load(trial.write(C, [*moved, *others], day=1))


SITUATIONS: dict[str, Callable[[Trial], None]] = {
    one.__name__.strip("_").replace("_", " "): one
    for one in (
        _moved, _in_transit, _in_three_schools, _ids_of_twins, _ids_of_twins_of_one_class, _new_id,
        _renumbered, _number_of_a_director, _a_class_in_two, _a_code_that_nobody_knows,
    )
}  # fmt: skip


@on_both_databases
@pytest.mark.parametrize("situation", SITUATIONS)
def test_taking_an_answer_back_restores_everything_in_moodle(trial: Trial, situation: str) -> None:
    SITUATIONS[situation](trial)
    people, before, listed = everybody(trial), None, rolls(trial)
    known = keys(trial)
    for asked in open_questions(trial):
        if asked.id not in {one.id for one in open_questions(trial)}:
            continue  # what is asked instead since an answer was taken back
        for given in asked.answers:
            before = held(trial, people)
            names = [one.key for one in asked.candidates] if given in ("same", "confirm") else [""]
            for candidate in names[:2]:
                answer(trial, asked.id, given, candidate=candidate)
                carried_out(trial)
                undo(trial, asked.id)
                carried_out(trial)
                about = (situation, asked.question.kind, given)
                now = held(trial, people)
                changed = {
                    who: (before[who], now[who]) for who in people if before[who] != now[who]
                }
                assert (about, changed) == (about, {})
                assert (about, rolls(trial)) == (about, listed)
                assert (about, known - keys(trial)) == (about, set())
                assert (about, places_of_others(trial, people)) == (about, set())
                assert asked.id in {one.id for one in open_questions(trial)}
    assert before is not None
