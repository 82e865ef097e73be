"""Published client libraries, unchanged, complete the whole way against the stand-in; Chromium
plays the person."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser

from tests.auth.conftest import Clock
from tests.auth.esia.conftest import Start
from tests.auth.esia.signing import Signer
from tests.auth.independent import Command, by_npm, by_pip, conversation, journey

CLIENTS = Path(__file__).parent / "clients"
CALLBACK = "https://journal.example/esia"
SCOPE = "openid fullname email"


@pytest.fixture(scope="session")
def connector(tmp_path_factory: pytest.TempPathFactory) -> Command:
    if shutil.which("openssl") is None:
        pytest.skip("esia-connector signs with the openssl command, which is not here")
    packages = ["esia-connector==0.16", "PyJWT<2", "cryptography", "pytz", "requests"]
    return by_pip(packages, CLIENTS / "connector.py", tmp_path_factory.mktemp("pip"))


@pytest.fixture(scope="session")
def npm_esia(tmp_path_factory: pytest.TempPathFactory) -> Command:
    return by_npm("esia@0.2.3", CLIENTS / "npm_esia.js", tmp_path_factory.mktemp("npm"))


@pytest.mark.parametrize("library", ["connector", "npm_esia"])
def test_a_published_client_signs_a_person_in(
    library: str,
    request: pytest.FixtureRequest,
    start_esia: Start,
    clock: Clock,
    chromium: Browser,
    tmp_path: Path,
) -> None:
    clock.live()  # the libraries have no other clock
    signer = Signer(begin=clock() - timedelta(days=1), age=timedelta(days=30))
    esia = start_esia(signers={"SCHOOL01": signer})
    files = {
        "certificate_file": signer.pem.encode(),
        "key_file": signer.key_pem,
        "token_key_file": esia.standin.keys.rsa_key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        ),
    }
    question = {"url": esia.url, "scope": SCOPE}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        question[name] = str(tmp_path / name)
    with (
        conversation(*request.getfixturevalue(library)) as application,
        journey(chromium, CALLBACK) as (page, came_back),
    ):
        url = application.ask(question)["url"]
        state = dict(parse_qsl(urlsplit(url).query))["state"]
        page.goto(url)
        page.locator("button[value=confirmed]").click()
        page.locator("button[value=allow]").click()
        page.get_by_text("back", exact=True).wait_for()
        back = dict(parse_qsl(urlsplit(came_back[0]).query))
        assert back["state"] == state
        found = application.ask(question | {"code": back["code"], "state": state})
    assert found["person"]["lastName"] == "Подтверждённый"
    assert found["contacts"]["elements"][0]["value"] == "confirmed@example.org"
    assert esia.refusals() == []
