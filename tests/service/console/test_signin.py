"""Signing operators in and out, their sessions, forms and language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.settings import ServerSettings
from tests.service.console_factories import PASSWORD, ConsoleUnderTest, add_operator, make_console


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_operator(rows)
    return console


def test_an_operator_signs_in_and_out(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    assert "Обзор" in browser.get("/console/").text
    assert browser.post("/console/signout").location == "/console/signin"
    assert browser.get("/console/").location.startswith("/console/signin")


def test_every_page_but_the_sign_in_asks_who_it_is(console: ConsoleUnderTest) -> None:
    browser = console.client()
    pages = [
        rule
        for rule in console.app.url_map.iter_rules()
        if rule.endpoint.startswith("console.") and not rule.endpoint.startswith("console.signin.")
    ]
    assert len(pages) > 10
    for rule in pages:
        address = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule.replace("<name>", "coverage"))
        address = re.sub(r"<[^>]*>", "1", address)
        method = browser.get if "GET" in (rule.methods or set()) else browser.post
        assert (method(address).location or "").startswith("/console/signin"), rule


def test_wrong_name_and_wrong_password_get_the_same_answer(console: ConsoleUnderTest) -> None:
    browser = console.client()
    wrong = browser.post("/console/signin", username="city", password="wrong wrong wrong")
    unknown = browser.post("/console/signin", username="tycoon", password="wrong wrong wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert "Неверное имя пользователя или пароль" in wrong.text
    assert wrong.text.replace("city", "") == unknown.text.replace("tycoon", "")


def test_after_many_failures_the_right_password_has_to_wait(console: ConsoleUnderTest) -> None:
    browser = console.client()
    for _attempt in range(10):
        browser.post("/console/signin", username="city", password="wrong wrong wrong")
    answer = browser.post("/console/signin", username="city", password=PASSWORD)
    assert answer.status_code == 429
    assert browser.get("/console/").status_code == 302


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
def test_the_way_back_stays_inside_the_console(
    console: ConsoleUnderTest, wanted: str, reached: str
) -> None:
    browser = console.client()
    token = browser.form_token()
    answer = browser.client.post(
        "/console/signin",
        query_string={"next": wanted},
        data={"form_token": token, "username": "city", "password": PASSWORD},
    )
    assert answer.location == reached


@pytest.mark.parametrize(("base_url", "secure"), [("https://sb.example", True), ("", False)])
def test_the_cookie_is_kept_from_scripts_and_other_sites(
    tmp_path: Path, base_url: str, secure: bool
) -> None:
    console = make_console(tmp_path, server=ServerSettings(base_url=base_url))
    cookie = console.client().get("/console/signin").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie.split("; ")
    assert cookie.startswith("__Host-") is secure
    assert ("Secure" in cookie) is secure


def test_a_form_without_our_token_is_refused(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    answer = browser.client.post("/console/signout", data={"form_token": "guessed"})
    assert answer.status_code == 400
    assert browser.get("/console/").status_code == 200


def test_pages_are_russian_unless_asked_otherwise(console: ConsoleUnderTest) -> None:
    client = console.app.test_client()
    assert "Войти" in client.get("/console/signin").text
    english = {"Accept-Language": "en-GB,en;q=0.9"}
    assert "Войти" in client.get("/console/signin", headers=english).text
    assert "Sign in" in client.get("/console/signin?lang=en").text
    assert "Sign in" in client.get("/console/signin").text, "the choice is remembered"
    assert "Войти" in client.get("/console/signin?lang=ru").text


def test_pages_allow_no_foreign_code_and_no_keeping(console: ConsoleUnderTest) -> None:
    page = console.client("city").get("/console/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "style=" not in page.text
    assert "<script>" not in page.text
