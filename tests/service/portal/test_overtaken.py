"""What is repaired is judged by what we hold now, and not by what we held when we looked."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from service.access import Forbidden, Scope
from service.models import Drift, DriftState, KnownObject, KnownUser, OperatorRole, SchoolMembership
from service.portal import deciding, repairing
from service.portal.deciding import Deciding, DriftProblem
from tests.service.factories import CITY
from tests.service.portal.conftest import Portal
from tests.service.portal.meddling import MEDDLING
from tests.service.trial import A, B, on_both_databases, pupil, pupils, teacher

SCHOOL_A, SCHOOL_B = (
    Scope(actor=code, role=OperatorRole.SCHOOL, items=frozenset({code})) for code in (A, B)
)
OTHERS = [*pupils("p", 4)[1:], teacher("t-1"), pupil("p-5", "c-2"), pupil("p-6", "c-2")]


def write(portal: Portal, day: int, class_id: str = "c-1", **person: Any) -> Any:
    """A file in which the pupil p-1 is in a class, and there are two classes."""
    return portal.trial.write(A, [*OTHERS, pupil("p-1", class_id, **person)], day=day)


@pytest.fixture
def classes(portal: Portal) -> Portal:
    portal.trial.sync(write(portal, 1))
    return portal


def by_rule(portal: Portal, *kinds: str) -> Any:
    application = portal.trial.application
    with portal.trial.rows() as session:
        return repairing.repair_by_rule(
            session, home=application.settings.home, kinds=kinds, now=application.clock(),
            limits=application.settings.limits,
        )  # fmt: skip


def put_into(portal: Portal, class_id: str, code: str = A, pupil: str = "p-1") -> None:
    """Put a pupil into the cohort and the course of a class by hand."""
    number = portal.number(code, pupil)
    cohort = portal.object("cohort", f"class:{A}:2026/2027:{class_id}").moodle_id
    who, where = {"type": "id", "value": str(number)}, {"type": "id", "value": str(cohort)}
    portal.ask("core_cohort_add_cohort_members", members=[{"cohorttype": where, "usertype": who}])
    course = portal.object("course", f"{A}:2026/2027:{class_id}").moodle_id
    place = {"roleid": 5, "userid": number, "courseid": course}
    portal.ask("enrol_manual_enrol_users", enrolments=[place])


def places(portal: Portal) -> Any:
    return portal.trial.cohorts_of(A, "p-1"), portal.trial.courses_of(A, "p-1")


@on_both_databases
def test_a_place_added_by_hand_that_a_file_gives_later_is_not_taken(classes: Portal) -> None:
    put_into(classes, "c-2")
    classes.look()
    assert classes.kinds() == ["enrolment_added", "member_added"]
    classes.trial.sync(write(classes, 2, "c-2"))
    before = places(classes)
    assert by_rule(classes, "enrolment_added", "member_added") is None
    assert classes.kinds("settled") == ["enrolment_added", "member_added"]
    assert classes.drifts() == []
    assert places(classes) == before
    classes.look()
    assert classes.drifts() == []


@pytest.mark.parametrize("what", ["leave a cohort", "unenrol", "change a role"])
def test_a_place_that_a_file_has_taken_meanwhile_is_not_given_back(
    portal: Portal, what: str
) -> None:
    meddle, kind, _field = MEDDLING[what]
    meddle(portal)
    portal.look()
    assert portal.kinds() == [kind]
    waiting = portal.plan_repair()
    assert waiting is not None
    portal.trial.sync(write(portal, 2, "c-2"))
    before = places(portal)
    portal.trial.carry_out(waiting.id, over_limits=True)
    assert portal.trial.decisions(waiting.id) == {A: "superseded"}
    again = by_rule(portal, kind)
    assert again is None
    assert portal.kinds("settled") == [kind]
    assert places(portal) == before


def test_a_drift_of_a_place_that_stands_is_still_repaired_beside_one_that_does_not(
    classes: Portal,
) -> None:
    put_into(classes, "c-2")
    put_into(classes, "c-1", B, "q-1")
    classes.look()
    classes.trial.sync(write(classes, 2, "c-2"))
    before = places(classes)
    classes.repair()
    assert classes.kinds("repaired") == classes.kinds("settled")
    assert classes.kinds("settled") == ["enrolment_added", "member_added"]
    assert places(classes) == before
    assert "8А · Школа № 1 · 2026/2027" not in classes.trial.cohorts_of(B, "q-1")


@pytest.mark.parametrize("what", ["rename", "other login", "suspend"])
def test_a_field_of_which_we_hold_another_value_by_now_is_left_to_the_next_look(
    portal: Portal, what: str
) -> None:
    MEDDLING[what][0](portal)
    portal.look()
    with portal.trial.rows() as session:
        person = session.get_one(KnownUser, portal.trial.person_id(A, "p-1"))
        person.lastname, person.username, person.suspended = "Третья", "third", True
    with pytest.raises(DriftProblem) as refused:
        decide(portal, "repair")
    assert refused.value.code == "drift.overtaken"
    assert portal.plan_repair() is None
    assert portal.drifts() == []


@pytest.mark.parametrize("what", ["rename a cohort", "hide a course", "delete a cohort"])
def test_an_object_of_which_we_hold_another_value_by_now_is_left_to_the_next_look(
    portal: Portal, what: str
) -> None:
    MEDDLING[what][0](portal)
    portal.look()
    with portal.trial.rows() as session:
        for one in session.scalars(select(KnownObject).where(KnownObject.kind != "category")):
            if one.kind == "cohort":
                one.fields = one.fields | {"name": "Третий"}
            one.fields = one.fields | {"visible": False}
            if what.startswith("delete"):
                one.moodle_id += 9000
    assert portal.plan_repair() is None
    assert portal.drifts() == []


def decide(portal: Portal, how: str, scope: Scope = CITY, **given: Any) -> Any:
    application = portal.trial.application
    with portal.trial.rows() as session:
        use_cases = Deciding(
            session=session, settings=application.settings, scope=scope, now=application.clock()
        )
        return getattr(use_cases, how)([row.id for row in portal.drifts()], **given)


def move_to_b(portal: Portal) -> None:
    """The pupil p-1 is of the other school from now on."""
    who = portal.trial.person_id(A, "p-1")
    with portal.trial.rows() as session:
        session.get_one(KnownUser, who).school_code = B
        session.query(SchoolMembership).filter_by(person_id=who).update({"school_code": B})


def seen(portal: Portal, scope: Scope) -> int:
    with portal.trial.rows() as session:
        rows = session.scalars(deciding.listed(scope)).all()
        assert len(rows) == deciding.count_open(session, scope)
        return len(rows)


@on_both_databases
def test_a_drift_follows_the_person_to_the_school_that_speaks_now(portal: Portal) -> None:
    MEDDLING["rename"][0](portal)
    portal.look()
    assert (seen(portal, SCHOOL_A), seen(portal, SCHOOL_B)) == (1, 0)
    move_to_b(portal)
    assert (seen(portal, SCHOOL_A), seen(portal, SCHOOL_B)) == (0, 1)
    portal.look()
    assert [one.school_code for one in portal.drifts()] == [B]


@pytest.mark.parametrize(
    ("how", "given"), [("keep", {}), ("exclude", {"reason": "так"}), ("repair", {})]
)
def test_after_a_move_the_old_school_answers_nothing_and_the_new_one_does(
    portal: Portal, how: str, given: dict[str, str]
) -> None:
    MEDDLING["rename"][0](portal)
    portal.look()
    move_to_b(portal)
    with pytest.raises(Forbidden):
        decide(portal, how, SCHOOL_A, **given)
    decided = decide(portal, how, SCHOOL_B, **given)
    assert not getattr(decided, "refused", {})
    (row,) = portal.trial.stored(select(Drift))
    assert row.school_code == B
    if how != "repair":
        assert row.state in (DriftState.KEPT, DriftState.EXCLUDED)
