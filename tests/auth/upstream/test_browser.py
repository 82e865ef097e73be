"""The whole way in Chromium: the button, ЕСИА in another process, and back in the application."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from auth.clients.client import Client
from tests.auth.conftest import ON_SQLITE
from tests.auth.pages.test_browser import callback, look
from tests.auth.people import TEACHER
from tests.auth.upstream.conftest import NOBODY, Journey, make_confirmed_teacher
from tests.relying_party import Page

__all__ = ["callback"]

pytestmark = ON_SQLITE


@pytest.mark.parametrize("width", [320, 1280])
def test_a_teacher_goes_over_esia_into_the_application_and_out_again(
    journey: Journey, chromium: Browser, callback: str, width: int
) -> None:
    client = Client(
        client_id="moodle", client_secret="moodle-secret", redirect_uris=(callback,), name="Moodle"
    )
    outside = journey.outside
    away = outside.esia(key="away", title="Шлюз района", base_url=NOBODY)
    portal = journey.open_portal(outside.esia(), away, linked=True, clients=(client,))
    portal.people.add(make_confirmed_teacher())
    moodle = portal.moodle(redirect_uri=callback)
    context = chromium.new_context(
        viewport={"width": width, "height": 640}, locale="ru-RU", java_script_enabled=False
    )
    page = context.new_page()

    page.goto(moodle.start().url)
    look(page, "upstream-login")
    page.get_by_role("button", name="Войти через Госуслуги (ЕСИА)").click()
    page.wait_for_url(f"{outside.url}/login?*")
    with page.expect_navigation():
        page.locator("button[value=confirmed]").click()
    if page.url.startswith(outside.url):  # it asks for consent once
        page.locator("button[value=allow]").click()
    page.wait_for_url(f"{callback}?*")
    token = moodle.redeem(Page(url=page.url).code).json()["access_token"]
    assert moodle.userinfo(token).json()["sub"] == TEACHER

    page.goto(f"{portal.issuer}/auth/logout")
    page.locator("main button").click()
    page.get_by_role("heading", name="Вы вышли").wait_for()
    look(page, "upstream-signed-out")

    page.goto(moodle.start().url)
    page.get_by_role("button", name="Войти через Шлюз района").click()
    page.get_by_role("heading", name="Сейчас не отвечает: Шлюз района").wait_for()
    look(page, "upstream-down")
    page.get_by_role("link", name="Вернуться на страницу входа").click()
    page.get_by_label("Пароль").wait_for()
    context.close()
