"""A whole running installation and a headless Chromium to use it with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page
from werkzeug.wrappers import Request, Response

from provisioning.passwords import birth_date_password
from service.application import Application, build
from service.config import load_settings
from service.models import KnownUser
from service.processes import WHOLE_START_SECONDS, Child, wait_ready
from tests.service.command_line import free_port
from tests.web import running_app

OWN_PASSWORD = "Sinitsa na sosne 7"
OPERATOR_PASSWORD = "correct horse battery"
CLIENT_SECRET = "functional-client-secret"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What ``schoolbridge init`` and ``schoolbridge serve`` made, and a client beside it."""

    home: Path
    url: str
    client_url: str
    """Where people come back to after signing in."""
    application: Application

    def line(self, *arguments: object) -> list[str]:
        """The command line of ``schoolbridge`` with these arguments."""
        home = f"SCHOOLBRIDGE_HOME={self.home}"
        config = f"SCHOOLBRIDGE_CONFIG={self.home / 'schoolbridge.toml'}"
        command = ["env", home, config, sys.executable, "-m", "service"]
        return [*command, *map(str, arguments)]

    def command(self, *arguments: object) -> None:
        subprocess.run(self.line(*arguments), check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """All processes of a real installation, as ``make serve`` starts them."""
    home = tmp_path_factory.mktemp("installation")
    with running_app(_client_application) as client_url:
        config = home / "schoolbridge.toml"
        config.write_text(
            f"[server]\nport = {free_port()}\nstandin_port = {free_port()}\n"
            f'[[auth.clients]]\nclient_id = "moodle"\nclient_secret = "{CLIENT_SECRET}"\n'
            f'redirect_uris = ["{client_url}/callback"]\n'
        )
        settings = load_settings(config, {"SCHOOLBRIDGE_HOME": str(home)})
        made = Installation(
            home=home,
            url=settings.base_url,
            client_url=f"{client_url}/callback",
            application=build(settings),
        )
        password_file = home / "operator-password"
        password_file.write_text(OPERATOR_PASSWORD)
        made.command("init", "--operator", "city", "--password-file", password_file)
        serve = Child(name="serve", command=made.line("serve"), log=home / "serve.log")
        serve.start()
        try:
            wait_ready(serve, lambda: _is_ready(settings.base_url), seconds=WHOLE_START_SECONDS)
            yield made
        finally:
            serve.stop()
            made.application.engine.dispose()


def _client_application(environ: dict[str, Any], start_response: Any) -> Any:
    """Stands where Moodle would: people come back to it with a code."""
    request = Request(environ)
    return Response(f"signed in: {'code' in request.args}")(environ, start_response)


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/ready", timeout=2).ok
    except requests.RequestException:
        return False


def type_first_password(page: Page, person: KnownUser) -> None:
    assert person.birth_date
    page.locator("input[name=username]").fill(person.username)
    page.locator("input[name=password]").fill(birth_date_password(person.birth_date))
    page.locator("main button").first.click()


def sign_in_first_time(page: Page, person: KnownUser) -> None:
    """On our page: type the first password, choose an own one."""
    type_first_password(page, person)
    # Only the next page has this field, so the filling waits for it.
    page.locator("input[name=repeated]").fill(OWN_PASSWORD)
    page.locator("input[name=password]").fill(OWN_PASSWORD)
    page.locator("main button").first.click()


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser of its own, Russian, that complains of nothing on any page."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    with chromium.new_context(locale="ru-RU", viewport={"width": 1280, "height": 800}) as context:
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("console", note)
        yield context
        assert complaints == []
