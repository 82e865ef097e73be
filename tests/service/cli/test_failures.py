"""A login that is taken in Moodle, from the command line: told, planned again, applied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from provisioning.logins import candidates
from service.config import load_settings
from service.sample.rows import Row
from service.settings import STANDIN_TOKEN
from tests.service.command_line import at_work, run
from tests.service.trial import A, B, Trial, pupil, pupils


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose worker, Redis and stand-in are up as long as this file runs."""
    home = tmp_path_factory.mktemp("cli") / "home"
    with at_work(home, LOGINS_SCHEME="transliterated"):
        yield home


def first_login(row: Row) -> str:
    person = row.person
    names = {name: getattr(person, name) for name in ("family_name", "given_name", "middle_name")}
    return next(candidates("", **names, scheme="transliterated"))


def ask_moodle(function: str, **fields: object) -> list[dict[str, Any]]:
    address = f"{load_settings().moodle_target.url}/webservice/rest/server.php"
    call = {"wstoken": STANDIN_TOKEN, "wsfunction": function, "moodlewsrestformat": "json"}
    answer = requests.post(address, data=call | fields, timeout=60).json()
    assert isinstance(answer, list), answer
    return answer


def make_stranger(username: str) -> None:
    fields = {
        "username": username, "firstname": "Чужая", "lastname": "Запись", "auth": "oauth2",
        "email": f"{username}@other.invalid",
    }  # fmt: skip
    ask_moodle(
        "core_user_create_users",
        **{f"users[0][{name}]": value for name, value in fields.items()},
    )


def owners(login: str) -> list[str]:
    """Surnames of whoever has the login, the login with a 2 and with a 3."""
    names = {f"values[{trial}]": f"{login}{end}" for trial, end in enumerate(("", "2", "3"))}
    rows = ask_moodle("core_user_get_users_by_field", field="username", **names)
    return [row["lastname"] for row in sorted(rows, key=lambda row: str(row["username"]))]


def written(folder: Path, code: str, rows: list[Row]) -> Path:
    return Trial.write(Trial(application=None, moodle_url="", folder=folder), code, rows)  # type: ignore[arg-type]


def test_a_failed_load_says_how_to_try_again_and_retry_plans_it_anew(
    home: Path, tmp_path: Path
) -> None:
    rows = pupils("x", 3)
    person = rows[0].person
    make_stranger(first_login(rows[0]))
    number = run("import", written(tmp_path, A, rows), "--json", home=home).data["run"]
    assert run("approve", number, home=home).code == 0
    applied = run("apply", number, home=home)
    assert applied.code == 1
    assert "failed: 1" in applied.out
    assert f"schoolbridge retry {number}" in applied.err
    assert "the login belongs to somebody else in Moodle (Moodle id " in applied.err
    (listed,) = (one for one in run("runs", "--json", home=home).data if one["run"] == number)
    assert (listed["status"], listed["failed"]) == ("applied_with_failures", 1)
    assert owners(first_login(rows[0])) == ["Запись"]

    again = run("retry", number, "--json", home=home)
    assert again.code == 0
    assert again.data["schools"][0]["counts"]["user.create"] == 1
    assert run("approve", again.data["run"], home=home).code == 0
    assert run("apply", again.data["run"], home=home).code == 0
    assert owners(first_login(rows[0])) == ["Запись", person.family_name]


def test_sync_goes_on_to_the_next_free_login_by_itself(home: Path, tmp_path: Path) -> None:
    rows = [pupil("y-1"), pupil("y-2")]
    login, family = first_login(rows[0]), rows[0].person.family_name
    for name in (login, f"{login}2"):
        make_stranger(name)
    ended = run("sync", written(tmp_path, B, rows), "--yes", "--json", home=home)
    assert ended.code == 0, ended.err
    assert ended.data["status"] == "applied"
    assert owners(login) == ["Запись", "Запись", family]
    assert run("retry", ended.data["run"], home=home).code == 1
