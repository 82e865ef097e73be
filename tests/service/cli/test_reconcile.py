"""Looking into Moodle and repairing it from the command line."""

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
    with at_work(home, RECONCILE_PAUSE_SECONDS="0"):
        yield home


def test_a_command_looks_tells_and_repairs(home: Path, tmp_path: Path) -> None:
    moodle = load_settings().moodle_target.url
    trial = Trial(application=None, moodle_url=moodle, folder=tmp_path)  # type: ignore[arg-type]
    assert (
        run("reconcile", "--no-look", home=home, code=0).out
        == "Nobody has looked into Moodle yet.\n"
    )
    run("sync", trial.write(A, pupils("x", 3)), "--yes", home=home, code=0)
    assert "Moodle has what we hold." in run("reconcile", home=home, code=0).out

    of_ours = [{"key": "auth", "value": "oauth2"}]
    users = trial.ask_moodle("core_user_get_users", criteria=of_ours)["users"]
    first, second, *_rest = (one for one in users if one.get("idnumber"))
    trial.ask_moodle("core_user_update_users", users=[{"id": first["id"], "suspended": 1}])
    trial.ask_moodle("core_user_delete_users", userids=[second["id"]])
    told = run("reconcile", home=home, code=0).out
    assert "account suspended" in told
    assert "The account is opened again." in told

    data = run("reconcile", "--school", A, "--json", home=home, code=0).data
    assert data["look"]["people"] == 3
    kinds = [one["kind"] for one in data["drifts"]]
    assert kinds == ["account_deleted", "account_suspended"]

    planned = run("reconcile", "--no-look", "--repair", home=home, code=3)
    assert "To carry it out: schoolbridge approve 2" in planned.err
    done = run("reconcile", "--repair", "--yes", "--json", home=home, code=0)
    assert done.data["load"] == 3
    after = run("reconcile", "--repair", home=home, code=0).out
    assert "Moodle has what we hold." in after
    assert "There is nothing that a plan can repair." in after
