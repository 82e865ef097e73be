"""СНИЛС and birth date of one human at the row of another: two people, told, and no rights."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from auth.linking.models import LinkRequest
from provisioning.roster import Role
from service.access import Forbidden, Scope
from service.loads import operations
from service.models import LoadFinding, OperatorRole, SourceKey
from service.people.directory import PeopleDirectory
from service.people.passwords import find_person, reset_password
from service.people.slips import STAFF, groups, slip_of, slips
from service.sample.rows import Row
from service.signin.linking import candidates
from service.web import create_app
from tests.service.console_factories import ConsoleUnderTest, RecordingQueue
from tests.service.factories import add_operator, add_request
from tests.service.installation import SCOPE
from tests.service.loads.test_next_exports import case, rows, variant
from tests.service.trial import A, B, Trial, left, on_both_databases, pupil, pupils, teacher

SNILS = "11122233372"
BORN = date(2015, 3, 3)
OTHERS = [*pupils("other", 3), teacher("a-t")]
OTHERS_OF_B = [*pupils("b-other", 3), teacher("b-t")]
OF_B = Scope(actor="boris", role=OperatorRole.SCHOOL, items=frozenset({B}))


def child(sourced_id: str, given: str = "Саша", **overrides: Any) -> Row:
    names = {"family_name": "Близнецов", "given_name": given, "middle_name": ""}
    values = names | {"birth_date": BORN, "snils": SNILS, "sex": ""} | overrides
    return pupil(sourced_id, **values)


def told(trial: Trial, load_id: int) -> list[LoadFinding]:
    return trial.findings(load_id, "match.snils_other_name")


def waits(trial: Trial, code: str, sourced_id: str) -> bool:
    """Tell whether the row has become nobody so far."""
    key = SourceKey.school_code == code, SourceKey.sourced_id == sourced_id
    return not trial.stored(select(SourceKey.person_id).where(*key))


def numbers(trial: Trial, *people: tuple[str, str]) -> list[str]:
    return [trial.identity(*one).snils for one in people]


@on_both_databases
def test_a_girl_with_her_twins_number_has_her_own_account(trial: Trial) -> None:
    """The case of two schools, as exported; then her twin leaves his."""
    first, second = case("d5-twin-number")
    trial.sync(first)
    boy = trial.account("S1", "s-1")
    load_id = trial.load(second)
    (finding,) = told(trial, load_id)
    place = (finding.severity, finding.file, finding.line, finding.sourced_id)
    assert place == ("error", "2.xml", 9, "q-500")
    text = operations.as_finding(finding).message("ru")
    assert [word for word in ("S1", "1.xml", "строка 9", "s-1") if word not in text] == []
    assert [word for word in (SNILS, "Пётр") if word in text] == []
    trial.carry_out(load_id)
    girl = trial.account("S2", "q-500")
    assert girl["id"] != boy["id"]
    assert (girl["lastname"], girl["suspended"]) == ("Близнецова", 0)
    assert numbers(trial, ("S1", "s-1"), ("S2", "q-500")) == [SNILS, ""]
    (his_row,) = rows(first, "s-1")
    trial.sync(variant(trial, first, (his_row, ""), ("2026-10-01T", "2026-10-03T"), name="3.xml"))
    assert trial.account("S1", "s-1") == boy
    assert trial.account("S2", "q-500") == girl
    trial.settled(second)
    assert len(told(trial, trial.load(second))) == 1


@on_both_databases
def test_twins_with_one_number_in_one_file_are_two_people(trial: Trial) -> None:
    run = trial.sync(trial.write(A, [child("a-1", "Пётр"), child("a-2", "Анна"), *OTHERS]))
    one, two = told(trial, run.id)
    assert (one.sourced_id, one.details["other_id"]) == ("a-1", "a-2")
    assert (two.sourced_id, two.details["other_id"]) == ("a-2", "a-1")
    assert (one.details["other_line"], two.details["other_line"]) == (str(two.line), str(one.line))
    assert trial.account(A, "a-1")["id"] != trial.account(A, "a-2")["id"]
    assert numbers(trial, (A, "a-1"), (A, "a-2")) == ["", ""]


def test_a_sister_entered_later_takes_nothing_from_her_brother(trial: Trial) -> None:
    trial.sync(trial.write(A, [child("a-1", "Пётр"), *OTHERS]))
    before = trial.account(A, "a-1")
    run = trial.sync(trial.write(A, [child("a-2", "Анна"), child("a-1", "Пётр"), *OTHERS], day=1))
    assert len(told(trial, run.id)) == 2
    assert trial.account(A, "a-1") == before
    assert numbers(trial, (A, "a-1"), (A, "a-2")) == [SNILS, ""]
    corrected = [child("a-2", "Анна"), child("a-1", "Пётр", snils=""), *OTHERS]
    run = trial.sync(trial.write(A, corrected, day=2))
    assert told(trial, run.id) == []
    assert numbers(trial, (A, "a-1"), (A, "a-2")) == ["", SNILS]


@pytest.mark.parametrize(
    ("known", "row", "same"),
    [
        ({"middle_name": "Тестовна"}, {"family_name": "Замужняя", "middle_name": "Тестовна"}, True),
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
    trial.sync(trial.write(A, [child("a-1", **known), *OTHERS]))
    run = trial.sync(trial.write(B, [child("b-1", **row), *OTHERS_OF_B], day=1))
    assert (trial.person_id(A, "a-1") == trial.person_id(B, "b-1")) is same
    assert len(told(trial, run.id)) == (0 if same else 1)


def test_a_sex_said_by_a_later_file_counts_too(trial: Trial) -> None:
    trial.sync(trial.write(A, [child("a-1"), *OTHERS]))
    trial.load(trial.write(A, [child("a-1", sex="M"), *OTHERS], day=1))
    load_id = trial.load(trial.write(B, [child("b-1", sex="F"), *OTHERS_OF_B], day=1))
    assert len(told(trial, load_id)) == 1


def test_in_one_upload_both_schools_are_named_as_well(trial: Trial) -> None:
    rows_a, rows_b = [child("a-1", "Пётр"), *OTHERS], [child("b-1", "Анна"), *OTHERS_OF_B]
    load_id = trial.load(trial.write(A, rows_a), trial.write(B, rows_b))
    (finding,) = told(trial, load_id)
    assert (finding.sourced_id, finding.details["other_id"]) == ("b-1", "a-1")
    assert finding.details["other_file"] == f"{A}.xml"
    assert finding.details["other_line"].isdigit()


# Another adult's number


@pytest.fixture
def director(trial: Trial) -> str:
    """The login of the director of a loaded school, S1."""
    trial.sync(case("d22-director-as-pupil")[0])
    return trial.account("S1", "t-1")["username"]


def nothing_of(trial: Trial, login: str, code: str) -> None:
    """Neither page nor slip nor link nor reset of a school leads to this person."""
    application, now = trial.application, trial.application.clock()
    scope = Scope(actor="boris", role=OperatorRole.SCHOOL, items=frozenset({code}))
    with trial.rows() as session:
        with pytest.raises(Forbidden):
            find_person(session, scope, login)
        with pytest.raises(Forbidden):
            reset_password(session, application.settings, scope, login, now)
        shown = slips(session, application, scope, code)
        assert login not in {one.login for one in shown}
        assert sum(one.people for one in groups(session, scope, code)) == len(shown)
        person = find_person(session, SCOPE, login)
        assert slip_of(session, application, scope, person) is None


@on_both_databases
def test_a_school_that_lists_the_number_sees_no_director(trial: Trial, director: str) -> None:
    """The case as exported: school 2 lists a pupil with the number of school 1's director."""
    trial.sync(case("d22-director-as-pupil")[1])
    assert trial.person_id("S1", "t-1") != trial.person_id("S2", "q-500")
    nothing_of(trial, director, "S2")
    with trial.rows() as session:
        add_operator(session, "boris", OperatorRole.SCHOOL, ["S2"])
    queue = RecordingQueue()
    app = create_app(trial.application, queue=queue)
    browser = ConsoleUnderTest(application=trial.application, queue=queue, app=app).client("boris")
    for page in ("/console/slips", "/console/slips/sheet"):
        answer = browser.get(page, school="S2")
        assert answer.status_code == 200
        assert director not in answer.text
    assert trial.account("S2", "q-501")["username"] in answer.text
    for page in ("/console/people", "/console/people/reset"):
        assert "Пробина" not in browser.post(page, login=director).text
    directory = PeopleDirectory(trial.application)
    assert [one.username for one in directory.by_snils("50000000146")] == [director]


@pytest.mark.parametrize("make", [pupil, teacher])
def test_nor_with_the_given_name(trial: Trial, director: str, make: Callable[..., Row]) -> None:
    """Then it is the same human by all that a row says, or a question where a pupil is meant; the
    row gives no rights in either case."""
    row = make(
        "b-boss", family_name="Чужая", given_name="Анна", middle_name="Тестовна", sex="",
        birth_date=date(1980, 5, 4), snils="50000000146",
    )  # fmt: skip
    trial.sync(trial.write(B, [row, *pupils("b", 3)], day=20))
    if make is teacher:
        assert trial.person_id("S1", "t-1") == trial.person_id(B, "b-boss")
    else:
        assert waits(trial, B, "b-boss")
    nothing_of(trial, director, B)
    with trial.rows() as session:
        number = add_request(session, B, snils="50000000146")
        request = session.get_one(LinkRequest, number)
        assert director not in {one.person.username for one in candidates(session, request)}


def test_a_teacher_of_two_schools_is_known_to_both(trial: Trial) -> None:
    trial.sync(trial.write(A, [*pupils("a", 3), teacher("a-t", who="t")]))
    trial.sync(trial.write(B, [*pupils("b", 3), teacher("b-t", who="t")]))
    login = trial.account(A, "a-t")["username"]
    with trial.rows() as session:
        assert find_person(session, OF_B, login).username == login
        shown = slips(session, trial.application, OF_B, B, STAFF)
    assert [one.login for one in shown] == [login]


def test_a_director_who_left_for_another_school_is_that_schools(trial: Trial) -> None:
    boss = teacher("a-t", who="t", role=Role.ADMINISTRATOR)
    trial.sync(trial.write(A, [*pupils("a", 3), boss]))
    trial.sync(trial.write(B, [*pupils("b", 3), teacher("b-9", who="t")]))
    login = trial.account(A, "a-t")["username"]
    with trial.rows() as session, pytest.raises(Forbidden):
        find_person(session, OF_B, login)
    trial.sync(trial.write(A, [*pupils("a", 3), left(boss)], day=1))
    with trial.rows() as session:
        assert find_person(session, OF_B, login).username == login
