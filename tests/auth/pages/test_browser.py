"""The pages in a real browser: narrow and wide, without scripts, and back to another origin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from auth.clients.client import Client
from tests.auth.conftest import FIRST_PASSWORD, ON_SQLITE, OWN_PASSWORD, StartPortal
from tests.web import running_handler

pytestmark = ON_SQLITE


class Callback(BaseHTTPRequestHandler):
    """The application's page that people come back to."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"back")

    def log_message(self, format: str, *args: object) -> None:
        """Silence: the address holds a code."""


@pytest.fixture
def callback() -> Iterator[str]:
    with running_handler(Callback) as address:
        yield f"{address}/callback"


def look(page: Page, name: str) -> None:
    """Nothing is wider than the window; keep a picture where asked."""
    assert page.viewport_size
    width = page.viewport_size["width"]
    if folder := os.environ.get("SCHOOLBRIDGE_TEST_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
    boxes = [element.bounding_box() for element in page.locator("body *:visible").all()]
    assert max(box["x"] + box["width"] for box in boxes if box) <= width


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_pupil_signs_in_without_scripts_and_comes_back_to_the_application(
    start_portal: StartPortal, chromium: Browser, callback: str, width: int, colours: str
) -> None:
    client = Client(client_id="moodle", client_secret="s", redirect_uris=(callback,), name="Moodle")
    portal = start_portal(clients=(client,))
    context = chromium.new_context(
        viewport={"width": width, "height": 640},
        color_scheme=colours,
        locale="ru-RU",
        java_script_enabled=False,
    )
    page = context.new_page()

    def choose(password: str) -> None:
        page.fill("#password", password)
        page.fill("#repeated", password)
        with page.expect_navigation():
            page.click("button")

    page.goto(portal.moodle(redirect_uri=callback).start().url)
    look(page, f"login-{colours}")
    assert page.locator("#username").evaluate("e => e === document.activeElement")
    page.keyboard.type("1234Р5678")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    look(page, f"wrong-{colours}")
    page.fill("#password", FIRST_PASSWORD)
    with page.expect_navigation():
        page.click("button")
    choose(FIRST_PASSWORD)
    look(page, f"own-password-{colours}")
    choose(OWN_PASSWORD)

    assert page.url.startswith(f"{callback}?code=")
    assert page.content().count("back") == 1
    context.close()
