"""The rows of a school that was merged, as a part of its successor's."""

from __future__ import annotations

from provisioning.overlay import under_ids_of_successor
from tests.factories import make_class, make_enrolment, make_person, make_roster, make_teacher


def test_an_id_of_the_old_school_is_nobody_else_s_at_its_successor() -> None:
    people = [make_person(one) for one in ("same", "taken", "renamed", "both", "new")]
    roster = make_roster(
        [*people, make_teacher("t")], [make_class("c", teacher_id="t"), make_class("d")],
        [make_enrolment("same", "c"), make_enrolment("taken", "c")], set_aside=frozenset({"aside"}),
    )  # fmt: skip
    code = roster.school.code
    own = {"same": "p-1", "taken": "p-2", "renamed": "p-3", "both": "p-4", "t": "p-5"}
    theirs = {
        "same": "p-1", "taken": "q-2", "renamed": "q-3", f"{code}:renamed": "p-3",
        "both": "p-4", f"{code}:both": "p-4", "t": "q-5", "aside": "q-6",
    }  # fmt: skip
    found = under_ids_of_successor(roster, own, theirs)
    after = ["same", *(f"{code}:{one}" for one in ("taken", "renamed", "both", "new", "t"))]
    assert [*found.persons] == [one.sourced_id for one in found.persons.values()] == after
    assert [one.teacher_id for one in found.classes.values()] == [f"{code}:t", None]
    assert [one.person_id for one in found.enrolments] == ["same", f"{code}:taken"]
    assert found.set_aside == {f"{code}:aside"}
