"""Undoing a load, and deleting archived people, from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.config import load_settings
from tests.service.command_line import at_work, run
from tests.service.trial import A, Trial, pupils


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose worker, Redis and stand-in are up as long as this file runs."""
    home = tmp_path_factory.mktemp("cli") / "home"
    with at_work(home):
        yield home


@pytest.fixture
def trial(home: Path, tmp_path: Path) -> Trial:
    """For files and Moodle alone: what is done to the installation is done by commands."""
    moodle = load_settings().moodle_target.url
    return Trial(application=None, moodle_url=moodle, folder=tmp_path)  # type: ignore[arg-type]


def members(trial: Trial) -> dict[str, list[int]]:
    """The people of each cohort, asked of Moodle as its administrator does."""
    cohorts = {one["id"]: one["idnumber"] for one in trial.ask_moodle("core_cohort_get_cohorts")}
    asked = {f"cohortids[{number}]": one for number, one in enumerate(cohorts)}
    found = trial.ask_moodle("core_cohort_get_cohort_members", **asked)
    return {cohorts[one["cohortid"]]: sorted(one["userids"]) for one in found}


def test_a_load_is_undone_with_a_look_before_or_at_once(home: Path, trial: Trial) -> None:
    rows = pupils("x", 12)
    run("sync", trial.write(A, rows), "--yes", home=home, code=0)
    before = members(trial)
    wrong = run("sync", trial.write(A, rows[1:], day=1), "--yes", "--json", home=home).data["load"]
    assert members(trial) != before
    planned = run("undo", wrong, "--json", home=home, code=0).data
    assert (planned["status"], planned["undoes"]["loads"]) == ("planned", [wrong])
    assert planned["schools"][0]["counts"]["member.add"] == 2
    run("reject", planned["load"], home=home, code=0)
    done = run("undo", wrong, "--yes", "--json", home=home, code=0).data
    assert done["status"] == "applied"
    assert members(trial) == before
    told = run("plan", wrong, "--json", home=home, code=0).data
    assert told["status"] == "undone"
    assert [one["load"] for one in told["undone"]] == [done["load"]]
    assert f"undone by load {done['load']}" in run("plan", wrong, home=home).out
    again = run("undo", wrong, home=home, code=1)
    assert f"nothing of load {wrong} is in effect" in again.err


def test_nobody_is_deleted_without_being_archived(home: Path, tmp_path: Path) -> None:
    shown = run("delete-accounts", "--archived-before", "2020-01-01", "--json", home=home, code=0)
    assert shown.data["people"] == []
    named = tmp_path / "logins.txt"
    named.write_text("nobody\n")
    refused = run("delete-accounts", "--list", named, "--yes", "x", home=home, code=1)
    assert "nobody has the login or person id nobody" in refused.err
    run("delete-accounts", home=home, code=2)
