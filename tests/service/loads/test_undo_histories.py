"""Random histories of a few small schools, of which the last loads are undone.

Moodle is then equal to before them in every row and role, but for accounts that were made, which
are suspended, and objects that were made, which are hidden. The next files lead to what they lead
to where the undone loads have never been. Workers die on the way, and Moodle refuses some changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.loads import due, operations
from service.loads.applying import apply_load
from service.loads.planning import plan_load
from service.models import ClassKey, ClassTeacher, School, SchoolMembership, SourceKey
from service.sample.rows import Row
from tests.service.installation import receive_paths
from tests.service.loads.test_any_order import (
    PUPILS,
    SCHOOLS,
    TEACHERS,
    MortalClock,
    Whereabouts,
    assert_no_login_of_two,
    whereabouts,
)
from tests.service.loads.test_undo import assert_as_before, begun, portal
from tests.service.trial import Trial, make_class, make_trial, pupil, pupils, teacher
from tests.soak import SOAK, soak

EXAMPLES = 3 if SOAK == 1 else 15 * SOAK
CLASSES = (make_class("c-1", "8А"), make_class("c-2", "8Б"))


@dataclass(frozen=True, kw_only=True)
class Step:
    """One load of some schools, or time that goes by."""

    codes: tuple[str, ...]
    """None: time goes by, and what is due is applied."""
    where: Whereabouts
    classes: tuple[str, ...]
    """The class of each pupil."""
    renamed: int
    """So many of a school's own pupils have other surnames, once the school is known."""
    titles: tuple[str, str]
    fails: int
    """So many accounts, from the last, Moodle refuses to change."""
    lives: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class History:
    steps: tuple[Step, ...]
    undone: int
    """So many of the last steps."""
    together: bool
    """By one load, or one after the other."""
    last: Step
    lives: tuple[int, ...]


def lives() -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(1, 30), max_size=2).map(tuple)


@st.composite
def steps(draw: st.DrawFn, *, whole: bool = False) -> Step:
    codes = SCHOOLS if whole else draw(st.sampled_from([SCHOOLS, *((one,) for one in SCHOOLS), ()]))
    return Step(
        codes=tuple(codes),
        where=draw(whereabouts()),
        classes=tuple(draw(st.sampled_from(["c-1", "c-2"])) for _one in PUPILS),
        renamed=0 if whole else draw(st.integers(0, 2)),
        titles=draw(st.sampled_from([("8А", "8Б"), ("8А", "8В"), ("8Г", "8Б")])),
        fails=0 if whole else draw(st.sampled_from([0, 0, 1, 2])),
        lives=() if whole else draw(lives()),
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    some = draw(st.lists(steps(), min_size=1, max_size=4))
    return History(
        steps=tuple(some),
        undone=draw(st.integers(1, min(3, len(some)))),
        together=draw(st.booleans()),
        last=draw(steps(whole=True)),
        lives=draw(lives()),
    )


def rows_of(code: str, step: Step, renamed: int = 0) -> list[Row]:
    own = pupils(f"own-{code}", 5, "c-2")
    for number in range(renamed):
        person = replace(own[number].person, family_name="Новофамильная")
        own[number] = replace(own[number], person=person)
    rows = [*own, teacher(f"head-{code}")]
    for number, who in enumerate((*PUPILS, *TEACHERS)):
        if code in step.where[who]:
            key = f"{who}-at-{code}"
            is_teacher = who in TEACHERS
            rows.append(
                teacher(key, who=who) if is_teacher else pupil(key, step.classes[number], who=who)
            )
    return rows


class Office:
    """Carries out steps at one installation."""

    def __init__(self, trial: Trial) -> None:
        self.trial, self.day = trial, 0
        self.clock = MortalClock(clock=trial.application.clock, lives=iter(()))
        trial.application.clock = self.clock
        self.loads: list[int] = []
        self.known: set[str] = set()
        """Codes of schools that were loaded."""

    def do(self, step: Step) -> None:
        """Plan, say yes to everything and apply, whoever dies."""
        trial = self.trial
        self.day += 1
        self.clock.lives = iter(step.lives)
        if not step.codes:
            before = self.clock.clock
            self.clock.clock = lambda: before() + timedelta(days=31)
            load_id = due.begin(trial.application)
            if load_id is None:
                return
        else:
            titles = zip(CLASSES, step.titles, strict=True)
            classes = [make_class(one.sourced_id, title) for one, title in titles]
            paths = [
                trial.write(
                    code,
                    rows_of(code, step, step.renamed if code in self.known else 0),
                    day=self.day,
                    classes=classes,
                )
                for code in step.codes
            ]
            self.known.update(step.codes)
            load_id = receive_paths(trial.application, *paths)
        self.clock.survive(lambda: plan_load(trial.application, load_id))
        if trial.run(load_id).status != "planned":
            return  # such a file is stopped by a finding
        accounts = [one for one in trial.changes(load_id) if one.action in ("create", "update")]
        for change in accounts[len(accounts) - step.fails :] if step.fails else ():
            trial.plan_otherwise(change, email="nobody")
        self.loads.append(load_id)
        self.carry_out(load_id)

    def carry_out(self, load_id: int) -> None:
        trial = self.trial
        trial.ask(operations.approve, load_id, over_limits=True)
        trial.ask(operations.ready_to_apply, load_id)
        self.clock.survive(
            lambda: apply_load(trial.application, load_id, sleep=lambda _seconds: None)
        )
        run = trial.run(load_id)
        assert run.status in ("applied", "applied_with_failures"), (run.status, run.problem)

    def undo(self, *loads: int) -> None:
        load_id = begun(self.trial, *loads)
        self.clock.survive(lambda: plan_load(self.trial.application, load_id))
        rules = {one.rule for one in self.trial.findings(load_id)}
        assert rules <= {"undo.stays"}
        self.carry_out(load_id)
        assert self.trial.run(load_id).status == "applied"
        assert {self.trial.run(one).status for one in loads} == {"undone"}


def ours(trial: Trial) -> dict[str, set[tuple[Any, ...]]]:
    """Our own rows: rolls, class teachers, keys of classes, dates of schools."""
    found = {}
    for table, dropped in (
        (SchoolMembership, {"confirmed"}), (ClassTeacher, set()), (ClassKey, {"since"}),
    ):  # fmt: skip
        columns = [one for one in table.__table__.columns if one.name not in dropped]
        rows = trial.stored(table.__table__.select().with_only_columns(*columns))
        found[table.__tablename__] = {tuple(row) for row in rows}
    dates = School.__table__.select().with_only_columns(School.code, School.last_exported_at)
    found["dates"] = set(trial.stored(dates))
    return found


def source_keys(trial: Trial) -> set[tuple[str, str, str]]:
    columns = (SourceKey.school_code, SourceKey.sourced_id, SourceKey.person_id)
    return set(trial.stored(SourceKey.__table__.select().with_only_columns(*columns)))


def everybody(trial: Trial, step: Step) -> dict[str, Any]:
    """Who of those in the last files -> name, state and places of the account in Moodle."""
    now = portal(trial)
    accounts = {one["idnumber"]: one for one in now["users"].values()}
    found = {}
    for code in SCHOOLS:
        for row in rows_of(code, step):
            account = accounts[trial.person_id(code, row.person.sourced_id)]
            login = account["username"]
            found[row.human] = (
                account["lastname"], account["firstname"], account["suspended"],
                # Of two schools that list somebody again at once a later load says which speaks.
                account["institution"] if row.human in PUPILS else "", account["department"],
                sorted(cohort for cohort, user in now["members"] if user == login),
                sorted((course, role) for course, user, role in now["enrolments"] if user == login),
            )  # fmt: skip
    return found


def lived(folder: Path, history: History, database_url: str = "") -> None:
    kept = history.steps[: -history.undone]
    with make_trial(folder / "undone", database_url=database_url) as trial:
        office = Office(trial)
        for step in kept:
            office.do(step)
        before, rows, keys = portal(trial), ours(trial), source_keys(trial)
        office.loads = []
        for step in history.steps[len(kept) :]:
            office.do(step)
        office.clock.lives = iter(history.lives)
        if office.loads and history.together:
            office.undo(*office.loads)
        for load_id in () if history.together else office.loads[::-1]:
            office.undo(load_id)
        assert_as_before(portal(trial), before)
        if len(office.loads) == len(history.steps) - len(kept):
            # Else a file was refused, and its rows have keys all the same.
            now = ours(trial)
            schools = {code for code, _date in rows["dates"]}
            now["dates"] = {one for one in now["dates"] if one[0] in schools or one[1]}
            assert now == rows
            assert source_keys(trial) == keys
        office.do(history.last)
        assert_no_login_of_two(trial)
        found = everybody(trial, history.last)
        day = office.day
    with make_trial(folder / "never") as twin:
        office = Office(twin)
        for step in kept:
            office.do(step)
        office.day = day - 1
        office.do(history.last)
        assert everybody(twin, history.last) == found


@soak
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(history=histories())
def test_undone_loads_have_never_been(history: History) -> None:
    with TemporaryDirectory() as folder:
        lived(Path(folder), history)
