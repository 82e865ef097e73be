"""The commands ``slips`` and ``reset-password``."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from sqlalchemy import select

from auth.models import Credential
from service.models import AuditEntry
from tests.service.command_line import Ended, rows_of, run
from tests.service.coverage_city import add_school
from tests.service.slip_factories import add_person, choose_own_password


@pytest.fixture
def home(initialised_home: Path) -> Path:
    """One school with three people; one of them has an own password."""
    with rows_of(initialised_home) as session:
        add_school(session, "1")
        add_person(session, "a")
        add_person(session, "b", class_id="c-9", class_title="9Б")
        add_person(session, "t", role="teacher")
        choose_own_password(session, "b")
    return initialised_home


def logins(ended: Ended) -> list[str]:
    assert ended.code == 0
    return [slip["login"] for slip in ended.data]


def test_slips_of_a_school_a_class_and_the_staff(home: Path) -> None:
    assert logins(run("slips", "--school", "1", "--json", home=home)) == ["48pa", "48pb", "48pt"]
    only_class = run("slips", "--school", "1", "--class", "c-9", "--json", home=home)
    assert logins(only_class) == ["48pb"]
    staff = run("slips", "--school", "1", "--class", "staff", "--json", home=home)
    assert logins(staff) == ["48pt"]


def test_a_slip_as_text_has_login_password_and_address(home: Path) -> None:
    ended = run("slips", "--school", "1", "--class", "c-8a", home=home)
    assert ended.code == 0
    assert "Примеров Пример, 8А, Школа № 1" in ended.out
    assert "Login: 48pa" in ended.out
    assert "Password: 01092012" in ended.out
    assert "http://127.0.0.1:8080/auth/" in ended.out
    own = run("slips", "--school", "1", "--class", "c-9", home=home)
    assert "Password: own password" in own.out
    assert "01092012" not in own.out


def test_slips_as_csv_open_in_a_spreadsheet(home: Path) -> None:
    ended = run("slips", "--school", "1", "--format", "csv", home=home)
    assert ended.out.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(ended.out.removeprefix("\ufeff")), delimiter=";"))
    assert [row["Login"] for row in rows] == ["48pa", "48pb", "48pt"]
    assert [row["Password"] for row in rows] == ["01092012", "own password", "01092012"]


def test_an_unknown_class_is_wrong_usage_and_names_the_known_ones(home: Path) -> None:
    ended = run("slips", "--school", "1", "--class", "c-none", home=home)
    assert ended.code == 2
    assert "c-9" in ended.err


def test_an_unknown_school_is_one_line(home: Path) -> None:
    ended = run("slips", "--school", "none", home=home)
    assert (ended.code, ended.err) == (1, "Error: there is no such school\n")


def test_a_reset_prints_the_new_slip_and_is_written_down(home: Path) -> None:
    ended = run("reset-password", "48рb", home=home)
    assert ended.code == 0
    assert "Password: 01092012" in ended.out
    with rows_of(home) as session:
        assert session.scalars(select(Credential)).all() == []
        about_people = select(AuditEntry.action).where(AuditEntry.action.not_like("operator.%"))
        actions = session.scalars(about_people.order_by(AuditEntry.id)).all()
    assert actions == ["password.reset", "slip.show"]


def test_random_passwords_differ_after_a_reset(home: Path) -> None:
    first = run("reset-password", "48pa", "--json", home=home, PASSWORDS_FIRST="random").data
    again = run("reset-password", "48pa", "--json", home=home, PASSWORDS_FIRST="random").data
    assert first["login"] == again["login"]
    assert len({first["password"], again["password"]}) == 2


def test_an_unknown_login_is_one_line(home: Path) -> None:
    ended = run("reset-password", "nobody", home=home)
    assert (ended.code, ended.err) == (1, "Error: nobody has this login\n")


def test_where_moodle_holds_the_password_the_command_says_where(home: Path) -> None:
    moodle = {"PASSWORDS_KEPT_IN": "moodle", "MOODLE_URL": "https://moodle.example.org"}
    ended = run("reset-password", "48pb", home=home, **moodle)
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert "https://moodle.example.org/user/editadvanced.php?id=1" in ended.err
