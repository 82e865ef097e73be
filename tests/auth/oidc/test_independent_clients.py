"""Published OpenID Connect clients, unchanged, go the whole way; Chromium plays the person."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from auth.clients.client import Client
from tests.auth.conftest import ON_SQLITE, OWN_PASSWORD, StartPortal
from tests.auth.independent import Command, by_npm, by_pip, conversation, journey
from tests.auth.people import PUPIL

CLIENTS = Path(__file__).parent / "clients"
CALLBACK = "https://independent.example/callback"
SCOPE = "openid profile email school offline_access"

pytestmark = ON_SQLITE


@pytest.fixture(scope="session")
def openid_client(tmp_path_factory: pytest.TempPathFactory) -> Command:
    folder = tmp_path_factory.mktemp("npm")
    return by_npm("openid-client@6.8.9", CLIENTS / "openid_client.mjs", folder)


@pytest.fixture(scope="session")
def idpyoidc(tmp_path_factory: pytest.TempPathFactory) -> Command:
    folder = tmp_path_factory.mktemp("pip")
    return by_pip(["idpyoidc==5.0.0"], CLIENTS / "idpy.py", folder)


def sign_in(chromium: Browser, url: str) -> str:
    """Be the pupil; the address of the application that the browser came back to."""
    with journey(chromium, CALLBACK) as (page, came_back):
        page.goto(url)
        page.locator("input[name=username]").fill("1234p5678")
        page.locator("input[name=password]").fill(OWN_PASSWORD)
        page.locator("main button").first.click()
        allow = page.locator("button[value=allow]")  # idpyoidc wants the person to be asked
        page.get_by_text("back", exact=True).or_(allow).wait_for()
        if allow.count():
            allow.click()
            page.get_by_text("back", exact=True).wait_for()
    return came_back[0]


@pytest.mark.parametrize("library", ["openid_client", "idpyoidc"])
def test_a_published_client_signs_a_person_in(
    library: str, request: pytest.FixtureRequest, start_portal: StartPortal, chromium: Browser
) -> None:
    command, folder = request.getfixturevalue(library)
    client = Client(
        client_id="independent",
        client_secret="a secret of the tests",
        redirect_uris=(CALLBACK,),
        scopes=tuple(SCOPE.split()),
        require_pkce=True,
    )
    portal = start_portal(clients=(client,))
    portal.clock.live()  # the libraries have no other clock
    portal.give_password(PUPIL)
    with conversation(command, folder) as application:
        known = {"client_id": client.client_id, "client_secret": client.client_secret}
        asked = {"issuer": portal.issuer, "redirect_uri": CALLBACK, "scope": SCOPE}
        url = application.ask(known | asked)["url"]
        found = application.ask({"back": sign_in(chromium, url)})
    assert found["claims"]["sub"] == PUPIL
    told = [found["userinfo"][name] for name in ("sub", "preferred_username", "school_code")]
    assert told == [PUPIL, "1234p5678", "1001"]
    if library == "openid_client":  # idpyoidc breaks on a refresh before it asks us
        assert found["refreshed"] is True
        assert found["active"] is False  # after the refresh token was revoked
    assert [event.client_id for event in portal.events()] == ["", "independent"]
