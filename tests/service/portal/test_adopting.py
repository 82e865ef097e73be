"""Accounts that somebody else made become ours: looked at, agreed to, and made by nobody twice."""

from __future__ import annotations

from sqlalchemy import select

from provisioning.questions import Answer
from service.loads.planning import plan_load
from service.models import KnownUser
from service.portal import adopt, adopt_listing
from service.portal.adopt_rows import Shown
from tests.service.installation import SCOPE
from tests.service.portal import adopted
from tests.service.trial import A, Trial, on_both_databases, pupils, refusal, teacher

ROWS = [*pupils("p", 5), teacher("t-1")]


def filled(trial: Trial) -> dict[str, int]:
    """Four pupils and the teacher have accounts; Moodle's numbers by sourced id."""
    numbers = {}
    for place, row in enumerate(ROWS[:4]):
        sourced_id = row.person.sourced_id
        numbers[sourced_id] = adopted.account_for(trial, row, f"old.{place}")
    numbers["t-1"] = adopted.account_for(trial, ROWS[5], "teacher.one", department="Химия")
    return numbers


@on_both_databases
def test_a_filled_moodle_becomes_ours_and_nobody_gets_a_second_account(trial: Trial) -> None:
    numbers = filled(trial)
    stranger = trial.make_stranger("methodist", institution="Школа № 1")
    path = trial.write(A, ROWS)
    first = trial.load(path)
    trial.writes()

    assert adopted.look(trial)
    assert adopted.outcomes(trial) == {"certain": 5, "nobody": 1, "left_alone": 3}
    assert trial.writes() == {}  # nothing before the yes

    again = adopted.carry_out(trial)
    assert again is not None
    assert trial.writes() == {"core_user_update_users": 1}
    for sourced_id, number in numbers.items():
        account = trial.account(A, sourced_id)
        assert (account["id"], account["auth"]) == (number, "ldap")
        known, identity = trial.known(A, sourced_id), trial.identity(A, sourced_id)
        assert known.moodle_id == number
        assert known.username == identity.username == account["username"]

    plan_load(trial.application, again)
    assert (trial.decisions(again), trial.rules(again)) == ({A: "planned"}, {})
    assert trial.counts(again, A)["user.create"] == 1
    trial.carry_out(again, over_limits=True)
    users = {user["id"]: user for user in trial.moodle()["users"]}
    assert len(users) == 5 + 1 + 1  # adopted, the stranger, the one that was missing
    assert users[stranger]["idnumber"] == ""
    assert trial.plans(first)[A].status == "superseded"
    trial.settled(path)


def test_a_killed_run_makes_nothing_twice(trial: Trial) -> None:
    filled(trial)
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    trial.configure("moodle", batch_size=2)
    stops = iter([False, True])
    assert adopted.carry_out(trial, should_stop=lambda: next(stops)) is None
    assert adopted.outcomes(trial)["adopted"] == 2
    assert adopted.carry_out(trial) is not None
    assert adopted.outcomes(trial)["adopted"] == 5
    assert len(trial.stored(select(KnownUser).where(KnownUser.moodle_id.is_not(None)))) == 5


def test_an_answer_decides_and_is_not_asked_again(trial: Trial) -> None:
    row = ROWS[0]
    number = adopted.account_for(trial, row, "old.0", institution="", department="")
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    (question,) = adopted.seen(trial, Shown.QUESTION)
    assert [one.person_id for one in question.people] == [trial.person_id(A, "p-1")]
    assert "email" not in {one.code.partition(".")[0] for one in question.people[0].evidence}
    adopted.answer(trial, number, Answer.DIFFERENT)
    adopted.look(trial)
    assert adopted.outcomes(trial)["nobody"] == 1
    adopted.answer(
        trial, number, Answer.SAME, candidate=trial.person_id(A, "p-1")
    ) if False else None


def test_what_changed_since_the_look_is_not_adopted(trial: Trial) -> None:
    numbers = filled(trial)
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    trial.rename(numbers["p-1"], "somebody.else")
    adopted.carry_out(trial)
    assert adopted.stored(trial, numbers["p-1"]).outcome == Shown.CHANGED
    assert adopted.stored(trial, numbers["p-1"]).why == "account.renamed"
    assert adopted.outcomes(trial)["adopted"] == 4


def test_a_login_that_another_person_had_reserved_goes_with_the_account(trial: Trial) -> None:
    trial.load(trial.write(A, ROWS))
    logins = {key: trial.identity(A, key).username for key in ("p-1", "p-2")}
    numbers = {
        "p-1": adopted.account_for(trial, ROWS[0], logins["p-2"]),
        "p-2": adopted.account_for(trial, ROWS[1], logins["p-1"]),
        "p-3": adopted.account_for(trial, ROWS[2], trial.identity(A, "p-4").username),
    }
    adopted.look(trial)
    adopted.carry_out(trial)
    assert trial.identity(A, "p-1").username == logins["p-2"]
    assert trial.identity(A, "p-2").username == logins["p-1"]
    assert trial.identity(A, "p-3").username != trial.identity(A, "p-4").username
    assert trial.known(A, "p-3").moodle_id == numbers["p-3"]


def test_a_yes_to_another_list_is_refused(trial: Trial) -> None:
    filled(trial)
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    with trial.rows() as session:
        digest = adopt_listing.digest(session)
    adopted.answer(trial, adopted.seen(trial, Shown.CERTAIN)[0].id, Answer.DIFFERENT)
    with trial.rows() as session:
        code = refusal(
            adopt.approve, session, expected_digest=digest, scope=SCOPE,
            now=trial.application.clock(),
        )  # fmt: skip
    assert code == "adoption.other_list"
