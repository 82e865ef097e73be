"""СНИЛС and birth date of one human at the row of another: two people, told, and no rights."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from auth.linking.models import LinkRequest
from provisioning.roster import Role
from service import create_app
from service.access import Forbidden, Scope
from service.db import transaction
from service.loads import operations
from service.models import LoadFinding, OperatorRole
from service.people.directory import PeopleDirectory
from service.people.passwords import find_person, reset_password
from service.people.slips import STAFF, groups, slip_of, slips
from service.sample.rows import Row
from service.signin.linking import candidates
from tests.service.console_factories import PASSWORD, Browser, RecordingQueue, add_operator
from tests.service.factories import add_request
from tests.service.installation import SCOPE
from tests.service.trial import A, B, Trial, left, on_both_databases, pupil, pupils, teacher

CASES = Path(__file__).parents[2] / "data" / "next-exports"
SNILS = "11122233372"
BORN = date(2015, 3, 3)
OF_B = Scope(actor="boris", role=OperatorRole.SCHOOL, items=frozenset({B}))


def child(sourced_id: str, given: str, **overrides: Any) -> Row:
    names = {"family_name": "Близнецов", "given_name": given, "middle_name": ""}
    values = names | {"birth_date": BORN, "snils": SNILS, "sex": ""} | overrides
    return pupil(sourced_id, **values)


def told(trial: Trial, load_id: int, rule: str = "match.snils_other_name") -> list[LoadFinding]:
    with trial.application.sessions() as session:
        found = operations.findings(session, operations.find(session, load_id, SCOPE), SCOPE)
    return [one for one in found if one.rule == rule]


def number_of(trial: Trial, code: str, sourced_id: str) -> str:
    return trial.identity(code, sourced_id).snils


@on_both_databases
def test_a_girl_with_her_twins_number_has_her_own_account(trial: Trial) -> None:
    """The case of two schools, as exported; then her twin leaves his."""
    first, second = sorted((CASES / "d5-twin-number").iterdir())
    trial.sync(first)
    boy = trial.account("S1", "s-1")
    load_id = trial.load(second)
    (finding,) = told(trial, load_id)
    assert (finding.severity, finding.file, finding.sourced_id) == ("error", "2.xml", "q-500")
    assert finding.line == 9
    text = operations.as_finding(finding).message("ru")
    assert "S1" in text
    assert "1.xml" in text
    assert "строка 9" in text
    assert "s-1" in text
    assert SNILS not in text
    assert "Пётр" not in text
    trial.carry_out(load_id)
    girl = trial.account("S2", "q-500")
    assert girl["id"] != boy["id"]
    assert (girl["lastname"], girl["suspended"]) == ("Близнецова", 0)
    assert (number_of(trial, "S1", "s-1"), number_of(trial, "S2", "q-500")) == (SNILS, "")
    without_him = first.read_text("utf-8").replace("2026-10-01T", "2026-10-03T")
    row_begins = without_him.index('<student id="s-1">')
    row_ends = without_him.index('<student id="s-2">')
    file = trial.folder / "3.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(without_him[:row_begins] + without_him[row_ends:], "utf-8")
    trial.sync(file)
    assert trial.account("S1", "s-1") == boy | {"suspended": 1}
    assert trial.account("S2", "q-500") == girl
    trial.writes()
    again = trial.sync(second)
    assert trial.writes() == {}
    assert len(told(trial, again.id)) == 1


@on_both_databases
def test_twins_with_one_number_in_one_file_are_two_people(trial: Trial) -> None:
    boy, girl = child("a-1", "Пётр"), child("a-2", "Анна")
    run = trial.sync(trial.write(A, [boy, girl, *pupils("other", 3), teacher("a-t")]))
    one, two = told(trial, run.id)
    assert (one.sourced_id, one.details["other_id"]) == ("a-1", "a-2")
    assert (two.sourced_id, two.details["other_id"]) == ("a-2", "a-1")
    assert (one.details["other_line"], two.details["other_line"]) == (str(two.line), str(one.line))
    assert trial.account(A, "a-1")["id"] != trial.account(A, "a-2")["id"]
    assert {number_of(trial, A, key) for key in ("a-1", "a-2")} == {""}


def test_a_sister_entered_later_takes_nothing_from_her_brother(trial: Trial) -> None:
    others = [*pupils("other", 3), teacher("a-t")]
    trial.sync(trial.write(A, [child("a-1", "Пётр"), *others]))
    before = trial.account(A, "a-1")
    run = trial.sync(trial.write(A, [child("a-2", "Анна"), child("a-1", "Пётр"), *others], day=1))
    assert len(told(trial, run.id)) == 2
    assert trial.account(A, "a-1") == before
    assert (number_of(trial, A, "a-1"), number_of(trial, A, "a-2")) == (SNILS, "")
    corrected = [child("a-2", "Анна"), child("a-1", "Пётр", snils=""), *others]
    run = trial.sync(trial.write(A, corrected, day=2))
    assert told(trial, run.id) == []
    assert (number_of(trial, A, "a-1"), number_of(trial, A, "a-2")) == ("", SNILS)


@pytest.mark.parametrize(
    ("known", "row", "same"),
    [
        ({}, {"family_name": "Замужняя"}, True),
        ({"given": "Артём"}, {"given": "Aртем"}, True),
        ({"given": "Анна-Мария"}, {"given": "Анна Мария"}, True),
        ({"sex": "F"}, {"sex": "F"}, True),
        ({"sex": "F"}, {"sex": ""}, True),
        ({"sex": "F"}, {"sex": "M"}, False),
        ({}, {"given": "Анфиса"}, False),
    ],
)
def test_what_contradicts_across_schools(
    trial: Trial, known: dict[str, Any], row: dict[str, Any], same: bool
) -> None:
    given = known.get("given", "Саша")
    first = child("a-1", **{"given": given} | known)
    trial.sync(trial.write(A, [first, *pupils("a-o", 3), teacher("a-t")]))
    moved = child("b-1", **{"given": given} | row)
    run = trial.sync(trial.write(B, [moved, *pupils("b-o", 3), teacher("b-t")], day=1))
    assert (trial.person_id(A, "a-1") == trial.person_id(B, "b-1")) is same
    assert len(told(trial, run.id)) == (0 if same else 1)


def test_a_sex_said_by_a_later_file_counts_too(trial: Trial) -> None:
    others = [*pupils("a-o", 3), teacher("a-t")]
    trial.sync(trial.write(A, [child("a-1", "Саша"), *others]))
    trial.load(trial.write(A, [child("a-1", "Саша", sex="M"), *others], day=1))
    load_id = trial.load(trial.write(B, [child("b-1", "Саша", sex="F"), teacher("b-t")], day=1))
    assert len(told(trial, load_id)) == 1


def test_in_one_upload_both_schools_are_named_as_well(trial: Trial) -> None:
    load_id = trial.load(
        trial.write(A, [child("a-1", "Пётр"), *pupils("a-o", 3)]),
        trial.write(B, [child("b-1", "Анна"), *pupils("b-o", 3)]),
    )
    (finding,) = told(trial, load_id)
    assert (finding.sourced_id, finding.details["other_id"]) == ("b-1", "a-1")
    assert finding.details["other_file"] == f"{A}.xml"
    assert finding.details["other_line"].isdigit()


# Another adult's number


@pytest.fixture
def director(trial: Trial) -> tuple[Trial, str]:
    """The case as exported: school 2 lists a pupil with the number of school 1's director."""
    first, second = sorted((CASES / "d22-director-as-pupil").iterdir())
    trial.sync(first)
    login = trial.account("S1", "t-1")["username"]
    trial.sync(second)
    return trial, login


def nothing_of(trial: Trial, login: str, code: str) -> None:
    """Neither page nor slip nor link nor reset of a school leads to this person."""
    application, now = trial.application, trial.application.clock()
    scope = Scope(actor="boris", role=OperatorRole.SCHOOL, items=frozenset({code}))
    with transaction(application.sessions) as session:
        with pytest.raises(Forbidden):
            find_person(session, scope, login)
        with pytest.raises(Forbidden):
            reset_password(session, application.settings, scope, login, now)
        assert login not in {one.login for one in slips(session, application, scope, code)}
        shown = slips(session, application, scope, code)
        assert sum(one.people for one in groups(session, scope, code)) == len(shown)
        person = find_person(session, SCOPE, login)
        assert slip_of(session, application, scope, person) is None


def console_of(trial: Trial, code: str) -> Browser:
    application = trial.application
    with transaction(application.sessions) as session:
        add_operator(session, "boris", OperatorRole.SCHOOL, [code])
    client: FlaskClient = create_app(application, queue=RecordingQueue()).test_client()
    browser = Browser(client)
    assert browser.post("/console/signin", username="boris", password=PASSWORD).status_code == 302
    return browser


@on_both_databases
def test_a_school_that_lists_the_directors_number_sees_nothing_of_the_director(
    trial: Trial, director: tuple[Trial, str]
) -> None:
    _, login = director
    assert trial.person_id("S1", "t-1") != trial.person_id("S2", "q-500")
    nothing_of(trial, login, "S2")
    browser = console_of(trial, "S2")
    for page in ("/console/slips", "/console/slips/sheet"):
        answer = browser.get(page, school="S2")
        assert answer.status_code == 200
        assert login not in answer.text
    sheet = browser.get("/console/slips/sheet", school="S2").text
    assert trial.account("S2", "q-501")["username"] in sheet
    for page in ("/console/people", "/console/people/reset"):
        assert "Пробина" not in browser.post(page, login=login).text
    directory = PeopleDirectory(trial.application)
    assert [one.username for one in directory.by_snils("50000000146")] == [login]


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_nor_when_the_given_name_is_typed_as_well(trial: Trial, role: str) -> None:
    """Then it is the same human by all that a row says; the row still gives no rights."""
    first, _ = sorted((CASES / "d22-director-as-pupil").iterdir())
    trial.sync(first)
    login = trial.account("S1", "t-1")["username"]
    make = pupil if role == "student" else teacher
    row = make(
        "b-boss", family_name="Чужая", given_name="Анна", middle_name="Тестовна", sex="",
        birth_date=date(1980, 5, 4), snils="50000000146",
    )  # fmt: skip
    trial.sync(trial.write(B, [row, *pupils("b", 3)], day=20))
    assert trial.person_id("S1", "t-1") == trial.person_id(B, "b-boss")
    nothing_of(trial, login, B)
    with transaction(trial.application.sessions) as session:
        number = add_request(session, B, snils="50000000146")
        request = session.get_one(LinkRequest, number)
        assert login not in {one.person.username for one in candidates(session, request)}


def test_a_teacher_of_two_schools_is_known_to_both(trial: Trial) -> None:
    trial.sync(trial.write(A, [*pupils("a", 3), teacher("a-t", who="t")]))
    trial.sync(trial.write(B, [*pupils("b", 3), teacher("b-t", who="t")]))
    login = trial.account(A, "a-t")["username"]
    with transaction(trial.application.sessions) as session:
        assert find_person(session, OF_B, login).username == login
        shown = slips(session, trial.application, OF_B, B, STAFF)
    assert [one.login for one in shown] == [login]


def test_a_director_who_left_for_another_school_is_that_schools(trial: Trial) -> None:
    boss = teacher("a-t", who="t", role=Role.ADMINISTRATOR)
    trial.sync(trial.write(A, [*pupils("a", 3), boss]))
    trial.sync(trial.write(B, [*pupils("b", 3), teacher("b-9", who="t")]))
    login = trial.account(A, "a-t")["username"]
    with transaction(trial.application.sessions) as session, pytest.raises(Forbidden):
        find_person(session, OF_B, login)
    trial.sync(trial.write(A, [*pupils("a", 3), left(boss)], day=1))
    with transaction(trial.application.sessions) as session:
        assert find_person(session, OF_B, login).username == login
