"""Nobody is found: a request to the school, its administrator links, the next try gets in."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

from auth import AuthSettings
from auth.outside import OutsideIdentity
from tests.service.factories import PASSWORD, SNILS, SUBJECT
from tests.service.link_factories import history, links, make_links_console
from tests.web import running_app

IDENTITY = OutsideIdentity(
    provider="esia",
    subject=SUBJECT,
    family_name="Примеров",
    given_name="Пример",
    birth_date=date(2012, 9, 2),
    snils=SNILS,
    confirmed=True,
)
"""Pupil "a" as ЕСИА knows them; the school has another birth date."""


def test_a_pupil_nobody_found_gets_in_once_the_school_has_linked_them(
    tmp_path: Path, visitor: BrowserContext, chromium: Browser
) -> None:
    console = make_links_console(tmp_path, auth=AuthSettings(phase="both"))
    context = console.app.extensions["auth"].context
    console.app.add_url_rule("/outside", view_func=lambda: context.arrive(IDENTITY, query=""))
    phone = {"width": 360, "height": 740}
    with (
        running_app(console.app) as url,
        chromium.new_context(viewport=phone, java_script_enabled=False) as pocket,  # type: ignore[arg-type]
    ):
        pupil, administrator = pocket.new_page(), visitor.new_page()
        ask_the_school(pupil, url)
        answer_the_request(administrator, url)
        pupil.goto(f"{url}/outside")
        assert pupil.inner_text("h1") == "Вы вошли"
        look(pupil, "in")
    assert links(console) == {"a": SUBJECT}
    assert history(console) == [("linked", "a", "school", "anna", "")]


def ask_the_school(page: Page, url: str) -> None:
    page.goto(f"{url}/outside")
    assert page.inner_text("h1") == "Мы не нашли вашу учётную запись"
    look(page, "not-found")
    page.select_option("#district", "Адмиралтейский")
    press(page, "button", "Показать школы района")
    page.select_option("#school", "78-0243")
    look(page, "school")
    press(page, "button", "Отправить запрос")
    assert page.inner_text("h1") == "Ваш запрос в школе"
    look(page, "sent")


def answer_the_request(page: Page, url: str) -> None:
    page.goto(f"{url}/console/")
    page.fill("input[name=username]", "anna")
    page.fill("input[name=password]", PASSWORD)
    press(page, "main button", "")
    assert page.inner_text(".sections .count") == "1"
    press(page, "nav.sections a", "Вход")
    look(page, "console-requests")
    press(page, "a", "Примеров Пример")
    look(page, "console-request")
    press(page, "button", "Это он: привязать")
    assert "Привязка сделана" in page.inner_text("main")
    assert page.locator(".sections .count").count() == 0
    press(page, "a", "История привязок")
    look(page, "console-history")


def press(page: Page, what: str, text: str) -> None:
    with page.expect_navigation():
        page.click(f"{what}:has-text('{text}')")


def look(page: Page, name: str) -> None:
    """Nothing is wider than the window; keep a picture where asked."""
    if folder := os.environ.get("SCHOOLBRIDGE_TEST_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"linking-{name}.png", full_page=True)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= (page.viewport_size or {"width": 0})["width"]
