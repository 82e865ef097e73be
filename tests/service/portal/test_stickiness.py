"""What was changed by hand in Moodle and kept survives every plan until the source moves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from provisioning.changes import Kind
from provisioning.settings import BothChangedSettings
from service.models import KnownObject, PlannedSticky, StickyField
from service.portal.keeping import Keeping, KeepingProblem, Place
from tests.service.factories import CITY, NOW
from tests.service.loads.test_moves import let_time_work
from tests.service.trial import A, Trial, on_both_databases, pupil, pupils, teacher

OTHERS = [*pupils("a", 5), teacher("a-head")]


def rows_with(class_id: str = "c-1", **person: Any) -> list[Any]:
    return [*OTHERS, pupil("a-77", class_id, **person)]


def in_moodle(trial: Trial, **fields: str) -> None:
    """Change the account of the pupil a-77 by hand."""
    number = trial.account(A, "a-77")["id"]
    asked = {f"users[0][{name}]": value for name, value in fields.items()}
    trial.ask_moodle("core_user_update_users", **{"users[0][id]": number, **asked})


def keep(trial: Trial, value: str, field: str, subject: Kind = Kind.USER, key: str = "") -> None:
    with trial.rows() as session:
        place = Place(subject=subject, key=key or trial.person_id(A, "a-77"), field=field)
        use_cases(trial, session).keep(place, value)


def end(trial: Trial, field: str) -> None:
    with trial.rows() as session:
        place = Place(subject=Kind.USER, key=trial.person_id(A, "a-77"), field=field)
        use_cases(trial, session).end(place)


def use_cases(trial: Trial, session: Any) -> Keeping:
    return Keeping(session=session, settings=trial.application.settings, scope=CITY, now=NOW)


def set_rule(trial: Trial, **rules: Any) -> None:
    trial.configure("moodle", when_both_changed=BothChangedSettings(**rules))


def sticky(trial: Trial) -> list[tuple[str, str]]:
    return [(one.field, one.value) for one in trial.stored(select(StickyField))]


def verdicts(trial: Trial, load_id: int) -> list[tuple[str, str]]:
    plan_id = trial.plans(load_id)[A].id
    found = trial.stored(select(PlannedSticky).where(PlannedSticky.plan_id == plan_id))
    return [(one.field, one.verdict) for one in found]


@pytest.fixture
def renamed(trial: Trial) -> Trial:
    """A pupil whose surname was changed by hand, which was kept."""
    trial.sync(trial.write(A, rows_with(family_name="Исходная")))
    in_moodle(trial, lastname="Исправленная")
    keep(trial, "Исправленная", "lastname")
    return trial


@on_both_databases
def test_other_fields_change_and_what_was_kept_stays(renamed: Trial) -> None:
    load = renamed.sync(renamed.write(A, rows_with("c-2", family_name="Исходная"), day=1))
    account = renamed.account(A, "a-77")
    assert (account["lastname"], account["department"]) == ("Исправленная", "8Б")
    assert renamed.plans(load.id)[A].left_out == {"kept": 1}
    assert sticky(renamed) == [("lastname", "Исправленная")]


@on_both_databases
def test_the_source_wins_once_it_has_changed_too(renamed: Trial) -> None:
    renamed.sync(renamed.write(A, rows_with(family_name="Новая"), day=1))
    assert renamed.account(A, "a-77")["lastname"] == "Новая"
    assert sticky(renamed) == []


def test_moodle_wins_where_the_rule_says_so_and_is_not_judged_again(renamed: Trial) -> None:
    set_rule(renamed, lastname="moodle")
    load = renamed.sync(renamed.write(A, rows_with(family_name="Новая"), day=1))
    assert verdicts(renamed, load.id) == [("lastname", "moodle")]
    assert renamed.account(A, "a-77")["lastname"] == "Исправленная"
    set_rule(renamed)
    again = renamed.sync(renamed.write(A, rows_with(family_name="Новая"), day=2))
    assert verdicts(renamed, again.id) == [("lastname", "kept")]
    assert renamed.account(A, "a-77")["lastname"] == "Исправленная"


def test_a_rule_that_asks_keeps_the_value_and_tells_a_finding(renamed: Trial) -> None:
    set_rule(renamed, lastname="ask")
    load = renamed.sync(renamed.write(A, rows_with(family_name="Новая"), day=1))
    (told,) = renamed.findings(load.id, "hands.both_changed")
    assert (told.sourced_id, told.field_name, told.value) == ("a-77", "lastname", "Новая")
    assert renamed.account(A, "a-77")["lastname"] == "Исправленная"
    with renamed.rows() as session:
        place = Place(subject=Kind.USER, key=renamed.person_id(A, "a-77"), field="lastname")
        use_cases(renamed, session).agree(place)
    load = renamed.sync(renamed.write(A, rows_with(family_name="Новая"), day=2))
    assert verdicts(renamed, load.id) == [("lastname", "kept")]
    assert renamed.findings(load.id, "hands.both_changed") == []


def test_a_source_that_says_the_same_by_now_ends_it(renamed: Trial) -> None:
    renamed.sync(renamed.write(A, rows_with(family_name="Исправленная"), day=1))
    assert sticky(renamed) == []
    renamed.sync(renamed.write(A, rows_with(family_name="Третья"), day=2))
    assert renamed.account(A, "a-77")["lastname"] == "Третья"


@on_both_databases
def test_the_value_of_the_source_comes_back_when_a_person_ends_it(renamed: Trial) -> None:
    end(renamed, "lastname")
    renamed.sync(renamed.write(A, rows_with(family_name="Исходная"), day=1))
    assert renamed.account(A, "a-77")["lastname"] == "Исходная"
    assert sticky(renamed) == []


def test_a_load_that_nothing_has_changed_in_does_nothing(renamed: Trial) -> None:
    renamed.settled(renamed.write(A, rows_with(family_name="Исходная"), day=1))
    assert sticky(renamed) == [("lastname", "Исправленная")]


def test_time_alone_takes_nothing_of_it(renamed: Trial) -> None:
    renamed.sync(renamed.write(A, OTHERS, day=1))
    clock = renamed.application.clock
    renamed.application.clock = lambda: clock() + timedelta(days=40)
    let_time_work(renamed)
    account = renamed.account(A, "a-77")
    assert (account["suspended"], account["lastname"]) == (True, "Исправленная")
    assert sticky(renamed) == [("lastname", "Исправленная")]


def test_a_plan_made_before_is_made_again(trial: Trial) -> None:
    trial.sync(trial.write(A, rows_with(family_name="Исходная")))
    waiting = trial.approved(trial.write(A, rows_with("c-2", family_name="Исходная"), day=1))
    keep(trial, "Исправленная", "lastname")
    assert trial.decisions(waiting) == {A: "superseded"}


@on_both_databases
def test_a_place_that_was_ended_by_hand_is_not_given_again(trial: Trial) -> None:
    trial.sync(trial.write(A, rows_with()))
    person, cohort = trial.person_id(A, "a-77"), f"class:{A}:2026/2027:c-1"
    ids = {one["idnumber"]: one["id"] for one in trial.moodle()["cohorts"]}
    gone = {
        "members[0][cohortid]": ids[cohort],
        "members[0][userid]": trial.account(A, "a-77")["id"],
    }
    trial.ask_moodle("core_cohort_delete_cohort_members", **gone)
    keep(trial, "", "", Kind.MEMBER, f"{cohort}|{person}")
    trial.settled(trial.write(A, rows_with(), day=1))
    assert trial.cohorts_of(A, "a-77") == {"Ученики · Школа № 1"}
    trial.sync(trial.write(A, rows_with("c-2"), day=2))
    assert trial.cohorts_of(A, "a-77") == {"Ученики · Школа № 1", "8Б · Школа № 1 · 2026/2027"}
    assert sticky(trial) == []


@on_both_databases
def test_the_name_of_a_cohort_that_was_changed_by_hand_stays(trial: Trial) -> None:
    trial.sync(trial.write(A, rows_with()))
    cohort = f"class:{A}:2026/2027:c-1"
    keep(trial, "Наш класс", "name", Kind.COHORT, cohort)
    trial.settled(trial.write(A, rows_with(), day=1))
    (known,) = trial.stored(select(KnownObject).where(KnownObject.key == cohort))
    assert known.fields["name"] == "Наш класс"


def test_a_kept_login_signs_in_and_the_old_one_is_given_to_nobody(trial: Trial) -> None:
    trial.sync(trial.write(A, rows_with()))
    old = trial.known(A, "a-77").username
    in_moodle(trial, username="anna")
    keep(trial, "anna", "username")
    assert trial.identity(A, "a-77").username == "anna"
    trial.settled(trial.write(A, rows_with(), day=1))
    with pytest.raises(KeepingProblem):
        keep(trial, trial.known(A, "a-1").username, "username")
    end(trial, "username")
    trial.sync(trial.write(A, rows_with(), day=2))
    assert trial.account(A, "a-77")["username"] == old


def test_an_idnumber_cannot_stay(trial: Trial) -> None:
    trial.sync(trial.write(A, rows_with()))
    with pytest.raises(KeepingProblem) as refused:
        keep(trial, "x", "person_id")
    assert refused.value.code == "keep.no_field"
