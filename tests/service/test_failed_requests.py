"""What does not reach a view, or breaks in one: each address answers in the form its askers read.

The addresses are those of the application itself, so one that is added later is asked as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock, PropertyMock

import pytest
from flask import Flask
from redis import RedisError
from sqlalchemy.exc import OperationalError
from werkzeug.routing import Rule
from werkzeug.test import TestResponse, encode_multipart

from auth.clients.client import Client
from auth.settings import AuthSettings, EsiaSettings
from service.access import Forbidden
from tests.service.console_factories import make_console
from tests.service.test_random_requests import GIVEN_PATHS

PAGES_OF_AUTH = {"auth.authorize", "auth.consent"}
MACHINES = {"auth", "esia", "health"}
"""Blueprints whose addresses applications, systems and monitoring talk to."""
PEOPLE = {"auth_pages", "auth_linking", "auth_upstream", "esia_pages"}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


DIARY = Client(client_id="diary", client_secret="s", redirect_uris=("https://diary.example/back",))
AUTH = AuthSettings(clients=(DIARY,), class_teacher_resets=True)


machines_and_people = pytest.mark.parametrize("part", ["machine", "people"])


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, stand_keys: Path) -> Flask:
    home = tmp_path_factory.mktemp("home")
    return make_console(home, stand_keys=stand_keys, auth=AUTH, esia=EsiaSettings(serve=True)).app


def path_of(rule: Rule) -> str:
    """An address of the rule."""
    return re.sub(
        r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", lambda m: GIVEN_PATHS.get(m[1], "1"), rule.rule
    )


def part_of(rule: Rule) -> str:
    blueprint = rule.endpoint.partition(".")[0]
    if rule.endpoint.endswith("static"):
        return "file"
    if blueprint in PEOPLE or rule.endpoint in PAGES_OF_AUTH:
        return "people"
    return "machine" if blueprint in MACHINES else "console"


def rules(app: Flask, part: str) -> Iterator[tuple[Rule, str, set[str]]]:
    """Each rule of a part, an address of it, and the methods that this address takes."""
    methods: dict[str, set[str]] = {}
    found = []
    for rule in app.url_map.iter_rules():
        path = path_of(rule)
        methods.setdefault(path, set()).update(rule.methods or set())
        if part_of(rule) == part:
            found.append((rule, path))
    assert found
    for rule, path in found:
        yield rule, path, methods[path]


def is_for_machines(answer: TestResponse) -> bool:
    """A JSON document with the error in one of the three forms that machines read here."""
    body = answer.get_json(silent=True)
    form = {"error", "error_description"}, {"code", "message"}, {"status"}
    return (
        answer.mimetype == "application/json"
        and isinstance(body, dict)
        and any(names <= set(body) for names in form)
        and "no-store" in answer.headers["Cache-Control"]
    )


def is_for_people(answer: TestResponse) -> bool:
    """A page of the sign-in, with nothing of the operators' console on it."""
    return (
        answer.mimetype == "text/html"
        and "/auth/static/auth.css" in answer.text
        and "/console" not in answer.text
        and answer.headers["Cache-Control"] == "no-store"
        and "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    )


FORMS: dict[str, Callable[[TestResponse], bool]] = {
    "machine": is_for_machines,
    "people": is_for_people,
    "console": lambda answer: answer.mimetype == "text/html" and "/console/" in answer.text,
}


@pytest.mark.parametrize("part", FORMS)
def test_a_wrong_method_is_told_the_right_ones(app: Flask, part: str) -> None:
    for rule, path, taken in rules(app, part):
        # Not every value that is put into an address is one that the rule takes.
        is_known = app.url_map.bind("127.0.0.1").allowed_methods(path)
        for method in METHODS - taken if is_known else ():
            answer = app.test_client().open(path, method=method)
            assert answer.status_code == 405, rule
            assert {one.strip() for one in answer.headers["Allow"].split(",")} == taken, rule
            assert FORMS[part](answer), (rule, answer.text)


@machines_and_people
def test_what_is_not_there_is_told_in_the_form_of_the_place(app: Flask, part: str) -> None:
    for rule, path, _taken in rules(app, part):
        answer = app.test_client().get(f"{path.rstrip('/')}/no/such/address")
        assert answer.status_code == 404, rule
        if path.count("/") > 1 and path != "/auth/":
            assert FORMS[part](answer), (rule, answer.text)


@machines_and_people
def test_too_large_a_form_is_told_in_the_form_of_the_place(app: Flask, part: str) -> None:
    parts = app.config["MAX_FORM_PARTS"] + 1
    # Encoded here: the test client would leave a temporary file of its own open.
    bodies: list[tuple[str, bytes]] = [
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 1_500_000)
    ]
    for form in ({f"field{number}": "x" for number in range(parts)}, {"a": "x" * 600_000}):
        boundary, body = encode_multipart(form)
        bodies.append((f"multipart/form-data; boundary={boundary}", body))
    told = 0
    for rule, path, taken in rules(app, part):
        for content_type, body in bodies if "POST" in taken else ():
            answer = app.test_client().post(path, data=body, content_type=content_type)
            if part == "people" and answer.status_code in {303, 400, 404}:
                continue  # another page comes first; nothing of the form was read
            # ЕСИА's token addresses say of it that they cannot read it.
            assert answer.status_code in ({413, 400} if "/te" in path else {413}), rule
            assert FORMS[part](answer), (rule, answer.text)
            told += 1
    assert told >= 15


@machines_and_people
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("broken"), 500),
        (OperationalError("SELECT 1", {}, Exception("gone")), 500),
        (RedisError("gone"), 503),
        (OverflowError(), 404),
        (Forbidden("x"), 404),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_fault_of_ours_is_told_in_the_form_of_the_place(
    app: Flask, part: str, error: Exception, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rule, path, taken in rules(app, part):
        monkeypatch.setitem(app.view_functions, rule.endpoint, Mock(side_effect=error))
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        answer = app.test_client().open(path, method=method)
        assert answer.status_code == status, (rule, taken)
        assert FORMS[part](answer), (rule, answer.text)
        assert ("Retry-After" in answer.headers) == (status == 503 and "/health" not in path)


def test_a_page_of_a_fault_needs_no_database(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = OperationalError("SELECT 1", {}, Exception("gone"))
    current = PropertyMock(side_effect=gone)
    monkeypatch.setattr("auth.clients.registered.Clients.current", current)
    answer = app.test_client().get("/auth/authorize?client_id=diary&ui_locales=en")
    assert answer.status_code == 500
    assert is_for_people(answer)
    assert "Something went wrong on our side" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("sent", "challenge"),
    [
        ({}, "Bearer$"),
        ({"Authorization": "Basic eDp5"}, "Bearer$"),
        ({"Authorization": "Bearer wrong"}, 'Bearer error="invalid_token"'),
    ],
)
def test_userinfo_challenges_for_a_token(
    app: Flask, method: str, sent: dict[str, str], challenge: str
) -> None:
    answer = app.test_client().open("/auth/userinfo", method=method, headers=sent)
    assert answer.status_code == 401
    assert re.match(challenge, answer.headers["WWW-Authenticate"])
    assert is_for_machines(answer)


def test_a_token_sent_twice_is_an_invalid_request(app: Flask) -> None:
    answer = app.test_client().post(
        "/auth/userinfo", data={"access_token": "x"}, headers={"Authorization": "Bearer x"}
    )
    assert answer.status_code == 400
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_request"')
    assert answer.get_json()["error"] == "invalid_request"


def test_the_rest_service_of_esia_challenges_for_a_token_at_each_address(app: Flask) -> None:
    asked = 0
    for _rule, path, _taken in rules(app, "machine"):
        if path.startswith("/rs/"):
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                answer = app.test_client().get(path, headers=headers)
                assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
                assert answer.get_json()["code"] == "ESIA-005011"
                asked += 1
    assert asked > 20


def test_texts_are_in_the_language_of_the_house_and_name_nothing_that_was_sent(app: Flask) -> None:
    page = app.test_client().get("/auth/no-such-page?name=Ученикова")
    assert "Такой страницы нет" in page.text
    assert "Ученикова" not in page.text
    answer = app.test_client().post("/auth/token", data={"code": "x" * 2_000_000})
    assert (answer.status_code, answer.get_json()["error"]) == (413, "invalid_request")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080"])
def test_no_address_leads_to_the_host_that_was_asked_for(app: Flask, host: str) -> None:
    """Slashes too few and too many are corrected on the host that the browser is on."""
    tried = {"/auth", "/console", "//auth", "//console//", "/console//signin", "/auth//login"}
    tried |= {f"//evil.example{path}" for path in ("/auth", "/console")} | {"/\\evil.example/.."}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        tried |= {path, path.rstrip("/"), path + "/", f"/{path}", path.replace("/", "//")}
    seen = 0
    for path in sorted(tried - {""}):
        answer = app.test_client().open(
            path, base_url=f"http://{host}", query_string={"a": "https://evil.example/"}
        )
        for name in ("Location", "Refresh", "Content-Location"):
            address = answer.headers.get(name, "")
            assert re.match(r"/(?![/\\])", address) or not address, (path, name, address)
        if answer.status_code == 308:
            seen += 1
            assert f"//{host}" not in answer.text.replace("a=https://evil.example", "")
        answer.close()
    assert seen > 20
