"""Moodle holds an account that may be a new person's: a question, never a take-over by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from provisioning.questions import QuestionKind
from service.loads.planning import plan_load
from service.models import OperatorRole
from service.moodle_standin import Fault, FaultKind
from service.web import create_app
from tests.service.console_factories import ConsoleUnderTest, RecordingQueue
from tests.service.factories import add_operator
from tests.service.questions.asked import answer, open_questions, school_scope, states, undo
from tests.service.trial import A, Trial, on_both_databases, pupil, pupils, refusal, teacher

pytestmark = on_both_databases

ILYA = {"family_name": "Иванов", "given_name": "Илья", "middle_name": "Игоревич"}
ROWS = [pupil("a-1", **ILYA), *pupils("b", 3), teacher("a-t")]


@pytest.fixture(autouse=True)
def _names_make_logins(trial: Trial) -> None:
    trial.configure("logins", scheme="transliterated")


def make_account(trial: Trial, username: str = "ivanov.ii", **fields: str) -> dict[str, Any]:
    """An old account of Moodle, by default with the whole name of our pupil."""
    values = {
        "firstname": "Илья Игоревич", "lastname": "Иванов", "email": "ilya@other.invalid",
        "auth": "manual", "password": "Ab-12345678",
    }  # fmt: skip
    return user(trial, trial.make_stranger(username, **values | fields))


def user(trial: Trial, number: int) -> dict[str, Any]:
    (found,) = (one for one in trial.moodle()["users"] if one["id"] == number)
    return found


def first_load(trial: Trial) -> int:
    load_id = trial.load(trial.write(A, ROWS))
    trial.carry_out(load_id, over_limits=True)
    return load_id


def again(trial: Trial, day: int) -> None:
    """A newer file of the same people; somebody's account may fail again."""
    trial.carry_out(trial.load(trial.write(A, ROWS, day=day)), over_limits=True)


def go_on(trial: Trial, load_id: int | None) -> None:
    """Plan the load that an answer has led to, and carry it out."""
    assert load_id is not None
    plan_load(trial.application, load_id)
    trial.carry_out(load_id, over_limits=True)


def only_question(trial: Trial) -> Any:
    (asked,) = open_questions(trial)
    return asked


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, QuestionKind.ACCOUNT),
        ({"firstname": "Илья"}, QuestionKind.ACCOUNT),
        ({"firstname": "Иванов", "lastname": "Илья"}, QuestionKind.ACCOUNT),
        ({"firstname": "И. И."}, QuestionKind.LOGIN),
        ({"firstname": "Ильа Игоревич"}, QuestionKind.LOGIN),
        ({"lastname": "Петров"}, QuestionKind.LOGIN),
    ],
)
def test_an_account_of_the_same_or_a_like_name_is_asked_about_and_left_alone(
    trial: Trial, fields: dict[str, str], kind: QuestionKind
) -> None:
    before = make_account(trial, **fields)
    load_id = first_load(trial)
    assert user(trial, before["id"]) == before
    seen = only_question(trial)
    assert (seen.question.kind, seen.question.key) == (kind, "a-1")
    assert seen.answers == ("same", "different")
    (candidate,) = seen.candidates
    assert candidate.login == "ivanov.ii"
    assert candidate.evidence
    (waits,) = (one for one in trial.changes(load_id) if one.result == "failed")
    assert waits.code == "account_asked"
    # Nobody's place hangs on it, and a newer file changes nothing.
    again(trial, 1)
    assert user(trial, before["id"]) == before
    assert len(trial.moodle()["users"]) == 6 - 1
    assert [one.id for one in open_questions(trial)] == [seen.id]


@pytest.mark.parametrize(
    "fields",
    [
        {"firstname": "Игнат", "lastname": "Иванов-Завуч"},
        {"firstname": "Иван Ильич"},
        {"firstname": "Илья Олегович"},
        {"auth": "nologin"},
    ],
)
def test_where_the_names_deny_it_the_next_free_login_is_given_without_a_question(
    trial: Trial, fields: dict[str, str]
) -> None:
    before = make_account(trial, **fields)
    first_load(trial)
    assert open_questions(trial) == []
    again(trial, 1)
    assert trial.account(A, "a-1")["username"] == "ivanov.ii2"
    assert user(trial, before["id"]) == before


def test_a_yes_takes_the_account_over_with_its_login_and_password(trial: Trial) -> None:
    before = make_account(trial)
    first_load(trial)
    go_on(trial, answer(trial, only_question(trial).id, "same").load_id)
    after = trial.account(A, "a-1")
    assert after["id"] == before["id"]
    assert after["idnumber"] == trial.person_id(A, "a-1")
    assert after["username"] == before["username"] == trial.identity(A, "a-1").username
    assert after.get("password") == before.get("password")
    assert len(trial.moodle()["users"]) == 5
    assert trial.cohorts_of(A, "a-1")
    trial.settled(trial.write(A, ROWS, day=2))
    assert open_questions(trial) == []


def test_an_account_of_the_same_address_is_taken_over_with_its_other_login(trial: Trial) -> None:
    before = make_account(trial, "ilya2010", email="ivanov.ii@school.invalid")
    first_load(trial)
    go_on(trial, answer(trial, only_question(trial).id, "same").load_id)
    after = trial.account(A, "a-1")
    assert (after["id"], after["username"]) == (before["id"], "ilya2010")
    assert trial.identity(A, "a-1").username == trial.known(A, "a-1").username == "ilya2010"


def test_the_page_shows_both_sides_and_what_each_answer_does(trial: Trial) -> None:
    before = make_account(trial, idnumber="old-7")
    first_load(trial)
    with trial.rows() as session:
        add_operator(session, "kira", OperatorRole.CITY)
        add_operator(session, "boris", OperatorRole.SCHOOL, [A])
    queue = RecordingQueue()
    app = create_app(trial.application, queue=queue)
    console = ConsoleUnderTest(application=trial.application, queue=queue, app=app)
    number = only_question(trial).id
    page = console.client("kira").get(f"/console/questions/{number}").text
    for told in ("ivanov.ii", "old-7", "Логин: совпадает", "Запись Moodle становится"):
        assert told in page
    page = console.client("boris").get(f"/console/questions/{number}").text
    assert "old-7" not in page
    browser = console.client("kira")
    browser.get(f"/console/questions/{number}")
    form = {"choice": "same 1", "looked": "1"}
    answered = browser.post(f"/console/questions/{number}", **form)
    assert answered.status_code == 303
    (load_id,) = queue.planned
    plan_load(trial.application, load_id)
    changes = browser.get(f"/console/loads/{load_id}/changes").text
    assert f"Moodle id {before['id']}" in changes
    trial.carry_out(load_id, over_limits=True)
    assert trial.account(A, "a-1")["id"] == before["id"]


def test_a_no_gives_the_next_free_login_and_is_not_asked_again(trial: Trial) -> None:
    before = make_account(trial)
    first_load(trial)
    go_on(trial, answer(trial, only_question(trial).id, "different").load_id)
    assert trial.account(A, "a-1")["username"] == "ivanov.ii2"
    assert user(trial, before["id"]) == before
    trial.settled(trial.write(A, ROWS, day=1))
    assert states(trial) == {"a-1": "answered"}


def test_a_school_may_say_no_but_only_the_city_says_whose_an_account_is(trial: Trial) -> None:
    make_account(trial)
    first_load(trial)
    school = school_scope(A)
    (seen,) = open_questions(trial, school)
    (candidate,) = seen.candidates
    assert (candidate.is_visible, candidate.login, candidate.name) == (False, "", "")
    assert not any(one.theirs for one in candidate.evidence)
    assert refusal(answer, trial, seen.id, "same", school) == "asked.not_yours"
    assert answer(trial, seen.id, "different", school).questions == 1


def test_a_yes_that_was_not_carried_out_is_taken_back_without_a_trace(trial: Trial) -> None:
    before = make_account(trial, "ilya2010", email="ivanov.ii@school.invalid")
    first_load(trial)
    asked = only_question(trial).id
    answer(trial, asked, "same")
    load_id = undo(trial, asked).load_id
    assert trial.identity(A, "a-1").username == "ivanov.ii"
    go_on(trial, load_id)
    assert user(trial, before["id"]) == before
    assert only_question(trial).id == asked


def test_a_yes_that_was_carried_out_gives_the_account_back_as_it_was(trial: Trial) -> None:
    before = make_account(trial)
    first_load(trial)
    asked = only_question(trial).id
    go_on(trial, answer(trial, asked, "same").load_id)
    go_on(trial, undo(trial, asked).load_id)
    assert {**user(trial, before["id"]), "timemodified": 0} == {**before, "timemodified": 0}
    assert not [one for one in trial.moodle()["members"] if one["userid"] == before["id"]]
    assert not [one for one in trial.moodle()["enrolments"] if one["userid"] == before["id"]]
    assert only_question(trial).id == asked
    go_on(trial, answer(trial, asked, "different").load_id)
    assert trial.account(A, "a-1")["username"] == "ivanov.ii2"
    assert user(trial, before["id"])["idnumber"] == ""
    trial.settled(trial.write(A, ROWS, day=3))


def test_an_account_is_given_back_though_somebody_has_its_address_by_now(trial: Trial) -> None:
    before = make_account(trial)
    first_load(trial)
    asked = only_question(trial).id
    go_on(trial, answer(trial, asked, "same").load_id)
    trial.make_stranger("somebody", email=before["email"])
    go_on(trial, undo(trial, asked).load_id)
    after = user(trial, before["id"])
    changed = {name for name in before if after[name] != before[name]}
    assert changed <= {"email", "timemodified"}
    assert trial.known(A, "a-1").moodle_id is None


def test_an_account_that_moodle_does_not_give_back_is_not_taken_over_again(trial: Trial) -> None:
    before = make_account(trial)
    first_load(trial)
    asked = only_question(trial).id
    go_on(trial, answer(trial, asked, "same").load_id)
    refuses = Fault(
        kind=FaultKind.REFUSE, function="core_user_update_users", about=f"id={before['id']}",
        times=None,
    )  # fmt: skip
    trial.fault(refuses)
    load_id = undo(trial, asked).load_id
    go_on(trial, load_id)
    (kept,) = (one for one in trial.changes(load_id) if one.result == "failed")
    assert (kept.code, kept.detail) == ("not_given_back", f"Moodle id {before['id']}")
    assert trial.known(A, "a-1").moodle_id is None
    trial.no_faults()
    again(trial, 1)
    after = user(trial, before["id"])
    assert {**after, "timemodified": 0} == {**before, "timemodified": 0}


def test_a_no_is_taken_back_until_the_other_account_is_made(trial: Trial) -> None:
    make_account(trial)
    first_load(trial)
    asked = only_question(trial).id
    load_id = answer(trial, asked, "different").load_id
    assert load_id is not None
    plan_load(trial.application, load_id)
    go_on(trial, undo(trial, asked).load_id)
    assert only_question(trial).id == asked
    go_on(trial, answer(trial, asked, "different").load_id)
    assert refusal(undo, trial, asked) == "asked.has_account"


def test_nobody_waits_longer_than_the_settings_say(trial: Trial) -> None:
    before = make_account(trial)
    first_load(trial)
    clock = trial.application.clock
    trial.application.clock = lambda: clock() + timedelta(days=8)
    again(trial, 5)
    again(trial, 6)
    assert trial.account(A, "a-1")["username"] == "ivanov.ii2"
    assert user(trial, before["id"]) == before
    assert open_questions(trial) == []


def test_who_is_asked_about_gets_the_login_once_it_is_free(trial: Trial) -> None:
    number = make_account(trial)["id"]
    first_load(trial)
    trial.rename(number, "another")
    again(trial, 1)
    assert trial.account(A, "a-1")["username"] == "ivanov.ii"
    assert states(trial) == {"a-1": "superseded"}
