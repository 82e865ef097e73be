"""Answers that are lost, late, broken or dripping: nobody else waits, no double stays unseen."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import pytest

from provisioning.moodle import bounded, connection
from service.loads import operations
from service.loads.applying import apply_load
from service.models import LoadStatus
from service.moodle_standin import Fault, FaultKind
from tests.service.trial import A, Trial, on_both_databases, pupil, pupils, teacher

ROWS = [*pupils("a", 5), teacher("a-t")]
CREATE = {
    "categories": "core_course_create_categories",
    "cohorts": "core_cohort_create_cohorts",
    "courses": "core_course_create_courses",
}


def doubled(trial: Trial) -> dict[str, list[str]]:
    """Idnumbers that several categories, cohorts or courses have."""
    state = trial.moodle()
    counted = {kind: Counter(one["idnumber"] for one in state[kind]) for kind in CREATE}
    return {
        kind: [key for key, number in counts.items() if key and number > 1]
        for kind, counts in counted.items()
    }


NONE: dict[str, list[str]] = {kind: [] for kind in CREATE}


@on_both_databases
@pytest.mark.parametrize("kind", CREATE)
def test_what_moodle_makes_twice_is_found_and_set_aside(trial: Trial, kind: str) -> None:
    load_id = trial.approved(trial.write(A, ROWS))
    # It is looked up, not there, and made again; then Moodle does the first call too.
    trial.fault(Fault(kind=FaultKind.LATE, function=CREATE[kind], later=2))
    run = trial.apply(load_id)
    assert (run.status, run.problem) == (LoadStatus.APPLIED, "")
    assert doubled(trial) == NONE
    aside = [one for one in trial.moodle()[kind] if (one["idnumber"] or "").startswith("double:")]
    assert aside
    assert all(f"(двойник {one['id']})" in one.get("fullname", one.get("name")) for one in aside)
    if kind == "courses":
        assert not any(one["visible"] for one in aside)
    if kind == "cohorts":
        shown = trial.ask_moodle("core_cohort_get_cohorts")
        hidden = {one["id"] for one in shown if not one["visible"]}
        assert hidden == {one["id"] for one in aside}
    said = [one for one in trial.changes(load_id, kind_of(kind)) if one.code == "doubled_set_aside"]
    assert len(said) == len(aside)
    assert {str(one["id"]) for one in aside} == {one.detail.split("; ")[1] for one in said}
    assert trial.cohorts_of(A, "a-1") == {"8А · Школа № 1 · 2026/2027", "Ученики · Школа № 1"}
    trial.settled(trial.write(A, ROWS, day=1))


def kind_of(plural: str) -> str:
    return {"categories": "category"}.get(plural, plural.rstrip("s"))


@pytest.mark.parametrize("kind", CREATE)
def test_what_moodle_makes_while_it_is_looked_up_is_taken_over(trial: Trial, kind: str) -> None:
    load_id = trial.approved(trial.write(A, ROWS))
    trial.fault(Fault(kind=FaultKind.LATE, function=CREATE[kind], later=1))
    assert trial.apply(load_id).status == LoadStatus.APPLIED
    assert doubled(trial) == NONE
    assert not any("double:" in (one["idnumber"] or "") for one in trial.moodle()[kind])
    assert "after_lost_answer" in {one.code for one in trial.changes(load_id, kind_of(kind))}


def test_a_double_that_cannot_be_set_aside_is_a_failure_with_a_remedy(trial: Trial) -> None:
    load_id = trial.approved(trial.write(A, ROWS))
    trial.fault(Fault(kind=FaultKind.LATE, function=CREATE["cohorts"], later=2))
    trial.fault(Fault(kind=FaultKind.REFUSE, function="core_cohort_update_cohorts", times=None))
    run = trial.apply(load_id)
    assert run.status == LoadStatus.APPLIED_WITH_FAILURES
    failed = [one for one in trial.changes(load_id, "cohort") if one.result == "failed"]
    assert {one.code for one in failed} == {"doubled"}
    assert sorted(one.key for one in failed) == sorted(doubled(trial)["cohorts"])
    # Whoever has left the idnumber to one of them tries again.
    for cohort in trial.moodle()["cohorts"]:
        for one in failed:
            if one.detail.endswith(f"; {cohort['id']}"):
                trial.ask_moodle("core_cohort_delete_cohorts", **{"cohortids[0]": cohort["id"]})
    trial.no_faults()
    assert trial.apply(load_id).status == LoadStatus.APPLIED


# One record that Moodle cannot get over


BROKEN = [
    pytest.param(Fault(kind=FaultKind.SERVER_ERROR), "http_500", id="a server error"),
    pytest.param(Fault(kind=FaultKind.HTML), "not_json", id="a page"),
    pytest.param(Fault(kind=FaultKind.DROP_BEFORE), "connection_broken", id="no answer"),
    pytest.param(Fault(kind=FaultKind.REFUSE, code="codingerror"), "codingerror", id="codingerror"),
    pytest.param(
        Fault(kind=FaultKind.REFUSE, code="accessexception"), "accessexception", id="access"
    ),
    pytest.param(
        Fault(kind=FaultKind.REFUSE, code=""), "exception_without_code", id="no code at all"
    ),
]


@pytest.mark.parametrize(("fault", "code"), BROKEN)
@pytest.mark.parametrize(
    ("function", "kind"),
    [
        ("core_user_create_users", "user"),
        ("core_user_update_users", "user"),
        ("enrol_manual_enrol_users", "enrolment"),
        ("core_cohort_add_cohort_members", "member"),
        ("core_enrol_get_enrolled_users", "enrolment"),
    ],
)
def test_a_record_at_which_moodle_breaks_each_time_stops_nobody_else(
    trial: Trial, fault: Fault, code: str, function: str, kind: str
) -> None:
    trial.sync(trial.write(A, [*ROWS, *pupils("b", 1, "c-2")]))
    # The last account: no cohort has its number.
    accounts = {trial.account(A, f"a-{one}")["id"]: f"a-{one}" for one in range(1, 6)}
    number = max(accounts)
    other = accounts[min(accounts)]
    moving = {accounts[number], other}
    moved = [
        *(pupil(one, "c-2" if one in moving else "c-1") for one in accounts.values()),
        *pupils("b", 3, "c-2"), ROWS[-1],
    ]  # fmt: skip
    load_id = trial.load(trial.write(A, moved, day=1))
    about = {
        "core_user_create_users": f"username={trial.identity(A, 'b-2').username}",
        "core_user_update_users": f"id={number}",
        "core_cohort_add_cohort_members": f"value={number}",
        "enrol_manual_enrol_users": f"userid={number}",
    }
    trial.fault(replace(fault, function=function, about=about.get(function, ""), times=None))
    run = trial.carry_out(load_id, over_limits=True)
    assert (run.status, run.problem) == (LoadStatus.APPLIED_WITH_FAILURES, "")
    failed = [one for one in trial.changes(load_id, kind) if one.result == "failed"]
    assert {one.code for one in failed} == {code}
    assert len(failed) == (2 if function == "core_enrol_get_enrolled_users" else 1)
    assert trial.account(A, other)["department"] == "8Б"
    trial.no_faults()
    assert trial.apply(load_id).status == LoadStatus.APPLIED
    trial.settled(trial.write(A, moved, day=2))


def test_a_function_that_answers_nobody_stops_the_load_and_blames_no_record(trial: Trial) -> None:
    load_id = trial.approved(trial.write(A, ROWS))
    trial.fault(Fault(kind=FaultKind.SERVER_ERROR, function="core_user_create_users", times=None))
    run = trial.apply(load_id)
    assert run.status == LoadStatus.STOPPED
    assert "core_user_create_users: http_500" in run.problem
    trial.no_faults()
    assert trial.apply(load_id).status == LoadStatus.APPLIED


@pytest.mark.parametrize("status", [302, 401, 403, 404])
def test_a_single_page_of_somebody_in_between_stops_nothing(trial: Trial, status: int) -> None:
    trial.configure("moodle", batch_size=2)
    load_id = trial.approved(trial.write(A, ROWS))
    trial.fault(Fault(kind=FaultKind.SERVER_ERROR, status=status, every=4, times=None))
    run = trial.apply(load_id, sleep=pytest.fail)
    assert (run.status, run.problem) == (LoadStatus.APPLIED, "")


@pytest.mark.parametrize("code", ["accessexception", "invalidtoken", "requireloginerror"])
def test_access_that_is_refused_once_in_the_middle_stops_nothing(trial: Trial, code: str) -> None:
    trial.configure("moodle", batch_size=2)
    load_id = trial.approved(trial.write(A, ROWS))
    trial.fault(Fault(kind=FaultKind.REFUSE, code=code, skip=5))
    run = trial.apply(load_id, sleep=pytest.fail)
    assert (run.status, run.problem) == (LoadStatus.APPLIED, "")


# A wish to stop


@on_both_databases
@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.DRIP])
def test_a_wish_to_stop_is_obeyed_while_an_answer_is_awaited(
    trial: Trial, kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "LOOK_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(connection, "LAST_SECONDS", 0.1)
    load_id = trial.approved(trial.write(A, ROWS))
    trial.fault(Fault(kind=kind, function="core_cohort_create_cohorts"))
    trial.ask(operations.ready_to_apply, load_id)
    at_work = threading.Thread(target=apply_load, args=(trial.application, load_id), daemon=True)
    at_work.start()
    while not trial.struck():
        at_work.join(0.05)
    trial.ask(operations.request_stop, load_id)
    at_work.join(60)
    assert not at_work.is_alive()
    run = trial.run(load_id)
    assert (run.status, run.claimed_by) == (LoadStatus.STOPPED, "")
    # What is in doubt is written down, and is looked up before it is made again.
    lost = trial.changes(load_id, "cohort")
    assert {(one.result, one.code) for one in lost} == {("", "answer_lost")}
    trial.no_faults()
    assert trial.apply(load_id).status == LoadStatus.APPLIED
    assert doubled(trial) == NONE
    assert len(trial.moodle()["users"]) == len(ROWS)


def test_an_answer_that_drips_ends_in_time_and_the_load_goes_on(trial: Trial) -> None:
    trial.configure("moodle", read_timeout_seconds=0.5)
    load_id = trial.approved(trial.write(A, ROWS))
    trial.fault(Fault(kind=FaultKind.DRIP, function="core_user_create_users"))
    assert trial.apply(load_id).status == LoadStatus.APPLIED
    assert len(trial.moodle()["users"]) == len(ROWS)
