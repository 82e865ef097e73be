"""From the file to Moodle: what is asked, answered, planned again, taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from service.loads.planning import plan_load
from service.models import SourceKey
from service.questions.listing import SeenQuestion
from service.sample.rows import Row
from tests.service.questions.asked import answer, open_questions, undo
from tests.service.trial import A, B, C, Trial, on_both_databases, pupil, pupils, teacher

BORN = pupil("z").person.birth_date


def twin(sourced_id: str, given_name: str, **values: Any) -> Row:
    return pupil(
        sourced_id, family_name="Двойнев", given_name=given_name, middle_name="Иванович",
        sex="M", birth_date=BORN, **values,
    )  # fmt: skip


def carried_out(trial: Trial, load_id: int | None) -> None:
    assert load_id is not None
    plan_load(trial.application, load_id)
    run = trial.carry_out(load_id, over_limits=True)
    assert (run.status, run.problem) == ("applied", "")


def by_row(trial: Trial) -> dict[str, SeenQuestion]:
    return {one.question.rows[0].sourced_id: one for one in open_questions(trial)}


def keys(trial: Trial) -> set[tuple[str, ...]]:
    return set(trial.stored(select(SourceKey.sourced_id, SourceKey.person_id)))


@on_both_databases
def test_ids_of_twins_that_changed_places_lead_to_the_same_accounts_again(trial: Trial) -> None:
    others = pupils("a", 8)
    trial.sync(
        trial.write(A, [*others, twin("t-1", "Пётр", snils=""), twin("t-2", "Павел", snils="")])
    )
    peter, paul = (trial.account(A, one) for one in ("t-1", "t-2"))
    trial.sync(
        trial.write(
            A, [*others, twin("t-1", "Павел", snils=""), twin("t-2", "Пётр", snils="")], day=1
        )
    )
    assert trial.account(A, "t-1")["firstname"] == peter["firstname"]
    asked = by_row(trial)
    assert set(asked) == {"t-1", "t-2"}
    before = keys(trial)
    given = answer(trial, asked["t-1"].id, "same", candidate=paul["idnumber"])
    carried_out(trial, given.load_id)  # who the other one is follows from it
    assert trial.account(A, "t-1")["id"] == paul["id"]
    assert trial.account(A, "t-2")["id"] == peter["id"]
    assert trial.account(A, "t-1")["firstname"] == paul["firstname"]
    assert open_questions(trial) == []
    trial.sync(
        trial.write(
            A, [*others, twin("t-1", "Павел", snils=""), twin("t-2", "Пётр", snils="")], day=2
        )
    )
    assert open_questions(trial) == []
    undo(trial, asked["t-1"].id)
    assert ("t-1", peter["idnumber"]) in keys(trial) & before


@on_both_databases
def test_ids_that_change_places_back_are_asked_about_again(trial: Trial) -> None:
    others = pupils("a", 8)
    names = ("Пётр", "Павел")

    def load(day: int, first: str, second: str) -> None:
        rows = [twin("t-1", first, snils=""), twin("t-2", second, snils="")]
        trial.sync(trial.write(A, [*others, *rows], day=day))

    load(0, *names)
    peter, paul = (trial.account(A, one) for one in ("t-1", "t-2"))
    load(1, *reversed(names))
    first = by_row(trial)["t-1"]
    carried_out(trial, answer(trial, first.id, "same", candidate=paul["idnumber"]).load_id)
    assert open_questions(trial) == []
    load(2, *names)
    assert {one.question.rows[0].sourced_id for one in open_questions(trial)} == {"t-1", "t-2"}
    for account in (peter, paul):
        now = {one["id"]: one["firstname"] for one in trial.moodle()["users"]}
        assert now[account["id"]] == account["firstname"]
    first = by_row(trial)["t-1"]
    carried_out(trial, answer(trial, first.id, "same", candidate=peter["idnumber"]).load_id)
    assert [trial.account(A, one)["id"] for one in ("t-1", "t-2")] == [peter["id"], paul["id"]]
    load(3, *names)
    assert open_questions(trial) == []


@on_both_databases
def test_a_pupil_without_a_number_moves_with_the_account_once_confirmed(trial: Trial) -> None:
    mover = pupil("a-7", who="mover", snils="")
    rows_b = [*pupils("b", 4), pupil("b-7", "c-2", who="mover", snils="")]
    trial.sync(trial.write(A, [*pupils("a", 4), mover]))
    account = trial.account(A, "a-7")
    trial.sync(trial.write(A, pupils("a", 4), day=1))
    load = trial.sync(trial.write(B, rows_b, day=2))
    (question,) = open_questions(trial)
    assert (question.question.kind, question.load_id) == ("move", load.id)
    done = answer(trial, question.id, "confirm")
    carried_out(trial, done.load_id)
    assert trial.account(B, "b-7")["id"] == account["id"]
    assert trial.account(B, "b-7")["suspended"] in (0, False)
    assert "8Б · Школа № 2 · 2026/2027" in trial.cohorts_of(B, "b-7")
    carried_out(trial, undo(trial, question.id).load_id)
    assert [one.question.rows[0].sourced_id for one in open_questions(trial)] == ["b-7"]
    assert ("b-7", account["idnumber"]) not in keys(trial)
    carried_out(trial, answer(trial, question.id, "refuse").load_id)
    assert trial.account(B, "b-7")["id"] != account["id"]
    assert open_questions(trial) == []


@on_both_databases
def test_a_row_with_the_number_of_another_schools_director_is_two_people(trial: Trial) -> None:
    director = teacher("head")
    trial.sync(trial.write(A, [*pupils("a", 4), director]))
    account = trial.account(A, "head")
    row = pupil("b-9", "c-2", given_name="Зоя", sex="F", snils=director.person.snils)
    row = replace(row, person=replace(row.person, birth_date=director.person.birth_date))
    trial.sync(trial.write(B, [*pupils("b", 4), row]))
    for question in open_questions(trial):
        carried_out(trial, answer(trial, question.id, "different").load_id)
    assert trial.account(B, "b-9")["id"] != account["id"]
    assert trial.account(A, "head")["lastname"] == account["lastname"]
    trial.sync(trial.write(B, [*pupils("b", 4), row], day=1))
    assert open_questions(trial) == []


@on_both_databases
def test_one_answer_keeps_everybody_of_an_export_with_new_ids(trial: Trial) -> None:
    trial.sync(trial.write(A, [pupil(f"a-{n}", who=f"h-{n}", snils="") for n in range(30)]))
    before = {user["idnumber"]: user["id"] for user in trial.moodle()["users"]}
    trial.sync(trial.write(A, [pupil(f"n-{n}", who=f"h-{n}", snils="") for n in range(30)], day=1))
    (question,) = open_questions(trial)
    assert question.question.kind == "renumbered"
    old = keys(trial)
    carried_out(trial, answer(trial, question.id, "confirm").load_id)
    assert {user["idnumber"]: user["id"] for user in trial.moodle()["users"]} == before
    assert {person for row, person in keys(trial) if row.startswith("n-")} <= before.keys()
    assert open_questions(trial) == []
    undo(trial, question.id)
    assert keys(trial) == old


@on_both_databases
def test_a_move_ends_the_places_at_the_school_that_was_asked_about_only(trial: Trial) -> None:
    circle = trial.write(C, [*pupils("d", 4), pupil("d-7", who="mover")], kind="ДДТ")
    trial.sync(trial.write(A, [*pupils("a", 4), pupil("a-7", who="mover")]), circle)
    row = pupil("b-7", "c-2", who="mover", begin_date=None)
    trial.sync(trial.write(B, [*pupils("b", 4), row], day=1))
    (asked,) = open_questions(trial)
    assert asked.question.kind == "move"
    (meant,) = asked.question.candidates
    assert [one.school_code for one in meant.memberships] == [A]
    carried_out(trial, answer(trial, asked.id, "confirm").load_id)
    cohorts = trial.cohorts_of(B, "b-7")
    assert {f"Ученики · Школа № {number}" for number in (2, 3)} <= cohorts
    assert not [name for name in cohorts if "№ 1" in name]
