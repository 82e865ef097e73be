"""Crooked inputs as schools really send them, from the file to Moodle: the right result of each."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import date, timedelta

import pytest

from service.models import LoadStatus
from tests.service.loads.crooked_children import BORN, accounts, child, kinds
from tests.service.trial import (
    A,
    B,
    Trial,
    make_class,
    on_both_databases,
    pupil,
    pupils,
    teacher,
)

pytestmark = on_both_databases


def test_parents_number_on_both_children_makes_two_accounts(trial: Trial) -> None:
    """One СНИЛС, a parent's, on two children of different birth dates."""
    number = pupil("x").person.snils
    rows = [
        *pupils("a", 6), child("t-1", "Пётр", snils=number),
        child("t-2", "Анна", snils=number, sex="F", middle_name="Петровна",
              birth_date=date(2014, 5, 6)),
    ]  # fmt: skip
    trial.sync(trial.write(A, rows))
    assert trial.account(A, "t-1")["id"] != trial.account(A, "t-2")["id"]
    trial.settled(trial.write(A, rows, day=1))


def test_twins_whose_birth_dates_are_swapped_keep_their_accounts(trial: Trial) -> None:
    """Not twins by date: brothers with each other's day typed."""
    other = BORN + timedelta(days=1)
    others = pupils("a", 6)
    trial.sync(
        trial.write(A, [*others, child("t-1", "Пётр"), child("t-2", "Павел", birth_date=other)])
    )
    before = {key: trial.account(A, key) for key in ("t-1", "t-2")}
    rows = [*others, child("t-1", "Пётр", birth_date=other), child("t-2", "Павел")]
    trial.sync(trial.write(A, rows, day=1))
    for key, account in before.items():
        now = trial.account(A, key)
        assert (now["id"], now["firstname"]) == (account["id"], account["firstname"])


def test_a_bride_who_teaches_in_two_schools_is_one_account_with_the_newest_name(
    trial: Trial,
) -> None:
    bride = {"who": "bride", "sex": "F"}
    trial.sync(trial.write(A, [*pupils("a", 4), teacher("a-t", family_name="Белова", **bride)]))
    trial.sync(
        trial.write(B, [*pupils("b", 4), teacher("b-t", family_name="Белова", **bride)], day=1)
    )
    account = trial.account(A, "a-t")
    assert trial.account(B, "b-t")["id"] == account["id"]
    married = teacher("b-t", family_name="Чернова", **bride)
    trial.sync(trial.write(B, [*pupils("b", 4), married], day=5))
    assert trial.account(A, "a-t")["lastname"] == "Чернова"
    # The other school's next file still has the old name, and is newer.
    old = teacher("a-t", family_name="Белова", **bride)
    trial.sync(trial.write(A, [*pupils("a", 4), old], day=6))
    assert trial.account(B, "b-t")["id"] == trial.account(A, "a-t")["id"] == account["id"]
    assert kinds(trial) == []


def test_two_classes_joined_to_one_lose_no_course_in_silence(trial: Trial) -> None:
    first = [*pupils("a", 6, "c-1"), *pupils("b", 6, "c-2")]
    trial.sync(trial.write(A, first))
    before = {key: trial.account(A, key)["id"] for key in ("a-1", "b-1")}
    joined = [*pupils("a", 6, "c-9"), *pupils("b", 6, "c-9")]
    classes = [make_class("c-9", "8В")]
    load_id = trial.load(trial.write(A, joined, day=1, classes=classes))
    run = trial.carry_out(load_id, over_limits=True)
    assert run.status == LoadStatus.APPLIED
    assert {key: trial.account(A, key)["id"] for key in before} == before
    told = trial.rules(load_id).keys() | set(kinds(trial))
    assert (
        told & {"class", "class.joined", "class.waits", "classes.joined"}
        or trial.plans(load_id)[A].breaches
    )


def test_the_second_part_of_a_school_weeks_later_lets_nobody_of_the_first_go(trial: Trial) -> None:
    people = [*pupils("a", 6), teacher("a-t")]
    trial.sync(trial.write(A, people))
    path = trial.write(A, people, day=21)
    text = path.read_text("utf-8")
    start, end = text.index("<students>"), text.index("</students>") + len("</students>")
    text = (text[:start] + text[end:]).replace("<content>all</content>", "<content>staff</content>")
    path.write_text(re.sub(r"<counts>.*?</counts>|<count[^>]*/>", "", text, flags=re.S), "utf-8")
    load_id = trial.load(path)
    assert trial.run(load_id).status == LoadStatus.PLANNED, trial.rules(load_id)
    trial.carry_out(load_id, over_limits=True)
    assert {one[2] for one in accounts(trial).values()} == {0}
    assert trial.cohorts_of(A, "a-1")


def test_an_empty_staff_list_closes_no_teacher_and_is_told(trial: Trial) -> None:
    staff = [teacher(f"a-t{n}") for n in range(1, 7)]
    trial.sync(trial.write(A, [*pupils("a", 12), *staff]))
    load_id = trial.load(trial.write(A, pupils("a", 12), day=1))
    (plan,) = trial.plans(load_id).values()
    assert "set.no_staff" in trial.rules(load_id)
    assert plan.counts == {}


def test_two_rows_of_one_pupil_in_two_classes_are_one_account_and_told(trial: Trial) -> None:
    rows = [*pupils("a", 4), pupil("a-x", "c-1", who="x"), pupil("a-y", "c-2", who="x")]
    load_id = trial.load(trial.write(A, rows))
    trial.carry_out(load_id, over_limits=True)
    assert trial.account(A, "a-x")["id"] == trial.account(A, "a-y")["id"]
    assert "match.second_row" in trial.rules(load_id)
    assert len(accounts(trial)) == 5


@pytest.mark.parametrize("with_number", [True, False])
def test_a_leaver_who_comes_back_months_later_with_a_new_id_has_the_old_account(
    trial: Trial, with_number: bool
) -> None:
    values = {} if with_number else {"snils": ""}
    gone = pupil("old", who="gone", **values)
    trial.sync(trial.write(A, [*pupils("a", 6), gone]))
    account = trial.account(A, "old")
    trial.sync(trial.write(A, pupils("a", 6), day=10))
    back = pupil("new", "c-2", who="gone", **values)
    trial.sync(trial.write(A, [*pupils("a", 6), back], day=30))
    numbers = accounts(trial)
    assert len(numbers) == 7
    if with_number:
        assert trial.account(A, "new")["id"] == account["id"]
    else:
        assert kinds(trial) == ["match"]


def test_a_file_of_last_year_after_that_of_this_year_is_stopped(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 6)))
    before = trial.moodle()
    path = trial.write(A, pupils("a", 6), day=30, school_year="2025/2026")
    load_id = trial.load(path)
    (plan,) = trial.plans(load_id).values()
    assert plan.status == "blocked"
    assert trial.moodle() == before


def test_names_in_decomposed_letters_change_nothing(trial: Trial) -> None:
    rows = [*pupils("a", 4), pupil("й", family_name="Йорданский", given_name="Андрей")]
    path = trial.write(A, rows)
    trial.sync(path)
    again = trial.write(A, rows, day=1)
    again.write_text(unicodedata.normalize("NFD", again.read_text("utf-8")), "utf-8")
    trial.writes()
    trial.sync(again)
    assert trial.writes() == {}


def test_latin_letters_in_class_titles_and_names_change_nothing(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 6)))
    rows = [
        replace(
            row, person=replace(row.person, family_name=row.person.family_name.replace("а", "a"))
        )
        for row in pupils("a", 6)
    ]
    path = trial.write(A, rows, day=1, classes=[make_class("c-1", "8A")])
    trial.writes()
    trial.sync(path)
    assert trial.writes() == {}


@pytest.mark.parametrize("empty", ["0001-01-01", "0001-01-01T00:00:00", "01.01.0001"])
def test_the_empty_date_of_1c_ends_and_bears_nobody(trial: Trial, empty: str) -> None:
    path = trial.write(A, pupils("a", 4))
    text = path.read_text("utf-8")
    path.write_text(
        text.replace("</birth_date>", f"</birth_date><end_date>{empty}</end_date>"), "utf-8"
    )
    trial.sync(path)
    assert len(accounts(trial)) == 4
    assert {one[2] for one in accounts(trial).values()} == {0}


def test_bytes_of_one_code_page_declared_as_another_are_stopped(trial: Trial) -> None:
    path = trial.write(A, pupils("a", 12))
    text = path.read_text("utf-8").replace("utf-8", "koi8-r").replace("UTF-8", "koi8-r")
    path.write_bytes(text.encode("cp1251"))
    load_id = trial.load(path)
    assert trial.run(load_id).status == LoadStatus.REJECTED
    assert any(rule.startswith("encoding.") for rule in trial.rules(load_id))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_file_that_is_cut_changes_nothing(trial: Trial, share: float) -> None:
    trial.sync(trial.write(A, [*pupils("a", 12), teacher("a-t")]))
    before = trial.moodle()
    path = trial.write(A, [*pupils("a", 12), teacher("a-t")], day=1)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    load_id = trial.load(path)
    assert trial.run(load_id).status == LoadStatus.REJECTED
    assert trial.moodle() == before


def test_the_same_birth_date_for_a_whole_class_is_told(trial: Trial) -> None:
    """01.01 of one year for everybody: nobody's birth date, and everybody's first password."""
    rows = [
        replace(row, person=replace(row.person, birth_date=date(2012, 1, 1)))
        for row in pupils("a", 12)
    ]
    load_id = trial.load(trial.write(A, rows))
    assert any("birth" in rule for rule in trial.rules(load_id))


def test_a_teacher_who_is_a_parent_and_a_pupil_of_one_name_stay_apart(trial: Trial) -> None:
    same = {"family_name": "Однофамильцев", "given_name": "Пётр", "middle_name": "Петрович"}
    rows = [*pupils("a", 4), pupil("p", snils="", **same), teacher("t", snils="", **same)]
    trial.sync(trial.write(A, rows))
    assert trial.account(A, "p")["id"] != trial.account(A, "t")["id"]
    trial.settled(trial.write(A, rows, day=1))


def test_ids_that_only_lose_zeros_before_them_are_the_same_people(trial: Trial) -> None:
    """A spreadsheet on the way drops the zeros: 007 becomes 7."""
    rows = pupils("a", 8)
    before = [
        replace(row, person=replace(row.person, sourced_id=f"00{n}"))
        for n, row in enumerate(rows, 1)
    ]
    after = [
        replace(row, person=replace(row.person, sourced_id=f"{n}")) for n, row in enumerate(rows, 1)
    ]
    trial.sync(trial.write(A, before))
    known = accounts(trial)
    trial.sync(trial.write(A, after, day=1))
    assert accounts(trial).keys() == known.keys()


def test_family_name_and_given_name_in_each_others_column_make_no_second_accounts(
    trial: Trial,
) -> None:
    rows = pupils("a", 8)
    trial.sync(trial.write(A, rows))
    known = accounts(trial)
    turned = [
        replace(
            row,
            person=replace(
                row.person, family_name=row.person.given_name, given_name=row.person.family_name
            ),
        )
        for row in rows
    ]
    load_id = trial.load(trial.write(A, turned, day=1))
    (plan,) = trial.plans(load_id).values()
    assert plan.breaches
    assert accounts(trial) == known
