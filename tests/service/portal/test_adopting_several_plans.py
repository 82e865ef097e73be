"""Several plans of a school wait: the people of all of them are compared, or nobody's are."""

from __future__ import annotations

from datetime import date

from service.loads import by_hand, operations
from service.models import LoadCause, LoadStatus, PlanStatus, SchoolPlan
from tests.service.installation import SCOPE
from tests.service.portal import adopted
from tests.service.trial import A, Trial, on_both_databases, pupil, pupils, refusal, teacher

ROWS = pupils("p", 4)
STAFF = teacher("t-1")


def filled(trial: Trial) -> None:
    for place, row in enumerate(ROWS):
        adopted.account_for(trial, row, f"old.{place}")


def enter_by_hand(trial: Trial) -> int:
    person = pupil("p-9", who="new", snils="").person
    assert person.birth_date
    entered = by_hand.Entered(
        school_code=A, family_name=person.family_name, given_name=person.given_name,
        middle_name=person.middle_name, birth_date=person.birth_date, class_id="",
        until=date(2026, 10, 20), role=person.role,
    )  # fmt: skip
    return by_hand.add(trial.application, entered, scope=SCOPE)


def waiting_repair(trial: Trial) -> int:
    """A plan without rows that is newer than that of the file; its number."""
    with trial.rows() as session:
        load, _folder = operations.new_load(
            session, home=trial.application.settings.home, scope=SCOPE,
            now=trial.application.clock(), cause=LoadCause.REPAIR,
        )  # fmt: skip
        load.status = LoadStatus.PLANNED
        plan = SchoolPlan(
            load_id=load.id, school_code=A, status=PlanStatus.PLANNED, keeps_roll=True
        )
        session.add(plan)
        session.flush()
        return plan.id


@on_both_databases
def test_a_person_who_waits_beside_the_file_holds_the_look_back_and_nobody_is_lost(
    trial: Trial,
) -> None:
    filled(trial)
    trial.load(trial.write(A, ROWS))
    by_itself = enter_by_hand(trial)
    assert refusal(adopted.look, trial) == "adoption.plans_differ"
    trial.ask(operations.reject, by_itself, now=trial.application.clock())
    adopted.look(trial)
    assert adopted.outcomes(trial)["certain"] == 4


def test_a_person_who_was_entered_since_the_look_holds_the_yes_back(trial: Trial) -> None:
    filled(trial)
    trial.load(trial.write(A, ROWS))
    adopted.look(trial)
    enter_by_hand(trial)
    assert refusal(adopted.say_yes, trial) == "adoption.plans_differ"


def test_a_repair_that_waits_hides_nobody_and_goes_on_waiting(trial: Trial) -> None:
    filled(trial)
    trial.load(trial.write(A, ROWS))
    repair = waiting_repair(trial)
    adopted.look(trial)
    assert adopted.outcomes(trial)["certain"] == 4
    adopted.say_yes(trial)
    with trial.rows() as session:
        assert session.get_one(SchoolPlan, repair).status == PlanStatus.PLANNED


def test_a_newer_file_of_the_whole_school_counts_and_the_older_plan_makes_nobody(
    trial: Trial,
) -> None:
    filled(trial)
    older = trial.load(trial.write(A, [*ROWS, pupil("p-8", who="gone")]))
    newer = trial.load(trial.write(A, ROWS, day=1))
    adopted.look(trial)
    assert adopted.outcomes(trial)["certain"] == 4
    adopted.say_yes(trial)
    assert [trial.decisions(one)[A] for one in (older, newer)] == ["superseded"] * 2


def test_pupils_and_staff_in_two_loads_are_not_compared_by_halves(trial: Trial) -> None:
    filled(trial)
    adopted.account_for(trial, STAFF, "teacher.one")
    trial.load(trial.write(A, ROWS))
    trial.load(trial.write(A, [STAFF], day=1))
    assert refusal(adopted.look, trial) == "adoption.plans_differ"
    trial.load(trial.write(A, [*ROWS, STAFF], day=2))
    adopted.look(trial)
    assert adopted.outcomes(trial)["certain"] == 5
