"""Losses beside suspensions and places: fields, moves, new accounts, rows, names of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from service.sample.rows import Row
from service.words import loads as wording
from tests.language import in_language
from tests.service.trial import A, B, Trial, make_class, on_both_databases, pupils, refusal, teacher

MANY = [*pupils("a", 60), teacher("a-t")]


def others(rows: Sequence[Row], **fields: Any) -> list[Row]:
    return [replace(row, person=replace(row.person, **fields)) for row in rows]


def breaches(trial: Trial, rows: Sequence[Row], code: str = A, **options: Any) -> Any:
    load_id = trial.load(trial.write(code, rows, **{"day": 1} | options))
    found = trial.plans(load_id)[code].breaches
    if found:
        assert refusal(trial.approve, load_id) == "load.over_limits"
    for language, doubt in (("ru", ("?", "так выглядит")), ("en", ("?", "looks like this"))):
        with in_language(language):
            said = [wording.breach(one) for one in found]
        assert all("{" not in one and any(why in one for why in doubt) for one in said)
    return found


def loss(limit: str, count: int, base: int, **among: Any) -> dict[str, Any]:
    return {"limit": limit, "count": count, "base": base, **among}


@on_both_databases
def test_names_logins_and_birth_dates_count_each_for_itself(trial: Trial) -> None:
    trial.sync(trial.write(A, MANY))
    names = others(MANY[:15], family_name="Образцов")
    assert breaches(trial, [*names, *MANY[15:]]) == [loss("names", 15, 61)]
    born = others(MANY[:11], birth_date=date(2011, 3, 3))
    assert breaches(trial, [*born, *MANY[11:]], day=2) == [loss("birth_dates", 11, 61)]
    # Below the floor nothing is said; above the sum's limit, the sum speaks.
    few = [*others(MANY[:9], family_name="Образцов"), *MANY[9:]]
    assert breaches(trial, few, day=3) == []
    many = [*others(MANY[:30], family_name="Образцов"), *MANY[30:]]
    assert breaches(trial, many, day=4) == [loss("updated", 30, 61)]


@on_both_databases
def test_people_who_come_from_other_schools_in_bulk_need_a_second_yes(trial: Trial) -> None:
    away = pupils("b", 40)
    trial.sync(trial.write(A, MANY), trial.write(B, away))
    come = others(away[:16], sourced_id="")
    come = [
        replace(row, person=replace(row.person, sourced_id=f"a-new-{number}"))
        for number, row in enumerate(come)
    ]
    found = breaches(trial, [*MANY, *come])
    assert found == [loss("moves", 16, 77)]
    assert breaches(trial, [*MANY, *come[:9]], day=2) == []


@on_both_databases
def test_second_accounts_in_bulk_need_a_second_yes(trial: Trial) -> None:
    trial.sync(trial.write(A, MANY))
    found = breaches(trial, [*MANY, *pupils("n", 51)])
    assert found == [loss("accounts", 51, 60, among="student")]
    assert breaches(trial, [*MANY, *pupils("n", 50)], day=2) == []
    # Teachers come for the first time: nobody can have a second account.
    trial.sync(trial.write(B, pupils("b", 5)))
    staff = [teacher(f"t-{number}") for number in range(60)]
    assert breaches(trial, [*pupils("b", 5), *staff], B, day=3) == []


@on_both_databases
def test_many_rows_that_cannot_be_used_need_a_second_yes(trial: Trial) -> None:
    trial.sync(trial.write(A, MANY))
    broken = others(MANY[:11], family_name="")
    found = breaches(trial, [*broken, *MANY[11:]])
    assert found == [loss("set_aside", 11, 61, among="rows")]


@on_both_databases
def test_other_names_of_many_classes_need_a_second_yes(trial: Trial) -> None:
    rows = [row for each in range(1, 13) for row in pupils(f"p{each}", 3, f"c-{each}")]
    classes = [make_class(f"c-{each}", f"8-{each}") for each in range(1, 13)]
    trial.sync(trial.write(A, rows, classes=classes))
    turned = [make_class(f"c-{each}", f"9-{each}", grade=9) for each in range(1, 13)]
    found = breaches(trial, rows, classes=turned)
    assert found == [
        loss("renamed", 12, 12, among="cohorts"),
        loss("renamed", 12, 12, among="courses"),
    ]
    assert breaches(trial, rows, classes=[*turned[:10], *classes[10:]], day=2) == []


@on_both_databases
@pytest.mark.parametrize("size", [12, 30, 61])
def test_all_classes_blank_are_a_loss_of_places(trial: Trial, size: int) -> None:
    rows = pupils("a", size)
    classes = [make_class()]
    trial.sync(trial.write(A, rows, classes=classes))
    blank = [replace(row, class_id="") for row in rows]
    assert breaches(trial, blank, classes=classes) == [
        loss("course_places", size, size), loss("memberships", size, size),
    ]  # fmt: skip


@on_both_databases
def test_who_has_turned_up_elsewhere_is_no_loss(trial: Trial) -> None:
    trial.sync(trial.write(A, MANY))
    gone = [
        replace(row, person=replace(row.person, sourced_id=f"b-{number}"))
        for number, row in enumerate(MANY[:20])
    ]
    trial.sync(trial.write(B, [*pupils("own", 90), *gone]))
    assert breaches(trial, MANY[20:]) == []
