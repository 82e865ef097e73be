"""Every address of the application, not only the ones somebody thought of, is safe to open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import request
from werkzeug.test import TestResponse

from service.settings import ServerSettings
from tests.service.console_factories import ConsoleUnderTest, make_console
from tests.service.factories import PASSWORD, add_known_person, add_school

SECURE = "https://sb.example"


def add_pupil(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        add_school(rows, "1")
        add_known_person(rows, "a")


def answers(console: ConsoleUnderTest) -> Iterator[tuple[str, TestResponse]]:
    """What each address that takes a GET answers, to a stranger and to a city operator."""
    stranger, city = console.app.test_client(), console.client("city").client
    for rule in console.app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()):
            continue
        address = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)
        address = re.sub(r"<[^>]*>", "1", address)
        for client in (stranger, city):
            with client.get(address) as answer:
                yield address, answer


def test_no_page_can_be_framed_or_run_what_is_not_ours(console: ConsoleUnderTest) -> None:
    add_pupil(console)
    seen = 0
    for address, answer in answers(console):
        if "html" not in answer.headers.get("Content-Type", ""):
            continue
        seen += 1
        policy = answer.headers.get("Content-Security-Policy", "")
        assert "frame-ancestors 'none'" in policy, address
        assert "default-src 'none'" in policy, address
        assert "unsafe" not in policy, address
        assert answer.headers.get("X-Frame-Options") == "DENY", address
        assert answer.headers.get("X-Content-Type-Options") == "nosniff", address
        assert answer.headers.get("Referrer-Policy") in {"same-origin", "no-referrer"}, address
        if address.startswith("/console/"):
            assert answer.headers["Cache-Control"] == "no-store", address
            assert "style=" not in answer.text, address
            assert "<script>" not in answer.text, address
    assert seen > 40


def test_cookies_are_bound_to_our_host_and_kept_from_scripts(tmp_path: Path) -> None:
    console = make_console(tmp_path, operators=True, server=ServerSettings(base_url=SECURE))
    add_pupil(console)
    client = console.app.test_client()
    cookies = []

    def post(address: str, **fields: str) -> None:
        page = client.get(address, base_url=SECURE)
        token = page.text.partition('name="form_token" value="')[2].partition('"')[0]
        answer = client.post(address, data={"form_token": token, **fields}, base_url=SECURE)
        cookies.extend([*page.headers.getlist("Set-Cookie"), *answer.headers.getlist("Set-Cookie")])

    post("/auth/login", username="48pa", password="01092012")
    post("/console/signin", username="city", password=PASSWORD)
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "__Host-signin", "__Host-device", "__Host-console",
    }  # fmt: skip
    for cookie in cookies:
        marks = set(cookie.split("; ")[1:])
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= marks
        assert not any(mark.startswith("Domain") for mark in marks)


@pytest.mark.parametrize(("proxies", "believed"), [(0, "127.0.0.1"), (1, "192.0.2.7")])
def test_only_as_many_proxies_are_believed_as_the_settings_name(
    tmp_path: Path, proxies: int, believed: str
) -> None:
    console = make_console(tmp_path, server=ServerSettings(trusted_proxies=proxies))
    console.app.add_url_rule("/who", view_func=lambda: request.remote_addr or "")
    headers = {"X-Forwarded-For": "198.51.100.1, 192.0.2.7"}
    assert console.app.test_client().get("/who", headers=headers).text == believed
