"""Setting up Moodle's side: the list of what is needed, and the script that makes it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provisioning.moodle import Function
from provisioning.moodle.requirements import required_capabilities, required_functions
from service.i18n import LANGUAGES
from tests.service.command_line import run

SETTINGS = """
[server]
base_url = "https://login.example"
[moodle]
url = "https://moodle.example"
token_file = "/no/such/token"
student_role_id = 15
[[auth.clients]]
client_id = "moodle"
client_secret = "the secret of the client"
redirect_uris = ["https://moodle.example/admin/oauth2callback.php"]
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Settings before anything is set up: no token, and no data folder."""
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS)
    return str(path)


def plan_of(script: str) -> dict[str, Any]:
    text = re.search(r"<<<'PLAN'\n(.*)\nPLAN;", script, re.DOTALL)
    assert text
    return dict(json.loads(text[1]))


def test_the_requirements_are_told_before_anything_is_set_up(tmp_path: Path) -> None:
    told = run("doctor", "--requirements", "--json", home=tmp_path / "none").data
    names = [one["name"] for one in told["capabilities"]]
    assert names == [one.capability for one in required_capabilities()]
    assert [one["name"] for one in told["functions"]] == required_functions()
    shown = run("doctor", "--requirements", home=tmp_path / "none").out
    assert all(f"  {name}\n" in shown or f"  {name} (" in shown for name in names)


def test_the_script_makes_what_the_requirements_name(tmp_path: Path, config: str) -> None:
    plan = plan_of(run("moodle-setup-script", home=tmp_path / "none", CONFIG=config).out)
    needed = required_capabilities(reports=False)
    assert plan["capabilities"] == [one.capability for one in needed]
    assert set(map(str, Function)) - set(plan["functions"]) == {
        "core_reportbuilder_set_filters",
        "core_reportbuilder_retrieve_report",
        "core_user_delete_users",
    }
    assert plan["assignable"] == {"student": 15, "editingteacher": 3}
    assert plan["mappings"] == {"sub": "username", "email": "email"}
    issuer = plan["issuer"]
    assert (issuer["clientid"], issuer["baseurl"]) == ("moodle", "https://login.example")


def test_the_script_holds_the_secret_only_when_asked(tmp_path: Path, config: str) -> None:
    secret = "the secret of the client"
    assert secret not in run("moodle-setup-script", home=tmp_path, CONFIG=config).out
    with_it = run("moodle-setup-script", "--show-secret", home=tmp_path, CONFIG=config).out
    assert plan_of(with_it)["issuer"]["clientsecret"] == secret


def test_a_custom_report_adds_what_it_needs(tmp_path: Path, config: str) -> None:
    script = run("moodle-setup-script", home=tmp_path, CONFIG=config, ACTIVITY_REPORT_ID="4").out
    assert "moodle/reportbuilder:viewall" in plan_of(script)["capabilities"]
    assert "core_reportbuilder_retrieve_report" in plan_of(script)["functions"]


def test_passwords_kept_in_moodle_need_no_sign_in(tmp_path: Path, config: str) -> None:
    script = run("moodle-setup-script", home=tmp_path, CONFIG=config, PASSWORDS_KEPT_IN="moodle")
    plan = plan_of(script.out)
    assert plan["issuer"] is None
    assert [name for _plugin, name, _value in plan["settings"]] == ["enablewebservices"]


def test_everything_the_script_says_has_words(tmp_path: Path, config: str) -> None:
    script = run("moodle-setup-script", home=tmp_path, CONFIG=config).out
    code = script.partition("\nPLAN;")[2]
    called = r"(?:say\('.', |problem\(|change\(|\$report\(|\? |: )'([a-z_]+)'[,)]"
    said = set(re.findall(called, code)) | {"endpoint", "mapping", "endpoint_gone", "mapping_gone"}
    words = plan_of(script)["words"]
    assert len(said) > 40
    assert words.keys() - said <= {"usage", "undone", "changed", "would_change"}
    assert said - words.keys() - {"core", "user", "role", "service"} == set()


@pytest.mark.skipif(not shutil.which("php"), reason="there is no PHP here")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_script_is_php(tmp_path: Path, config: str, language: str) -> None:
    script = run("moodle-setup-script", home=tmp_path, CONFIG=config, LANG=language).out
    path = tmp_path / "setup.php"
    path.write_text(script, "utf-8")
    ended = subprocess.run(["php", "-l", path], capture_output=True, check=False)
    assert ended.returncode == 0, ended.stdout
    refused = subprocess.run(["php", path], capture_output=True, check=False, cwd=tmp_path)
    assert (refused.returncode, b"--moodle=" in refused.stdout) == (2, True)


def test_without_the_token_only_what_asks_moodle_stops(
    home: Path, config: str, tmp_path: Path
) -> None:
    assert run("loads", "--json", home=home, CONFIG=config).data == []
    checks = run("doctor", "--json", home=home, CONFIG=config, code=3).data
    [moodle] = [one for one in checks if one["subject"] == "Connection to Moodle"]
    assert (moodle["verdict"], moodle["message"]) == (
        "problem",
        "Moodle refuses us (token_file_unreadable)",
    )
    assert "token_file" in moodle["remedy"]
