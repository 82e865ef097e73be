"""What is kept between loads: identities and logins for ever, and rows as Moodle has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import event, select

from service.models import CohortMember, Identity, KnownEnrolment, KnownObject, SchoolMembership
from tests.service.place import (
    A,
    B,
    C,
    Place,
    make_place,
    on_both_databases,
    pupil,
    pupils,
    teacher,
    with_settings,
)

ROWS = [*pupils("a", 3), teacher("a-t")]


def logins(place: Place) -> dict[str, str]:
    with place.application.sessions() as session:
        return dict(session.execute(select(Identity.person_id, Identity.username)).all())


@on_both_databases
def test_a_login_is_given_at_the_first_reading_and_never_again(place: Place) -> None:
    """Also when the plan is never approved: the next load finds the same person and login."""
    file = place.write(A, ROWS)
    place.load(file)
    given = logins(place)
    place.load(place.write(A, ROWS[1:], day=1))
    place.sync(file)
    assert logins(place) == given
    assert len(set(given.values())) == 4
    made = {user["idnumber"]: user["username"] for user in place.moodle()["users"]}
    assert made == given


@on_both_databases
def test_a_new_name_keeps_the_login_and_is_what_the_next_match_compares(place: Place) -> None:
    place.sync(place.write(A, ROWS))
    before = place.account(A, "a-1")
    married = replace(ROWS[0], person=replace(ROWS[0].person, family_name="Новофамильная"))
    place.sync(place.write(A, [married, *ROWS[1:]], day=1))
    assert place.account(A, "a-1") == before | {"lastname": "Новофамильная"}
    without_number = replace(married.person, sourced_id="b-1", snils="")
    load_id = place.load(place.write(B, [replace(married, person=without_number), teacher("b-t")]))
    assert place.rules(load_id) == {"match.same_name_elsewhere": B}


def test_a_name_that_was_only_planned_is_not_known(place: Place) -> None:
    place.sync(place.write(A, ROWS))
    married = replace(ROWS[0].person, family_name="Новофамильная")
    place.load(place.write(A, [replace(ROWS[0], person=married), *ROWS[1:]], day=1))
    with place.application.sessions() as session:
        identity = session.get_one(Identity, place.person_id(A, "a-1"))
    assert identity.family_name == ROWS[0].person.family_name
    assert place.known(A, "a-1").family_name == ROWS[0].person.family_name


def test_the_same_key_in_two_schools_is_two_people(place: Place) -> None:
    place.sync(place.write(A, ROWS), place.write(B, [pupil("a-1", who="other"), teacher("b-t")]))
    assert place.person_id(A, "a-1") != place.person_id(B, "a-1")
    assert len(place.moodle()["users"]) == 6


@on_both_databases
def test_the_rows_are_what_moodle_holds(place: Place) -> None:
    place.sync(place.write(A, ROWS), place.write(B, [*pupils("b", 2), teacher("b-t")]))
    place.sync(place.write(A, [replace(ROWS[0], class_id="c-2"), *ROWS[1:]], day=1))
    state = place.moodle()
    people = {user["id"]: user["idnumber"] for user in state["users"]}
    cohorts = {one["id"]: one["idnumber"] for one in state["cohorts"]}
    courses = {one["id"]: one["idnumber"] for one in state["courses"]}
    with place.application.sessions() as session:
        members = {(row.cohort, row.person_id) for row in session.scalars(select(CohortMember))}
        enrolled = {
            (row.course, row.person_id, row.role) for row in session.scalars(select(KnownEnrolment))
        }
        numbers = {
            (row.kind, row.key): row.moodle_id for row in session.scalars(select(KnownObject))
        }
    assert members == {(cohorts[m["cohortid"]], people[m["userid"]]) for m in state["members"]}
    assert enrolled == {
        (courses[e["courseid"]], people[e["userid"]], e["role"]) for e in state["enrolments"]
    }
    assert numbers == {
        (kind, one["idnumber"]): one["id"]
        for kind, rows in (("category", "categories"), ("cohort", "cohorts"), ("course", "courses"))
        for one in state[rows]
        if one["idnumber"]
    }


def test_shared_categories_belong_to_no_school(place: Place) -> None:
    """The second school of the city finds the category of the city as known."""
    place.sync(place.write(A, ROWS))
    run = place.sync(place.write(B, [*pupils("b", 2), teacher("b-t")]))
    made = {change.key for change in place.changes(run.id, "category")}
    assert made == {"district:Кировский", "school:SB0002", "school:SB0002:2026/2027"}


@on_both_databases
def test_the_roll_is_that_of_the_load_that_was_begun_last(place: Place) -> None:
    place.sync(place.write(A, ROWS))
    place.load(place.write(A, ROWS[1:], day=1))

    def roll() -> set[tuple[str, str, str]]:
        with place.application.sessions() as session:
            return {
                (row.person_id, row.role, row.class_title)
                for row in session.scalars(select(SchoolMembership))
            }

    whole = {(place.person_id(A, f"a-{n}"), "student", "8А") for n in (1, 2, 3)}
    whole.add((place.person_id(A, "a-t"), "teacher", ""))
    assert roll() == whole
    place.sync(place.write(A, ROWS[1:], day=1))
    assert roll() == whole - {(place.person_id(A, "a-1"), "student", "8А")}


def test_namesakes_get_different_logins_in_the_whole_city(tmp_path: Path) -> None:
    """In one file and in another school; logins of digits differ by themselves."""
    namesakes = {"family_name": "Примеров", "given_name": "Пример", "middle_name": ""}
    with make_place(tmp_path, configure=with_settings("logins", scheme="transliterated")) as place:
        twice = [pupil("a-1", **namesakes), pupil("a-2", **namesakes), teacher("a-t")]
        run = place.sync(place.write(A, twice))
        place.sync(place.write(B, [pupil("b-1", **namesakes), teacher("b-t")]))
        assert {change.result for change in place.changes(run.id)} == {"done"}
        names = {
            place.account(code, key)["username"]
            for code, key in ((A, "a-1"), (A, "a-2"), (B, "b-1"))
        }
        assert len(names) == 3


def test_who_is_elsewhere_is_asked_only_about_people_of_several_schools(place: Place) -> None:
    """The rolls of a run are not gone through once more for each of its schools."""
    asked: list[str] = []
    event.listen(
        place.application.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_rest: asked.append(statement),
    )
    place.load(*(place.write(code, pupils(code, 3)) for code in (A, B, C)))
    assert [one for one in asked if one.startswith("SELECT") and "planned_memberships" in one] == []
    assert len([one for one in asked if "source_keys_1" in one]) == 1
