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
from tests.service.factories import add_known_person, add_school, choose_own_password


@pytest.fixture
def home(home: Path) -> Path:
    """One school with three people; one of them has an own password."""
    with rows_of(home) as session:
        add_school(session, "1")
        add_known_person(session, "a")
        add_known_person(session, "b", class_id="c-9", class_title="9Б")
        add_known_person(session, "t", role="teacher")
        choose_own_password(session, "b")
    return home


def slips(home: Path, *options: str) -> Ended:
    return run("slips", "--school", "1", *options, home=home)


@pytest.mark.parametrize(
    ("options", "logins"),
    [([], "48pa 48pb 48pt"), (["--class", "c-9"], "48pb"), (["--class", "staff"], "48pt")],
)
def test_slips_of_school_class_and_staff(home: Path, options: list[str], logins: str) -> None:
    ended = slips(home, *options, "--json")
    assert ended.code == 0
    assert " ".join(slip["login"] for slip in ended.data) == logins


def test_a_slip_as_text_has_login_password_and_address(home: Path) -> None:
    ended = slips(home, "--class", "c-8a")
    assert ended.code == 0
    assert "Примеров Пример, 8А, Школа № 1" in ended.out
    assert "Login: 48pa" in ended.out
    assert "Password: 01092012" in ended.out
    assert "http://127.0.0.1:8080/auth/" in ended.out
    own = slips(home, "--class", "c-9").out
    assert "Password: own password" in own
    assert "01092012" not in own


def test_slips_as_csv_open_in_a_spreadsheet(home: Path) -> None:
    out = slips(home, "--format", "csv").out
    assert out.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(out.removeprefix("\ufeff")), delimiter=";"))
    assert [(row["Login"], row["Password"]) for row in rows] == [
        ("48pa", "01092012"), ("48pb", "own password"), ("48pt", "01092012"),
    ]  # fmt: skip


def test_an_unknown_class_is_wrong_usage_and_names_the_known_ones(home: Path) -> None:
    ended = slips(home, "--class", "c-none")
    assert ended.code == 2
    assert "c-9" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["slips", "--school", "none"], "there is no such school"),
        (["reset-password", "nobody"], "nobody has this login"),
    ],
)
def test_what_is_not_there_is_one_line(home: Path, arguments: list[str], said: str) -> None:
    ended = run(*arguments, home=home)
    assert (ended.code, ended.err) == (1, f"Error: {said}\n")


def test_a_reset_prints_the_new_slip_and_is_written_down(home: Path) -> None:
    ended = run("reset-password", "48рb", home=home, code=0)
    assert "Password: 01092012" in ended.out
    with rows_of(home) as session:
        assert session.scalars(select(Credential)).all() == []
        about_people = select(AuditEntry.action).where(AuditEntry.action.not_like("operator.%"))
        actions = session.scalars(about_people.order_by(AuditEntry.id)).all()
    assert actions == ["password.reset", "slip.show"]


def test_random_passwords_differ_after_a_reset(home: Path) -> None:
    reset = ("reset-password", "48pa", "--json")
    first, again = (run(*reset, home=home, PASSWORDS_FIRST="random").data for _time in range(2))
    assert first["login"] == again["login"]
    assert first["password"] != again["password"]


def test_where_moodle_holds_the_password_the_command_says_where(home: Path) -> None:
    moodle = {"PASSWORDS_KEPT_IN": "moodle", "MOODLE_URL": "https://moodle.example.org"}
    ended = run("reset-password", "48pb", home=home, **moodle)
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert "https://moodle.example.org/user/editadvanced.php?id=1" in ended.err
