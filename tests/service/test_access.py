"""Operators see and decide their own part of the city; every way around is tried here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from service import access
from service.access import Forbidden, Scope
from service.db import transaction
from service.loads import operations
from service.loads.operations import LoadProblem
from service.loads.planning import plan_load
from service.models import Load, OperatorRole, School
from tests.service.trial import NOW, A, B, C, Trial, make_trial, pupils, teacher

ROWS = {code: [*pupils(code.lower(), 3), teacher(f"{code.lower()}-t")] for code in (A, B, C)}


def scope(role: OperatorRole, *items: str, actor: str = "operator") -> Scope:
    return Scope(actor=actor, role=role, items=frozenset(items))


CITY = scope(OperatorRole.CITY)
OF_B = scope(OperatorRole.SCHOOL, B)
NEVSKY = scope(OperatorRole.DISTRICT, "Невский")
"""Schools A and C."""
NOBODY = scope(OperatorRole.SCHOOL)
SCOPES = {"city": CITY, "school B": OF_B, "district of A and C": NEVSKY, "nobody": NOBODY}
SEES = {"city": {A, B, C}, "school B": {B}, "district of A and C": {A, C}, "nobody": set()}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Run 1 is of A, B and C, run 2 of A alone, both by the command line; A has a finding."""
    with make_trial(tmp_path_factory.mktemp("city")) as trial:
        without_date = replace(ROWS[A][0], raw={"birth_date": ""})
        rows = {**ROWS, A: [without_date, *ROWS[A][1:]]}
        files = {code: trial.write(code, rows[code]) for code in rows}
        trial.load(*files.values())
        trial.load(files[A])
        yield trial


@pytest.fixture
def session(city: Trial) -> Iterator[Session]:
    """What a test changes is undone."""
    with city.application.sessions() as session:
        yield session
        session.rollback()


@pytest.mark.parametrize("who", SCOPES)
def test_schools_are_those_inside(session: Session, who: str) -> None:
    mine, schools = SCOPES[who], session.scalars(select(School)).all()
    assert {one.code for one in schools if mine.sees(one)} == SEES[who]
    assert set(session.scalars(select(School.code).where(mine.schools()))) == SEES[who]
    assert set(session.scalars(mine.codes())) == SEES[who]
    assert mine.sees(None) == (who == "city")


@pytest.mark.parametrize("who", SCOPES)
def test_runs_are_those_about_a_school_inside(session: Session, who: str) -> None:
    visible = {1} if SEES[who] else set()
    visible |= {2} if A in SEES[who] else set()
    mine = SCOPES[who]
    assert {run.id for run in operations.latest(session, mine, 10)} == visible
    assert set(session.scalars(select(Load.id).where(mine.loads()))) == visible
    for load_id in (1, 2, 77):
        if load_id in visible:
            assert operations.find(session, load_id, mine).id == load_id
        else:
            with pytest.raises(Forbidden):
                operations.find(session, load_id, mine)


@pytest.mark.parametrize("who", SCOPES)
def test_plans_changes_findings_and_progress_are_of_schools_inside(
    session: Session, who: str
) -> None:
    run, mine = session.get_one(Load, 1), SCOPES[who]
    operations.approve(session, 1, scope=CITY, now=NOW)
    plans = operations.plans(session, run, mine)
    assert {plan.school_code for plan in plans} == SEES[who]
    changes = list(operations.changes(session, run, mine))
    assert {code for code, _ in changes} == SEES[who]
    assert operations.progress(session, run, mine)["total"] == len(changes)
    found = {one.school_code for one in operations.findings(session, run, mine)}
    assert found == SEES[who] & {A}


DECISIONS: dict[str, Callable[[Session, Scope, int], Any]] = {
    "approve": lambda db, mine, run: operations.approve(db, run, scope=mine, now=NOW),
    "reject": lambda db, mine, run: operations.reject(db, run, scope=mine, now=NOW),
    "stop": lambda db, mine, run: operations.request_stop(db, run, scope=mine, now=NOW),
    "apply": lambda db, mine, run: operations.ready_to_apply(db, run, scope=mine, now=NOW),
}


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("who", ["school B", "nobody"])
def test_nobody_decides_about_a_foreign_run(session: Session, who: str, decision: str) -> None:
    with pytest.raises(Forbidden):
        DECISIONS[decision](session, SCOPES[who], 2)


def test_a_yes_is_to_the_plans_inside_only(session: Session) -> None:
    operations.approve(session, 1, scope=OF_B, now=NOW)
    statuses = {one.school_code: one.status for one in session.get_one(Load, 1).plans}
    assert statuses == {A: "planned", B: "approved", C: "planned"}
    with pytest.raises(LoadProblem, match=r"load\.nothing_to_approve"):
        operations.approve(session, 1, scope=OF_B, now=NOW, schools=[C])


def test_a_no_is_to_the_plans_inside_only(session: Session) -> None:
    operations.reject(session, 1, scope=OF_B, now=NOW)
    statuses = {one.school_code: one.status for one in session.get_one(Load, 1).plans}
    assert statuses == {A: "planned", B: "rejected", C: "planned"}


def test_a_digest_is_of_the_plans_inside_only(session: Session) -> None:
    run = session.get_one(Load, 1)
    of_all, of_b = (operations.digest(operations.plans(session, run, one)) for one in (CITY, OF_B))
    assert of_all != of_b
    with pytest.raises(LoadProblem, match=r"load\.digest_differs"):
        operations.approve(session, 1, scope=OF_B, now=NOW, expected_digest=of_all)
    operations.approve(session, 1, scope=OF_B, now=NOW, expected_digest=of_b)


def test_an_uploader_sees_the_own_run_and_nothing_of_foreign_schools_in_it(
    session: Session,
) -> None:
    run = session.get_one(Load, 1)
    run.created_by = "operator"
    session.flush()
    assert operations.find(session, 1, NOBODY) is run
    assert operations.plans(session, run, NOBODY) == []
    assert list(operations.changes(session, run, NOBODY)) == []
    assert operations.findings(session, run, NOBODY) == []
    assert operations.progress(session, run, NOBODY)["total"] == 0


def test_a_school_operator_can_load_the_own_school_only(trial: Trial) -> None:
    with transaction(trial.application.sessions) as session:
        run = operations.receive(
            session,
            home=trial.application.settings.home,
            paths=[("x.xml", trial.write(A, ROWS[A]))],
            scope=OF_B,
            expected_school="",
            now=NOW,
        )
    assert run.expected_school == B


@pytest.mark.parametrize("code", [A, "SB0007"])
def test_files_of_a_foreign_school_are_refused_whatever_the_form_said(
    trial: Trial, code: str
) -> None:
    trial.sync(trial.write(A, ROWS[A]))
    with transaction(trial.application.sessions) as session:
        run = operations.receive(
            session,
            home=trial.application.settings.home,
            paths=[("x.xml", trial.write(code, ROWS[A][:2], day=1))],
            scope=OF_B,
            expected_school=code,
            now=NOW,
        )
    plan_load(trial.application, run.id)
    assert trial.run(run.id).status == "rejected"
    assert trial.rules(run.id)["school.outside_scope"] == code
    assert {plan.status for plan in trial.plans(run.id).values()} <= {"blocked"}


def test_the_command_line_acts_as_the_city() -> None:
    assert access.command_line_scope("root") == scope(OperatorRole.CITY, actor="cli:root")
