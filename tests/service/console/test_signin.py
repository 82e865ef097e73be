"""Signing operators in and out, their sessions, forms and language."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.service.console_factories import Browser, ConsoleUnderTest
from tests.service.factories import PASSWORD


@pytest.fixture
def stranger(console: ConsoleUnderTest) -> Browser:
    return console.client()


def test_an_operator_signs_in_and_out(city: Browser) -> None:
    assert "Обзор" in city.get("/console/").text
    assert city.post("/console/signout").location == "/console/signin"
    assert (city.get("/console/").location or "").startswith("/console/signin")


def test_wrong_name_and_wrong_password_get_the_same_answer(stranger: Browser) -> None:
    wrong = stranger.post("/console/signin", username="city", password="wrong wrong wrong")
    unknown = stranger.post("/console/signin", username="tycoon", password="wrong wrong wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert "Неверное имя пользователя или пароль" in wrong.text
    assert wrong.text.replace("city", "") == unknown.text.replace("tycoon", "")


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/console/loads?status=planned", "/console/loads?status=planned"),
        ("https://elsewhere.example/console/", "/console/"),
        ("//elsewhere.example/", "/console/"),
        ("/console/\\elsewhere.example", "/console/"),
        ("/auth/login", "/console/"),
        ("", "/console/"),
    ],
)
def test_the_way_back_stays_in_the_console(stranger: Browser, wanted: str, reached: str) -> None:
    address = f"/console/signin?{urlencode({'next': wanted})}"
    assert stranger.post(address, username="city", password=PASSWORD).location == reached


def test_the_cookie_is_kept_from_scripts_and_other_sites(stranger: Browser) -> None:
    """Where there is no TLS; where there is, ``test_page_safety`` looks at every cookie."""
    cookie = stranger.get("/console/signin").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert not cookie.startswith("__Host-")
    assert "Secure" not in cookie


def test_a_form_without_our_token_is_refused(city: Browser) -> None:
    assert city.post_with("guessed", "/console/signout").status_code == 400
    assert city.get("/console/").status_code == 200


def test_pages_are_russian_unless_asked_otherwise(console: ConsoleUnderTest) -> None:
    client = console.app.test_client()
    assert "Войти" in client.get("/console/signin").text
    english = {"Accept-Language": "en-GB,en;q=0.9"}
    assert "Войти" in client.get("/console/signin", headers=english).text
    assert "Sign in" in client.get("/console/signin?lang=en").text
    assert "Sign in" in client.get("/console/signin").text, "the choice is remembered"
    assert "Войти" in client.get("/console/signin?lang=ru").text
