"""Accounts that somebody else made become ours: looked at, agreed to, and made by nobody twice."""

from __future__ import annotations

from sqlalchemy import select

from provisioning.moodle import Function, MoodleClient, MoodleMisconfigured
from provisioning.questions import Answer
from service.loads.planning import plan_load
from service.models import KnownUser, School
from service.portal import adopt, adopt_in_charge, adopt_listing
from service.portal.adopt_rows import Shown
from tests.service.installation import SCOPE
from tests.service.portal import adopted
from tests.service.trial import A, B, Trial, on_both_databases, pupils, refusal, teacher

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


def test_whoever_is_in_charge_or_listed_is_never_touched(trial: Trial) -> None:
    numbers = filled(trial)
    trial.set_moodle(site_roles={"teacher.one": 1, "old.0": 2})
    trial.configure("moodle", untouched_logins=("old.1",))
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    why = {one.id: one.why for one in adopted.seen(trial, Shown.LEFT_ALONE)}
    assert why[numbers["t-1"]] == why[numbers["p-1"]] == ("in_charge",)
    assert why[numbers["p-2"]] == ("listed",)
    assert adopted.outcomes(trial)["certain"] == 2


def test_a_cohort_tells_the_class_where_no_department_does(trial: Trial) -> None:
    number = adopted.account_for(trial, ROWS[0], "old.0", department="", institution="")
    cohort = {
        "cohorts[0][name]": "Школа № 1, 8А", "cohorts[0][idnumber]": "",
        "cohorts[0][categorytype][type]": "system", "cohorts[0][categorytype][value]": "",
    }  # fmt: skip
    (made,) = trial.ask_moodle("core_cohort_create_cohorts", **cohort)
    member = {
        "members[0][cohorttype][type]": "id", "members[0][cohorttype][value]": made["id"],
        "members[0][usertype][type]": "id", "members[0][usertype][value]": number,
    }  # fmt: skip
    trial.ask_moodle("core_cohort_add_cohort_members", **member)
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    (certain,) = adopted.seen(trial, Shown.CERTAIN)
    assert certain.id == number
    assert "class.equal" in certain.why


def test_questions_hold_the_yes_back_until_somebody_wants_it_all_the_same(trial: Trial) -> None:
    adopted.account_for(trial, ROWS[0], "old.0", institution="", department="")
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    assert refusal(adopted.say_yes, trial) == "adoption.questions"
    assert adopted.say_yes(trial, despite_questions=True)


class _Unseeing(MoodleClient):
    """A client whose account lacks the two rights."""

    def with_capability(self, capability: str) -> set[int]:
        raise MoodleMisconfigured(Function.GET_ENROLLED_USERS, "nopermissions")


def test_a_portal_without_the_two_rights_says_that_it_cannot_see_who_is_in_charge(
    trial: Trial,
) -> None:
    trial.load(trial.write(A, ROWS))
    trial.application.connect_moodle = _Unseeing
    adopted.look(trial)
    with trial.rows() as session:
        run = adopt_listing.newest_run(session)
        assert run is not None
        assert run.problem == adopt_in_charge.IN_CHARGE_UNSEEN


def test_a_cohort_of_the_name_that_the_settings_tell_is_taken_over(trial: Trial) -> None:
    trial.configure("adoption", cohort_name="{class_title} {school_short_name}")
    cohort = {
        "cohorts[0][name]": "8 «А», Школа №1", "cohorts[0][idnumber]": "",
        "cohorts[0][categorytype][type]": "system", "cohorts[0][categorytype][value]": "",
    }  # fmt: skip
    (made,) = trial.ask_moodle("core_cohort_create_cohorts", **cohort)
    path = trial.write(A, ROWS)
    trial.load(path)
    adopted.look(trial)
    again = adopted.carry_out(trial)
    assert again is not None
    plan_load(trial.application, again)
    trial.carry_out(again, over_limits=True)
    cohorts = {one["id"]: one for one in trial.moodle()["cohorts"]}
    assert cohorts[made["id"]]["idnumber"].startswith("class:SB0001:")
    assert len([one for one in cohorts.values() if one["idnumber"].startswith("class:")]) == 1
    assert cohorts[made["id"]]["name"] in trial.cohorts_of(A, "p-1")
    trial.settled(path)


def test_an_account_of_two_schools_of_one_name_is_found_by_name_and_class(trial: Trial) -> None:
    number = adopted.account_for(trial, ROWS[0], "old.0")
    trial.load(trial.write(A, ROWS), trial.write(B, pupils("q", 3)))
    with trial.rows() as session:
        session.get_one(School, B).number = "1"
        session.get_one(School, B).short_name = "Школа № 1"
    adopted.look(trial)
    (certain,) = adopted.seen(trial, Shown.CERTAIN)
    assert (certain.id, certain.school_code) == (number, A)
