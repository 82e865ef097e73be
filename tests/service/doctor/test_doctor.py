"""The doctor: names what is missing, says where to change it, and changes nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auth.clients.client import Client
from provisioning.moodle import Function
from provisioning.settings import MoodleSettings, PasswordSettings
from service.application import Application
from service.db import transaction
from service.doctor import Check, Verdict, examine
from service.models import KnownObject
from service.moodle_standin import DEFAULT_TOKEN
from service.settings import MailSettings, RedisSettings
from tests.provisioning.scripted_moodle import Form
from tests.service.doctor.conftest import with_settings
from tests.service.fake_moodle import OWN_ADDRESS, TEACHER, FakeMoodle, running
from tests.service.standin import running_standin

OK, WARNING, PROBLEM = Verdict
RIGHTS, ROLES = "Capabilities of our account", "Roles that our account may give"
CAPABILITIES = [
    "moodle/user:create", "moodle/user:update", "moodle/user:viewdetails",
    "moodle/user:viewalldetails", "moodle/site:viewuseridentity", "moodle/category:manage",
    "moodle/cohort:manage", "moodle/course:create", "moodle/course:update",
    "moodle/course:changefullname", "moodle/course:changeshortname",
    "moodle/course:changecategory", "moodle/course:visibility", "moodle/course:view",
    "moodle/course:viewparticipants",
    "enrol/manual:enrol", "enrol/manual:unenrol", "moodle/role:assign",
]  # fmt: skip
"""All that the doctor can see."""


@pytest.fixture
def site() -> Iterator[FakeMoodle]:
    """A Moodle with which nothing is wrong."""
    with running(FakeMoodle()) as moodle:
        yield moodle


def of(checks: Sequence[Check], subject: str) -> list[Check]:
    found = [check for check in checks if check.subject == subject]
    assert found, f"{subject} was not looked at"
    return found


Doctor = Callable[..., list[Check]]


@pytest.fixture
def doctor(application: Application, site: FakeMoodle) -> Doctor:
    """The checks of the installation before ``site``, or those of one subject; with settings."""

    def look(subject: str = "", **changes: Any) -> list[Check]:
        moodle = MoodleSettings(url=site.url, token="t" * 32)
        checks = examine(with_settings(application, moodle=moodle, **changes))
        return of(checks, subject) if subject else checks

    return look


@pytest.fixture
def rights(application: Application, doctor: Doctor) -> Callable[[], list[Check]]:
    """The checks of our account's capabilities once there is a course of ours."""
    with transaction(application.sessions) as session:
        session.add(KnownObject(kind="course", key="course:1", moodle_id=17, fields={}))
    return lambda: doctor(RIGHTS)


def test_a_moodle_in_order_gives_no_problem(
    application: Application, doctor: Doctor, site: FakeMoodle, rights: Callable[[], Any]
) -> None:
    callback = f"{site.url}/admin/oauth2callback.php"
    client = Client(client_id="moodle", client_secret="s" * 32, redirect_uris=(callback,))
    checks = doctor(auth=replace(application.settings.auth, clients=(client,)))
    # The installation of these tests is made without Alembic and without keys.
    others = [one for one in checks if one.subject not in {"Database", "Signing keys"}]
    assert [one for one in others if one.verdict == PROBLEM] == []
    assert [(one.verdict, one.message) for one in rights()] == [(OK, "18 of 18 are there")]


def test_every_check_that_is_not_in_order_says_what_to_do(doctor: Doctor, site: FakeMoodle) -> None:
    site.missing = {"moodle/user:create", "enrol/manual:enrol"}
    site.functions -= {Function.CREATE_COURSES, Function.CALL_SEVERAL}
    for check in doctor():
        assert bool(check.remedy) == (check.verdict != OK), check
        assert set(asdict(check)) == {"subject", "verdict", "message", "remedy"}


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        *(([one], [one]) for one in CAPABILITIES),
        (CAPABILITIES[9:11], CAPABILITIES[9:11]),  # both names of a course
        (CAPABILITIES[8:11], CAPABILITIES[8:9]),
    ],
)
def test_a_missing_capability_is_named_without_blaming_another(
    rights: Callable[[], list[Check]], site: FakeMoodle, missing: list[str], named: list[str]
) -> None:
    site.missing = set(missing)
    checks = rights()
    problems = [one for one in checks if one.verdict == PROBLEM]
    assert [one.message for one in problems] == [f"{one} is missing" for one in named]
    assert all("Users > Permissions > Define roles" in one.remedy for one in problems)
    assert OK not in {one.verdict for one in checks}


def test_an_account_that_may_do_nothing_gets_no_tick(
    rights: Callable[[], list[Check]], site: FakeMoodle
) -> None:
    site.missing = set(CAPABILITIES)
    first, *others = rights()
    assert (first.verdict, first.message) == (PROBLEM, "none of 18 was found")
    assert OK not in {one.verdict for one in others}


def test_without_a_course_two_capabilities_are_left_open(doctor: Doctor, site: FakeMoodle) -> None:
    (open_,) = [one for one in doctor(RIGHTS) if one.verdict == WARNING]
    assert "moodle/course:view, moodle/course:viewparticipants" in open_.message
    assert Function.GET_ENROLLED_USERS not in site.seen


@pytest.mark.parametrize(
    "function",
    [
        one
        for one in Function
        if one != Function.SITE_INFO and (not one.optional or one == Function.CALL_SEVERAL)
    ],
)
def test_a_missing_function_is_named(doctor: Doctor, site: FakeMoodle, function: Function) -> None:
    site.functions.discard(function)
    (found,) = [one for one in doctor("Functions of the web service") if one.verdict != OK]
    assert found.message.startswith(f"{function} is missing")
    assert "External services" in found.remedy
    assert found.verdict == (WARNING if function == Function.CALL_SEVERAL else PROBLEM)


def refuses(_form: Form) -> str:
    return "invalidparameter"


def compares(form: Form) -> str:
    """Addresses: one is that of our account."""
    return refuses(form) if form["users[0][email]"] == OWN_ADDRESS else "dmlwriteexception"


def five_minutes_ago() -> str:
    return f"{datetime.now(UTC) - timedelta(minutes=5):%a, %d %b %Y %H:%M:%S GMT}"


@pytest.mark.parametrize(
    ("change", "subject", "verdict", "words"),
    [
        ({"version": "2023100900.00"}, "Version of Moodle", WARNING, "older than 4.5"),
        ({"version": "2025041400.00"}, "Version of Moodle", WARNING, "newer than 4.5"),
        ({"date": five_minutes_ago()}, "Clock of Moodle", WARNING, "-"),
        ({"assignable": {TEACHER}}, ROLES, PROBLEM, "student (number 5): not allowed"),
        ({"accepts": refuses}, "E-mail addresses of our accounts", PROBLEM, "school.invalid"),
        ({"accepts": compares}, "Speed of making accounts", WARNING, "allowaccountssameemail"),
    ],
)
def test_what_is_not_as_usual_at_moodle_is_named(
    doctor: Doctor,
    site: FakeMoodle,
    change: dict[str, Any],
    subject: str,
    verdict: Verdict,
    words: str,
) -> None:
    assert {one.verdict for one in doctor(subject)} == {OK}
    for name, value in change.items():
        setattr(site, name, value)
    (found,) = [one for one in doctor(subject) if one.verdict != OK]
    assert found.verdict == verdict
    assert words in f"{found.message} {found.remedy}"


def refuses_birth_dates(form: Form) -> str:
    password = form.get("users[0][password]", "Aa1-aaaa")
    return "<div>no</div>" if password.isdigit() else "dmlwriteexception"


def test_a_password_policy_that_refuses_birth_dates_is_a_problem_where_moodle_keeps_them(
    doctor: Doctor, site: FakeMoodle
) -> None:
    subject = "Password policy of Moodle"
    site.accepts = refuses_birth_dates
    assert subject not in {check.subject for check in doctor()}

    (found,) = doctor(subject, passwords=PasswordSettings(kept_in="moodle", first="birth_date"))
    assert found.verdict == PROBLEM
    assert "minpasswordlower, minpasswordupper, minpasswordnonalphanum" in found.remedy
    assert "Site security settings" in found.remedy

    (found,) = doctor(subject, passwords=PasswordSettings(kept_in="moodle", first="random"))
    assert found.verdict == OK


def test_a_wrong_token_is_a_problem_and_stays_secret(application: Application) -> None:
    token = "b" * 32
    with running_standin() as url:
        checks = examine(with_settings(application, moodle=MoodleSettings(url=url, token=token)))
    (found,) = of(checks, "Connection to Moodle")
    assert found.verdict == PROBLEM
    assert "Manage tokens" in found.remedy
    assert token not in repr(checks)


def test_the_standin_answers_the_doctor_as_moodle_does(application: Application) -> None:
    with running_standin() as url:
        moodle = MoodleSettings(url=url, token=DEFAULT_TOKEN)
        first, again = (examine(with_settings(application, moodle=moodle)) for _ in range(2))
    assert of(first, RIGHTS)[0].message == "16 of 18 are there"
    assert PROBLEM not in {one.verdict for one in of(first, ROLES)}
    # Nothing was made by the first visit that the second one would find.
    assert [check.message for check in again] == [check.message for check in first]


def test_files_that_others_can_read_are_a_problem(application: Application) -> None:
    secret = application.settings.home / "secret"
    secret.chmod(0o644)
    (found,) = of(examine(application), "Secrets")
    assert (found.verdict, found.remedy) == (PROBLEM, f"chmod 600 {secret}")


def test_a_settings_file_with_a_token_must_be_private(
    application: Application, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("")
    config.chmod(0o644)
    moodle = MoodleSettings(url=application.settings.moodle.url)
    secret, open_to_all = "redis://:secret@localhost:6379/0", "redis://localhost:6379/0"
    for changes, verdict in (
        ({"moodle": application.settings.moodle}, PROBLEM),
        ({}, OK),
        ({"mail": MailSettings(password="of our mail")}, PROBLEM),
        ({"redis": RedisSettings(url=open_to_all)}, OK),
        ({"redis": RedisSettings(url=secret)}, PROBLEM),
    ):
        installed = with_settings(application, **{"moodle": moodle} | changes)
        (found,) = of(examine(installed, config), "Secrets")
        assert found.verdict == verdict, changes


@pytest.mark.parametrize(
    ("subject", "verdict", "words"),
    [
        ("Connection to Moodle", PROBLEM, "no usable answer (no_connection)"),
        ("Database", PROBLEM, "Run: schoolbridge init"),  # the tables are made without Alembic
        ("Redis", WARNING, "schoolbridge serve"),  # the embedded one does not run
        ("Clients of the sign-in", PROBLEM, "{moodle}/admin/oauth2callback.php"),
        ("Clients of the sign-in", PROBLEM, "OAuth 2 services"),
        ("Address of the sign-in", WARNING, "is not https"),
    ],
)
def test_what_a_new_installation_still_lacks_is_named(
    application: Application, subject: str, verdict: Verdict, words: str
) -> None:
    (found,) = of(examine(application), subject)
    assert found.verdict == verdict
    said = f"{found.message} {found.remedy}"
    assert words.format(moodle=application.settings.moodle.url) in said


def test_plain_http_of_the_sign_in_is_a_problem_beyond_this_machine(
    application: Application,
) -> None:
    server = replace(application.settings.server, base_url="http://bridge.example.org")
    (found,) = of(examine(with_settings(application, server=server)), "Address of the sign-in")
    assert found.verdict == PROBLEM
