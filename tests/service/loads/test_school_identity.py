"""A file under a code that nobody knows: a new school, or one that we know under another code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from provisioning.person_states import PersonState
from service.loads import school_codes
from service.loads.planning import plan_load
from service.models import KnownUser, LoadStatus, School
from service.sample.rows import Row
from tests.service.questions.asked import answer, open_questions
from tests.service.trial import A, B, C, Trial, on_both_databases, pupil, pupils, teacher

CASE = Path(__file__).parents[2] / "data" / "next-exports" / "d17-code-changed"
NEW = "SB0009"
"""A code that nobody has had."""


def school(prefix: str, number: int = 24) -> list[Row]:
    return [*pupils(prefix, number), teacher(f"{prefix}-t1"), teacher(f"{prefix}-t2")]


def renumbered(rows: Sequence[Row], prefix: str) -> list[Row]:
    """The same people under other ids."""
    return [
        replace(row, person=replace(row.person, sourced_id=f"{prefix}-{number}"))
        for number, row in enumerate(rows)
    ]


def numberless(rows: Sequence[Row]) -> list[Row]:
    return [replace(row, person=replace(row.person, snils="")) for row in rows]


def changes_only(path: Path) -> Path:
    text = path.read_text("utf-8")
    assert "<mode>full</mode>" in text
    path.write_text(text.replace("<mode>full</mode>", "<mode>changes</mode>"), "utf-8")
    return path


def answer_same(trial: Trial, code: str, known: str) -> dict[str, object]:
    with trial.rows() as session:
        return school_codes.answer_same(
            session, code=code, school_code=known, now=trial.application.clock()
        )


def accounts(trial: Trial) -> set[str]:
    return {str(user["idnumber"]) for user in trial.moodle()["users"]}


@on_both_databases
def test_a_changed_code_is_a_question_then_the_same_accounts(trial: Trial) -> None:
    first, second, third = sorted(CASE.iterdir())
    trial.sync(first)
    before = trial.moodle()
    load_id = trial.load(second)
    assert trial.run(load_id).status == LoadStatus.REJECTED
    (finding,) = trial.findings(load_id, "school.unknown_code")
    assert finding.details | {"candidate_name": ""} == {
        "candidate": "S1", "candidate_name": "", "count": "31", "base": "31", "roll": "31",
    }  # fmt: skip
    assert (trial.moodle(), trial.stored(select(School.code))) == (before, ["S1"])

    answer_same(trial, "S9", "S1")
    trial.sync(second)
    assert accounts(trial) == {str(user["idnumber"]) for user in before["users"]}
    assert len(trial.moodle()["courses"]) == len(before["courses"])
    assert trial.stored(select(School.code)) == ["S1"]

    trial.sync(third)
    assert trial.account("S1", "s-2")["lastname"] == "Переименов"
    leaver = trial.known("S1", "s-1")
    assert not leaver.in_roll
    assert len(accounts(trial)) == len(before["users"])


@on_both_databases
@pytest.mark.parametrize("given", ["same", "different"])
def test_the_answer_to_the_question_plans_the_file_again(trial: Trial, given: str) -> None:
    first, second, third = sorted(CASE.iterdir())
    trial.sync(first)
    users = accounts(trial)
    trial.load(second)
    (asked,) = open_questions(trial)
    told = asked.question
    assert (told.kind, told.key, [one.key for one in told.candidates]) == ("school", "S9", ["S1"])
    decided = answer(trial, asked.id, given, candidate="S1" if given == "same" else "")
    assert decided.load_id
    plan_load(trial.application, decided.load_id)
    known = "S1" if given == "same" else "S9"
    assert trial.decisions(decided.load_id) == {known: "planned"}
    trial.carry_out(decided.load_id, over_limits=True)
    assert accounts(trial) == users
    load_id = trial.load(third)
    assert trial.findings(load_id, "school.unknown_code") == []
    trial.carry_out(load_id, over_limits=True)
    assert trial.account(known, "s-2")["lastname"] == "Переименов"
    assert accounts(trial) == users
    if given == "same":
        assert trial.known("S1", "s-1").state == PersonState.IN_TRANSIT


@on_both_databases
@pytest.mark.parametrize("size", [4, 60])
@pytest.mark.parametrize("known_by", ["ids", "numbers", "names"])
def test_people_are_known_by_ids_numbers_or_names(trial: Trial, size: int, known_by: str) -> None:
    rows = school("a", size)
    trial.sync(trial.write(A, rows), trial.write(B, school("b", 30)))
    if known_by != "ids":
        rows = renumbered(rows, "x")
    if known_by != "numbers":
        rows = numberless(rows)
    load_id = trial.load(trial.write(NEW, rows, day=1))
    (finding,) = trial.findings(load_id, "school.unknown_code")
    assert (finding.details["candidate"], finding.details["count"]) == (A, str(size + 2))
    assert trial.stored(select(School.code).where(School.code == NEW)) == []


@on_both_databases
def test_a_school_of_people_whom_nobody_knows_is_new(trial: Trial) -> None:
    trial.sync(trial.write(A, school("a")), trial.write(B, school("b")))
    few = [pupil("x-1", who="a-1"), pupil("x-2", who="b-2"), teacher("x-3", who="a-t1")]
    # The ids are those of the others: pupils of every school are numbered from one.
    others = [pupil(f"a-{number}", who=f"n-{number}") for number in range(3, 24)]
    load_id = trial.load(trial.write(NEW, [*few, *others], day=1))
    assert trial.findings(load_id, "school.unknown_code") == []
    assert trial.decisions(load_id) == {NEW: "planned"}


def test_a_part_that_was_split_off_is_a_question(trial: Trial) -> None:
    rows = school("a", 60)
    trial.sync(trial.write(A, rows))
    load_id = trial.load(trial.write(NEW, rows[:20], day=1))
    (finding,) = trial.findings(load_id, "school.unknown_code")
    assert (finding.details["count"], finding.details["roll"]) == ("20", "62")


def test_two_schools_under_one_new_code_are_both_candidates(trial: Trial) -> None:
    trial.sync(trial.write(A, school("a", 20)), trial.write(B, school("b", 30)))
    load_id = trial.load(trial.write(NEW, [*school("a", 20), *school("b", 30)], day=1))
    (finding,) = trial.findings(load_id, "school.unknown_code")
    assert finding.details["candidate"] == B


def test_a_first_upload_of_schools_that_share_people_asks_nothing(trial: Trial) -> None:
    shared = [pupil(f"c-{number}", who=f"a-{number}") for number in range(1, 21)]
    load_id = trial.load(trial.write(A, school("a", 20)), trial.write(C, shared))
    assert trial.findings(load_id, "school.unknown_code") == []
    assert trial.decisions(load_id) == {A: "planned", C: "planned"}


@on_both_databases
@pytest.mark.parametrize("code", ["sb0001", "SВ0001", " SB 0001", "00SB0001"])
def test_a_code_that_is_spelled_otherwise_is_the_school(trial: Trial, code: str) -> None:
    rows = school("a")
    path = trial.write(A, rows)
    trial.sync(path)
    path = trial.write(A, rows[1:], day=1)
    path.write_text(path.read_text("utf-8").replace(f'"{A}"', f'"{code}"'), "utf-8")
    load_id = trial.load(path)
    assert trial.rules(load_id)["school.code_spelled"] == A
    assert trial.decisions(load_id) == {A: "planned"}
    trial.carry_out(load_id)
    assert trial.stored(select(School.code)) == [A]
    assert not trial.known(A, "a-1").in_roll


def test_a_code_spelled_otherwise_with_other_people_is_a_question(trial: Trial) -> None:
    trial.sync(trial.write(A, school("a")))
    path = trial.write(A, school("n"), day=1)
    path.write_text(path.read_text("utf-8").replace(f'"{A}"', '"sb0001"'), "utf-8")
    assert "school.unknown_code" in trial.rules(trial.load(path))


@on_both_databases
def test_a_registered_school_that_has_not_loaded_yet_is_not_another_one_misspelled(
    trial: Trial,
) -> None:
    trial.sync(trial.write(A, school("a")))
    with trial.rows() as session:
        now = trial.application.clock()
        for code in ("0SB0002", B):
            session.add(
                School(code=code, name=code, short_name=code, district="", registered_at=now)
            )
    load_id = trial.load(trial.write(B, school("b")))
    assert trial.decisions(load_id) == {B: "planned"}
    assert not {"school.code_spelled", "school.unknown_code"} & trial.rules(load_id).keys()


def test_a_school_operator_loads_the_file_with_the_new_code(trial: Trial) -> None:
    trial.sync(trial.write(A, school("a")))
    path = trial.write(NEW, school("a"), day=1)
    load_id = trial.load(path, expected_school=A)
    assert {"school.wrong", "school.unknown_code"} <= trial.rules(load_id).keys()
    answer_same(trial, NEW, A)
    load_id = trial.load(path, expected_school=A)
    assert trial.decisions(load_id) == {A: "planned"}
    assert "school.wrong" not in trial.rules(load_id)


@on_both_databases
def test_undoing_the_answer_asks_again(trial: Trial) -> None:
    trial.sync(trial.write(A, school("a")))
    effects = answer_same(trial, NEW, A)
    load_id = trial.approved(trial.write(NEW, school("a"), day=1), over_limits=True)
    with trial.rows() as session:
        school_codes.undo_same(session, effects)
    trial.apply(load_id)
    assert trial.decisions(load_id) == {A: "superseded"}
    assert "school.unknown_code" in trial.rules(trial.load(trial.write(NEW, school("a"), day=2)))


def test_a_closed_school_s_file_is_stopped_and_a_merged_one_s_is_its_successor_s(
    trial: Trial,
) -> None:
    trial.sync(trial.write(A, school("a")), trial.write(B, school("b")))
    with trial.rows() as session:
        session.get_one(School, A).closed_on = trial.application.clock().date().replace(day=1)
    path = trial.write(A, school("a")[3:], day=1)
    assert trial.rules(trial.load(path)) == {"school.closed": A}
    with trial.rows() as session:
        session.get_one(School, A).merged_into = B
    load_id = trial.load(path)
    assert trial.decisions(load_id) == {B: "planned"}
    assert trial.rules(load_id)["school.merged"] == B
    trial.carry_out(load_id, over_limits=True)
    # The successor's own people are not in it, and have not left.
    of_b = trial.stored(select(KnownUser).where(KnownUser.person_id == trial.person_id(B, "b-1")))
    assert of_b[0].in_roll
    # Beside the successor's file it says nothing.
    both = trial.load(trial.write(A, school("a"), day=2), trial.write(B, school("b"), day=2))
    assert trial.rules(both)["school.closed"] == A


# Another school's people under our code


@on_both_databases
@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "changes only"])
@pytest.mark.parametrize("known_by", ["ids", "numbers", "names"])
def test_another_school_s_people_under_our_code_are_stopped(
    trial: Trial, is_whole: bool, known_by: str
) -> None:
    rows = school("b", 30)
    trial.sync(trial.write(A, school("a", 30)), trial.write(B, rows))
    before = trial.moodle()
    if known_by != "ids":
        rows = renumbered(rows, "x")
    if known_by != "numbers":
        rows = numberless(rows)
    path = trial.write(A, rows, day=1)
    load_id = trial.load(path if is_whole else changes_only(path))
    (finding,) = trial.findings(load_id, "school.of_another")
    told = {name: finding.details[name] for name in ("count", "base", "ours", "other")}
    assert told == {"count": "32", "base": "32", "ours": "0", "other": B}
    assert trial.decisions(load_id) == {A: "blocked"}
    assert trial.moodle() == before
    # The school's own file goes on as before.
    assert trial.counts(trial.load(trial.write(A, school("a", 30), day=1)), A) == {}


@on_both_databases
def test_a_few_changes_with_another_school_s_ids_are_stopped(trial: Trial) -> None:
    rows = school("b", 30)
    trial.sync(trial.write(A, school("a", 30)), trial.write(B, rows))
    few = [replace(row, person=replace(row.person, family_name="Новова")) for row in rows[:4]]
    load_id = trial.load(changes_only(trial.write(A, few, day=1)))
    assert trial.rules(load_id)["school.of_another"] == A


def test_a_few_newcomers_from_one_school_are_no_other_school_s_file(trial: Trial) -> None:
    rows = school("b", 30)
    trial.sync(trial.write(A, school("a", 30)), trial.write(B, rows))
    few = renumbered(rows[:4], "x")
    load_id = trial.load(changes_only(trial.write(A, few, day=1)))
    assert trial.decisions(load_id) == {A: "planned"}


def test_a_class_that_comes_from_another_school_is_told(trial: Trial) -> None:
    rows = school("b", 30)
    trial.sync(trial.write(A, school("a", 30)), trial.write(B, rows))
    load_id = trial.load(trial.write(A, [*school("a", 30), *renumbered(rows[:15], "x")], day=1))
    (finding,) = trial.findings(load_id, "school.people_of_another")
    assert (finding.details["count"], finding.details["other"]) == ("15", B)
    assert trial.decisions(load_id) == {A: "planned"}
