"""Has somebody come from another school? Asked, answered, planned, carried out, taken back."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from service.loads import asking
from service.models import SourceKey
from service.questions.listing import SeenQuestion
from tests.service.questions.asked import answer, open_questions, undo
from tests.service.questions.test_whole import carried_out
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils

AT_A = {"Ученики · Школа № 1", "8А · Школа № 1 · 2026/2027"}
AT_B = {"Ученики · Школа № 2", "8Б · Школа № 2 · 2026/2027"}
AFTER_A = date(2026, 9, 6)
"""A begin date after the first export of A, as decisive as one can be."""
KEPT = ("id", "username", "idnumber", "suspended")

WAYS = {"no number": ({"snils": ""}, "automatic"), "asked anyway": ({}, "ask")}
"""What the row of B lacks, and the setting: why it is a question."""
each_way = pytest.mark.parametrize(("row", "setting"), WAYS.values(), ids=WAYS)


def asked_of_b(trial: Trial, row: dict[str, str], setting: str) -> SeenQuestion:
    """A still lists the pupil whom B lists too; the question about it."""
    trial.configure("matching", moves=setting)
    trial.sync(trial.write(A, [*pupils("a", 8), pupil("a-7x", who="mover", **row)]))
    came = pupil("b-7x", "c-2", who="mover", begin_date=AFTER_A, **row)
    trial.sync(trial.write(B, [*pupils("b", 8), came], day=2))
    (asked,) = open_questions(trial)
    assert (asked.question.kind, asked.question.school_code) == ("move", B)
    return asked


def places(trial: Trial, code: str, key: str) -> tuple[set[str], set[str]]:
    """Cohorts, and full names of courses without what follows the title of the class."""
    courses = {name.partition(",")[0] for name, _role in trial.courses_of(code, key)}
    return trial.cohorts_of(code, key), courses


def kept(trial: Trial, code: str, key: str) -> list[object]:
    account = trial.account(code, key)
    return [account[name] for name in KEPT]


def keys(trial: Trial) -> set[tuple[str, str]]:
    return set(trial.stored(select(SourceKey.sourced_id, SourceKey.person_id)))


@on_both_databases
@each_way
def test_a_confirmed_move_takes_the_account_along_and_ends_the_old_places(
    trial: Trial, row: dict[str, str], setting: str
) -> None:
    asked = asked_of_b(trial, row, setting)
    before, known = kept(trial, A, "a-7x"), keys(trial)
    assert places(trial, A, "a-7x") == (AT_A, {"8А"})
    assert before[2] not in {human for key, human in known if key == "b-7x"}
    carried_out(trial, answer(trial, asked.id, "confirm").load_id)
    assert open_questions(trial) == []
    assert kept(trial, B, "b-7x") == before
    assert places(trial, B, "b-7x") == (AT_B, {"8Б"})

    carried_out(trial, undo(trial, asked.id).load_id)
    (again,) = open_questions(trial)
    assert (again.id, keys(trial)) == (asked.id, known)
    assert kept(trial, A, "a-7x") == before


@on_both_databases
@each_way
def test_a_refused_move_leaves_the_account_and_makes_another(
    trial: Trial, row: dict[str, str], setting: str
) -> None:
    asked = asked_of_b(trial, row, setting)
    before, known = kept(trial, A, "a-7x"), keys(trial)
    carried_out(trial, answer(trial, asked.id, "refuse").load_id)
    assert open_questions(trial) == []
    assert (kept(trial, A, "a-7x"), places(trial, A, "a-7x")) == (before, (AT_A, {"8А"}))
    assert places(trial, B, "b-7x") == (AT_B, {"8Б"})
    other = kept(trial, B, "b-7x")
    assert not set(other[:3]) & set(before[:3])

    carried_out(trial, undo(trial, asked.id).load_id)
    (again,) = open_questions(trial)
    assert (again.id, keys(trial)) == (asked.id, known)
    assert (kept(trial, A, "a-7x"), places(trial, A, "a-7x")) == (before, (AT_A, {"8А"}))
    carried_out(trial, answer(trial, asked.id, "refuse").load_id)
    assert kept(trial, B, "b-7x") == other


def asked_about_places(trial: Trial) -> SeenQuestion:
    """The number proves who the row of B is; without a begin date nobody knows who left A."""
    trial.sync(trial.write(A, [*pupils("a", 8), pupil("a-7x", who="mover")]))
    came = pupil("b-7x", "c-2", who="mover", begin_date=None)
    trial.sync(trial.write(B, [*pupils("b", 8), came], day=2))
    (asked,) = open_questions(trial)
    assert (asked.question.kind, asked.question.key) == ("move", "b-7x places")
    return asked


BOTH = (AT_A | AT_B, {"8А", "8Б"})


@on_both_databases
def test_who_attends_both_schools_keeps_one_account_with_the_places_of_both(trial: Trial) -> None:
    asked = asked_about_places(trial)
    before, known = kept(trial, A, "a-7x"), keys(trial)
    assert places(trial, A, "a-7x") == BOTH
    load = answer(trial, asked.id, "refuse").load_id
    assert keys(trial) == known
    with trial.rows() as session:
        assert asking.decided(session, B).decisions == {}  # it says nothing about who the row is
    carried_out(trial, load)
    came = pupil("b-7x", "c-2", who="mover", begin_date=None)
    trial.sync(trial.write(B, [*pupils("b", 8), came], day=3))
    assert open_questions(trial) == []
    assert (kept(trial, B, "b-7x"), keys(trial)) == (before, known)
    assert places(trial, B, "b-7x") == BOTH


@on_both_databases
def test_who_has_left_the_other_school_keeps_the_account_and_loses_its_places(
    trial: Trial,
) -> None:
    asked = asked_about_places(trial)
    before, known = kept(trial, A, "a-7x"), keys(trial)
    carried_out(trial, answer(trial, asked.id, "confirm").load_id)
    assert open_questions(trial) == []
    assert (kept(trial, B, "b-7x"), keys(trial)) == (before, known)
    assert places(trial, B, "b-7x") == (AT_B, {"8Б"})

    carried_out(trial, undo(trial, asked.id).load_id)
    (again,) = open_questions(trial)
    assert (again.id, keys(trial)) == (asked.id, known)
    assert places(trial, B, "b-7x") == BOTH


@on_both_databases
def test_a_move_is_asked_about_again_when_its_answer_holds_no_more(trial: Trial) -> None:
    """The pupil has gone back to the old school, and comes to the new one once more."""
    asked = asked_about_places(trial)
    carried_out(trial, answer(trial, asked.id, "confirm").load_id)
    trial.sync(trial.write(A, [*pupils("a", 8), pupil("a-7x", who="mover")], day=3))
    trial.sync(trial.write(B, pupils("b", 8), day=4))
    assert open_questions(trial) == []
    came = pupil("b-7x", "c-2", who="mover", begin_date=None)
    trial.sync(trial.write(B, [*pupils("b", 8), came], day=5))
    (again,) = open_questions(trial)
    assert (again.question.kind, again.question.key) == ("move", "b-7x places")
