"""A login that is taken in Moodle, from the command line: told, planned again, applied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.logins import candidates
from service.config import load_settings
from service.sample.rows import Row
from tests.service.command_line import at_work, run
from tests.service.trial import A, B, Trial, pupil, pupils


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose worker, Redis and stand-in are up as long as this file runs."""
    home = tmp_path_factory.mktemp("cli") / "home"
    with at_work(home, LOGINS_SCHEME="transliterated"):
        yield home


@pytest.fixture
def trial(home: Path, tmp_path: Path) -> Trial:
    """For files and Moodle alone: what is done to the installation is done by commands."""
    moodle = load_settings().moodle_target.url
    return Trial(application=None, moodle_url=moodle, folder=tmp_path)  # type: ignore[arg-type]


def first_login(row: Row) -> str:
    person = row.person
    names = {name: getattr(person, name) for name in ("family_name", "given_name", "middle_name")}
    return next(candidates("", **names, scheme="transliterated"))


def owners(trial: Trial, login: str) -> list[str]:
    """Surnames of whoever has the login, the login with a 2 and with a 3."""
    names = {f"values[{number}]": f"{login}{end}" for number, end in enumerate(("", "2", "3"))}
    rows = trial.ask_moodle("core_user_get_users_by_field", field="username", **names)
    return [row["lastname"] for row in sorted(rows, key=lambda row: str(row["username"]))]


def test_a_failed_load_says_how_to_try_again_and_is_planned_anew(home: Path, trial: Trial) -> None:
    rows = pupils("x", 3)
    login = first_login(rows[0])
    trial.make_stranger(login, email="first@other.invalid")
    number = run("import", trial.write(A, rows), "--json", home=home).data["run"]
    assert run("approve", number, home=home).code == 0
    applied = run("apply", number, home=home, code=1)
    assert "failed: 1" in applied.out
    assert f"schoolbridge retry {number}" in applied.err
    assert "the login belongs to somebody else in Moodle (Moodle id " in applied.err
    (listed,) = (one for one in run("runs", "--json", home=home).data if one["run"] == number)
    assert (listed["status"], listed["failed"]) == ("applied_with_failures", 1)
    assert owners(trial, login) == ["Запись"]

    again = run("retry", number, "--json", home=home, code=0)
    assert again.data["schools"][0]["counts"]["user.create"] == 1
    assert run("approve", again.data["run"], home=home).code == 0
    assert run("apply", again.data["run"], home=home).code == 0
    assert owners(trial, login) == ["Запись", rows[0].person.family_name]


def test_sync_goes_on_to_the_next_free_login_by_itself(home: Path, trial: Trial) -> None:
    rows = [pupil("y-1"), pupil("y-2")]
    login = first_login(rows[0])
    for name in (login, f"{login}2"):
        trial.make_stranger(name, email=f"{name}@other.invalid")
    ended = run("sync", trial.write(B, rows), "--yes", "--json", home=home, code=0)
    assert ended.data["status"] == "applied"
    assert owners(trial, login) == ["Запись", "Запись", rows[0].person.family_name]
    assert run("retry", ended.data["run"], home=home).code == 1
