"""Many crooked rows at once: answered, taken back and answered again in any order."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any, NamedTuple

from service.questions.listing import SeenQuestion
from tests.service.questions.asked import answer, open_questions, undo
from tests.service.questions.test_undo_restores import (
    OTHERS_A,
    OTHERS_B,
    carried_out,
    everybody,
    held,
    keys,
    rolls,
)
from tests.service.questions.test_whole import twin
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils
from tests.soak import SOAK, soak

STEPS = 4
"""So many questions are answered at most."""


class Given(NamedTuple):
    """An answer, by what the question is about: its number may be another one later."""

    kind: str
    school: str
    key: str
    answer: str
    candidate: str
    people: frozenset[str]


def _city(trial: Trial, chance: random.Random) -> None:
    """Two schools with several doubtful rows each, of different humans."""
    movers = [pupil(f"a-m{n}", who=f"m-{n}", snils="") for n in range(3)]
    renewed = [pupil(f"a-r{n}", who=f"r-{n}", snils="") for n in range(2)]
    stayed = [*OTHERS_A, *movers[:2]]
    first = [twin("t-1", "Пётр", snils=""), twin("t-2", "Павел", snils="")]
    trial.sync(trial.write(A, [*OTHERS_A, *movers, *renewed, *first]))
    swapped = [twin("t-1", "Павел", snils=""), twin("t-2", "Пётр", snils="")]
    anew = [
        pupil(f"n-r{n}", "c-2", who=f"r-{n}", snils="", family_name=one.person.family_name + "а")
        for n, one in enumerate(renewed)
    ]
    arrived = [
        pupil(
            f"b-m{n}", "c-2", who=f"m-{n}", snils="",
            family_name=one.person.family_name + ("а" if n == 2 else ""),
        )
        for n, one in enumerate(movers)
    ]  # fmt: skip
    director = OTHERS_A[-1].person
    typed = pupil(
        "b-9", "c-2", given_name="Зоя", sex="F", snils=director.snils,
        birth_date=director.birth_date,
    )  # fmt: skip
    later = chance.sample([*arrived, typed], 3)
    trial.sync(trial.write(A, [*stayed, *pupils("z", 4, "c-2"), *anew, *swapped], day=1))
    trial.sync(trial.write(B, [*OTHERS_B, *later], day=2))


def _people(trial: Trial, asked: SeenQuestion) -> frozenset[str]:
    """Whom an answer may concern: the candidates, and who the rows are now."""
    rows = {(one.school_code, one.sourced_id) for one in asked.question.rows}
    return frozenset(one.key for one in asked.question.candidates) | {
        person_id for school, key, person_id in keys(trial) if (school, key) in rows
    }


def _give(trial: Trial, given: Given) -> int:
    """Answer and carry it out; the number of the question."""
    about = given[:3]
    (number,) = (
        one.id
        for one in open_questions(trial)
        if (one.question.kind, one.question.school_code, one.question.key) == about
    )
    answer(trial, number, given.answer, candidate=given.candidate)
    carried_out(trial)
    return number


def _answered(trial: Trial, chance: random.Random) -> dict[int, Given]:
    """Answer some questions at random; what was given, by the number of the question."""
    found: dict[int, Given] = {}
    while (waiting := open_questions(trial)) and len(found) < STEPS:
        asked = chance.choice(sorted(waiting, key=lambda one: one.question.key))
        said = chance.choice(list(asked.answers))
        is_yes = said in ("same", "confirm")
        people = _people(trial, asked)
        given = Given(
            kind=asked.question.kind, school=asked.question.school_code, key=asked.question.key,
            answer=said, people=people,
            candidate=chance.choice(asked.question.candidates).key if is_yes else "",
        )  # fmt: skip
        number = _give(trial, given)
        found[number] = given._replace(people=people | _people(trial, asked))
    return found


def _all(trial: Trial, people: Collection[str]) -> set[Any]:
    """What these people have: in Moodle, on rolls, as keys."""
    return {
        *((who, each) for who, rest in held(trial, set(people)).items() for each in rest),
        *(one for one in rolls(trial) if one[1] in people),
        *(one for one in keys(trial) if one[2] in people),
    }


@soak
@on_both_databases
def test_answers_taken_back_in_any_order_leave_nothing(trial: Trial) -> None:
    # Each round begins where the last one has come back to.
    chance = random.Random(41)
    _city(trial, chance)
    people = everybody(trial)
    before = _all(trial, people)
    for turn in range(SOAK):
        given = _answered(trial, chance)
        steps = turn, [tuple(map(str, one[:5])) for one in given.values()]
        after = _all(trial, everybody(trial))
        for again in (True, False):
            numbers = chance.sample(sorted(given), len(given))
            for n, number in enumerate(numbers):
                undo(trial, number)
                carried_out(trial)
                touched = {one for left in numbers[n + 1 :] for one in given[left].people}
                rest = people - touched
                changed = {one for one in before ^ _all(trial, people) if rest & set(one)}
                assert not changed, (steps, numbers[: n + 1], changed)
            changed = before ^ _all(trial, people)
            assert not changed, (steps, numbers, changed)
            if again:
                given = {_give(trial, one): one for one in given.values()}
                changed = after ^ _all(trial, everybody(trial))
                assert not changed, (steps, changed)
