"""NUL, which no text has: refused wherever it comes in, before it reaches a database.

PostgreSQL keeps no NUL, so each place that lets one through is a fault of ours there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import BadRequest

from auth.settings import EsiaSettings
from service.db import make_engine
from tests.service.console_factories import ConsoleUnderTest, make_console
from tests.service.database import on_both_databases
from tests.service.factories import PASSWORD, add_known_person, add_school
from tests.service.test_failed_requests import AUTH, FORMS, part_of, path_of

pytestmark = on_both_databases

TEXT = "a\0b"
FIELDS = (
    "username", "password", "name", "login", "school", "q", "page", "code", "state", "client_id",
    "client_secret", "token", "access_token", "redirect_uri", "grant_type", "refresh_token",
    "mnemonic", "reason", "answer", "district", "from", "to", "digest", "persona", "person",
    "redirect_hosts", "redirect_uris", "key", "certificate_hash", "scope", "timestamp", "arrival",
)  # fmt: skip
"""Names of parameters and of fields of forms."""


@pytest.fixture
def console(database_url: str, tmp_path: Path, stand_keys: Path) -> Iterator[ConsoleUnderTest]:
    engine = make_engine(database_url)
    esia = EsiaSettings(serve=True, test_people=True)
    console = make_console(
        tmp_path, engine=engine, stand_keys=stand_keys, operators=True, auth=AUTH, esia=esia
    )
    with console.rows() as rows:
        add_school(rows, "1")
        add_known_person(rows, "pupil")
    yield console
    engine.dispose()


def test_the_sign_in_of_the_console_refuses_it(console: ConsoleUnderTest) -> None:
    browser = console.client()
    for fields in ({"username": TEXT, "password": "x"}, {"username": "city", "password": TEXT}):
        answer = browser.post("/console/signin", **fields)
        assert answer.status_code == 400
        assert "Форма устарела" in answer.text
    assert browser.post("/console/signin", username="city", password=PASSWORD).status_code == 302


def test_no_address_takes_it(console: ConsoleUnderTest) -> None:
    """In a query everywhere, in a form and a file's name wherever a form is read."""
    city = console.client("city")
    token, asked = city.form_token(), 0
    addresses = {
        (part_of(rule), path_of(rule), method)
        for rule in console.app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", "POST"}
    }
    for part, path, method in sorted(addresses):
        for query in ({"q": TEXT}, {TEXT: "x"}):
            answer = city.client.open(path, method=method, query_string=query)
            assert answer.status_code == 400, (path, method, answer.status_code)
            assert part == "file" or FORMS[part](answer), (path, answer.text)
            answer.close()
            asked += 1
        if method == "POST":
            for values in forms():
                answer = city.post_with(token, path, **values)
                assert answer.status_code in {303, 400, 401, 404}, (path, answer.status_code)
                answer.close()
    assert asked > 200


def forms() -> Iterator[dict[str, Any]]:
    yield dict.fromkeys(FIELDS, TEXT)
    yield dict.fromkeys(FIELDS, "x") | {TEXT: "x"}
    yield {"files": FileStorage(filename=f"{TEXT}.xml", stream=None)}


def test_no_machine_address_takes_it_in_any_field(console: ConsoleUnderTest) -> None:
    visitor = console.app.test_client()
    for path in ("/auth/token", "/auth/revoke", "/auth/introspect", "/aas/oauth2/v3/te"):
        for field in FIELDS:
            form = {"client_id": "diary", "client_secret": "s", field: TEXT}
            answer = visitor.post(path, data=form)
            assert answer.status_code == 400, (path, answer.text)
            assert answer.get_json()["error"] == "invalid_request"


def test_an_address_with_it_is_refused(console: ConsoleUnderTest) -> None:
    city = console.client("city")
    for path in ("clients", "systems", "reports", "schools", "runs", "people"):
        answer = city.get(f"/console/{path}/a%00b")
        assert answer.status_code in {400, 404}, (path, answer.status_code)
    for path in ("/rs/prns/1/a%00b", "/auth/upstream/a%00b/callback", "/a%00b"):
        assert console.app.test_client().get(path).status_code in {400, 404}


def test_json_with_it_is_refused(console: ConsoleUnderTest) -> None:
    asked = console.app.test_request_context("/", method="POST", json={"a": [{"b": TEXT}]})
    with asked, pytest.raises(BadRequest):
        request.get_json()
    with console.app.test_request_context("/", method="POST", json={"a": ["b", 1, None]}):
        assert request.get_json() == {"a": ["b", 1, None]}
