"""Undoing a load: Moodle and our own rows are as they were before it."""

from __future__ import annotations

from typing import Any

from service.db import transaction
from service.loads import undo
from service.loads.planning import plan_load
from service.models import Load
from tests.service.installation import SCOPE
from tests.service.trial import A, Trial, on_both_databases, pupil, pupils, teacher

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
