"""Suspended, archived, deleted: what time does, and what only a person with a list does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from service.access import Scope
from service.loads import due
from service.loads.deleting import archived_before, carry_out, digest, listed
from service.loads.planning import plan_load
from service.models import (
    AuditEntry,
    CohortMember,
    Drift,
    ForeignAccount,
    Identity,
    KnownUser,
    OperatorRole,
    PortalLook,
    SourceKey,
    StickyField,
    StoredDecision,
    StoredQuestion,
)
from tests.service.factories import add, add_question
from tests.service.installation import SCOPE
from tests.service.loads.test_undo import rules_of, undoing
from tests.service.trial import EXPORTED, A, Trial, on_both_databases, pupils, refusal, teacher

FIRST = [*pupils("a", 6), teacher("head")]


def time_goes_by(trial: Trial, days: int) -> None:
    """Let so many days go by, and apply what is due then."""
    earlier = trial.application.clock
    trial.application.clock = lambda: earlier() + timedelta(days=days)
    load_id = due.begin(trial.application)
    assert load_id is not None
    plan_load(trial.application, load_id)
    trial.carry_out(load_id, over_limits=True)


def with_archived(trial: Trial) -> list[str]:
    """A school of which two pupils are archived; their logins."""
    trial.sync(trial.write(A, FIRST))
    trial.sync(trial.write(A, FIRST[2:], day=1))
    for days, state in ((31, "suspended"), (91, "archived")):
        time_goes_by(trial, days)
        assert {trial.known(A, key).state for key in ("a-1", "a-2")} == {state}
    return [trial.known(A, key).username for key in ("a-1", "a-2")]


@on_both_databases
def test_only_a_list_and_a_second_yes_delete_archived_people(trial: Trial) -> None:
    logins = with_archived(trial)
    ids = [trial.person_id(A, key) for key in ("a-1", "a-2")]
    assert all(trial.account(A, key)["suspended"] for key in ("a-1", "a-2"))
    assert trial.cohorts_of(A, "a-1") == set()
    assert trial.courses_of(A, "a-1") == set()
    with trial.rows() as session:
        people = listed(session, SCOPE, logins)
        moment = trial.application.clock() - timedelta(days=100)
        assert archived_before(session, SCOPE, moment) == people
        assert archived_before(session, SCOPE, moment - timedelta(days=100)) == []
    assert {one.person_id for one in people} == set(ids)
    assert refusal(carry_out, trial.application, people, "", scope=SCOPE) == "delete.digest"
    said = digest(people)
    assert refusal(carry_out, trial.application, people[:1], said, scope=SCOPE) == "delete.digest"
    assert len(trial.moodle()["users"]) == 7
    assert carry_out(trial.application, people, said, scope=SCOPE) == (2, [])
    assert {one["idnumber"] for one in trial.moodle()["users"]}.isdisjoint(ids)
    for table in (KnownUser, SourceKey, CohortMember):
        assert trial.stored(select(func.count()).where(table.person_id.in_(ids))) == [0]
    husks = trial.stored(select(Identity).where(Identity.person_id.in_(ids)))
    assert {one.username for one in husks} == set(logins)
    assert {(one.family_name, one.birth_date, one.snils) for one in husks} == {("", None, "")}
    deleted = select(AuditEntry).where(AuditEntry.action == "person.delete")
    assert {one.details["person"] for one in trial.stored(deleted)} == set(ids)
    # Whoever comes back is somebody new, with another login.
    trial.sync(trial.write(A, FIRST, day=2))
    assert trial.person_id(A, "a-1") not in ids
    assert trial.known(A, "a-1").username not in logins


def test_archiving_hides_last_years_class_that_everybody_has_left(trial: Trial) -> None:
    last_year: dict[str, Any] = {
        "school_year": "2025/2026",
        "exported_at": EXPORTED - timedelta(days=150),
    }
    leavers = pupils("gone", 3, "c-2")
    now = trial.application.clock
    trial.application.clock = lambda: now() - timedelta(days=150)
    trial.sync(trial.write(A, [*FIRST, *leavers], **last_year))
    trial.application.clock = now
    trial.sync(trial.write(A, FIRST))
    visible = {"class:SB0001:2025/2026:c-2": 1, "role:SB0001:student": 1}
    for days in (31, 91):
        seen = {one["idnumber"]: one["visible"] for one in trial.moodle()["cohorts"]}
        assert seen.items() >= visible.items()
        time_goes_by(trial, days)
    hidden = {one["idnumber"] for one in trial.moodle()["cohorts"] if not one["visible"]}
    assert hidden == {"class:SB0001:2025/2026:c-2"}


def test_nobody_is_deleted_when_one_of_the_list_is_not_archived(trial: Trial) -> None:
    (login, _other), on_roll = with_archived(trial), trial.known(A, "a-3").username
    school = Scope(actor="school", role=OperatorRole.SCHOOL, items=frozenset([A]))
    with trial.rows() as session:
        assert refusal(listed, session, SCOPE, [login, on_roll]) == "delete.not_archived"
        assert refusal(listed, session, SCOPE, [login, "nobody"]) == "delete.unknown"
        assert refusal(listed, session, school, [login]) == "page"


def test_a_deletion_that_broke_off_goes_on_and_deletes_nobody_twice(trial: Trial) -> None:
    logins = with_archived(trial)
    with trial.rows() as session:
        people = listed(session, SCOPE, logins)
    # Moodle has deleted one of them already, and its answer was lost.
    number = {"userids[0]": people[0].moodle_id}
    trial.ask_moodle("core_user_delete_users", **number)
    assert carry_out(trial.application, people, digest(people), scope=SCOPE) == (2, [])
    assert len(trial.moodle()["users"]) == 5


def test_an_undoing_tells_of_people_who_were_deleted_since(trial: Trial) -> None:
    trial.sync(trial.write(A, FIRST))
    gone = trial.sync(trial.write(A, FIRST[1:], day=1))
    for days in (31, 91):
        time_goes_by(trial, days)
    with trial.rows() as session:
        people = listed(session, SCOPE, [trial.known(A, "a-1").username])
    carry_out(trial.application, people, digest(people), scope=SCOPE)
    assert "undo.gone" in rules_of(trial, undoing(trial, gone.id))


def test_who_comes_back_while_the_list_is_worked_off_is_left_out(trial: Trial) -> None:
    logins = with_archived(trial)
    with trial.rows() as session:
        people = listed(session, SCOPE, logins)
    # One is on the roll of an approved plan, the other is back already.
    trial.sync(trial.write(A, [*FIRST[:1], *FIRST[2:]], day=2))
    trial.approved(trial.write(A, FIRST, day=3))
    kept = [(one, "came_back") for one in people]
    assert carry_out(trial.application, people, digest(people), scope=SCOPE) == (0, kept)
    assert len(trial.moodle()["users"]) == 7
    assert trial.known(A, "a-1").state == "on_roll"


def test_nothing_is_left_of_what_looks_and_questions_say_of_a_deleted_person(trial: Trial) -> None:
    logins = with_archived(trial)
    with trial.rows() as session:
        people = listed(session, SCOPE, logins)
        one, now = people[0], trial.application.clock()
        look = add(session, PortalLook, began_at=now, actor="worker")
        drift = add(
            session, Drift, kind="field", subject="user", key=one.person_id, field="lastname",
            person_id=one.person_id, ours="Иванов", theirs="Петров", look_id=look.id,
            found_at=now, seen_at=now,
        )  # fmt: skip
        add(
            session, StickyField, subject="user", key=one.person_id, field="lastname", since=now,
            value="Петров", source_value="Иванов", drift_id=drift.id,
        )  # fmt: skip
        add(
            session, ForeignAccount, person_id=one.person_id, moodle_id=99, state="different",
            account="{}", seen_at=now,
        )  # fmt: skip
        told = add_question(session, A, "a-1", state="answered")
        told.rows = '["Иванов"]'
        add(
            session, StoredDecision, question_id=told.id, school_code=A, kind=told.kind, key="a-1",
            answer="same", evidence='["Иванов"]', reason="Иванов", decided_by="kira",
            decided_at=now,
        )  # fmt: skip
    carry_out(trial.application, people, digest(people), scope=SCOPE)
    for table in (Drift, StickyField, ForeignAccount):
        assert trial.stored(select(table)) == []
    (asked,), (said,) = trial.stored(select(StoredQuestion)), trial.stored(select(StoredDecision))
    assert (asked.rows, said.evidence, said.reason) == ("[]", "[]", "")
