"""Classes whose ids change, or name other classes: cohort and course stay with their people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from provisioning.roster import SchoolClass
from service.loads.planning import plan_load
from service.models import ClassKey, KnownObject, SchoolMembership
from service.questions.answering import Answered
from service.sample.rows import Row
from tests.service.installation import NOW
from tests.service.questions import asked
from tests.service.trial import A, Trial, make_class, on_both_databases, pupil, pupils, teacher

OLD = pupils("a", 12, "c-5")
NEW = pupils("n", 9, "c-5")


def in_class(rows: Iterable[Row], class_id: str) -> list[Row]:
    return [replace(row, class_id=class_id) for row in rows]


def titled(class_id: str, title: str, **others: Any) -> SchoolClass:
    grade = int("".join(filter(str.isdigit, title[:2])))
    return make_class(class_id, title, grade=grade, **others)


def loaded(trial: Trial, rows: Sequence[Row], *classes: SchoolClass, day: int = 0) -> int:
    """Load, say one yes, apply; the number of the load."""
    load_id = trial.load(trial.write(A, rows, day=day, classes=classes))
    run = trial.carry_out(load_id)
    assert (run.status, run.problem) == ("applied", "")
    return load_id


def class_rules(trial: Trial, load_id: int) -> set[str]:
    return {rule for rule in trial.rules(load_id) if rule.startswith("class.")}


def places(trial: Trial, sourced_id: str) -> tuple[set[str], set[str]]:
    """Idnumbers of class cohorts and of courses in Moodle of this pupil."""
    state, number = trial.moodle(), trial.account(A, sourced_id)["id"]
    cohorts = {one["id"]: one["idnumber"] for one in state["cohorts"]}
    courses = {one["id"]: one["idnumber"] for one in state["courses"]}
    mine = {cohorts[one["cohortid"]] for one in state["members"] if one["userid"] == number}
    taken = {courses[one["courseid"]] for one in state["enrolments"] if one["userid"] == number}
    return {one for one in mine if one.startswith("class:")}, taken


def named(key: str) -> tuple[set[str], set[str]]:
    return {f"class:{A}:2026/2027:{key}"}, {f"course:{A}:2026/2027:{key}"}


def course_titles(trial: Trial) -> dict[str, str]:
    """Key of a class -> title of its course."""
    found = {one["idnumber"]: one["fullname"] for one in trial.moodle()["courses"]}
    return {key.rpartition(":")[2]: name.partition(",")[0] for key, name in found.items() if key}


@on_both_databases
@pytest.mark.parametrize(
    ("old_id", "other_id"), [("c-5", "c-x"), ("5А", "17"), ("2", "1"), ("c-5", "a-1")]
)
def test_an_id_that_names_another_class_does_not_take_the_course_along(
    trial: Trial, old_id: str, other_id: str
) -> None:
    rows = in_class(OLD, old_id)
    loaded(trial, rows, titled(old_id, "5А"))
    now = [*in_class(OLD, other_id), *in_class(NEW, old_id)]
    classes = titled(old_id, "9Г"), titled(other_id, "5А")
    load_id = loaded(trial, now, *classes, day=1)
    assert places(trial, "a-1") == places(trial, "a-12") == named(old_id)
    assert places(trial, "n-1") == named(f"{old_id}~2")
    assert course_titles(trial) == {old_id: "5А", f"{old_id}~2": "9Г"}
    assert class_rules(trial, load_id) == {"class.renumbered", "class.id_reused"}
    # The next file is nothing new, and says nothing.
    trial.settled(trial.write(A, now, day=2, classes=classes))
    load_id = loaded(trial, now, *classes, day=3)
    assert class_rules(trial, load_id) == set()
    assert trial.counts(load_id, A) == {}


@on_both_databases
def test_another_class_may_take_the_id_long_after(trial: Trial) -> None:
    loaded(trial, OLD, titled("c-5", "5А"))
    moved = in_class(OLD, "c-x")
    loaded(trial, moved, titled("c-x", "5А"), day=1)
    assert places(trial, "a-1") == named("c-5")
    loaded(trial, [*moved, *NEW], titled("c-x", "5А"), titled("c-5", "9Г"), day=2)
    assert (places(trial, "a-1"), places(trial, "n-1")) == (named("c-5"), named("c-5~2"))
    assert course_titles(trial) == {"c-5": "5А", "c-5~2": "9Г"}


@on_both_databases
def test_the_ids_of_all_classes_go_round(trial: Trial) -> None:
    one, two, three = pupils("a", 6, "c-1"), pupils("b", 6, "c-2"), pupils("d", 6, "c-3")
    titles = titled("c-1", "5А"), titled("c-2", "6А"), titled("c-3", "7А")
    loaded(trial, [*one, *two, *three], *titles)
    before = trial.moodle()["courses"]
    turned = [*in_class(one, "c-2"), *in_class(two, "c-3"), *in_class(three, "c-1")]
    titles = titled("c-2", "5А"), titled("c-3", "6А"), titled("c-1", "7А")
    trial.writes()
    load_id = loaded(trial, turned, *titles, day=1)
    assert trial.counts(load_id, A) == {}
    assert trial.moodle()["courses"] == before
    assert len(trial.findings(load_id, "class.renumbered")) == 3


@on_both_databases
@pytest.mark.parametrize("other_id", ["С-5", "C-5", "c - 5", "с-5 "])
def test_an_id_typed_otherwise_is_the_same_class(trial: Trial, other_id: str) -> None:
    loaded(trial, OLD, titled("c-5", "5А"))
    load_id = loaded(trial, in_class(OLD, other_id.strip()), titled(other_id.strip(), "5А"), day=1)
    assert trial.counts(load_id, A) == {}
    # Inside one file too: a reference, and a second row of the class.
    mixed = [*OLD[:6], *in_class(OLD[6:], other_id.strip())]
    load_id = loaded(trial, mixed, titled("c-5", "5А"), day=2)
    assert trial.counts(load_id, A) == {}
    both = titled("c-5", "5А"), titled(other_id.strip(), "5А")
    load_id = loaded(trial, mixed, *both, day=3)
    assert trial.counts(load_id, A) == {}
    assert class_rules(trial, load_id) == {"class.look_alike"}


@on_both_databases
def test_until_somebody_answers_everybody_keeps_their_places(trial: Trial) -> None:
    """Pupils, title and id contradict each other: two classes have exchanged their people."""
    lead = teacher("t-1")
    one, two = pupils("a", 12, "c-1"), pupils("b", 12, "c-2")
    titles = titled("c-1", "5А", teacher_id="t-1"), titled("c-2", "5Б")
    loaded(trial, [*one, *two, lead], *titles)
    before = {who: places(trial, who) for who in ("a-1", "b-1", "t-1")}
    swapped = [*in_class(one, "c-2"), *in_class(two, "c-1"), lead, pupil("n-1", "c-1")]
    load_id = loaded(trial, swapped, *titles, day=1)
    assert [one.value for one in trial.findings(load_id, "class.in_doubt")] == ["c-1", "c-2"]
    assert {who: places(trial, who) for who in before} == before
    assert places(trial, "n-1") == (set(), set())
    here = select(SchoolMembership.class_title).where(
        SchoolMembership.person_id == trial.person_id(A, "a-1")
    )
    assert trial.stored(here) == ["5А"]
    assert course_titles(trial) == {"c-1": "5А", "c-2": "5Б"}


@on_both_databases
def test_a_split_class_keeps_its_course_where_id_and_title_stay(trial: Trial) -> None:
    loaded(trial, OLD, titled("c-5", "5А"))
    parts = [*OLD[:6], *in_class(OLD[6:], "c-6")]
    loaded(trial, parts, titled("c-5", "5А"), titled("c-6", "5Б"), day=1)
    assert (places(trial, "a-1"), places(trial, "a-12")) == (named("c-5"), named("c-6"))
    # Joined again under one of the two.
    loaded(trial, in_class(OLD, "c-6"), titled("c-6", "5Б"), day=2)
    assert places(trial, "a-1") == places(trial, "a-12") == named("c-6")


@on_both_databases
def test_classes_of_a_new_school_year_have_keys_of_their_own(trial: Trial) -> None:
    loaded(trial, OLD, titled("c-5", "5А"))
    trial.application.clock = lambda: NOW + timedelta(days=366)
    classes = titled("c-5", "6А"), titled("c-1", "5А")
    rows = [*OLD, *pupils("b", 5, "c-1")]
    load_id = trial.load(trial.write(A, rows, day=366, school_year="2027/2028", classes=classes))
    trial.carry_out(load_id)
    assert class_rules(trial, load_id) == set()
    cohorts, _ = places(trial, "a-1")
    assert cohorts == {f"class:{A}:{year}:c-5" for year in ("2026/2027", "2027/2028")}


@on_both_databases
def test_a_school_loaded_before_keys_were_kept_has_its_ids_as_keys(trial: Trial) -> None:
    empty = titled("c-9", "9А")
    loaded(trial, OLD, titled("c-5", "5А"), empty)
    with trial.rows() as session:
        for row in session.scalars(select(ClassKey)):
            session.delete(row)
    load_id = loaded(trial, OLD, titled("c-5", "5А"), empty, day=1)
    assert trial.counts(load_id, A) == {}
    with trial.rows() as session:
        for row in session.scalars(select(ClassKey)):
            session.delete(row)
    now = [*in_class(OLD, "c-x"), *NEW]
    loaded(trial, now, titled("c-5", "9Г"), titled("c-x", "5А"), empty, day=2)
    assert (places(trial, "a-1"), places(trial, "n-1")) == (named("c-5"), named("c-5~2"))
    keys = {key.rpartition(":")[2] for key in trial.stored(
        select(KnownObject.key).where(KnownObject.kind == "course")
    )}  # fmt: skip
    assert keys == {"c-5", "c-5~2", "c-9"}


def planned_again(trial: Trial, found: Answered, **options: Any) -> int:
    """Apply the load that an answer has made."""
    assert found.load_id is not None
    plan_load(trial.application, found.load_id)
    trial.carry_out(found.load_id, **options)
    return found.load_id


@on_both_databases
@pytest.mark.parametrize(("given", "key"), [("same", "c-5"), ("different", "c-5~2")])
def test_an_answer_about_a_class_counts_and_can_be_taken_back(
    trial: Trial, given: str, key: str
) -> None:
    """The id, with a title of the same grade, has other people; the old ones are in no class."""
    loaded(trial, OLD, titled("c-5", "5А"))
    now, other = [*NEW, *in_class(OLD[:4], "")], titled("c-5", "5В")
    load_id = trial.load(trial.write(A, now, day=1, classes=[other]))
    trial.carry_out(load_id, over_limits=True)
    assert places(trial, "n-1") == (set(), set())
    (question,) = asked.open_questions(trial)
    chosen = {"candidate": "c-5"} if given == "same" else {}
    planned_again(trial, asked.answer(trial, question.id, given, **chosen))
    assert places(trial, "n-1") == named(key)
    load_id = loaded(trial, now, other, day=3)
    assert class_rules(trial, load_id) == set()
    assert asked.open_questions(trial) == []

    # Nearly all lose the class that the answer gave them: somebody says yes to that.
    load_id = planned_again(trial, asked.undo(trial, question.id), over_limits=True)
    assert class_rules(trial, load_id) == {"class.in_doubt"}
    assert places(trial, "n-1") == (set(), set())  # as before, until somebody answers again
    load_id = loaded(trial, now, other, day=4)
    assert class_rules(trial, load_id) == {"class.in_doubt"}
    (again,) = asked.open_questions(trial)
    planned_again(trial, asked.answer(trial, again.id, "same", candidate="c-5"))
    assert places(trial, "n-1") == named("c-5")


@on_both_databases
@pytest.mark.parametrize("to", ["5В", "5Б"])
def test_a_few_pupils_whom_changes_put_elsewhere_leave_their_class_as_it_is(
    trial: Trial, to: str
) -> None:
    titles = titled("c-5", "5А"), titled("c-6", "5Б")
    loaded(trial, [*OLD, *pupils("b", 12, "c-6")], *titles)
    class_id = {"5В": "c-7", "5Б": "c-6"}[to]
    moved = in_class(OLD[:4] if to == "5В" else OLD[:1], class_id)
    file = trial.write(A, moved, day=1, classes=[titled(class_id, to)])
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole.replace("<mode>full<", "<mode>changes<"), encoding="utf-8")
    load_id = trial.load(file)
    trial.carry_out(load_id, over_limits=True)
    assert class_rules(trial, load_id) == set()
    assert (places(trial, "a-1"), places(trial, "a-12")) == (named(class_id), named("c-5"))
    assert course_titles(trial) == {"c-5": "5А", "c-6": "5Б"} | {class_id: to}
