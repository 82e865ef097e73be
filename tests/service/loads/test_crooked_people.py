"""Crooked people: who comes back, changes sides or shares a name, from the file to Moodle."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from provisioning.roster import Role
from service.models import LoadStatus
from tests.service.loads.crooked_children import accounts, child, kinds
from tests.service.trial import (
    A,
    B,
    Trial,
    on_both_databases,
    pupil,
    pupils,
    teacher,
)

pytestmark = on_both_databases


def test_patronymics_that_are_missing_in_a_whole_export_need_a_second_yes(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 20)))
    before = accounts(trial)
    rows = [replace(row, person=replace(row.person, middle_name="")) for row in pupils("a", 20)]
    load_id = trial.load(trial.write(A, rows, day=1))
    (plan,) = trial.plans(load_id).values()
    assert plan.breaches
    assert accounts(trial) == before


def test_one_class_exported_as_the_whole_school_needs_a_second_yes(trial: Trial) -> None:
    trial.sync(trial.write(A, [*pupils("a", 12, "c-1"), *pupils("b", 12, "c-2")]))
    load_id = trial.load(trial.write(A, pupils("a", 12, "c-1"), day=1))
    (plan,) = trial.plans(load_id).values()
    assert plan.breaches


def test_a_teacher_dismissed_and_taken_back_under_a_new_id_makes_no_second_account(
    trial: Trial,
) -> None:
    gone = teacher("t-1", who="t", snils="")
    trial.sync(trial.write(A, [*pupils("a", 6), teacher("t-0"), gone]))
    account = trial.account(A, "t-1")
    trial.sync(trial.write(A, [*pupils("a", 6), teacher("t-0")], day=5))
    back = teacher("t-2", who="t", snils="")
    trial.sync(trial.write(A, [*pupils("a", 6), teacher("t-0"), back], day=20))
    assert len(accounts(trial)) == 8
    assert kinds(trial) == ["match"] or trial.account(A, "t-2")["id"] == account["id"]


def test_a_former_pupil_who_teaches_now_is_asked_about(trial: Trial) -> None:
    young = {"who": "young", "birth_date": date(2007, 5, 4)}
    trial.sync(trial.write(A, [*pupils("a", 6), pupil("s-9", "c-2", **young)]))
    trial.sync(trial.write(A, pupils("a", 6), day=5))
    now = replace(
        pupil("t-9", **young), class_id="",
        person=replace(pupil("t-9", **young).person, role=Role.TEACHER, position="учитель"),
    )  # fmt: skip
    trial.sync(trial.write(A, [*pupils("a", 6), now], day=20))
    assert len(accounts(trial)) == 7
    assert kinds(trial) == ["match"]


def test_an_id_that_a_pupil_and_a_teacher_share_joins_nobody(trial: Trial) -> None:
    """Pupils and staff are numbered from one each."""
    rows = [*pupils("a", 4), pupil("7"), teacher("8")]
    trial.sync(trial.write(A, rows))
    before = trial.account(A, "7")
    both = [*pupils("a", 4), pupil("7"), teacher("7", who="8"), teacher("8")]
    load_id = trial.load(trial.write(A, both, day=1))
    trial.carry_out(load_id, over_limits=True)
    assert "id.duplicate" in trial.rules(load_id)
    now = trial.account(A, "7")
    assert (now["id"], now["lastname"]) == (before["id"], before["lastname"])


def test_a_leaving_date_in_the_future_lets_nobody_go_before_that_day(trial: Trial) -> None:
    going = pupil("g", end_date=date(2027, 5, 31))
    trial.sync(trial.write(A, [*pupils("a", 6), going]))
    assert trial.account(A, "g")["suspended"] == 0
    assert trial.cohorts_of(A, "g")


def test_pupils_of_one_name_and_birth_date_at_two_schools_in_one_upload_are_two_or_asked(
    trial: Trial,
) -> None:
    """Nothing but the name and the day: nobody is joined on a guess."""
    rows_a = [*pupils("a", 4), child("x-1", "Пётр", middle_name="")]
    rows_b = [*pupils("b", 4), child("x-2", "Пётр", middle_name="")]
    trial.sync(trial.write(A, rows_a), trial.write(B, rows_b))
    people = {one[0] for one in accounts(trial).values()}
    assert "Двойнев" in people
    joined = len(accounts(trial)) == 9
    assert kinds(trial) in (["move"], ["match"]) if joined else len(accounts(trial)) == 10


def test_a_full_file_that_follows_changes_only_speaks_for_everybody_again(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 8)))
    path = trial.write(A, [pupil("n-1")], day=1)
    text = path.read_text("utf-8").replace("<mode>full</mode>", "<mode>changes</mode>")
    path.write_text(text, "utf-8")
    trial.sync(path)
    assert {one[2] for one in accounts(trial).values()} == {0}
    load_id = trial.load(trial.write(A, [*pupils("a", 7), pupil("n-1")], day=2))
    trial.carry_out(load_id, over_limits=True)
    assert len(accounts(trial)) == 9
    assert trial.cohorts_of(A, "a-8") == set()


def test_the_same_file_sent_by_the_neighbour_school_is_stopped(trial: Trial) -> None:
    """Another school's file under its own code, loaded for ours."""
    trial.sync(trial.write(A, pupils("a", 8)), trial.write(B, pupils("b", 8)))
    before = trial.moodle()
    load_id = trial.load(trial.write(B, pupils("b", 7), day=1), expected_school=A)
    assert trial.run(load_id).status == LoadStatus.REJECTED
    assert "school.wrong" in trial.rules(load_id)
    assert trial.moodle() == before


def test_names_in_capitals_need_a_second_yes_and_join_nobody(trial: Trial) -> None:
    rows = [*pupils("a", 20)]
    trial.sync(trial.write(A, rows))
    numbers = accounts(trial).keys()
    loud = [
        replace(
            row,
            person=replace(
                row.person, family_name=row.person.family_name.upper(),
                given_name=row.person.given_name.upper(),
                middle_name=row.person.middle_name.upper(),
            ),
        )
        for row in rows
    ]  # fmt: skip
    load_id = trial.load(trial.write(A, loud, day=1))
    (plan,) = trial.plans(load_id).values()
    assert plan.breaches or plan.counts == {}
    trial.carry_out(load_id, over_limits=True)
    assert accounts(trial).keys() == numbers
