"""Commands of the sign-in: new keys, a client's secret, and what to type into Moodle."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, jsonify, request

from auth.clients.client import Client, hash_secret
from tests.service.command_line import free_port, run
from tests.web import running_app

SETTINGS = """
[server]
base_url = "{issuer}"
[moodle]
url = "https://moodle.example"
token = "t"
[[auth.clients]]
client_id = "moodle"
client_secret = "the secret"
redirect_uris = ["{callback}"]
"""
CALLBACK = "https://moodle.example/admin/oauth2callback.php"


@pytest.fixture
def home(initialised_home: Path) -> Path:
    return initialised_home


def configured(folder: Path, issuer: str, callback: str = CALLBACK) -> str:
    path = folder / "settings.toml"
    path.write_text(SETTINGS.format(issuer=issuer, callback=callback))
    return str(path)


@pytest.fixture
def issuer() -> Iterator[str]:
    """A provider as far as discovery goes."""
    app = Flask("discovery")

    @app.get("/.well-known/openid-configuration")
    def discovery() -> object:
        return jsonify(issuer=request.host_url.rstrip("/"))

    with running_app(app) as address:
        yield address


def test_rotating_makes_a_key_of_each_kind_and_keeps_the_earlier_ones(home: Path) -> None:
    before = set((home / "keys").glob("*.pem"))
    made = run("keys", "rotate", "--json", home=home).data

    after = set((home / "keys").glob("*.pem"))
    assert {key["alg"] for key in made["made"]} == {"RS256", "ES256"}
    assert (len(made["published"]), made["removed"]) == (4, [])
    assert before < after
    assert {stat.S_IMODE(path.stat().st_mode) for path in after} == {0o600}
    assert "Published now, signing from" in run("keys", "rotate", home=home).out


def test_a_made_secret_fits_its_hash(home: Path) -> None:
    made = run("client-secret", "--json", home=home).data
    assert made["client_secret_hash"] == hash_secret(made["client_secret"])
    client = Client(
        client_id="a",
        client_secret_hash=made["client_secret_hash"],
        redirect_uris=("https://a.example/",),
    )
    assert client.check_client_secret(made["client_secret"])
    shown = run("client-secret", home=home).out
    assert 'client_secret_hash = "sha256:' in shown


def test_the_setup_prints_each_value_and_hides_the_secret(home: Path, tmp_path: Path) -> None:
    config = configured(tmp_path, "https://login.example")
    shown = run("moodle-login-setup", home=home, CONFIG=config)
    fields = {
        field["name"]: field["value"]
        for field in run("moodle-login-setup", "--json", home=home, CONFIG=config).data["fields"]
    }

    assert fields["Service base URL"] == "https://login.example"
    assert fields["Client ID"] == "moodle"
    assert fields["sub"] == "username"
    assert fields["Require email verification"] == "no"
    assert fields["Prevent account creation when authenticating"] == "yes"
    assert "Service base URL: https://login.example" in shown.out
    assert "the secret" not in shown.out
    assert "the secret" in run("moodle-login-setup", "--show-secret", home=home, CONFIG=config).out


def checks(home: Path, config: str) -> dict[str, str]:
    found = run("moodle-login-setup", "--json", home=home, CONFIG=config).data["checks"]
    return {check["subject"]: check["verdict"] for check in found}


def test_the_setup_checks_what_can_be_seen_from_our_side(
    home: Path, tmp_path: Path, issuer: str
) -> None:
    assert checks(home, configured(tmp_path, issuer)) == {
        "Client of this Moodle": "ok",
        "Button to this Moodle": "warning",  # home_url is not set
        "Address of the sign-in": "problem",  # not https
        "Reachable for Moodle": "ok",
        "Moodle's cURL block list": "warning",  # loopback
    }
    away = configured(tmp_path, f"http://127.0.0.1:{free_port()}")
    assert checks(home, away)["Reachable for Moodle"] == "problem"
    moved = configured(tmp_path, f"{issuer}/elsewhere")
    assert checks(home, moved)["Reachable for Moodle"] == "problem"
    other = configured(tmp_path, issuer, callback="https://other.example/")
    assert checks(home, other)["Client of this Moodle"] == "problem"
    assert run("moodle-login-setup", home=home, CONFIG=other).code == 3


def test_a_certificate_that_cannot_be_checked_is_a_problem(
    home: Path, tmp_path: Path, issuer: str
) -> None:
    config = configured(tmp_path, issuer.replace("http:", "https:"))
    shown = run("moodle-login-setup", home=home, CONFIG=config)
    assert "✗ Reachable for Moodle: the certificate of https://" in shown.out
