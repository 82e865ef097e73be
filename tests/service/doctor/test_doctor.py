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
from service.settings import MailSettings
from tests.provisioning.scripted_moodle import Form
from tests.service.command_line import free_port
from tests.service.fake_moodle import OWN_ADDRESS, STUDENT, FakeMoodle, running
from tests.service.installation import installation
from tests.service.standin import running_standin

pytestmark = pytest.mark.usefixtures("english")

CAPABILITIES = [
    "moodle/user:create",
    "moodle/user:update",
    "moodle/user:viewdetails",
    "moodle/user:viewalldetails",
    "moodle/site:viewuseridentity",
    "moodle/category:manage",
    "moodle/cohort:manage",
    "moodle/course:create",
    "moodle/course:update",
    "moodle/course:changefullname",
    "moodle/course:changeshortname",
    "moodle/course:changecategory",
    "moodle/course:view",
    "moodle/course:viewparticipants",
    "enrol/manual:enrol",
    "enrol/manual:unenrol",
    "moodle/role:assign",
]
"""All that the doctor can see."""


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    """A ready installation whose sign-in serves a Moodle at an address without a server."""
    with installation(tmp_path / "home", moodle_url=f"http://127.0.0.1:{free_port()}") as made:
        yield made


@pytest.fixture
def site() -> Iterator[FakeMoodle]:
    """A Moodle with which nothing is wrong."""
    with running(FakeMoodle()) as moodle:
        yield moodle


def with_settings(application: Application, **changes: Any) -> Application:
    return replace(application, settings=replace(application.settings, **changes))


def of(checks: Sequence[Check], subject: str) -> list[Check]:
    found = [check for check in checks if check.subject == subject]
    assert found, f"{subject} was not looked at"
    return found


def problems(checks: Sequence[Check], subject: str) -> list[str]:
    return [one.message for one in of(checks, subject) if one.verdict == Verdict.PROBLEM]


Doctor = Callable[..., list[Check]]


@pytest.fixture
def doctor(application: Application, site: FakeMoodle) -> Doctor:
    """The checks of the installation before ``site``, or those of one subject; with settings."""

    def look(subject: str = "", **changes: Any) -> list[Check]:
        moodle = MoodleSettings(url=site.url, token="t" * 32)
        checks = examine(with_settings(application, moodle=moodle, **changes))
        return of(checks, subject) if subject else checks

    return look


def add_course(application: Application) -> None:
    with transaction(application.sessions) as session:
        session.add(KnownObject(kind="course", key="course:1", moodle_id=17, fields={}))


def test_a_moodle_in_order_gives_no_problem(
    application: Application, doctor: Doctor, site: FakeMoodle
) -> None:
    add_course(application)
    callback = f"{site.url}/admin/oauth2callback.php"
    auth = replace(
        application.settings.auth,
        clients=(Client(client_id="moodle", client_secret="s" * 32, redirect_uris=(callback,)),),
    )
    checks = doctor(auth=auth)
    # The installation of these tests is made without Alembic and without keys.
    others = [one for one in checks if one.subject not in {"Database", "Signing keys"}]
    assert [one for one in others if one.verdict == Verdict.PROBLEM] == []
    assert of(checks, "Capabilities of our account")[0].message == "17 of 17 are there"


def test_every_check_that_is_not_in_order_says_what_to_do(doctor: Doctor, site: FakeMoodle) -> None:
    site.missing = {"moodle/user:create", "enrol/manual:enrol"}
    site.functions -= {Function.CREATE_COURSES, Function.CALL_SEVERAL}
    for check in doctor():
        assert bool(check.remedy) == (check.verdict != Verdict.OK), check
        assert set(asdict(check)) == {"subject", "verdict", "message", "remedy"}


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_a_missing_capability_is_named(
    application: Application, doctor: Doctor, site: FakeMoodle, capability: str
) -> None:
    add_course(application)
    site.missing = {capability}
    subject = "Capabilities of our account"
    checks = doctor()
    assert problems(checks, subject) == [f"{capability} is missing"]
    (found,) = [one for one in of(checks, subject) if one.verdict == Verdict.PROBLEM]
    assert "Users > Permissions > Define roles" in found.remedy


def test_both_names_of_a_course_may_be_missing_without_blaming_another_capability(
    application: Application, doctor: Doctor, site: FakeMoodle
) -> None:
    add_course(application)
    subject, names = "Capabilities of our account", ["fullname", "shortname"]
    site.missing = {f"moodle/course:change{name}" for name in names}
    checks = doctor()
    assert problems(checks, subject) == [f"moodle/course:change{name} is missing" for name in names]
    site.missing |= {"moodle/course:update"}
    assert problems(doctor(), subject) == ["moodle/course:update is missing"]


def test_an_account_that_may_do_nothing_gets_no_tick(
    application: Application, doctor: Doctor, site: FakeMoodle
) -> None:
    add_course(application)
    subject = "Capabilities of our account"
    checks = doctor(subject)
    everything = next(one.message for one in checks if one.verdict == Verdict.OK)
    assert everything == "17 of 17 are there"
    site.missing = {"moodle/user:create"}
    assert Verdict.OK not in [one.verdict for one in doctor(subject)]
    site.missing = set(CAPABILITIES)
    first = doctor(subject)[0]
    assert (first.verdict, first.message) == (
        Verdict.PROBLEM,
        "none of 17 was found",
    )


def test_without_a_course_two_capabilities_are_left_open(doctor: Doctor, site: FakeMoodle) -> None:
    (open_,) = [
        one for one in doctor("Capabilities of our account") if one.verdict == Verdict.WARNING
    ]
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
    (found,) = [one for one in doctor("Functions of the web service") if one.verdict != Verdict.OK]
    assert found.message.startswith(f"{function} is missing")
    assert "External services" in found.remedy
    slower = function == Function.CALL_SEVERAL
    assert found.verdict == (Verdict.WARNING if slower else Verdict.PROBLEM)


def test_a_role_that_may_not_be_given_is_named(doctor: Doctor, site: FakeMoodle) -> None:
    site.assignable.discard(STUDENT)
    checks = doctor()
    (found,) = problems(checks, "Roles that our account may give")
    assert found.startswith("student (number 5): not allowed")


@pytest.mark.parametrize(
    ("version", "words"), [("2023100900.00", "older than 4.5"), ("2025041400.00", "newer than 4.5")]
)
def test_another_version_is_a_warning(
    doctor: Doctor, site: FakeMoodle, version: str, words: str
) -> None:
    site.version = version
    (found,) = doctor("Version of Moodle")
    assert found.verdict == Verdict.WARNING
    assert words in found.message


def test_a_clock_that_is_wrong_is_a_warning(doctor: Doctor, site: FakeMoodle) -> None:
    assert doctor("Clock of Moodle")[0].verdict == Verdict.OK
    late = datetime.now(UTC) - timedelta(minutes=5)
    site.date = late.strftime("%a, %d %b %Y %H:%M:%S GMT")
    (found,) = doctor("Clock of Moodle")
    assert found.verdict == Verdict.WARNING
    assert found.message.startswith("-")


def refuses_birth_dates(form: Form) -> str:
    password = form.get("users[0][password]", "Aa1-aaaa")
    return "<div>no</div>" if password.isdigit() else "dmlwriteexception"


def test_a_password_policy_that_refuses_birth_dates_is_a_problem_where_moodle_keeps_them(
    doctor: Doctor, site: FakeMoodle
) -> None:
    subject = "Password policy of Moodle"
    site.accepts = refuses_birth_dates
    assert subject not in {check.subject for check in doctor()}

    birth_dates = PasswordSettings(kept_in="moodle", first="birth_date")
    (found,) = doctor(subject, passwords=birth_dates)
    assert found.verdict == Verdict.PROBLEM
    assert "minpasswordlower, minpasswordupper, minpasswordnonalphanum" in found.remedy
    assert "Site security settings" in found.remedy

    random = PasswordSettings(kept_in="moodle", first="random")
    (found,) = doctor(subject, passwords=random)
    assert found.verdict == Verdict.OK


def test_an_address_that_moodle_refuses_is_a_problem(doctor: Doctor, site: FakeMoodle) -> None:
    site.accepts = lambda _form: "invalidparameter"
    (found,) = problems(doctor(), "E-mail addresses of our accounts")
    assert "school.invalid" in found


def test_comparing_addresses_is_a_warning(doctor: Doctor, site: FakeMoodle) -> None:
    subject = "Speed of making accounts"
    assert doctor(subject)[0].verdict == Verdict.OK
    site.accepts = lambda form: (
        "invalidparameter" if form["users[0][email]"] == OWN_ADDRESS else "dmlwriteexception"
    )
    (found,) = doctor(subject)
    assert found.verdict == Verdict.WARNING
    assert "allowaccountssameemail" in found.remedy


def test_a_moodle_that_does_not_answer_is_a_problem_without_a_trace(
    application: Application,
) -> None:
    assert problems(examine(application), "Connection to Moodle") == [
        "no usable answer (no_connection)"
    ]


def test_a_wrong_token_is_a_problem_and_stays_secret(application: Application) -> None:
    token = "b" * 32
    with running_standin() as url:
        moodle = MoodleSettings(url=url, token=token)
        checks = examine(with_settings(application, moodle=moodle))
    (found,) = of(checks, "Connection to Moodle")
    assert found.verdict == Verdict.PROBLEM
    assert "Manage tokens" in found.remedy
    assert token not in repr(checks)


def test_the_standin_answers_the_doctor_as_moodle_does(application: Application) -> None:
    with running_standin() as url:
        moodle = MoodleSettings(url=url, token=DEFAULT_TOKEN)
        checks = examine(with_settings(application, moodle=moodle))
        again = examine(with_settings(application, moodle=moodle))
    assert of(checks, "Capabilities of our account")[0].message == "15 of 17 are there"
    assert not problems(checks, "Roles that our account may give")
    # Nothing was made by the first visit that the second one would find.
    assert [check.message for check in again] == [check.message for check in checks]


def test_files_that_others_can_read_are_a_problem(application: Application) -> None:
    secret = application.settings.home / "secret"
    secret.chmod(0o644)
    (found,) = of(examine(application), "Secrets")
    assert found.verdict == Verdict.PROBLEM
    assert found.remedy == f"chmod 600 {secret}"


def test_a_settings_file_with_a_token_must_be_private(
    application: Application, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("")
    config.chmod(0o644)
    (found,) = of(examine(application, config), "Secrets")
    assert found.verdict == Verdict.PROBLEM
    moodle = MoodleSettings(url=application.settings.moodle.url)
    for password, verdict in (("", Verdict.OK), ("of our mail", Verdict.PROBLEM)):
        mail = MailSettings(password=password)
        (found,) = of(
            examine(with_settings(application, moodle=moodle, mail=mail), config), "Secrets"
        )
        assert found.verdict == verdict


def test_tables_of_another_version_are_a_problem(application: Application) -> None:
    (found,) = of(examine(application), "Database")
    assert found.verdict == Verdict.PROBLEM
    assert found.remedy == "Run: schoolbridge init"


def test_an_embedded_redis_that_does_not_run_is_a_warning(application: Application) -> None:
    (found,) = of(examine(application), "Redis")
    assert found.verdict == Verdict.WARNING
    assert "serve" in found.remedy


def test_a_moodle_that_is_no_client_of_the_sign_in_is_a_problem(application: Application) -> None:
    (found,) = of(examine(application), "Clients of the sign-in")
    assert found.verdict == Verdict.PROBLEM
    callback = f"{application.settings.moodle.url}/admin/oauth2callback.php"
    assert callback in found.remedy
    assert "OAuth 2 services" in found.remedy


def test_plain_http_of_the_sign_in_is_a_problem_beyond_this_machine(
    application: Application,
) -> None:
    subject = "Address of the sign-in"
    assert of(examine(application), subject)[0].verdict == Verdict.WARNING
    server = replace(application.settings.server, base_url="http://bridge.example.org")
    (found,) = of(examine(with_settings(application, server=server)), subject)
    assert found.verdict == Verdict.PROBLEM
