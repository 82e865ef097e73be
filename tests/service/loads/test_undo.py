"""Undoing a load: Moodle and our own rows are as they were before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from service.access import Scope
from service.db import transaction
from service.housekeeping import clear_away
from service.loads import applying, by_hand, due, keeping, undo
from service.loads.planning import plan_load
from service.models import (
    KeptBefore,
    Load,
    OperatorRole,
    RollEvent,
    SchoolMembership,
    SchoolPlan,
)
from service.moodle_standin import Fault, FaultKind
from tests.service.installation import SCOPE
from tests.service.trial import (
    A,
    B,
    Trial,
    on_both_databases,
    pupil,
    pupils,
    refusal,
    teacher,
)

FIRST = [*pupils("a", 6), teacher("head")]


def begun(trial: Trial, *loads: int, **given: Any) -> int:
    """Ask for the undoing of loads; the number of the new load."""
    application = trial.application
    about = {"home": application.settings.home, "scope": SCOPE, "now": application.clock()}
    with transaction(application.sessions) as session:
        return undo.begin(session, loads, **about | given).id


def undoing(trial: Trial, *loads: int, **given: Any) -> int:
    """The same, and plan it."""
    load_id = begun(trial, *loads, **given)
    plan_load(trial.application, load_id)
    return load_id


def undone(trial: Trial, *loads: int, **given: Any) -> Load:
    """Undo loads, with the second yes."""
    run = trial.carry_out(undoing(trial, *loads, **given), over_limits=True)
    assert (run.status, run.problem) == ("applied", "")
    return run


def portal(trial: Trial) -> dict[str, Any]:
    """What Moodle holds, without the numbers of enrolments and moments."""
    state = trial.moodle()
    users = {one["id"]: one["username"] for one in state["users"]}
    cohorts = {one["id"]: one["idnumber"] for one in state["cohorts"]}
    courses = {one["id"]: one["idnumber"] for one in state["courses"]}
    return {
        "users": {one["id"]: _timeless(one) for one in state["users"]},
        "categories": {one["id"]: _timeless(one) for one in state["categories"]},
        "cohorts": {one["id"]: _timeless(one) for one in state["cohorts"]},
        "courses": {one["id"]: _timeless(one) for one in state["courses"]},
        "members": {(cohorts[m["cohortid"]], users[m["userid"]]) for m in state["members"]},
        "enrolments": {
            (courses[e["courseid"]], users[e["userid"]], e["role"]) for e in state["enrolments"]
        },
    }


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith("time")}


def assert_as_before(now: dict[str, Any], before: dict[str, Any]) -> None:
    """Equal in every row and role, but for what was made since: closed, hidden and empty."""
    for kind, rows in before.items():
        if kind in ("members", "enrolments"):
            assert now[kind] == rows, kind
            continue
        assert {key: row for key, row in now[kind].items() if key in rows} == rows, kind
        made = [row for key, row in now[kind].items() if key not in rows]
        if kind == "users":
            assert all(one["suspended"] for one in made)
        elif kind != "categories":
            assert not any(one["visible"] for one in made), made


@on_both_databases
def test_an_undone_load_leaves_moodle_and_the_roll_as_before(trial: Trial) -> None:
    trial.sync(trial.write(A, FIRST))
    before = portal(trial)
    rows = [
        *(one for one in FIRST if one.person.sourced_id not in ("a-1", "a-2", "a-3")),
        pupil("a-2", "c-2"),
        pupil("a-3", family_name="Переименова"),
        pupil("new-1", "c-2"),
    ]
    wrong = trial.sync(trial.write(A, rows, day=10))
    changed = portal(trial)
    assert changed != before
    undone(trial, wrong.id)
    assert_as_before(portal(trial), before)
    assert trial.run(wrong.id).status == "undone"
    trial.settled(trial.write(A, FIRST, day=5))


def test_undoing_an_undoing_brings_the_load_back(trial: Trial) -> None:
    trial.sync(trial.write(A, FIRST))
    wrong = trial.sync(trial.write(A, [*FIRST[1:], pupil("new-1", "c-2")], day=10))
    changed = portal(trial)
    back = undone(trial, wrong.id)
    undone(trial, back.id)
    assert portal(trial) == changed
    assert [trial.run(one).status for one in (wrong.id, back.id)] == ["applied", "undone"]


# What has changed since


def rules_of(trial: Trial, load_id: int) -> list[str]:
    return sorted(one.rule for one in trial.findings(load_id))


def test_what_a_later_load_changed_is_told_and_left_alone(trial: Trial) -> None:
    trial.sync(trial.write(A, FIRST))
    wrong = trial.sync(
        trial.write(A, [pupil("a-1", "c-2"), pupil("a-2", "c-2"), *FIRST[2:]], day=1)
    )
    trial.sync(trial.write(A, [pupil("a-1"), pupil("a-2", "c-2"), *FIRST[2:]], day=2))
    before = trial.account(A, "a-1")
    load_id = undoing(trial, wrong.id)
    assert rules_of(trial, load_id) == ["undo.later_loads"]
    trial.carry_out(load_id, over_limits=True)
    # The third load has brought the first pupil back itself.
    assert trial.account(A, "a-1") == before
    assert trial.account(A, "a-2")["department"] == "8А"
    assert trial.cohorts_of(A, "a-2") == {"Ученики · Школа № 1", "8А · Школа № 1 · 2026/2027"}


def test_what_has_changed_since_comes_back_only_when_somebody_says_so(trial: Trial) -> None:
    trial.sync(trial.write(A, FIRST))
    moved = trial.sync(trial.write(A, [pupil("a-1", "c-2"), *FIRST[1:]], day=1))
    trial.sync(trial.write(A, FIRST[1:], day=2))
    load_id = undoing(trial, moved.id)
    assert "undo.place" in rules_of(trial, load_id)
    (told,) = trial.findings(load_id, "undo.place")
    assert told.person.startswith(pupil("a-1").person.family_name)
    trial.carry_out(load_id)
    assert trial.known(A, "a-1").state == "in_transit"
    undone(trial, load_id)
    undone(trial, moved.id, also_changed=True)
    assert trial.known(A, "a-1").state == "on_roll"
    assert trial.account(A, "a-1")["department"] == "8А"


def test_loads_are_undone_in_a_row_and_together_with_later_ones(trial: Trial) -> None:
    trial.sync(trial.write(A, FIRST))
    before = portal(trial)
    loads = [
        trial.sync(trial.write(A, [*FIRST[number:], pupil(f"new-{number}")], day=number)).id
        for number in (1, 2, 3)
    ]
    together = undone(trial, loads[0], with_later=True)
    assert together.undoes == {"loads": loads, "also_changed": False}
    assert_as_before(portal(trial), before)
    undone(trial, together.id)
    for load_id in loads[::-1]:
        load = undoing(trial, load_id)
        assert rules_of(trial, load) == []
        trial.carry_out(load, over_limits=True)
    assert_as_before(portal(trial), before)


# What is never undone


def test_what_was_not_kept_is_said_instead_of_guessed(trial: Trial) -> None:
    first = trial.sync(trial.write(A, FIRST))
    assert refusal(begun, trial, trial.load(trial.write(A, FIRST, day=1))) == "undo.nothing"
    with trial.rows() as session:
        session.execute(delete(KeptBefore))
    assert refusal(begun, trial, first.id) == "undo.not_kept"


def test_only_the_newest_plans_of_a_school_are_kept(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "LOADS", 2)
    monkeypatch.setattr(undo, "LOADS", 2)
    loads = [trial.sync(trial.write(A, FIRST[number:], day=number)).id for number in range(3)]
    clear_away(trial.application)
    plans = select(SchoolPlan.load_id).join(KeptBefore).distinct()
    assert sorted(trial.stored(plans)) == loads[1:]
    assert refusal(begun, trial, loads[0]) == "undo.too_old"
    undone(trial, loads[1], with_later=True)


def test_whoever_may_not_approve_a_load_may_not_undo_it(trial: Trial) -> None:
    both = trial.sync(trial.write(A, FIRST), trial.write(B, pupils("b", 3)))
    school = Scope(actor="school-2", role=OperatorRole.SCHOOL, items=frozenset([B]))
    stranger = replace(school, items=frozenset(["SB0003"]))
    assert refusal(begun, trial, both.id, scope=stranger) == "load"
    load_id = undoing(trial, both.id, scope=school)
    assert set(trial.plans(load_id)) == {B}
    trial.carry_out(load_id, over_limits=True)
    assert trial.decisions(both.id) == {A: "applied", B: "undone"}
    assert trial.run(both.id).status == "applied"


# Two schools, time, people entered by hand


@on_both_databases
def test_a_transfer_is_undone_at_both_schools_or_at_one(trial: Trial) -> None:
    mover = pupil("a-7", who="mover")
    rows_b = pupils("b", 3, "c-2")
    trial.sync(trial.write(A, [*FIRST, mover]), trial.write(B, rows_b))
    before = portal(trial)
    files = (
        trial.write(A, FIRST, day=9),
        trial.write(B, [*rows_b, pupil("b-7", "c-2", who="mover")], day=9),
    )
    both = trial.sync(*files)
    after = portal(trial)
    undone(trial, both.id)
    assert_as_before(portal(trial), before)
    again = trial.sync(*files)
    assert portal(trial)["members"] == after["members"]
    undone(trial, again.id, schools=[B])
    # The old school has let the pupil go all the same.
    assert trial.account(A, "a-7")["suspended"] == 0
    assert trial.cohorts_of(A, "a-7") == set()


def test_what_time_did_is_undone_with_the_moment_of_leaving(trial: Trial) -> None:
    trial.sync(trial.write(A, FIRST))
    trial.sync(trial.write(A, FIRST[1:], day=1))
    before, moment = portal(trial), trial.known(A, "a-1").away_since
    earlier = trial.application.clock
    trial.application.clock = lambda: earlier() + timedelta(days=31)
    load_id = due.begin(trial.application)
    assert load_id is not None
    plan_load(trial.application, load_id)
    trial.carry_out(load_id)
    assert trial.known(A, "a-1").state == "suspended"
    undone(trial, load_id)
    assert_as_before(portal(trial), before)
    assert (trial.known(A, "a-1").state, trial.known(A, "a-1").away_since) == ("in_transit", moment)
    back = trial.sync(trial.write(A, FIRST, day=2))
    assert trial.known(A, "a-1").away_since is None
    undone(trial, back.id)
    assert (trial.known(A, "a-1").state, trial.known(A, "a-1").away_since) == ("in_transit", moment)


def test_a_person_entered_by_hand_leaves_again(trial: Trial) -> None:
    trial.sync(trial.write(A, FIRST))
    before = portal(trial)
    entered = by_hand.Entered(
        school_code=A, family_name="Примеров", given_name="Новик", birth_date=date(2012, 5, 5),
        class_id="c-1", until=date(2026, 10, 30),
    )  # fmt: skip
    load_id = by_hand.add(trial.application, entered, scope=SCOPE)
    trial.carry_out(load_id)
    assert portal(trial)["members"] != before["members"]
    undone(trial, load_id)
    assert_as_before(portal(trial), before)
    own = SchoolMembership.school_code == A
    assert len(trial.stored(select(SchoolMembership).where(own))) == len(FIRST)


# Our own records


def made(trial: Trial, load_id: int) -> str:
    """The person whose account a load made."""
    (change,) = (one for one in trial.changes(load_id) if one.action == "create")
    return change.key


def test_the_roll_moves_back_in_its_history(trial: Trial) -> None:
    trial.sync(trial.write(A, FIRST))
    wrong = trial.sync(trial.write(A, [*FIRST[1:], pupil("new-1")], day=1))
    undone(trial, wrong.id)
    events = select(RollEvent.act, RollEvent.person_id).order_by(RollEvent.id)
    acts = [(act, person_id) for act, person_id in trial.stored(events) if person_id]
    left, new = trial.person_id(A, "a-1"), made(trial, wrong.id)
    assert sorted(acts) == sorted(
        [("left", left), ("joined", new), ("left", new), ("joined", left), ("suspended", new)]
    )


def test_an_older_file_is_right_again_after_its_successor_was_undone(trial: Trial) -> None:
    right = trial.write(A, FIRST, day=3)
    other = [pupil(f"a-{number}", who=f"other-{number}") for number in range(1, 7)]
    trial.sync(trial.write(A, [pupil("a-0"), teacher("head")]))
    wrong = trial.sync(trial.write(A, [*other, teacher("head")], day=5))
    strangers = {trial.person_id(A, f"a-{number}") for number in range(1, 7)}
    assert trial.rules(trial.load(right)) == {"file.older_export": A}
    undone(trial, wrong.id)
    # The ids of the wrong file name nobody any more.
    run = trial.sync(right)
    assert trial.rules(run.id) == {}
    assert not strangers & {trial.person_id(A, f"a-{number}") for number in range(1, 7)}


@pytest.mark.parametrize("status", ["stopped", "applied_with_failures"])
def test_a_load_whose_answers_were_lost_is_undone_with_all_of_it(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setattr(applying, "PATIENCE_SECONDS", ())
    trial.configure("moodle", batch_size=2)
    trial.sync(trial.write(A, FIRST))
    before = portal(trial)
    load_id = trial.approved(trial.write(A, [*FIRST, *pupils("new", 5, "c-2")], day=1))
    function = "core_user_create_users"
    trial.fault(Fault(kind=FaultKind.DROP_AFTER, function=function, skip=1, times=None))
    looks = "core_user_get_users_by_field"
    trial.fault(Fault(kind=FaultKind.DROP_BEFORE, function=looks, skip=4, times=None))
    if status == "stopped":
        trial.fault(
            Fault(kind=FaultKind.DROP_BEFORE, function="core_webservice_get_site_info", skip=1,
                  times=None)
        )  # fmt: skip
    assert trial.apply(load_id).status == status
    made = len(portal(trial)["users"]) - len(before["users"])
    noted = [one for one in trial.changes(load_id) if one.result == "done"]
    assert made > len(noted)
    trial.no_faults()
    undone(trial, load_id)
    assert_as_before(portal(trial), before)
    assert trial.run(load_id).status == "undone"
