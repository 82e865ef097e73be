"""Whose is an account that somebody else made? What decides, what is asked, what is nobody's."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from provisioning.adoption import (
    Account,
    KnownSchool,
    Outcome,
    ProfileFields,
    SchoolWords,
    Surroundings,
    Verdict,
    Wanted,
    account_of,
    class_words,
    decide,
    left_alone,
)
from provisioning.exclusions import Excluded, Exclusion, Exclusions
from provisioning.settings import AdoptionSettings

SCHOOLS = (
    KnownSchool(code="SB0005", name="Образцовая школа № 5", short_name="Школа № 5", number="5"),
    KnownSchool(code="SB0105", name="Гимназия № 5", short_name="Гимназия № 5", number="5"),
    KnownSchool(code="SB0017", name="Образцовая школа № 17", short_name="Школа № 17", number="17"),
)
SNILS, OTHER_SNILS = "90000000182", "90000000283"


def wanted(person_id: str = "p-1", **fields: Any) -> Wanted:
    values: dict[str, Any] = {
        "login": f"1000{person_id}", "family_name": "Образцова", "given_name": "Алёна",
        "middle_name": "Игоревна", "birth_date": date(2013, 4, 5), "school_code": "SB0005",
        "role": "student", "class_title": "7А", "sourced_id": f"s-{person_id}",
    }  # fmt: skip
    return Wanted(person_id=person_id, **values | fields)


def account(moodle_id: int = 11, **fields: Any) -> Account:
    values: dict[str, Any] = {
        "username": f"old{moodle_id}", "firstname": "Алена Игоревна", "lastname": "Образцова",
        "email": f"old{moodle_id}@example.invalid", "auth": "manual",
        "institution": "Школа № 5", "department": "7 «А»",
    }  # fmt: skip
    return Account(moodle_id=moodle_id, **values | fields)


def verdicts(accounts: list[Account], people: list[Wanted], **around: Any) -> dict[int, Verdict]:
    words = SchoolWords(SCHOOLS)
    schools = {one.moodle_id: words.school_of(one) for one in accounts}
    return decide(accounts, people, Surroundings(school_of=schools, **around))


def outcome(one: Account, *people: Wanted, **around: Any) -> tuple[Outcome, tuple[str, ...]]:
    found = verdicts([one], list(people) or [wanted()], **around)[one.moodle_id]
    return found.outcome, found.people


CERTAIN, QUESTION, NOBODY = Outcome.CERTAIN, Outcome.QUESTION, Outcome.NOBODY


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, CERTAIN),
        ({"lastname": "Обрaзцова"}, CERTAIN),  # one letter is Latin
        ({"lastname": "Обрасцова"}, CERTAIN),
        ({"firstname": "Алена"}, CERTAIN),
        ({"firstname": "Образцова Игоревна", "lastname": "Алена"}, CERTAIN),
        ({"department": ""}, CERTAIN),
        ({"department": "6а"}, CERTAIN),
        ({"department": "11Б"}, QUESTION),
        ({"firstname": "Алена", "department": ""}, QUESTION),
        ({"lastname": "Петренко"}, QUESTION),
        ({"lastname": "Обрасцова", "firstname": "Олена Игоревна"}, QUESTION),
        ({"institution": "Школа № 17"}, QUESTION),
        ({"institution": ""}, QUESTION),
        ({"firstname": "Мария Олеговна"}, NOBODY),
        ({"lastname": "Петренко", "firstname": "Мария Олеговна"}, NOBODY),
    ],
)  # fmt: skip
def test_names_decide_only_beside_school_and_class(
    fields: dict[str, str], expected: Outcome
) -> None:
    assert outcome(account(**fields))[0] == expected


def test_a_number_decides_also_after_a_marriage_and_at_another_school() -> None:
    person = wanted(snils=SNILS)
    moved = account(lastname="Петренко", institution="Школа № 17", department="", snils=SNILS)
    assert outcome(moved, person) == (CERTAIN, ("p-1",))


def test_a_number_does_not_decide_against_the_names() -> None:
    person = wanted(snils=SNILS)
    twin = account(firstname="Ольга Игоревна", snils=SNILS)
    assert outcome(twin, person)[0] == QUESTION


def test_another_number_makes_a_question_of_equal_names() -> None:
    assert outcome(account(snils=OTHER_SNILS), wanted(snils=SNILS))[0] == QUESTION


def test_the_id_of_the_export_decides_with_the_name_and_not_against_it() -> None:
    assert outcome(account(idnumber="s-p-1", department=""))[0] == CERTAIN
    stranger = account(idnumber="s-p-1", lastname="Петренко", firstname="Мария Олеговна")
    assert outcome(stranger)[0] == QUESTION


def test_a_login_alone_is_no_sign() -> None:
    chance = {"username": "1000p-1", "lastname": "Петренко", "firstname": "Мария Олеговна"}
    assert outcome(account(**chance))[0] == NOBODY
    assert outcome(account(username="1000p-1", institution=""))[0] == CERTAIN
    spelled = outcome(account(username="1000p-1", institution=""), digits_only_logins=False)
    assert spelled[0] == QUESTION


def test_an_address_speaks_against_and_never_for() -> None:
    mine = {"old11@example.invalid": "p-1"}
    anothers = {"old11@example.invalid": "p-2"}
    unnamed = account(firstname="Мария Олеговна", department="")
    assert outcome(unnamed, addresses=lambda one: mine.get(one, ""))[0] == NOBODY
    assert outcome(account(), addresses=lambda one: anothers.get(one, ""))[0] == QUESTION


def test_namesakes_of_one_class_are_asked_about_and_those_of_two_classes_are_not() -> None:
    two = [wanted("p-1"), wanted("p-2")]
    assert outcome(account(), *two) == (QUESTION, ("p-1", "p-2"))
    assert outcome(account(), two[0], replace(two[1], class_title="7Б")) == (CERTAIN, ("p-1",))


def test_two_accounts_of_one_human_are_asked_about() -> None:
    found = verdicts([account(11), account(12)], [wanted()])
    assert {one.outcome for one in found.values()} == {QUESTION}


def test_the_better_account_wins_and_the_second_one_is_asked_about() -> None:
    found = verdicts([account(11), account(12, department="")], [wanted()])
    assert [found[11].outcome, found[12].outcome] == [CERTAIN, QUESTION]


def test_a_twin_with_a_name_one_letter_off_is_not_a_typing_error() -> None:
    names = frozenset({"алина", "арина"})
    twin = wanted(given_name="Арина")
    left_school = account(firstname="Алина Игоревна")
    assert outcome(left_school, twin)[0] == CERTAIN  # where nobody else is called so
    assert outcome(left_school, twin, given_names=names)[0] == QUESTION


def test_whom_somebody_said_not_to_be_is_not_asked_about_again() -> None:
    found = decide(
        [account()], [wanted()], Surroundings(school_of={11: "SB0005"}), refused={11: {"p-1"}}
    )
    assert found[11].outcome == NOBODY


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Школа № 5", "SB0005"),
        ("ГБОУ школа №5 Примерного района", "SB0005"),
        ("ГБОУ гимназия № 5", "SB0105"),
        ("SB0017", "SB0017"),
        ("школа 17", "SB0017"),
        ("№ 5", ""),
        ("Школа № 6", ""),
        ("", ""),
    ],
)
def test_the_words_of_an_institution_name_one_school_or_none(text: str, code: str) -> None:
    assert SchoolWords(SCHOOLS).named(text) == code


def test_of_schools_that_are_called_alike_name_and_class_tell_which() -> None:
    one = account(department="7А")
    words = SchoolWords([replace(SCHOOLS[0], code=code, name="", number="") for code in ("A", "B")])
    assert words.school_of(one) == ""
    around = Surroundings(one_of={one.moodle_id: words.one_of(one)})
    mine, other = wanted("p-1", school_code="A"), wanted("p-2", school_code="C")
    assert decide([one], [mine], around)[11].outcome is CERTAIN
    assert decide([one], [other], around)[11].outcome is QUESTION
    assert decide([one], [replace(mine, class_title="7Б")], around)[11].outcome is QUESTION


@pytest.mark.parametrize("text", ["7А", "7 а", "7-А", "7 «А» класс", "Школа № 5, 7А", "7A"])
def test_a_class_is_found_in_any_usual_spelling(text: str) -> None:
    assert class_words("7А") & class_words(text)


def test_an_answer_of_moodle_is_read_and_what_is_left_of_a_deleted_account_is_not() -> None:
    record = {
        "id": 11, "username": "old11", "firstname": "Алёна", "lastname": "Образцова",
        "email": "a@example.invalid", "auth": "manual", "suspended": True,
        "customfields": [
            {"shortname": "snils", "value": "900-000-001 82"},
            {"shortname": "born", "value": "05.04.2013"},
        ],
    }  # fmt: skip
    fields = ProfileFields(snils="snils", birth_date="born")
    found = account_of(record, fields)
    assert found is not None
    assert (found.snils, found.birth_date, found.suspended) == (SNILS, date(2013, 4, 5), True)
    whole = {name: value for name, value in record.items() if "stname" not in name}
    shown = account_of(whole | {"fullname": "Алёна Игоревна Образцова"}, fields)
    assert shown is not None
    assert (shown.firstname, shown.lastname) == ("Алёна Игоревна", "Образцова")
    assert account_of(record | {"email": "0123456789abcdef"}, fields) is None


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"moodle_id": 1}, "of_the_site"),
        ({"moodle_id": 2}, "of_the_site"),
        ({"auth": "webservice"}, "sign_in_method"),
        ({"username": "admin"}, "listed"),
        ({"username": "methodist.7"}, "listed"),
        ({"moodle_id": 77}, "in_charge"),
        ({}, ""),
    ],
)
def test_accounts_of_the_site_and_listed_ones_are_left_alone(
    fields: dict[str, Any], why: str
) -> None:
    one = replace(account(), **fields)
    listed = Exclusions(
        Exclusion(what=Excluded.LOGIN, pattern=pattern) for pattern in ("admin", "methodist.*")
    )
    assert left_alone(one, AdoptionSettings(), excluded=listed, in_charge={77}) == why
