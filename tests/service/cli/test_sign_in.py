"""Commands of the sign-in: new keys, a client's secret, and what to type into Moodle."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, jsonify, request
from werkzeug.serving import make_ssl_devcert

from auth.clients.client import Client, hash_secret
from tests.service.command_line import Ended, free_port, run
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


def configured(folder: Path, issuer: str, callback: str = CALLBACK) -> str:
    path = folder / "settings.toml"
    path.write_text(SETTINGS.format(issuer=issuer, callback=callback))
    return str(path)


@pytest.fixture
def provider() -> Flask:
    """A provider as far as discovery goes."""
    app = Flask("discovery")

    @app.get("/.well-known/openid-configuration")
    def discovery() -> object:
        return jsonify(issuer=request.host_url.rstrip("/"))

    return app


@pytest.fixture
def issuer(provider: Flask) -> Iterator[str]:
    with running_app(provider) as address:
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
    hashed = made["client_secret_hash"]
    client = Client(client_id="a", client_secret_hash=hashed, redirect_uris=("https://a.example/",))
    assert client.check_client_secret(made["client_secret"])
    shown = run("client-secret", home=home).out
    assert 'client_secret_hash = "sha256:' in shown


def set_up(home: Path, config: str, *options: str) -> Ended:
    return run("moodle-login-setup", *options, home=home, CONFIG=config)


def test_the_setup_prints_each_value_and_hides_the_secret(home: Path, tmp_path: Path) -> None:
    config = configured(tmp_path, "https://login.example")
    told = set_up(home, config, "--json").data["fields"]
    assert {field["name"]: field["value"] for field in told}.items() >= {
        "Service base URL": "https://login.example",
        "Client ID": "moodle",
        "sub": "username",
        "Require email verification": "no",
        "Prevent account creation when authenticating": "yes",
    }.items()
    shown = set_up(home, config).out
    assert "Service base URL: https://login.example" in shown
    assert "the secret" not in shown
    assert "the secret" in set_up(home, config, "--show-secret").out


def checks(home: Path, config: str) -> dict[str, str]:
    found = set_up(home, config, "--json").data["checks"]
    return {check["subject"]: check["verdict"] for check in found}


def test_the_setup_checks_what_can_be_seen_here(home: Path, tmp_path: Path, issuer: str) -> None:
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
    assert set_up(home, other).code == 3


def test_an_uncheckable_certificate_is_a_problem(home: Path, tmp_path: Path, issuer: str) -> None:
    shown = set_up(home, configured(tmp_path, issuer.replace("http:", "https:"))).out
    assert "✗ Reachable for Moodle: the certificate of https://" in shown


def test_an_authority_that_only_moodle_knows_is_no_problem(
    home: Path, tmp_path: Path, provider: Flask
) -> None:
    """Whether Moodle knows it shows from Moodle's side alone, so nothing stays red."""
    tls = make_ssl_devcert(str(tmp_path / "own"), host="127.0.0.1")
    with running_app(provider, tls=tls) as address:
        found = set_up(home, configured(tmp_path, address), "--json").data["checks"]
        moved = set_up(home, configured(tmp_path, f"{address}/elsewhere"), "--json").data["checks"]
    verdicts = [(one["verdict"], "moodleorgca.crt" in one["remedy"]) for one in found
                if one["subject"] == "Reachable for Moodle"]  # fmt: skip
    assert verdicts == [("warning", True), ("ok", False)]
    assert [one["verdict"] for one in moved if one["subject"] == "Reachable for Moodle"] == [
        "warning",
        "problem",
    ]


def test_a_blocked_port_is_named_beside_a_blocked_host(
    home: Path, tmp_path: Path, issuer: str
) -> None:
    found = set_up(home, configured(tmp_path, issuer), "--json").data["checks"]
    blocked = [one["message"] for one in found if one["subject"] == "Moodle's cURL block list"]
    port = issuer.rpartition(":")[2]
    assert blocked == [
        "127.0.0.1 is 127.0.0.1, which Moodle blocks",
        f"Moodle does not ask port {port}",
    ]
