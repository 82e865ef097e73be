"""Fields that hands in Moodle changed: what the source said, says, and who is right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioning.changes import Kind
from provisioning.settings import BothChanged
from provisioning.state import Member, MoodleCohort, State
from provisioning.stickiness import (
    ABSENT,
    THERE,
    Sticky,
    Verdict,
    as_in_moodle,
    as_source_says,
    overlay,
)
from tests.factories import make_state, make_user

OURS = make_user("p-1", firstname="Анна", department="8А")
IN_MOODLE = replace(OURS, firstname="Аня")
NAME = Sticky(subject=Kind.USER, key="p-1", field="firstname", value="Аня", source_value="Анна")
PLACE = Sticky(subject=Kind.MEMBER, key="k|p-1", field="", value=ABSENT, source_value=THERE)
MEMBER = Member(cohort="k", person_id="p-1")


def state(user: object = OURS, *members: Member) -> State:
    cohorts = {"k": MoodleCohort(idnumber="k", name="8А")}
    return make_state([user], cohorts=cohorts, members=frozenset(members))


def laid(desired: State, sticky: Sticky, rule: BothChanged = "source") -> tuple[State, Verdict]:
    after, (judged,) = overlay(desired, [sticky], lambda _field: rule)
    return after, judged.verdict


def test_a_value_stays_while_the_source_is_as_it_was() -> None:
    after, verdict = laid(state(replace(OURS, department="9А")), NAME)
    assert verdict is Verdict.KEPT
    assert after.users["p-1"] == replace(IN_MOODLE, department="9А")


@pytest.mark.parametrize(
    ("rule", "firstname", "verdict"),
    [
        ("source", "Инна", Verdict.SOURCE),
        ("moodle", "Аня", Verdict.MOODLE),
        ("ask", "Аня", Verdict.ASKED),
    ],
)
def test_a_rule_decides_when_the_source_has_changed_too(
    rule: BothChanged, firstname: str, verdict: Verdict
) -> None:
    after, found = laid(state(replace(OURS, firstname="Инна")), NAME, rule)
    assert (after.users["p-1"].firstname, found) == (firstname, verdict)


def test_a_source_that_says_the_same_ends_it() -> None:
    assert laid(state(IN_MOODLE), NAME, "ask")[1] is Verdict.AGREED


def test_a_value_that_a_person_has_ended_gives_way_to_the_source() -> None:
    after, verdict = laid(state(), replace(NAME, ends=True), "moodle")
    assert (after.users["p-1"].firstname, verdict) == ("Анна", Verdict.SOURCE)


def test_a_place_that_was_ended_by_hand_is_not_given_again() -> None:
    assert laid(state(OURS, MEMBER), PLACE) == (state(), Verdict.KEPT)
    assert laid(state(), PLACE) == (state(), Verdict.AGREED)


def test_the_two_sides_of_what_is_known_are_each_others_reverse() -> None:
    moodle = state(IN_MOODLE)
    told = as_source_says(moodle, [NAME, PLACE])
    assert told == state(OURS, MEMBER)
    assert as_in_moodle(told, [NAME, PLACE]) == moodle


def test_what_a_state_does_not_name_is_left_alone() -> None:
    nobody = make_state([])
    assert overlay(nobody, [NAME], lambda _field: "ask") == (nobody, ())
    assert as_source_says(nobody, [NAME]) == nobody


def test_a_suspension_is_kept_as_a_truth() -> None:
    closed = Sticky(subject=Kind.USER, key="p-1", field="suspended", value="true", source_value="")
    after, verdict = laid(state(), closed)
    assert (after.users["p-1"].suspended, verdict) == (True, Verdict.KEPT)
