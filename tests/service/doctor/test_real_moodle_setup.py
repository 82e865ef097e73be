"""The script for Moodle's side on a real Moodle, where its folder is given.

Besides the address of tests/provisioning/test_real_moodle.py it takes the folder of Moodle's
program and, if need be, the command that runs PHP as the account of the web server. Everything
gets names of its own here, and is gone afterwards.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from auth.clients.client import Client
from provisioning.moodle import Function, MoodleClient, MoodleMisconfigured
from provisioning.moodle.requirements import required_functions
from provisioning.settings import MoodleSettings
from service.doctor.setup_script import setup_script
from service.settings import Settings

URL = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_URL", "")
FOLDER = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_FOLDER", "")
PHP = shlex.split(os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_PHP", "php"))

pytestmark = pytest.mark.skipif(
    not (URL and FOLDER), reason="SCHOOLBRIDGE_TEST_MOODLE_FOLDER names no Moodle"
)

ISSUER = "https://login.example.invalid"
BLOCKED = 3
"""The exit code where something is left to do by hand: nobody answers at the issuer's address."""


@pytest.fixture
def script(tmp_path: Path, english: None) -> Callable[..., tuple[int, list[str]]]:
    """Runs the script; gives its exit code and lines."""
    name = f"sb{uuid.uuid4().hex[:8]}"
    settings = Settings(home=tmp_path, moodle=MoodleSettings(url=URL))
    client = Client(
        client_id="moodle",
        client_secret="s" * 32,
        redirect_uris=(f"{URL}/admin/oauth2callback.php",),
    )
    text = setup_script(settings, client, ISSUER, show_secret=True)
    text = text.replace('"schoolbridge"', f'"{name}"').replace("'schoolbridge_setup'", f"'{name}'")
    text = text.replace('"schoolbridge@', f'"{name}@')

    def run(*options: str) -> tuple[int, list[str]]:
        given = ["--", f"--moodle={FOLDER}", *options]
        ended = subprocess.run(
            [*PHP, *given], input=text, capture_output=True, check=False, text=True, timeout=120
        )
        return ended.returncode, ended.stdout.splitlines()

    return run


def test_the_script_sets_up_what_we_need_once_and_takes_it_back(
    script: Callable[..., tuple[int, list[str]]],
) -> None:
    would = script("--check")[1]
    assert any(one.startswith("+ service") for one in would)
    code, said = script()
    [token] = [found[1] for one in said if (found := re.match(r'token = "(\w+)"', one))]
    try:
        assert code == BLOCKED
        with MoodleClient(MoodleSettings(url=URL, token=token)) as moodle:
            there = {one["name"] for one in moodle.site_info()["functions"]}
        assert there == {str(one) for one in required_functions(reports=False)}
        assert Function.CREATE_USERS in there
        again = script()[1]
        assert [one for one in again if one.startswith(("+", "-"))] == []
        assert again[-1] == "= everything is in place, nothing was changed"
    finally:
        script("--undo")
    with (
        MoodleClient(MoodleSettings(url=URL, token=token)) as moodle,
        pytest.raises(MoodleMisconfigured),
    ):
        moodle.site_info()
    assert script("--undo")[1] == ["= nothing of ours is here"]
