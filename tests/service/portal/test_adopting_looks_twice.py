"""Between the list and the yes, and between two looks, things change: nothing is written over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from provisioning.changes import Kind
from provisioning.exclusions import Excluded
from provisioning.moodle import MoodleClient
from provisioning.moodle.reads import Record
from provisioning.questions import Answer
from service.db import upsert
from service.models import AdoptedObject, Exclusion, KnownObject
from service.portal.adopt_rows import Shown
from tests.service.portal import adopted
from tests.service.trial import A, Trial, on_both_databases, pupils

ROWS = pupils("p", 3)


def exclude(trial: Trial, what: Excluded, pattern: str) -> None:
    with trial.rows() as session:
        session.add(
            Exclusion(
                what=what, pattern=pattern, school_code="", reason="on purpose", made_by="city",
                made_at=trial.application.clock(),
            )
        )  # fmt: skip


def numbered(trial: Trial) -> dict[int, str]:
    """Idnumbers of the accounts in Moodle, by its number."""
    return {user["id"]: user["idnumber"] for user in trial.moodle()["users"]}


@on_both_databases
def test_what_is_excluded_or_in_charge_after_the_look_is_not_adopted(trial: Trial) -> None:
    numbers = [adopted.account_for(trial, row, f"old.{place}") for place, row in enumerate(ROWS)]
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    assert adopted.outcomes(trial)["certain"] == 3
    exclude(trial, Excluded.LOGIN, "old.0")
    trial.set_moodle(site_roles={"old.1": 1})
    adopted.carry_out(trial)
    there = numbered(trial)
    assert [there[one] for one in numbers] == ["", "", trial.person_id(A, "p-3")]
    rows = [adopted.stored(trial, one) for one in numbers]
    assert [(row.outcome, row.why) for row in rows[:2]] == [
        (Shown.LEFT_ALONE, "listed"), (Shown.LEFT_ALONE, "in_charge"),
    ]  # fmt: skip


def test_whose_person_is_excluded_after_the_look_is_not_adopted(trial: Trial) -> None:
    number = adopted.account_for(trial, ROWS[0], "old.0")
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    exclude(trial, Excluded.PERSON, trial.person_id(A, "p-1"))
    adopted.carry_out(trial)
    assert numbered(trial)[number] == ""


def test_an_answer_does_not_outlast_an_exclusion(trial: Trial) -> None:
    number = adopted.account_for(trial, ROWS[0], "old.0", institution="", department="")
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    adopted.answer(trial, number, Answer.SAME)
    assert adopted.outcomes(trial)["certain"] == 1
    exclude(trial, Excluded.LOGIN, "old.0")
    adopted.look(trial)
    row = adopted.stored(trial, number)
    assert (row.outcome, row.why, row.person_id) == (Shown.LEFT_ALONE, "listed", "")


@pytest.mark.parametrize(("idnumber", "certain"), [("any", 1), ("none", 0)])
def test_id_numbers_tell_nothing_where_the_settings_say_so(
    trial: Trial, idnumber: str, certain: int
) -> None:
    trial.configure("adoption", idnumber=idnumber)
    number = adopted.account_for(trial, ROWS[0], "old.0", institution="", idnumber="p-1")
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    assert adopted.outcomes(trial).get("certain", 0) == certain
    if not certain:
        adopted.answer(trial, number, Answer.SAME)
    adopted.carry_out(trial)
    assert numbered(trial)[number] == trial.person_id(A, "p-1")


COURSE = {
    "fullname": "Класс 8А", "shortname": "old-8a", "categoryid": 1, "idnumber": "", "visible": 1,
}  # fmt: skip


def made_course(trial: Trial) -> int:
    trial.configure("adoption", course_name="Класс {class_title}")
    fields = {f"courses[0][{name}]": value for name, value in COURSE.items()}
    (made,) = trial.ask_moodle("core_course_create_courses", **fields)
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    (row,) = trial.stored(_COURSES)
    assert row.outcome == Shown.CERTAIN
    return int(made["id"])


_COURSES = select(AdoptedObject)


class _Unseeing(MoodleClient):
    """A client whose account may not see hidden courses."""

    def courses_by_id(self, numbers: Sequence[int]) -> list[Record]:
        return []


def test_a_course_that_is_hidden_from_us_by_now_does_not_stop_the_rest(trial: Trial) -> None:
    number = made_course(trial)
    trial.application.connect_moodle = _Unseeing
    assert adopted.carry_out(trial) is not None
    assert trial.stored(_COURSES)[0].outcome == Shown.CHANGED
    there = {course["id"]: course["idnumber"] for course in trial.moodle()["courses"]}
    assert there[number] == ""


@pytest.mark.parametrize("changed", [{"fullname": "Кружок"}, {"idnumber": "other:8a"}])
def test_a_course_that_changed_since_the_look_is_left_as_it_is(
    trial: Trial, changed: dict[str, Any]
) -> None:
    number = made_course(trial)
    fields = {f"courses[0][{name}]": value for name, value in changed.items()}
    trial.ask_moodle("core_course_update_courses", **{"courses[0][id]": number}, **fields)
    adopted.carry_out(trial)
    (row,) = trial.stored(_COURSES)
    assert row.outcome == Shown.CHANGED
    there = {course["id"]: course["idnumber"] for course in trial.moodle()["courses"]}
    assert there[number] == changed.get("idnumber", "")


def test_an_object_that_a_plan_made_meanwhile_keeps_its_number(trial: Trial) -> None:
    number = made_course(trial)
    (row,) = trial.stored(_COURSES)
    with trial.rows() as session:
        known = {
            "kind": Kind.COURSE.value, "key": row.key, "school_code": A, "moodle_id": number + 7,
            "fields": {},
        }  # fmt: skip
        upsert(session, KnownObject, [known])
    adopted.carry_out(trial)
    with trial.rows() as session:
        kept = session.get_one(KnownObject, (Kind.COURSE.value, row.key))
        assert kept.moodle_id == number + 7
    assert trial.stored(_COURSES)[0].outcome == Shown.CHANGED
