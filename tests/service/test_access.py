"""Operators see and decide their own part of the city; every way around is tried here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
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
NOBODY = scope(OperatorRole.SCHOOL)
SEES: dict[str, tuple[Scope, set[str]]] = {
    "city": (CITY, {A, B, C}),
    "school B": (OF_B, {B}),
    "district of A and C": (scope(OperatorRole.DISTRICT, "Невский"), {A, C}),
    "nobody": (NOBODY, set()),
}
each_scope = pytest.mark.parametrize(("mine", "sees"), SEES.values(), ids=SEES.keys())


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Load 1 is of A, B and C, load 2 of A alone, both by the command line; A has a finding."""
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


@each_scope
def test_schools_are_those_inside(session: Session, mine: Scope, sees: set[str]) -> None:
    schools = session.scalars(select(School)).all()
    assert {one.code for one in schools if mine.sees(one)} == sees
    assert set(session.scalars(select(School.code).where(mine.schools()))) == sees
    assert set(session.scalars(mine.codes())) == sees
    assert mine.sees(None) == (mine is CITY)


@each_scope
def test_loads_are_those_of_a_school_inside(session: Session, mine: Scope, sees: set[str]) -> None:
    visible = ({1} if sees else set()) | ({2} if A in sees else set())
    assert {load.id for load in operations.latest(session, mine, 10)} == visible
    assert set(session.scalars(select(Load.id).where(mine.loads()))) == visible
    for load_id in visible:
        assert operations.find(session, load_id, mine).id == load_id
    for load_id in {1, 2, 77} - visible:
        with pytest.raises(Forbidden):
            operations.find(session, load_id, mine)


@each_scope
def test_plans_changes_findings_and_progress_are_of_schools_inside(
    session: Session, mine: Scope, sees: set[str]
) -> None:
    load = session.get_one(Load, 1)
    operations.approve(session, 1, scope=CITY, now=NOW)
    assert {plan.school_code for plan in operations.plans(session, load, mine)} == sees
    changes = list(operations.changes(session, load, mine))
    assert {code for code, _ in changes} == sees
    assert operations.progress(session, load, mine)["total"] == len(changes)
    found = {one.school_code for one in operations.findings(session, load, mine)}
    assert found == sees & {A}


DECISIONS: dict[str, Callable[..., Any]] = {
    "approve": operations.approve,
    "reject": operations.reject,
    "stop": operations.request_stop,
    "apply": operations.ready_to_apply,
}


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("mine", [OF_B, NOBODY], ids=["school B", "nobody"])
def test_nobody_decides_about_a_foreign_load(session: Session, mine: Scope, decision: str) -> None:
    with pytest.raises(Forbidden):
        DECISIONS[decision](session, 2, scope=mine, now=NOW)


@pytest.mark.parametrize(("decision", "status"), [("approve", "approved"), ("reject", "rejected")])
def test_a_decision_is_of_the_plans_inside(session: Session, decision: str, status: str) -> None:
    DECISIONS[decision](session, 1, scope=OF_B, now=NOW)
    statuses = {one.school_code: one.status for one in session.get_one(Load, 1).plans}
    assert statuses == {A: "planned", B: status, C: "planned"}
    with pytest.raises(LoadProblem, match=r"load\.nothing_to_approve"):
        operations.approve(session, 1, scope=OF_B, now=NOW, schools=[C])


def test_a_digest_is_of_the_plans_inside_only(session: Session) -> None:
    load = session.get_one(Load, 1)
    of_all, of_b = (operations.digest(operations.plans(session, load, one)) for one in (CITY, OF_B))
    assert of_all != of_b
    with pytest.raises(LoadProblem, match=r"load\.digest_differs"):
        operations.approve(session, 1, scope=OF_B, now=NOW, expected_digest=of_all)
    operations.approve(session, 1, scope=OF_B, now=NOW, expected_digest=of_b)


def test_an_uploader_sees_the_own_load_and_nothing_of_others_in_it(session: Session) -> None:
    load = session.get_one(Load, 1)
    load.created_by = "operator"
    session.flush()
    assert operations.find(session, 1, NOBODY) is load
    assert operations.plans(session, load, NOBODY) == []
    assert list(operations.changes(session, load, NOBODY)) == []
    assert operations.findings(session, load, NOBODY) == []
    assert operations.progress(session, load, NOBODY)["total"] == 0


def received_by_school_b(trial: Trial, file: Path, expected_school: str) -> Load:
    with transaction(trial.application.sessions) as session:
        return operations.receive(
            session, home=trial.application.settings.home, paths=[("x.xml", file)], scope=OF_B,
            expected_school=expected_school, now=NOW,
        )  # fmt: skip


def test_a_school_operator_can_load_the_own_school_only(trial: Trial) -> None:
    load = received_by_school_b(trial, trial.write(A, ROWS[A]), expected_school="")
    assert load.expected_school == B


@pytest.mark.parametrize("code", [A, "SB0007"])
def test_files_of_a_foreign_school_are_refused_whatever_was_said(trial: Trial, code: str) -> None:
    trial.sync(trial.write(A, ROWS[A]))
    file = trial.write(code, ROWS[A][:2], day=1)
    load_id = received_by_school_b(trial, file, expected_school=code).id
    plan_load(trial.application, load_id)
    assert trial.run(load_id).status == "rejected"
    assert trial.rules(load_id)["school.outside_scope"] == code
    assert {plan.status for plan in trial.plans(load_id).values()} <= {"blocked"}


def test_the_command_line_acts_as_the_city() -> None:
    assert access.command_line_scope("root") == scope(OperatorRole.CITY, actor="cli:root")
