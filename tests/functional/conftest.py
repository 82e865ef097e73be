"""A whole running installation and a headless Chromium to use it with."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext
from werkzeug.wrappers import Request, Response

from service.application import Application, build
from service.config import load_settings
from service.processes import WHOLE_START_SECONDS, Child, wait_ready
from tests.web import running_app

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

    def command(self, *arguments: object) -> None:
        """Run ``schoolbridge`` with these arguments."""
        subprocess.run(
            [sys.executable, "-m", "service", *map(str, arguments)],
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "SCHOOLBRIDGE_HOME": str(self.home),
            "SCHOOLBRIDGE_CONFIG": str(self.home / "schoolbridge.toml"),
        }


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """All processes of a real installation, as ``make serve`` starts them."""
    home = tmp_path_factory.mktemp("installation")
    with running_app(_client_application) as client_url:
        config = home / "schoolbridge.toml"
        config.write_text(
            f"[server]\nport = {_free_port()}\nstandin_port = {_free_port()}\n"
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
        serve = Child(
            name="serve",
            command=[
                "env", f"SCHOOLBRIDGE_HOME={home}", f"SCHOOLBRIDGE_CONFIG={config}",
                sys.executable, "-m", "service", "serve",
            ],
            log=home / "serve.log",
        )  # fmt: skip
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/ready", timeout=2).ok
    except requests.RequestException:
        return False


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser of its own, Russian, that complains of nothing on any page."""
    with chromium.new_context(locale="ru-RU", viewport={"width": 1280, "height": 800}) as context:
        complaints: list[str] = []
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on(
            "console",
            lambda message: (
                complaints.append(message.text) if message.type in {"error", "warning"} else None
            ),
        )
        yield context
        assert complaints == []
