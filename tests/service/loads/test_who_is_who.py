"""Rows whose id no longer says who they are: what becomes of the people and their accounts.

The cases of tests/data/next-exports that are about ids, and variations of them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from provisioning.findings import Finding, Severity
from provisioning.matching import How, Match, Matching
from provisioning.questions import Candidate, Question, QuestionKind
from service.loads import identities
from service.loads.planning import plan_load
from service.models import LoadStatus, SchoolMembership
from service.people.passwords import find_person
from service.sample.rows import Row
from tests.service.loads.test_contradicting_numbers import OF_B, nothing_of, waits
from tests.service.loads.test_next_exports import CODE, case, rows, variant
from tests.service.questions.asked import answer, open_questions
from tests.service.trial import (
    A,
    B,
    Trial,
    left,
    make_class,
    on_both_databases,
    pupil,
    pupils,
    teacher,
)

HEAD = teacher("a-head")


def renamed(row: Row, **fields: Any) -> Row:
    return replace(row, person=replace(row.person, **fields))


def people_of(trial: Trial) -> list[dict[str, Any]]:
    """The accounts in Moodle, in a fixed order."""
    return sorted(trial.moodle()["users"], key=lambda user: user["id"])


# New ids


@on_both_databases
def test_pupils_who_were_entered_anew_keep_their_accounts(trial: Trial) -> None:
    first, second = case("d3-new-ids-five")
    trial.sync(first)
    before = people_of(trial)
    load_id = trial.load(second)
    told = trial.findings(load_id, "match.new_id")
    assert [(one.sourced_id, one.details["old"]) for one in told] == [
        (f"re-s-{number}", f"s-{number}") for number in range(1, 6)
    ]
    assert trial.counts(load_id, CODE).keys().isdisjoint({"user.create", "user.suspend"})
    trial.carry_out(load_id)
    assert people_of(trial) == before
    assert trial.person_id(CODE, "re-s-1") == trial.person_id(CODE, "s-1")
    trial.settled(second)


ROLL = [*(pupil(f"a-{number}", snils="") for number in range(1, 5)), HEAD]


@pytest.mark.parametrize(
    "change",
    [
        {"family_name": "latin"},
        {"family_name": "upper"},
        {"middle_name": "hyphen"},
    ],
    ids=["Latin letters", "capitals", "a hyphen"],
)
def test_however_the_name_is_typed_the_second_time(trial: Trial, change: dict[str, str]) -> None:
    typed = {
        "latin": lambda name: name.replace("о", "o").replace("а", "a"),
        "upper": str.upper,
        "hyphen": lambda name: f"{name[:2]}-{name[2:]}",
    }
    trial.sync(trial.write(A, ROLL))
    before = trial.account(A, "a-1")
    ((name, how),) = change.items()
    again = renamed(ROLL[0], sourced_id="x-1", **{name: typed[how](getattr(ROLL[0].person, name))})
    trial.sync(trial.write(A, [again, *ROLL[1:]], day=1))
    assert trial.account(A, "x-1")["id"] == before["id"]
    assert len(trial.moodle()["users"]) == 5


@pytest.mark.parametrize(
    ("class_id", "fields"),
    [
        ("c-2", {}),
        ("c-1", {"birth_date": date(2012, 5, 21)}),
        ("c-1", {"family_name": "Замужняя"}),
    ],
    ids=["another class", "another day", "another family name"],
)
def test_less_than_that_waits_and_nobody_is_shut_out(
    trial: Trial, class_id: str, fields: dict[str, Any]
) -> None:
    known = renamed(ROLL[0], birth_date=date(2012, 5, 24))
    trial.sync(trial.write(A, [known, *ROLL[1:]]))
    before = people_of(trial)
    again = replace(renamed(known, sourced_id="x-1", **fields), class_id=class_id)
    file = trial.write(A, [again, *ROLL[1:]], day=1)
    load_id = trial.load(file)
    assert trial.rules(load_id)["match.waits"] == A
    trial.carry_out(load_id)
    assert people_of(trial) == before
    assert waits(trial, A, "x-1")
    trial.settled(file)


def renumbered(day: int, trial: Trial, ids: dict[str, str]) -> Any:
    return trial.write(
        A, [renamed(one, sourced_id=ids[one.person.sourced_id]) for one in SCHOOL], day=day
    )


SCHOOL = [*(pupil(f"a-{number}", snils="") for number in range(1, 13)), HEAD]
NEW_IDS = {one.person.sourced_id: f"x-{one.person.sourced_id}" for one in SCHOOL}
SHIFTED = {
    one.person.sourced_id: SCHOOL[(place + 6) % 12].person.sourced_id
    for place, one in enumerate(SCHOOL[:12])
} | {"a-head": "x-head"}  # fmt: skip


@on_both_databases
@pytest.mark.parametrize("ids", [NEW_IDS, SHIFTED], ids=["new ids", "ids of other pupils"])
def test_an_export_with_new_ids_changes_nobody_until_it_is_answered(
    trial: Trial, ids: dict[str, str]
) -> None:
    first = trial.write(A, SCHOOL)
    trial.sync(first)
    before = trial.moodle()
    load_id = trial.load(renumbered(1, trial, ids))
    assert trial.rules(load_id)["match.renumbered"] == A
    assert len(trial.findings(load_id)) == 1
    # So many rows that are set aside need a second yes.
    trial.carry_out(load_id, over_limits=True)
    assert trial.moodle() == before
    # The ids were a mistake: the old ones come again.
    trial.settled(trial.write(A, SCHOOL, day=2))


def test_nor_do_its_classes_under_new_ids_get_second_courses(trial: Trial) -> None:
    trial.sync(trial.write(A, SCHOOL))
    before = trial.moodle()
    rows = [
        replace(renamed(one, sourced_id=NEW_IDS[one.person.sourced_id]), class_id="x-c")
        if one.class_id
        else renamed(one, sourced_id=NEW_IDS[one.person.sourced_id])
        for one in SCHOOL
    ]
    trial.sync(trial.write(A, rows, day=1, classes=[make_class("x-c", "8А")]))
    assert trial.moodle() == before


# Ids of others


@on_both_databases
def test_swapped_ids_of_twins_exchange_nothing(trial: Trial) -> None:
    first, second = case("d4-ids-swapped")
    trial.sync(first)
    before = people_of(trial)
    load_id = trial.load(second)
    assert [one.sourced_id for one in trial.findings(load_id, "match.key_reused")] == ["s-2", "s-1"]
    trial.carry_out(load_id)
    assert people_of(trial) == before
    assert trial.plans(load_id)[CODE].set_aside == 2
    # They are put right.
    trial.settled(variant(trial, first, ("2026-10-01T", "2026-10-03T")))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"given_name": "Пётр"}, {"given_name": "Павел"}),
        ({"given_name": "Алина"}, {"given_name": "Арина"}),
        ({"given_name": "Пётр", "sex": "M"}, {"given_name": "Анна", "sex": "F"}),
    ],
    ids=["brothers", "names alike", "brother and sister"],
)
def test_nor_do_twins_of_one_family_name(
    trial: Trial, one: dict[str, Any], two: dict[str, Any]
) -> None:
    twins = {
        "family_name": "Близнюк", "middle_name": "Тестович", "birth_date": date(2012, 3, 3),
        "snils": "", "sex": "",
    }  # fmt: skip
    rest = [*pupils("a-other", 3), HEAD]
    known = [pupil("a-1", **twins | one), pupil("a-2", **twins | two)]
    trial.sync(trial.write(A, [*known, *rest]))
    before = people_of(trial)
    swapped = [pupil("a-1", **twins | two), pupil("a-2", **twins | one)]
    trial.sync(trial.write(A, [*swapped, *rest], day=1))
    assert people_of(trial) == before


def test_a_leaver_s_id_that_a_new_pupil_gets_keeps_the_leaver_s_account(trial: Trial) -> None:
    trial.sync(trial.write(A, ROLL))
    before = trial.account(A, "a-1")
    newcomer = pupil("a-1", who="newcomer", snils="")
    load_id = trial.load(trial.write(A, [newcomer, *ROLL[1:]], day=1))
    assert trial.rules(load_id)["match.key_reused"] == A
    trial.carry_out(load_id)
    assert trial.account(A, "a-1") == before


# Two rows of one human


@on_both_databases
def test_two_posts_of_a_teacher_are_one_account_that_teaches_both(trial: Trial) -> None:
    posts = [teacher("a-t", who="t"), teacher("a-t2", who="t")]
    classes = [pupil("a-1"), pupil("a-2", "c-2")]
    first = trial.write(A, [*classes, posts[0]])
    trial.sync(first)
    login = trial.account(A, "a-t")["username"]
    both = trial.write(A, [*classes, *posts], day=1)
    run = trial.sync(both)
    assert trial.rules(run.id)["match.second_row"] == A
    assert trial.account(A, "a-t2")["username"] == login
    assert trial.person_id(A, "a-t") == trial.person_id(A, "a-t2")
    assert len(trial.moodle()["users"]) == 3
    trial.settled(both)


@pytest.mark.parametrize("number", ["", "11223344595"])
@pytest.mark.parametrize("turned", [False, True])
def test_an_active_row_under_another_id_beats_the_ended_one(
    trial: Trial, number: str, turned: bool
) -> None:
    first, second = case("c3-left-row-first")
    ended, active = rows(second, "s-1")
    (known,) = rows(first, "s-1")

    def numbered(row: str) -> str:
        return row.replace("</birth_date>", f"</birth_date><snils>{number}</snils>")

    trial.sync(variant(trial, first, (known, numbered(known))))
    before = trial.account(CODE, "s-1")
    two = [numbered(ended), numbered(active.replace('"s-1"', '"s-777"'))]
    text = "\n".join(reversed(two) if turned else two)
    trial.sync(variant(trial, second, (f"{ended}\n{active}", text)))
    after = trial.account(CODE, "s-777")
    assert (after["id"], after["suspended"], after["department"]) == (before["id"], 0, "5Б")


# Rights


def test_a_place_that_is_not_confirmed_gives_no_rights(trial: Trial) -> None:
    trial.sync(trial.write(A, ROLL), trial.write(B, [pupil("b-7", who="m"), *pupils("b", 3)]))
    login = trial.account(A, "a-1")["username"]
    claim = {"school_code": B, "person_id": trial.person_id(A, "a-1"), "role": "student"}
    with trial.rows() as session:
        session.add(SchoolMembership(**claim, confirmed=False))
    nothing_of(trial, login, B)
    with trial.rows() as session:
        session.get_one(SchoolMembership, (B, claim["person_id"])).confirmed = True
    with trial.rows() as session:
        assert find_person(session, OF_B, login).username == login


# Numbers


def test_a_number_makes_no_move_where_the_settings_say_to_ask(trial: Trial) -> None:
    trial.configure("matching", moves="ask")
    trial.sync(trial.write(A, [*ROLL, pupil("a-7", who="mover")]))
    trial.sync(trial.write(A, [*ROLL, left(pupil("a-7", who="mover"))], day=1))
    load_id = trial.load(trial.write(B, [pupil("b-7", who="mover"), *pupils("b", 3)], day=2))
    assert trial.rules(load_id)["match.waits"] == B
    assert waits(trial, B, "b-7")


# Answers


@pytest.mark.parametrize("ids", [NEW_IDS, SHIFTED], ids=["new ids", "ids of other pupils"])
def test_one_yes_gives_a_whole_export_its_new_ids(trial: Trial, ids: dict[str, str]) -> None:
    trial.sync(trial.write(A, SCHOOL))
    before = trial.moodle()
    file = renumbered(1, trial, ids)
    trial.sync(file)
    (asked,) = open_questions(trial)
    done = answer(trial, asked.id, "confirm")
    assert done.load_id is not None
    plan_load(trial.application, done.load_id)
    trial.carry_out(done.load_id, over_limits=True)
    trial.settled(file)
    assert (trial.moodle(), open_questions(trial)) == (before, [])


def test_one_no_to_new_ids_stops_nothing_and_asks_about_each(trial: Trial) -> None:
    trial.sync(trial.write(A, SCHOOL))
    before = trial.moodle()
    trial.sync(renumbered(1, trial, NEW_IDS))
    (asked,) = open_questions(trial)
    done = answer(trial, asked.id, "refuse")
    assert done.load_id is not None
    plan_load(trial.application, done.load_id)
    assert trial.run(done.load_id).status == LoadStatus.PLANNED
    assert {one.question.kind for one in open_questions(trial)} == {QuestionKind.MATCH}
    assert trial.moodle() == before


STRANGER = {"s-1": Match(person_id="new", how=How.NEW)}


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ("school.strangers", ["renumbered p-1", "match p-2"]),
        ("school.contradicted", ["renumbered p-1"]),
        ("school.of_another", ["renumbered p-1"]),
    ],
)
def test_a_stopped_file_asks_what_may_let_it_go_on(rule: str, left: list[str]) -> None:
    asked = tuple(
        Question(kind=kind, school_code=A, key=who, candidates=(Candidate(key=who),))
        for kind, who in (
            (QuestionKind.RENUMBERED, "p-1"), (QuestionKind.MATCH, "p-2"),
            (QuestionKind.SPLIT, "new"),
        )
    )  # fmt: skip
    stop = Finding(rule=rule, severity=Severity.FATAL, file="a.xml")
    found = Matching(matches=STRANGER, questions=asked, findings=(stop,))
    assert [f"{one.kind} {one.key}" for one in identities._answerable(found)] == left


def test_one_answer_about_swapped_twins_settles_both_rows(trial: Trial) -> None:
    first, second = case("d4-ids-swapped")
    trial.sync(first)
    before = people_of(trial)
    brother = trial.person_id(CODE, "s-1")
    trial.sync(second)
    asked = next(one for one in open_questions(trial) if one.question.key.startswith("s-2"))
    done = answer(trial, asked.id, "same", candidate=brother)
    assert done.load_id is not None
    plan_load(trial.application, done.load_id)
    trial.carry_out(done.load_id)
    assert (people_of(trial), open_questions(trial)) == (before, [])
    assert trial.person_id(CODE, "s-2") == brother
    trial.settled(second)
