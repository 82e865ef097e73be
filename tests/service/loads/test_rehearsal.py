"""A rehearsal says what the real run then does, and leaves no trace."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from service.access import Scope
from service.housekeeping import clear_away
from service.loads import claims, operations, rehearsals
from service.loads.rehearsal import Rehearsed, rehearse_load, rehearse_turn
from service.loads.rehearsal_stage import stage
from service.models import Load, OperatorRole, PlannedChange, SchoolPlan, StoredRehearsal
from service.portal.looking import look
from service.sample import City, write_sample
from tests import soak
from tests.service.installation import SCOPE
from tests.service.loads.test_years import JUNE, SEPTEMBER, at, next_year, this_year, turn
from tests.service.trial import A, B, Trial, make_trial, on_both_databases, pupils, refusal


def really(trial: Trial, load_id: int) -> dict[str, dict[str, int]]:
    """What became of the changes of a load, by school."""
    rows = trial.stored(
        select(SchoolPlan.school_code, PlannedChange.kind, PlannedChange.action,
               PlannedChange.result, PlannedChange.code)
        .join(SchoolPlan, SchoolPlan.id == PlannedChange.plan_id)
        .where(SchoolPlan.load_id == load_id)
    )  # fmt: skip
    counts: dict[str, dict[str, int]] = {}
    for code, kind, action, result, why in rows:
        of_school = counts.setdefault(code, {})
        name = f"{kind}.{action}" if result == "done" else f"{kind}.{action} {result} {why}"
        of_school[name] = of_school.get(name, 0) + 1
    return counts


def told(rehearsed: Rehearsed) -> dict[str, dict[str, int]]:
    counts = {}
    for school in rehearsed.schools:
        counts[school.code] = dict(school.done)
        for one in school.failed:
            name = f"{one.kind}.{one.action} failed {one.code}"
            counts[school.code][name] = counts[school.code].get(name, 0) + 1
    return {code: found for code, found in counts.items() if found}


def left_behind(trial: Trial) -> list[str]:
    return [one.name for one in trial.application.settings.home.glob("rehearsal-*")]


@on_both_databases
def test_a_rehearsal_says_what_the_load_then_does_and_touches_nothing(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 12)), trial.write(B, pupils("b", 12)))
    load_id = trial.load(
        trial.write(A, [*pupils("a", 9), *pupils("n", 4, "c-2")], day=1),
        trial.write(B, [*pupils("b", 12), *pupils("x", 1)], day=1),
    )
    before = trial.moodle()
    trial.writes()
    rehearsed = rehearse_load(trial.application, load_id, SCOPE)
    assert (trial.writes(), trial.moodle() == before) == ({}, True)
    assert (trial.run(load_id).status, left_behind(trial)) == ("planned", [])
    assert rehearsed.status == "applied"
    trial.carry_out(load_id, over_limits=True)
    assert told(rehearsed) == really(trial, load_id)


def test_a_rehearsal_knows_what_a_look_into_moodle_found_deleted(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 6)))
    (course,) = (one for one in trial.moodle()["courses"] if one["idnumber"])
    trial.ask_moodle("core_course_delete_courses", **{"courseids[0]": course["id"]})
    load_id = trial.load(trial.write(A, [*pupils("a", 6), *pupils("n", 2)], day=1))
    assert not any(one.failed for one in rehearse_load(trial.application, load_id, SCOPE).schools)
    look(trial.application, actor="test", sleep=lambda _seconds: None)
    rehearsed = rehearse_load(trial.application, load_id, SCOPE)
    trial.carry_out(load_id, over_limits=True)
    assert told(rehearsed) == really(trial, load_id)
    assert rehearsed.status == "applied_with_failures"


@on_both_databases
def test_the_year_s_turn_is_rehearsed_as_it_then_happens(trial: Trial) -> None:
    this_year(trial)
    at(trial, JUNE)
    load_id = next_year(trial)
    rehearsed = rehearse_load(trial.application, load_id, SCOPE)
    assert told(rehearsed) == told(rehearse_turn(trial.application, SCOPE))
    trial.approve(load_id, over_limits=True)
    at(trial, SEPTEMBER)
    load = turn(trial)
    assert load
    assert told(rehearsed) == really(trial, load.id)


def test_nothing_can_be_rehearsed_where_nothing_waits(trial: Trial) -> None:
    load_id = trial.sync(trial.write(A, pupils("a", 3))).id
    assert refusal(rehearse_load, trial.application, load_id, SCOPE) == "load.not_planned"
    assert refusal(rehearse_turn, trial.application, SCOPE) == "years.nobody_waits"


@soak.soak
@pytest.mark.parametrize("seed", range(2 * soak.SOAK))
def test_rehearsals_of_random_cities_are_right(tmp_path: Path, seed: int) -> None:
    with make_trial(tmp_path) as trial:
        city = City(schools=3, people_per_school=25, seed=seed)
        for month in range(3):
            folder = tmp_path / f"month-{month}"
            write_sample(folder, city, layout="roster-1", month=month)
            at(trial, datetime(2026, 10 + month, 6, 9, 0, tzinfo=UTC))
            load_id = trial.load(folder)
            rehearsed = rehearse_load(trial.application, load_id, SCOPE)
            trial.ask(operations.approve, load_id, over_limits=True)
            trial.apply(load_id)
            assert told(rehearsed) == really(trial, load_id)


def test_a_rehearsal_that_was_ordered_is_carried_out_by_a_worker(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, pupils("a", 3)), trial.write(B, pupils("b", 3)))
    school = Scope(actor="a", role=OperatorRole.SCHOOL, items=frozenset({A}))
    other = Scope(actor="b", role=OperatorRole.SCHOOL, items=frozenset({B}))
    with trial.rows() as session:
        number = rehearsals.ask(session, load_id, scope=school, now=JUNE)
    rehearsals.carry_out(trial.application, number)
    with trial.rows() as session:
        load = session.get_one(Load, load_id)
        found = rehearsals.latest(session, load, school)
        assert found
        assert [one["code"] for one in found.result["schools"]] == [A]
        assert found.result["schools"][0]["done"]["user.create"] == 3
        assert rehearsals.latest(session, load, SCOPE) == found
        assert rehearsals.latest(session, load, other) is None
    assert trial.moodle()["users"] == []


def test_a_rehearsal_in_which_something_breaks_says_so(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_id = trial.load(trial.write(A, pupils("a", 3)))
    with trial.rows() as session:
        number = rehearsals.ask(session, load_id, scope=SCOPE, now=JUNE)

    def broken(*_given: object, **_named: object) -> Rehearsed:
        raise OSError("no space")

    monkeypatch.setattr(rehearsals, "rehearse_load", broken)
    with pytest.raises(OSError, match="no space"):
        rehearsals.carry_out(trial.application, number)
    with trial.rows() as session:
        found = rehearsals.latest(session, session.get_one(Load, load_id), SCOPE)
        assert found
        assert (found.problem, found.ended_at is None) == ("internal", False)


def test_one_trial_at_a_time_and_a_broken_one_is_over(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, pupils("a", 3)))
    with trial.rows() as session:
        rehearsals.ask(session, load_id, scope=SCOPE, now=JUNE)
        given = {"scope": SCOPE, "now": JUNE}
        assert refusal(rehearsals.ask, session, load_id, **given) == "load.being_rehearsed"
    with trial.rows() as session:
        session.get_one(StoredRehearsal, 1).claimed_by = f"{socket.gethostname()}/1/0.00"
    with trial.rows() as session:
        assert rehearsals.ask(session, load_id, scope=SCOPE, now=JUNE) == 2
        assert session.get_one(StoredRehearsal, 1).problem == "interrupted"
        rehearsals.end_broken_off(session, JUNE + timedelta(hours=7))
        assert session.get_one(StoredRehearsal, 2).problem == "interrupted"


def test_what_a_killed_rehearsal_has_left_is_deleted(trial: Trial) -> None:
    home = trial.application.settings.home
    for name, owner in (("rehearsal-dead", f"{socket.gethostname()}/1/0.00"),
                        ("rehearsal-live", claims.own_name())):  # fmt: skip
        (home / name).mkdir()
        (home / name / "owner").write_text(owner)
    clear_away(trial.application)
    assert left_behind(trial) == ["rehearsal-live"]


def test_the_secret_is_not_copied_to_a_stage(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 2)))
    with stage(trial.application) as copy:
        assert not (copy.settings.home / "secret").exists()


def test_a_rehearsal_that_is_told_to_stop_leaves_nothing(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, pupils("a", 3)))
    with trial.rows() as session:
        number = rehearsals.ask(session, load_id, scope=SCOPE, now=JUNE)
    rehearsals.carry_out(trial.application, number, should_stop=lambda: True)
    assert left_behind(trial) == []
    assert trial.stored(select(StoredRehearsal.problem)) == ["interrupted"]
