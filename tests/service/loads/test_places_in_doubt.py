"""A row of another school's staff: whose the rights over the account are."""

from __future__ import annotations

from dataclasses import replace

from provisioning.roster import Role
from service.access import Forbidden
from service.people.passwords import find_person
from tests.service.questions.asked import open_questions, school_scope
from tests.service.trial import A, B, Trial, on_both_databases, pupils, teacher


def may(trial: Trial, code: str, login: str) -> bool:
    with trial.application.sessions() as session:
        try:
            find_person(session, school_scope(code), login)
        except Forbidden:
            return False
        return True


@on_both_databases
def test_a_typed_row_gives_no_rights_over_another_schools_director(trial: Trial) -> None:
    head = teacher("head", who="head")
    head = replace(head, person=replace(head.person, role=Role.ADMINISTRATOR))
    trial.sync(trial.write(A, [*pupils("a", 6), head]))
    login = trial.account(A, "head")["username"]
    typed = trial.write(B, [*pupils("b", 6, "c-2"), teacher("b-t", who="head")], day=1)
    trial.sync(typed)
    assert trial.person_id(A, "head") == trial.person_id(B, "b-t")
    assert (may(trial, A, login), may(trial, B, login)) == (True, False)
    assert (trial.known(A, "head").school_code, trial.known(A, "head").role) == (
        A, Role.ADMINISTRATOR
    )  # fmt: skip
    trial.sync(trial.write(B, [*pupils("b", 6, "c-2"), teacher("b-t", who="head")], day=2))
    assert (may(trial, A, login), may(trial, B, login)) == (True, False)
    assert open_questions(trial) == []


@on_both_databases
def test_a_teacher_of_two_schools_is_of_both_without_a_question(trial: Trial) -> None:
    trial.sync(trial.write(A, [*pupils("a", 6), teacher("t", who="t")]))
    login = trial.account(A, "t")["username"]
    trial.sync(trial.write(B, [*pupils("b", 6, "c-2"), teacher("b-t", who="t")], day=1))
    assert (may(trial, A, login), may(trial, B, login)) == (True, True)
    assert open_questions(trial) == []
