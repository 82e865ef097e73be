"""Answers through the whole service: question, answer, plan from kept rows, Moodle, and back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from provisioning.questions import QuestionKind
from service.access import Forbidden
from service.loads import asking
from service.loads.planning import plan_load
from service.models import (
    Identity,
    KnownUser,
    LoadFile,
    PlanStatus,
    SchoolMembership,
    SourceKey,
    StoredDecision,
    StoredQuestion,
)
from tests.service.questions.asked import (
    answer,
    ask_by_hand,
    make_question,
    open_questions,
    school_scope,
    states,
    undo,
)
from tests.service.trial import A, B, C, Trial, on_both_databases, pupil, pupils, refusal, teacher

CLASS_A, CLASS_B = "8А · Школа № 1 · 2026/2027", "8Б · Школа № 2 · 2026/2027"


@pytest.fixture
def asked(trial: Trial) -> tuple[Trial, int]:
    """One child, entered in two schools without anything that proves it: two accounts, and a
    question of the second school."""
    trial.sync(trial.write(A, [*pupils("a", 3), pupil("a-7", who="child")]))
    load = trial.sync(
        trial.write(B, [*pupils("b", 3), pupil("b-7", "c-2", who="child", snils="",
                                               birth_date=pupil("z").person.birth_date)])
    )  # fmt: skip
    candidate = trial.person_id(A, "a-7")
    assert candidate != trial.person_id(B, "b-7")
    (question,) = ask_by_hand(trial, load.id, make_question("b-7", candidate))
    return trial, question


def _apply(trial: Trial, load_id: int | None) -> None:
    assert load_id is not None
    plan_load(trial.application, load_id)
    run = trial.carry_out(load_id, over_limits=True)
    assert (run.status, run.problem) == ("applied", "")


def _keys(trial: Trial) -> set[tuple[str, ...]]:
    return set(
        trial.stored(select(SourceKey.school_code, SourceKey.sourced_id, SourceKey.person_id))
    )


def _places(trial: Trial) -> set[tuple[str, ...]]:
    places = select(
        SchoolMembership.school_code, SchoolMembership.person_id, SchoolMembership.class_id
    )
    return set(trial.stored(places))


@on_both_databases
def test_the_same_human_keeps_one_account_with_both_places(asked: tuple[Trial, int]) -> None:
    trial, question = asked
    own = trial.person_id(B, "b-7")
    done = answer(trial, question, "same", candidate="1")
    assert states(trial) == {"b-7": "answered"}
    assert trial.stored(select(LoadFile.id).where(LoadFile.load_id == done.load_id)) == []
    _apply(trial, done.load_id)
    assert trial.person_id(A, "a-7") == trial.person_id(B, "b-7")
    assert {CLASS_A, CLASS_B} <= trial.cohorts_of(B, "b-7")
    state = select(KnownUser.in_roll, KnownUser.state).where(KnownUser.person_id == own)
    assert trial.stored(state) == [(False, "in_transit")]


@on_both_databases
def test_undoing_gives_both_their_own_account_login_and_places_back(
    asked: tuple[Trial, int],
) -> None:
    trial, question = asked
    keys, places, account = _keys(trial), _places(trial), trial.account(B, "b-7")
    identities = trial.stored(select(Identity.person_id, Identity.name_key, Identity.snils))
    _apply(trial, answer(trial, question, "same", candidate="1").load_id)
    assert _keys(trial) != keys
    undone = undo(trial, question)
    assert states(trial) == {"b-7": "open"}
    _apply(trial, undone.load_id)
    assert (_keys(trial), _places(trial)) == (keys, places)
    assert set(identities) == set(
        trial.stored(select(Identity.person_id, Identity.name_key, Identity.snils))
    )
    restored = trial.account(B, "b-7")
    assert {name: restored[name] for name in ("id", "username", "suspended")} == {
        name: account[name] for name in ("id", "username", "suspended")
    }
    assert CLASS_B in trial.cohorts_of(B, "b-7")
    assert CLASS_B not in trial.cohorts_of(A, "a-7")


@on_both_databases
def test_different_frees_a_key_that_leads_to_somebody_else(trial: Trial) -> None:
    load = trial.sync(trial.write(A, [*pupils("a", 3), pupil("a-7", snils="")]))
    before = trial.account(A, "a-7")
    (question,) = ask_by_hand(
        trial, load.id, make_question("a-7", trial.person_id(A, "a-7"), code=A)
    )
    _apply(trial, answer(trial, question, "different").load_id)
    made = trial.person_id(A, "a-7")
    assert trial.account(A, "a-7")["username"] != before["username"]
    _apply(trial, undo(trial, question).load_id)
    assert trial.account(A, "a-7")["id"] == before["id"]
    # The same answer again: the account that was made then is the one again.
    (question,) = ask_by_hand(trial, load.id, make_question("a-7", before["idnumber"], code=A))
    _apply(trial, answer(trial, question, "different").load_id)
    assert trial.person_id(A, "a-7") == made


@on_both_databases
def test_a_school_is_planned_again_in_place_of_its_plan_that_waits(
    asked: tuple[Trial, int],
) -> None:
    trial, _superseded = asked
    waiting = trial.load(
        trial.write(B, [*pupils("b", 4), pupil("b-7", "c-2", who="child", snils="")], day=1)
    )
    candidate = trial.person_id(A, "a-7")
    (question,) = ask_by_hand(trial, waiting, make_question("b-7", candidate))
    done = answer(trial, question, "same", candidate=candidate)
    _apply(trial, done.load_id)
    assert trial.decisions(waiting) == {B: PlanStatus.SUPERSEDED}
    assert trial.person_id(B, "b-4")  # its newer rows were planned


@on_both_databases
def test_a_plan_of_older_rows_gives_way_to_a_newer_file(asked: tuple[Trial, int]) -> None:
    trial, question = asked
    done = answer(trial, question, "same", candidate="1")
    assert done.load_id
    plan_load(trial.application, done.load_id)
    newer = trial.load(trial.write(B, pupils("b", 5), day=1))
    assert trial.decisions(done.load_id) == {B: PlanStatus.SUPERSEDED}
    trial.carry_out(newer, over_limits=True)
    assert trial.decisions(newer) == {B: PlanStatus.APPLIED}


@on_both_databases
def test_all_like_this_are_answered_together_inside_the_scope(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 2)))
    load = trial.sync(trial.write(B, pupils("b", 3)))
    trial.sync(trial.write(C, pupils("c", 1)))
    person = trial.person_id(A, "a-1")
    ids = ask_by_hand(
        trial, load.id,
        *(make_question(f"b-{n}", person) for n in (1, 2, 3)),
        make_question("c-1", person, code=C),
        make_question("b-x", person, trial.person_id(A, "a-2")),
    )  # fmt: skip
    assert [one.alike for one in open_questions(trial, school_scope(B))][:1] == [3]
    told = {"all_like_this": True, "alike": open_questions(trial, school_scope(B))[0].alike_digest}
    with trial.rows() as session:
        # As many as before, and one of them another one.
        stored = session.get_one(StoredQuestion, ids[2])
        stored.state = "superseded"
    ask_by_hand(trial, load.id, make_question("b-4", person))
    assert refusal(answer, trial, ids[0], "different", school_scope(B), **told) == "asked.differs"
    told["alike"] = open_questions(trial, school_scope(B))[0].alike_digest
    done = answer(trial, ids[0], "different", school_scope(B), **told)
    assert done.questions == 3
    assert {key for key, state in states(trial).items() if state == "open"} == {"c-1", "b-x"}
    assert len(trial.stored(select(StoredDecision.id))) == 3


@on_both_databases
@pytest.mark.parametrize("who", [(A,), (C,), ("SB9999",), ()])
def test_another_school_neither_sees_nor_answers(
    asked: tuple[Trial, int], who: tuple[str, ...]
) -> None:
    trial, question = asked
    assert open_questions(trial, school_scope(*who)) == []
    for act in (
        lambda: answer(trial, question, "different", school_scope(*who)),
        lambda: undo(trial, question, school_scope(*who)),
    ):
        with pytest.raises(Forbidden):
            act()
    for number in (0, -1, 10**12, question + 1):
        with pytest.raises(Forbidden):
            answer(trial, number, "different")


@on_both_databases
def test_a_school_sees_nothing_of_the_other_schools_human(asked: tuple[Trial, int]) -> None:
    trial, question = asked
    (seen,) = open_questions(trial, school_scope(B))
    (candidate,) = seen.candidates
    assert not candidate.is_visible
    assert (candidate.login, candidate.name, candidate.memberships) == ("", "", ())
    assert [(one.code, one.ours, one.theirs) for one in candidate.evidence] == [
        ("middle_name.equal", "Ивановна", ""), ("sex.other", "F", ""),
    ]  # fmt: skip
    assert (
        refusal(answer, trial, question, "same", school_scope(B), candidate="1")
        == "asked.not_yours"
    )
    (city,) = open_questions(trial)
    assert city.candidates[0].login == trial.identity(A, "a-7").username
    answer(trial, question, "same", school_scope(A, B), candidate="1")


@on_both_databases
def test_a_move_is_confirmed_by_the_school_that_takes_in_but_not_of_staff(trial: Trial) -> None:
    trial.sync(trial.write(A, [pupil("a-1"), teacher("a-head")]))
    load = trial.sync(trial.write(B, pupils("b", 2)))
    pupil_move, staff_move = ask_by_hand(
        trial, load.id,
        make_question("b-1", trial.person_id(A, "a-1"), kind=QuestionKind.MOVE),
        make_question("b-2", trial.person_id(A, "a-head"), kind=QuestionKind.MOVE),
    )  # fmt: skip
    assert refusal(answer, trial, staff_move, "confirm", school_scope(B)) == "asked.not_yours"
    answer(trial, pupil_move, "confirm", school_scope(B))
    assert trial.person_id(B, "b-1") == trial.person_id(A, "a-1")


@on_both_databases
def test_an_answer_that_makes_no_sense_is_refused(asked: tuple[Trial, int]) -> None:
    trial, question = asked
    (seen,) = open_questions(trial)
    assert refusal(answer, trial, question, "confirm") == "asked.answer"
    assert refusal(answer, trial, question, "same", candidate="2") == "asked.candidate"
    assert refusal(answer, trial, question, "same", candidate="nobody") == "asked.candidate"
    assert refusal(answer, trial, question, "same", version="other") == "asked.differs"
    assert refusal(undo, trial, question) == "asked.not_answered"
    answer(trial, question, "different", version=seen.version, reason="Так сказала мать")
    assert refusal(answer, trial, question, "same", candidate="1") == "asked.not_open"


@on_both_databases
def test_who_was_suspended_by_a_merge_is_known_as_before_the_undo(
    asked: tuple[Trial, int],
) -> None:
    trial, question = asked
    users = select(KnownUser.person_id, KnownUser.school_code, KnownUser.suspended)
    before = set(trial.stored(users))
    _apply(trial, answer(trial, question, "same", candidate="1").load_id)
    _apply(trial, undo(trial, question).load_id)
    assert set(trial.stored(users)) == before


@on_both_databases
def test_a_school_is_planned_once_more_when_it_and_an_answer_waited_for_each_other(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crossed(Exception):
        sqlstate = "40P01"

    real, tries = asking.keep_questions, []

    def crossed(*given: Any, **named: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("", {}, Crossed())
        real(*given, **named)

    monkeypatch.setattr(asking, "keep_questions", crossed)
    load = trial.sync(trial.write(A, pupils("a", 3)))
    assert (load.status, load.problem, len(tries)) == ("applied", "", 2)
