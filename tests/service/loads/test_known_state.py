"""What is kept between loads: identities and logins for ever, and rows as Moodle has them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import event, select

from provisioning.matching import How, KnownIdentities, KnownIdentity, Match, Matching
from service.db import transaction
from service.loads import identities
from service.models import CohortMember, Identity, KnownEnrolment, KnownObject, SchoolMembership
from tests.factories import make_person, make_roster
from tests.service.trial import A, B, C, Trial, on_both_databases, pupil, pupils, teacher

ROWS = [*pupils("a", 3), teacher("a-t")]


def logins(trial: Trial) -> dict[str, str]:
    return dict(trial.stored(select(Identity.person_id, Identity.username)))


@on_both_databases
def test_a_login_is_given_at_the_first_reading_and_never_again(trial: Trial) -> None:
    """Also when the plan is never approved: the next load finds the same person and login."""
    file = trial.write(A, ROWS)
    trial.load(file)
    given = logins(trial)
    trial.load(trial.write(A, ROWS[1:], day=1))
    trial.sync(file)
    assert logins(trial) == given
    assert len(set(given.values())) == 4
    made = {user["idnumber"]: user["username"] for user in trial.moodle()["users"]}
    assert made == given


@on_both_databases
def test_a_new_name_keeps_the_login_and_is_what_the_next_match_compares(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS))
    before = trial.account(A, "a-1")
    married = replace(ROWS[0], person=replace(ROWS[0].person, family_name="Новофамильная"))
    file = trial.write(A, [married, *ROWS[1:]], day=1)
    trial.load(file)
    # A name that was only planned is not known.
    names = {trial.identity(A, "a-1").family_name, trial.known(A, "a-1").family_name}
    assert names == {ROWS[0].person.family_name}
    trial.sync(file)
    assert trial.account(A, "a-1") == before | {"lastname": "Новофамильная"}
    without_number = replace(married.person, sourced_id="b-1", snils="")
    load_id = trial.load(trial.write(B, [replace(married, person=without_number), teacher("b-t")]))
    assert trial.rules(load_id) == {"match.waits": B}


@pytest.mark.parametrize("how", How)
def test_the_sex_of_a_row_is_learned_of_whom_its_id_names_and_of_nobody_else(
    trial: Trial, how: How
) -> None:
    trial.sync(trial.write(A, ROWS))
    named, other = trial.person_id(A, "a-1"), trial.person_id(A, "a-2")
    before = trial.identity(A, "a-1").sex, trial.identity(A, "a-2").sex
    row = replace(make_person("a-1"), sex="F" if before[0] == "M" else "M")
    whom = named if how is How.KNOWN else other
    found = Matching(matches={"a-1": Match(person_id=whom, how=how)})
    human = KnownIdentity(
        person_id=named, family_name="Примеров", given_name="Пример", birth_date=None,
        sex=before[0], school_code=A,
    )  # fmt: skip
    with transaction(trial.application.sessions) as session:
        known = KnownIdentities(by_key={"a-1": human})
        identities._learn_sexes(session, make_roster([row]), found, known)
    after = trial.identity(A, "a-1").sex, trial.identity(A, "a-2").sex
    assert after == (row.sex if how is How.KNOWN else before[0], before[1])


def test_the_same_key_in_two_schools_is_two_people(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS), trial.write(B, [pupil("a-1", who="other"), teacher("b-t")]))
    assert trial.person_id(A, "a-1") != trial.person_id(B, "a-1")
    assert len(trial.moodle()["users"]) == 6


@on_both_databases
def test_the_rows_are_what_moodle_holds(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS), trial.write(B, [*pupils("b", 2), teacher("b-t")]))
    trial.sync(trial.write(A, [replace(ROWS[0], class_id="c-2"), *ROWS[1:]], day=1))
    state = trial.moodle()
    people = {user["id"]: user["idnumber"] for user in state["users"]}
    cohorts = {one["id"]: one["idnumber"] for one in state["cohorts"]}
    courses = {one["id"]: one["idnumber"] for one in state["courses"]}
    members = trial.stored(select(CohortMember.cohort, CohortMember.person_id))
    assert set(members) == {(cohorts[m["cohortid"]], people[m["userid"]]) for m in state["members"]}
    enrolled = select(KnownEnrolment.course, KnownEnrolment.person_id, KnownEnrolment.role)
    assert set(trial.stored(enrolled)) == {
        (courses[e["courseid"]], people[e["userid"]], e["role"]) for e in state["enrolments"]
    }
    numbers = select(KnownObject.kind, KnownObject.key, KnownObject.moodle_id)
    assert set(trial.stored(numbers)) == {
        (kind, one["idnumber"], one["id"])
        for kind, rows in (("category", "categories"), ("cohort", "cohorts"), ("course", "courses"))
        for one in state[rows]
        if one["idnumber"]
    }


def test_shared_categories_belong_to_no_school(trial: Trial) -> None:
    """The second school of the city finds the category of the city as known."""
    trial.sync(trial.write(A, ROWS))
    run = trial.sync(trial.write(B, [*pupils("b", 2), teacher("b-t")]))
    made = {change.key for change in trial.changes(run.id, "category")}
    assert made == {"district:Кировский", "school:SB0002", "school:SB0002:2026/2027"}


@on_both_databases
def test_the_roll_is_that_of_the_load_that_was_begun_last(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS))
    trial.load(trial.write(A, ROWS[1:], day=1))

    def roll() -> set[tuple[str, str, str]]:
        table = SchoolMembership
        return set(trial.stored(select(table.person_id, table.role, table.class_title)))

    whole = {(trial.person_id(A, f"a-{n}"), "student", "8А") for n in (1, 2, 3)}
    whole.add((trial.person_id(A, "a-t"), "teacher", ""))
    assert roll() == whole
    trial.sync(trial.write(A, ROWS[1:], day=1))
    assert roll() == whole - {(trial.person_id(A, "a-1"), "student", "8А")}


def test_who_is_elsewhere_is_asked_only_about_people_of_several_schools(trial: Trial) -> None:
    """The rolls of a run are not gone through once more for each of its schools."""
    asked: list[str] = []
    event.listen(
        trial.application.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_rest: asked.append(statement),
    )
    trial.load(*(trial.write(code, pupils(code, 3)) for code in (A, B, C)))
    assert [one for one in asked if one.startswith("SELECT") and "planned_memberships" in one] == []
    assert len([one for one in asked if "source_keys_1" in one]) == 2
