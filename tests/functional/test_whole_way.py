"""The whole way in a real browser: upload, look, approve, apply, sign in, see the coverage."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from service.models import KnownUser
from tests.functional.conftest import (
    CLIENT_SECRET,
    OPERATOR_PASSWORD,
    Installation,
    sign_in_first_time,
)
from tests.relying_party import RelyingParty

PATIENCE_MILLISECONDS = 300_000


@pytest.fixture(scope="module")
def sample(installation: Installation) -> list[Path]:
    """The export of one school of 60 people, with mistakes in it."""
    folder = installation.home / "sample"
    installation.command(
        "sample", "--schools", 1, "--people-per-school", 60, "--broken", 1, "--out", folder
    )
    return sorted(folder.rglob("*.xml"))


def sign_in(page: Page, installation: Installation) -> None:
    page.goto(f"{installation.url}/")
    page.get_by_label("Имя пользователя").fill("city")
    page.get_by_label("Пароль").fill(OPERATOR_PASSWORD)
    page.get_by_role("button", name="Войти").click()
    expect(page.get_by_role("heading", name="Обзор")).to_be_visible()


def test_from_the_files_of_a_school_to_a_sign_in_and_its_coverage(
    installation: Installation, sample: list[Path], visitor: BrowserContext
) -> None:
    page = visitor.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    sign_in(page, installation)

    assert page.get_by_text("Исполнитель заданий не запущен").count() == 0
    page.get_by_role("link", name="Загрузить файлы").click()
    page.get_by_label("Выберите файлы").set_input_files(sample)
    expect(page.locator("[data-chosen] li")).to_have_count(len(sample))
    page.get_by_role("button", name="Загрузить и проверить").click()
    # The page follows the reading by itself.
    expect(page.locator("h1 .badge")).to_have_text("Ждёт утверждения")

    page.get_by_role("link", name="Замечания").first.click()
    expect(page.locator(".findings li").first).to_be_visible()
    page.get_by_role("link", name="Изменения", exact=True).click()
    page.get_by_label("Что меняется").select_option("user")
    first = page.locator("tbody th").first
    expect(page.locator("tbody tr").first).to_contain_text("учётные записи")
    surname = first.inner_text().split()[0]
    page.get_by_role("searchbox").fill(surname.lower())
    page.get_by_role("button", name="Найти").click()
    expect(first).to_contain_text(surname)

    page.get_by_role("link", name="Сводка").click()
    page.get_by_role("button", name="Утвердить и применить").click()
    expect(page.locator("h1 .badge")).to_have_text("Применено")
    expect(page.locator("[data-count=failed]")).to_have_text("0")

    pupil = a_pupil(installation)
    claims = sign_in_as_pupil(installation, visitor, pupil)
    assert claims["sub"] == pupil.person_id
    assert claims["email"] == pupil.email

    page.get_by_role("link", name="Отчёты").first.click()
    page.get_by_role("link", name=re.compile("^Охват")).click()
    cells = page.locator("tbody.total tr", has_text="Ученики").locator("td")
    expect(cells.nth(4)).to_have_text(re.compile("^100,0"))  # have an account
    expect(cells.nth(5)).to_have_text("1")  # signed in


def a_pupil(installation: Installation) -> KnownUser:
    with installation.application.sessions() as session:
        pupils = select(KnownUser).where(KnownUser.role == "student")
        return session.scalars(pupils.order_by(KnownUser.username)).first()  # type: ignore[return-value]


def sign_in_as_pupil(
    installation: Installation, visitor: BrowserContext, pupil: KnownUser
) -> dict[str, object]:
    """Come from the application, and go back."""
    own = {"client_secret": CLIENT_SECRET, "redirect_uri": installation.client_url}
    party = RelyingParty(issuer=installation.url, **own)
    start = party.start()
    page = visitor.new_page()
    page.goto(start.url)
    sign_in_first_time(page, pupil)
    expect(page.locator("body")).to_have_text("signed in: True")
    (code,) = parse_qs(urlsplit(page.url).query)["code"]
    page.close()
    tokens = party.redeem(code, start).json()
    return dict(party.userinfo(tokens["access_token"]).json())


def test_the_console_works_without_javascript(
    installation: Installation, sample: list[Path], chromium: Browser
) -> None:
    with chromium.new_context(locale="ru-RU", java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, installation)
        page.get_by_role("link", name="Загрузить файлы").click()
        page.get_by_label("Выберите файлы").set_input_files(sample)
        page.get_by_role("button", name="Загрузить и проверить").click()
        # Without scripts the page loads itself again until the files are read.
        expect(page.locator("h1 .badge")).not_to_have_text(
            "Читается", timeout=PATIENCE_MILLISECONDS
        )
        page.goto(f"{installation.url}/console/loads")
        page.get_by_label("Состояние").select_option("applied")
        page.get_by_role("button", name="Показать").click()
        expect(page).to_have_url(re.compile("status=applied"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_narrow_screen(
    installation: Installation, chromium: Browser, scheme: str
) -> None:
    screen = {"width": 320, "height": 640}
    with chromium.new_context(locale="ru-RU", viewport=screen, color_scheme=scheme) as context:
        page = context.new_page()
        sign_in(page, installation)
        for path in (
            "", "upload", "runs", "runs/1", "runs/1/findings", "runs/1/changes",
            "reports/coverage", "nothing",
        ):  # fmt: skip
            page.goto(f"{installation.url}/console/{path}")
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= screen["width"], path
