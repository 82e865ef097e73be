"""The pages in a real browser: narrow and wide, without scripts, and back to another origin."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from auth.clients.client import Client
from tests.auth.conftest import Portal
from tests.web import running_handler

OWN = "зимний жираф"

pytestmark = [
    pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True),
]


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


@pytest.mark.parametrize(
    ("width", "colours"), [(320, "light"), (320, "dark"), (1280, "light"), (1280, "dark")]
)
def test_a_pupil_signs_in_without_scripts_and_comes_back_to_the_application(
    start_portal: Callable[..., Portal], chromium: Browser, callback: str, width: int, colours: str
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
    start = portal.moodle(redirect_uri=callback).start()

    def look(name: str) -> None:
        """Nothing is wider than the window; keep a picture where asked."""
        if folder := os.environ.get("SCHOOLBRIDGE_TEST_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"{name}-{width}-{colours}.png", full_page=True)
        boxes = [element.bounding_box() for element in page.locator("body *:visible").all()]
        assert max(box["x"] + box["width"] for box in boxes if box) <= width

    page.goto(start.url)
    look("login")
    assert page.locator("#username").evaluate("e => e === document.activeElement")
    page.keyboard.type("1234Р5678")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    look("wrong")
    page.fill("#password", "05032014")
    with page.expect_navigation():
        page.click("button")
    page.fill("#password", "05032014")
    page.fill("#repeated", "05032014")
    with page.expect_navigation():
        page.click("button")
    look("own-password")
    page.fill("#password", OWN)
    page.fill("#repeated", OWN)
    with page.expect_navigation():
        page.click("button")

    assert page.url.startswith(f"{callback}?code=")
    assert page.content().count("back") == 1
    context.close()
