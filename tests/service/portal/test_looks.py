"""What a look does with what earlier ones found, with a large city, and when it is killed."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from sqlalchemy import select, update

from service.models import Drift, DriftState, Load, LoadStatus, PlanStatus, PortalLook, SchoolPlan
from service.moodle_standin import Fault, FaultKind
from service.portal import schedule
from service.portal.looking import look
from tests.service.installation import environment
from tests.service.portal.conftest import Portal, no_wait
from tests.service.portal.meddling import MEDDLING
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils, refusal, teacher


def _suspend(portal: Portal, code: str, sourced_id: str) -> None:
    portal.update_user(portal.number(code, sourced_id), suspended=1)


def _decide(portal: Portal, state: DriftState) -> None:
    with portal.trial.rows() as session:
        session.execute(update(Drift).values(state=state))


@on_both_databases
def test_a_deleted_account_counts_no_more_and_the_next_load_makes_it_anew(portal: Portal) -> None:
    gone = portal.number(A, "p-1")
    portal.delete_user(gone)
    portal.look()
    known = portal.trial.known(A, "p-1")
    assert (known.moodle_id, known.problem) == (None, "account_gone")
    # The class of the pupil is another one in the next export.
    rows = [*pupils("p", 4)[1:], pupil("p-1", "c-2"), teacher("t-1")]
    portal.trial.sync(portal.trial.write(A, rows, day=30))
    assert portal.number(A, "p-1") != gone
    cohorts = portal.trial.cohorts_of(A, "p-1")
    assert ["8Б" in name for name in cohorts].count(True) == 1
    assert not any("8А" in name for name in cohorts)
    assert portal.kinds("repaired") == ["account_deleted"]
    portal.look()
    assert portal.drifts("open") == []


@on_both_databases
def test_what_somebody_set_right_in_moodle_is_settled(portal: Portal) -> None:
    _suspend(portal, A, "p-1")
    portal.look()
    portal.update_user(portal.number(A, "p-1"), suspended=0)
    portal.look()
    assert (portal.kinds("open"), portal.kinds("settled")) == ([], ["account_suspended"])


@on_both_databases
def test_what_is_kept_is_told_again_only_when_moodle_changes_again(portal: Portal) -> None:
    portal.update_user(portal.number(A, "p-1"), lastname="Первая")
    portal.look()
    _decide(portal, DriftState.KEPT)
    portal.look()
    assert (portal.kinds("open"), portal.kinds("kept")) == ([], ["account_renamed"])
    portal.update_user(portal.number(A, "p-1"), lastname="Вторая")
    portal.look()
    (told,) = portal.drifts("open")
    assert (told.theirs, portal.kinds("kept")) == ("Вторая", [])


@on_both_databases
def test_a_rule_keeps_what_was_added_until_somebody_names_the_kind(portal: Portal) -> None:
    portal.trial.configure("reconcile", keep=("member_added",))
    MEDDLING["join a cohort"][0](portal)
    portal.look()
    assert (portal.kinds("open"), portal.kinds("kept")) == ([], ["member_added"])
    assert portal.plan_repair() is None
    portal.repair(kinds=["member_added"])
    portal.look()
    assert portal.kinds("open", "kept") == []


@on_both_databases
def test_a_look_at_one_school_leaves_the_drifts_of_others_alone(portal: Portal) -> None:
    _suspend(portal, A, "p-1")
    portal.look()
    portal.update_user(portal.number(A, "p-1"), suspended=0)
    _suspend(portal, B, "q-1")
    ended = portal.look(school=B)
    assert ended.people == 5
    assert [one.school_code for one in portal.drifts("open")] == [A, B]


@on_both_databases
def test_samples_look_at_other_parts_until_all_was_seen(portal: Portal) -> None:
    people = portal.people()
    seen = 0
    for _night in range(40):
        seen += portal.look(sample=20).people
        assert portal.drifts("open", "settled") == []
    assert 0.5 * 8 * len(people) < seen < 1.5 * 8 * len(people)


@on_both_databases
def test_a_city_larger_than_a_piece_is_looked_at_to_the_end(trial: Trial) -> None:
    trial.configure("reconcile", pause_seconds=0.0, repair=(), keep=())
    files = (
        trial.write(A, [*pupils("p", 120), teacher("t-1")]),
        trial.write(B, [*pupils("q", 110), teacher("u-1")]),
    )
    trial.sync(*files)
    portal = Portal(trial, files)
    for code, name, numbers in ((A, "p", (1, 60, 120)), (B, "q", (1, 50, 110))):
        for number in numbers:
            _suspend(portal, code, f"{name}-{number}")
    assert portal.look().people == 232
    assert portal.kinds() == ["account_suspended"] * 6


KILLED = """
import os, signal, sys
from service.application import build
from service.portal.looking import look

calls = iter(range({calls}))

def stop() -> bool:
    if next(calls, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return False

look(build(), actor="killed", should_stop=stop, sleep=lambda seconds: None)
"""


@pytest.mark.parametrize("calls", [1, 3, 6])
@on_both_databases
def test_a_look_that_was_killed_begins_anew_and_tells_everything_once(
    portal: Portal, calls: int
) -> None:
    _suspend(portal, A, "p-1")
    MEDDLING["rename a cohort"][0](portal)
    ended = subprocess.run(
        [sys.executable, "-c", KILLED.format(calls=calls)],
        env=environment(portal.trial.application.settings), check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL
    portal.look()
    assert portal.kinds() == ["account_suspended", "object_renamed"]
    first, second = portal.trial.stored(select(PortalLook).order_by(PortalLook.id))
    assert (first.problem, first.ended_at) == ("interrupted", None)
    assert (second.problem, second.claimed_by) == ("", "")


@on_both_databases
def test_two_processes_never_look_at_once(portal: Portal) -> None:
    application = portal.trial.application

    def meanwhile() -> bool:
        codes.append(refusal(look, application, actor="second", sleep=no_wait))
        return False

    codes: list[str] = []
    portal.look(should_stop=meanwhile)
    assert set(codes) == {"look.under_way"}


@on_both_databases
def test_a_stopped_look_settles_nothing(portal: Portal) -> None:
    _suspend(portal, A, "p-1")
    portal.look()
    ended = look(portal.trial.application, actor="x", should_stop=lambda: True, sleep=no_wait)
    assert (ended.problem, ended.ended_at) == ("stopped", None)
    assert portal.kinds() == ["account_suspended"]


@on_both_databases
def test_a_moodle_that_is_away_breaks_a_look_off_and_loses_nothing(portal: Portal) -> None:
    _suspend(portal, A, "p-1")
    portal.look()
    portal.trial.set_moodle(database_reachable=False)
    ended = look(portal.trial.application, actor="x", sleep=no_wait)
    assert ended.problem.startswith("moodle.MoodleUnavailable: ")
    portal.trial.set_moodle(database_reachable=True)
    assert portal.kinds() == ["account_suspended"]
    portal.look()
    assert portal.kinds() == ["account_suspended"]


@on_both_databases
def test_an_answer_that_is_late_once_does_not_end_a_look(portal: Portal) -> None:
    portal.trial.fault(Fault(kind=FaultKind.UNAVAILABLE, times=5))
    assert portal.look().drifts == 0


@on_both_databases
def test_an_account_that_moodle_cannot_tell_of_hides_no_other(portal: Portal) -> None:
    portal.trial.set_moodle(extended_username_chars=True)
    portal.update_user(portal.number(A, "p-1"), username="ученик")
    portal.trial.set_moodle(extended_username_chars=False)
    _suspend(portal, A, "p-2")
    ended = portal.look()
    assert portal.kinds() == ["account_suspended"]
    assert ended.unread == 1


@on_both_databases
def test_a_school_that_is_being_changed_by_a_load_is_looked_at_later(portal: Portal) -> None:
    _suspend(portal, A, "p-1")
    _suspend(portal, B, "q-1")
    with portal.trial.rows() as session:
        plan = session.scalars(select(SchoolPlan).where(SchoolPlan.school_code == A)).one()
        plan.status = PlanStatus.APPROVED
        session.get_one(Load, plan.load_id).status = LoadStatus.APPLYING
    portal.look()
    assert [one.school_code for one in portal.drifts()] == [B]


@on_both_databases
def test_what_is_gone_repairs_itself_by_rule_and_a_failed_repair_waits_for_a_person(
    portal: Portal,
) -> None:
    application = portal.trial.application
    portal.trial.configure("reconcile", repair=("member_gone", "account_deleted"))
    MEDDLING["leave a cohort"][0](portal)
    portal.delete_user(portal.number(B, "q-1"))
    portal.trial.make_stranger(portal.trial.known(B, "q-1").username)
    portal.look()
    load_id = schedule.plan_by_rule(application)
    assert load_id is not None
    applied = portal.trial.apply(load_id)
    assert applied.status == "applied_with_failures"
    assert (portal.kinds("repaired"), portal.kinds()) == (["member_gone"], ["account_deleted"])
    portal.look()
    assert schedule.plan_by_rule(application) is None


@on_both_databases
def test_a_repair_over_the_limits_waits_for_a_person(portal: Portal) -> None:
    portal.trial.configure("reconcile", repair=("account_reopened", "account_suspended"))
    portal.trial.configure("limits", floor=0, max_updated_share=0.0, max_suspended_share=0.0)
    with portal.trial.rows() as session:
        for person in portal.people():
            session.merge(person).suspended = True
    portal.look()
    assert portal.kinds() == ["account_reopened"] * 10
    assert schedule.plan_by_rule(portal.trial.application) is None
    (newest, *_older) = portal.trial.stored(select(Load).order_by(Load.id.desc()))
    assert newest.cause == "repair"
    assert newest.status == "planned"
