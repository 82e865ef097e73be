"""The pages about what Moodle really has: differences, both lists, exclusions, changes by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest

from service.models import (
    Drift,
    Exclusion,
    KnownUser,
    Load,
    PlannedSticky,
    PortalLook,
    SchoolMembership,
    StickyField,
)
from tests.service.console_factories import Browser, ConsoleUnderTest, shows
from tests.service.factories import (
    NOW,
    add,
    add_known_person,
    add_load,
    add_plan,
    add_school,
    take_off_roll,
)

OWN, FOREIGN = "78-0243", "78-0153"
PAGE, LISTS = "/console/moodle", "/console/moodle/both-lists"
EXCLUSIONS, BY_HAND = "/console/moodle/exclusions", "/console/moodle/by-hand"


@pytest.fixture
def console(console: ConsoleUnderTest) -> ConsoleUnderTest:
    """A look found a pupil renamed and two members added; another school has a difference too."""
    with console.rows() as rows:
        add_school(rows, OWN)
        add_school(rows, FOREIGN, district="Адмиралтейский")
        add_known_person(rows, "a", OWN, lastname="Прежняя", family_name="Прежняя", moodle_id=11)
        add_known_person(rows, "c", FOREIGN, family_name="Чужова", lastname="Чужова", moodle_id=12)
        add(rows, PortalLook, id=1, began_at=NOW, ended_at=NOW, actor="worker", people=2)
        add_drift(rows, "a", OWN, field="lastname", ours="Прежняя", theirs="Новая-Фамилия")
        add_drift(rows, "c", FOREIGN, field="lastname", ours="Чужова", theirs="Не-Чужова")
        for number in (5, 6):
            add_drift(
                rows, "", OWN, kind="member_added", subject="member", moodle_id=number,
                key=f"class:{OWN}:2026/2027:c-8a|moodle:{number}",
            )  # fmt: skip
    return console


def add_drift(rows: Any, person: str, school: str, **fields: Any) -> None:
    usual = {"kind": "account_renamed", "subject": "user", "key": person, "person_id": person,
             "school_code": school, "look_id": 1, "found_at": NOW, "seen_at": NOW}  # fmt: skip
    add(rows, Drift, **usual | fields)


def states(console: ConsoleUnderTest) -> dict[str, str]:
    return {one.key: one.state for one in console.all(Drift)}


def test_differences_stand_by_school_and_kind_with_both_values(city: Browser) -> None:
    text = city.get(PAGE).text
    shows(text, "Прежняя → Новая-Фамилия", "Чужова → Не-Чужова", "По проверке Moodle")
    narrowed = city.get(f"{PAGE}?kind=member_added").text
    assert "Новая-Фамилия" not in narrowed
    shows(narrowed, "Moodle", "То же для всех таких из списка: 2")
    assert "4 расхождения с Moodle ждут решения" in city.get("/console/").text


def test_a_difference_is_kept_and_stands_on_the_page_of_the_person(
    console: ConsoleUnderTest, city: Browser
) -> None:
    answered = city.post(PAGE, answer="keep", drift="1", reason="замуж вышла")
    assert answered.status_code == 303
    assert states(console)["a"] == "kept"
    card = city.post("/console/people", login="48pa")
    shows(card.text, "Остаётся таким, как исправлено в Moodle", "Прежняя → Новая-Фамилия")
    shows(city.get(BY_HAND).text, "Прежняя → Новая-Фамилия")
    field = {"subject": "user", "key": "a", "field": "lastname"}
    assert city.post(BY_HAND, answer="source", **field).status_code == 303
    assert [one.ends for one in console.all(StickyField)] == [True]
    shows(city.get(BY_HAND).text, "следующий план вернёт значение источника")


def digest(page: str) -> str:
    """What a page posts with "the same for all"."""
    (found,) = re.findall(r'name="digest" value="(\w+)"', page)
    return str(found)


def test_all_of_a_kind_are_answered_together(console: ConsoleUnderTest, city: Browser) -> None:
    shown = digest(city.get(f"{PAGE}?kind=member_added").text)
    every = {"all": "1", "kind": "member_added", "digest": shown}
    assert city.post(PAGE, answer="keep", **every).status_code == 303
    assert sorted(one.state for one in console.all(Drift)) == ["kept", "kept", "open", "open"]


def test_all_of_a_list_are_those_of_the_state_that_it_shows(
    console: ConsoleUnderTest, city: Browser
) -> None:
    with console.rows() as rows:
        for person in ("k1", "k2"):
            add_known_person(rows, person, OWN, moodle_id=30 + int(person[1]))
            add_drift(rows, person, OWN, field="email", state="kept")
    every = {"kind": "account_renamed", "state": "kept", "all": "1"}
    shown = digest(city.get(f"{PAGE}?kind=account_renamed&state=kept").text)
    answered = city.post(PAGE, answer="exclude", reason="сами", digest=shown, **every)
    assert answered.status_code == 303
    found = states(console)
    assert (found["k1"], found["k2"]) == ("excluded", "excluded")
    assert (found["a"], found["c"]) == ("open", "open")


def test_a_list_that_changed_since_it_was_shown_is_not_answered_as_one(
    console: ConsoleUnderTest, city: Browser
) -> None:
    shown = digest(city.get(f"{PAGE}?kind=member_added").text)
    with console.rows() as rows:
        add_drift(rows, "", OWN, kind="member_added", subject="member", moodle_id=7,
                  key=f"class:{OWN}:2026/2027:c-8a|moodle:7")  # fmt: skip
    every = {"answer": "keep", "all": "1", "kind": "member_added"}
    for given in ({"digest": shown}, {}, {"digest": "0"}):
        shows(city.post(PAGE, **every, **given), "Список изменился с тех пор", status=409)
    other = digest(city.get(f"{PAGE}?kind=account_renamed").text)
    shows(city.post(PAGE, **every, digest=other), "Список изменился", status=409)
    assert {one.state for one in console.all(Drift)} == {"open"}


def test_the_old_school_of_a_child_who_moved_reads_and_answers_nothing(
    console: ConsoleUnderTest,
) -> None:
    school = console.client("school")
    assert "Новая-Фамилия" in school.get(PAGE).text
    with console.rows() as rows:
        rows.get_one(KnownUser, "a").school_code = FOREIGN
        rows.query(SchoolMembership).filter_by(person_id="a").update({"school_code": FOREIGN})
    text = school.get(PAGE).text
    assert "Новая-Фамилия" not in text
    assert "Прежняя" not in text
    for answer in ("keep", "repair", "exclude"):
        assert school.post(PAGE, answer=answer, drift="1", reason="так").status_code == 404


def test_a_repair_leads_to_a_load_that_waits_for_a_yes(
    console: ConsoleUnderTest, city: Browser
) -> None:
    planned = city.post(PAGE, answer="repair", drift="1")
    (load,) = console.all(Load)
    assert planned.status_code == 303
    assert planned.headers["Location"].endswith(f"/console/loads/{load.id}")
    assert load.status == "planned"


def test_whoever_is_excluded_waits_no_more(console: ConsoleUnderTest, city: Browser) -> None:
    assert city.post(PAGE, answer="exclude", drift="1").status_code == 409
    assert city.post(PAGE, answer="exclude", drift="1", reason="сама").status_code == 303
    assert states(console)["a"] == "excluded"
    shows(city.get(EXCLUSIONS).text, "Прежняя", "сама")
    shows(city.post("/console/people", login="48pa").text, "ни один план не тронет")


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"answer": "keep"}, "Выберите хотя бы одно расхождение"),
        ({"answer": "other", "drift": "1"}, "Выберите ответ"),
        ({"answer": "repair", "drift": "3"}, "нужен администратор Moodle"),
    ],
)
def test_an_answer_that_makes_no_sense_is_explained(
    city: Browser, sent: dict[str, str], says: str
) -> None:
    shows(city.post(PAGE, **sent), says, status=409)


def test_a_school_sees_and_answers_only_its_own(console: ConsoleUnderTest) -> None:
    school = console.client("school")
    text = school.get(PAGE).text
    assert "Новая-Фамилия" in text
    assert "Чужова" not in text
    foreign = {one.key: one.id for one in console.all(Drift)}["c"]
    assert school.post(PAGE, answer="keep", drift=str(foreign)).status_code == 404
    assert school.post(f"{PAGE}/look", school=FOREIGN).status_code == 404
    assert school.post(f"{PAGE}/look", school="").status_code == 404
    assert school.post(f"{PAGE}/look", school=OWN).status_code == 303
    assert [one.problem for one in console.all(PortalLook)] == ["", "waiting"]
    assert console.queue.looks == 1
    shows(school.get(PAGE).text, "Ждёт очереди")


def test_exclusions_are_added_and_ended_with_a_reason(console: ConsoleUnderTest) -> None:
    school = console.client("school")
    new = {"what": "class", "pattern": "8А", "school": OWN}
    shows(school.post(EXCLUSIONS, **new, reason=" "), "Укажите причину", status=409)
    assert school.post(EXCLUSIONS, **new, reason="ведёт сама").status_code == 303
    (row,) = console.all(Exclusion)
    assert row.pattern.endswith(":c-8a")
    shows(school.get(EXCLUSIONS).text, "ведёт сама")
    wide = {"what": "course", "pattern": "course:*", "reason": "так"}
    shows(school.post(EXCLUSIONS, **wide), "Укажите школу", status=409)
    assert school.post(f"{EXCLUSIONS}/{row.id}/end").status_code == 303
    shows(school.get(f"{EXCLUSIONS}?ended=1").text, "снято")
    assert school.post(f"{EXCLUSIONS}/{row.id}/end").status_code == 404


def test_who_is_asked_says_that_moodle_is_right(console: ConsoleUnderTest, city: Browser) -> None:
    place = {"subject": "user", "key": "a", "field": "lastname"}
    with console.rows() as rows:
        plan = add_plan(rows, add_load(rows), OWN)
        add(rows, StickyField, **place, value="Её", source_value="Была", since=NOW)
        add(rows, PlannedSticky, **place, plan_id=plan.id, value="Её", wanted="Стала",
            verdict="asked")  # fmt: skip
    shows(city.get(BY_HAND).text, "Стала → Её", "Источник тоже изменился")
    assert city.post(BY_HAND, answer="moodle", **place).status_code == 303
    assert [one.source_value for one in console.all(StickyField)] == ["Стала"]
    assert "Источник тоже изменился" not in city.get(BY_HAND).text


def test_both_lists_name_who_is_missing_on_which_side(
    console: ConsoleUnderTest, city: Browser
) -> None:
    with console.rows() as rows:
        add_known_person(rows, "n", OWN, family_name="Безучётная", moodle_id=None)
        add_known_person(rows, "s", OWN, family_name="Закрытая", moodle_id=21)
        add_drift(rows, "s", OWN, kind="account_suspended")
        gone = add_known_person(rows, "g", OWN, family_name="Выбывшая", moodle_id=22)
        take_off_roll(rows, gone, suspended=False)
        add(rows, SchoolMembership, school_code=OWN, person_id="nobody", class_title="8А")
    text = city.get(LISTS).text
    shows(text, "Безучётная", "Закрытая", "Учётная запись заблокирована")
    assert "Прежняя" not in text
    shows(city.get(f"{LISTS}?way=on_no_roll").text, "Выбывшая")
    shows(city.get(f"{LISTS}?way=strangers").text, "Moodle id 5", "Moodle id 6")
    foreign = console.client("school").get(f"{LISTS}?school={FOREIGN}").text
    assert "Чужова" not in foreign


def test_the_page_of_a_load_counts_what_is_left_alone(
    console: ConsoleUnderTest, city: Browser
) -> None:
    with console.rows() as rows:
        load = add_load(rows)
        add_plan(rows, load, OWN, left_out={"people": 2, "kept": 1})
    shows(city.get(f"/console/loads/{load.id}").text, "2 человека исключены", "1 поле или место")
