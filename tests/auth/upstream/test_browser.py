"""The whole way in Chromium: the button, ЕСИА in another process, and back in the application."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from auth.clients.client import Client
from tests.auth.conftest import Portal
from tests.auth.pages.test_browser import callback
from tests.auth.people import TEACHER
from tests.auth.upstream.conftest import NOBODY, Outside, make_confirmed_teacher

__all__ = ["callback"]

pytestmark = [
    pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True),
]

OpenPortal = Callable[..., Portal]


def look(page: Page, name: str, width: int) -> None:
    """Nothing is wider than the window; keep a picture where asked."""
    if folder := os.environ.get("SCHOOLBRIDGE_TEST_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"upstream-{name}-{width}.png", full_page=True)
    boxes = [element.bounding_box() for element in page.locator("body *:visible").all()]
    assert max(box["x"] + box["width"] for box in boxes if box) <= width


@pytest.mark.parametrize("width", [320, 1280])
def test_a_teacher_goes_over_esia_into_the_application_and_out_again(
    open_portal: OpenPortal, outside: Outside, chromium: Browser, callback: str, width: int
) -> None:
    client = Client(
        client_id="moodle", client_secret="moodle-secret", redirect_uris=(callback,), name="Moodle"
    )
    away = outside.esia(key="away", title="Шлюз района", base_url=NOBODY)
    portal = open_portal(outside.esia(), away, linked=True, clients=(client,))
    portal.people.add(make_confirmed_teacher())
    moodle = portal.moodle(redirect_uri=callback)
    context = chromium.new_context(
        viewport={"width": width, "height": 640}, locale="ru-RU", java_script_enabled=False
    )
    page = context.new_page()

    page.goto(moodle.start().url)
    look(page, "login", width)
    page.get_by_role("button", name="Войти через Госуслуги (ЕСИА)").click()
    page.wait_for_url(f"{outside.url}/login?*")
    with page.expect_navigation():
        page.locator("button[value=confirmed]").click()
    if page.url.startswith(outside.url):  # it asks for consent once
        page.locator("button[value=allow]").click()
    page.wait_for_url(f"{callback}?*")
    code = dict(part.split("=", 1) for part in page.url.partition("?")[2].split("&"))["code"]
    token = moodle.redeem(code).json()["access_token"]
    assert moodle.userinfo(token).json()["sub"] == TEACHER

    page.goto(f"{portal.issuer}/auth/logout")
    page.locator("main button").click()
    page.get_by_role("heading", name="Вы вышли").wait_for()
    look(page, "signed-out", width)

    page.goto(moodle.start().url)
    page.get_by_role("button", name="Войти через Шлюз района").click()
    page.get_by_role("heading", name="Сейчас не отвечает: Шлюз района").wait_for()
    look(page, "down", width)
    page.get_by_role("link", name="Вернуться на страницу входа").click()
    page.get_by_label("Пароль").wait_for()
    context.close()
