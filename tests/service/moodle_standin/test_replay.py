"""The stand-in answers the exchanges recorded on a real Moodle 4.5 as that Moodle did."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask, Response

from provisioning.moodle.functions import Function
from service.moodle_standin import (
    CustomReport,
    PasswordPolicy,
    ServiceToken,
    SiteSettings,
    create_standin,
)
from service.moodle_standin.dispatch import Dispatcher
from service.moodle_standin.protocol import REST_PATH

DATA = Path(__file__).parents[2] / "data" / "moodle"
EXCHANGES: list[dict[str, Any]] = [
    json.loads(line) for line in (DATA / "exchanges-4.5.jsonl").read_text("utf-8").splitlines()
]
PLAN = tomllib.loads((DATA / "replay.toml").read_text("utf-8"))

USED = {function.value for function in Function}
TOKENS = {
    "<TOKEN>": ServiceToken(),
    "<TOKEN_OF_SMALL_SERVICE>": ServiceToken(
        functions=frozenset({"core_webservice_get_site_info"})
    ),
    "<TOKEN_OF_USER_WITHOUT_CAPABILITIES>": ServiceToken(username="svc_probe", may_use_rest=False),
    "<EXPIRED_TOKEN>": ServiceToken(expired=True),
}


JSON = "application/json"
Compared = list[tuple[dict[str, Any], str | None]]
"""Exchanges, and how the answer differs; None when it does not."""


def recorded(name: str) -> dict[str, Any]:
    return next(one for one in EXCHANGES if one["name"] == name)


def site_settings(exchange: dict[str, Any]) -> SiteSettings:
    """The switches of the recorded site, in the words of the stand-in."""
    changes: dict[str, Any] = dict(PLAN["settings"].get(exchange["name"], {}))
    policy = PasswordPolicy()
    reports = REPORTS[:1] if exchange["name"] == "reportbuilder-list" else REPORTS
    for name, value in exchange.get("settings", {}).items():
        if name == "debugdisplay":
            continue
        if name in POLICY_SETTINGS:
            policy = replace(policy, **{POLICY_SETTINGS[name]: value})
        else:
            field, convert = SITE_SETTINGS[name]
            changes[field] = convert(value)
    return SiteSettings(
        password_policy=policy,
        profile_fields={"paragrafid": "Paragraf id"},
        reports=reports,
        **changes,
    )


REPORTS = (
    CustomReport(name="Входы пользователей", active_only=True),
    CustomReport(name="Входы по школам", by_institution=True),
)
POLICY_SETTINGS = {
    "passwordpolicy": "enabled",
    "minpasswordlength": "min_length",
    "minpassworddigits": "min_digits",
    "minpasswordlower": "min_lower",
    "minpasswordupper": "min_upper",
    "minpasswordnonalphanum": "min_other",
}
SITE_SETTINGS = {
    "allowaccountssameemail": ("allow_accounts_same_email", bool),
    "extendedusernamechars": ("extended_username_chars", bool),
    "debug": ("debug", bool),
    "php max_input_vars": ("max_input_vars", int),
    "php post_max_size": ("post_max_bytes", lambda text: int(text[:-1]) * 1024 * 1024),
}


def request_fields(exchange: dict[str, Any]) -> list[tuple[str, str]]:
    fields = [(name, value) for name, value in exchange["request"]]
    if exchange.get("request_truncated"):
        fields = regenerate(fields, exchange)
    token = PLAN["tokens"].get(exchange["name"])
    if token:
        fields = [(name, token if name == "wstoken" else value) for name, value in fields]
    return [
        (name, "x" * 9 * 1024 * 1024 if value == "<9 MiB>" else value) for name, value in fields
    ]


def regenerate(fields: list[tuple[str, str]], exchange: dict[str, Any]) -> list[tuple[str, str]]:
    """The users that the record cuts off, after the pattern of the first one."""
    own = [field for field in fields if not field[0].startswith("users[")]
    zero = "users[0]"
    first = [(name.removeprefix(zero), value) for name, value in fields if name.startswith(zero)]
    users = (exchange["request_fields_total"] - len(own)) // len(first)
    made = [
        (f"users[{number}]{name}", numbered(name, value, number))
        for number in range(users)
        for name, value in first
    ]
    special = SPECIAL_USERS.get(exchange["name"], {})
    return own + [(name, special.get(name, value)) for name, value in made]


def numbered(name: str, value: str, number: int) -> str:
    if name in ("[username]", "[lastname]", "[idnumber]"):
        return f"{value.removesuffix('0')}{number}"
    if name == "[email]":
        return value.replace("0@", f"{number}@")
    return value


SPECIAL_USERS = {
    "users-create-50-37th-duplicate": {"users[36][username]": "u1"},
    "users-create-50-37th-too-long": {"users[36][firstname]": "И" * 101},
}


def replay() -> Iterator[tuple[dict[str, Any], Response]]:
    """Send the recorded requests in order, setting the site up between them."""
    app: Flask
    for exchange in EXCHANGES:
        if exchange["name"] in PLAN["fresh_sites"]:
            app = create_standin(None, tokens=TOKENS, settings=SiteSettings())
        dispatcher: Dispatcher = app.extensions["moodle_standin"]
        dispatcher.settings = SiteSettings()
        set_up(dispatcher, exchange["name"])
        dispatcher.settings = site_settings(exchange)
        response = app.test_client().post(
            REST_PATH,
            data=urlencode(request_fields(exchange)),
            content_type="application/x-www-form-urlencoded",
        )
        yield exchange, response


def set_up(dispatcher: Dispatcher, name: str) -> None:
    def call(function: str, arguments: dict[str, Any]) -> None:
        dispatcher.call(TOKENS["<TOKEN>"], function, arguments, "http://moodle.test")

    if name == "cohort-members-add-ok":
        members = [
            person(f"um{n}", f"m{n}", password="Abcd-1234", idnumber=f"paragraf-m{n}")
            for n in range(12)
        ]
        call("core_user_create_users", {"users": members})
    if name == "reportbuilder-list":
        visitors = [
            person(f"v{n}", str(n), auth="oauth2", institution=f"school-{n % 3}") for n in range(9)
        ]
        call("core_user_create_users", {"users": visitors})
        dispatcher.store.run(
            "UPDATE user SET lastaccess = 1795000600 WHERE institution IN ('school-0', 'school-1')"
        )
    for step in PLAN["setup"]:
        if step["before"] == name:
            call(step["function"], json.loads(step["arguments"]))


def person(username: str, suffix: str, **fields: str) -> dict[str, str]:
    own = {"username": username, "email": f"{username}@school.invalid"}
    return own | {"firstname": "Иван", "lastname": f"Петров{suffix}"} | fields


def difference(exchange: dict[str, Any], answer: Response) -> str | None:
    """The first thing that differs, None when nothing does."""
    text = answer.get_data(as_text=True)
    if answer.status_code != exchange["status"]:
        return f"status {answer.status_code}, recorded {exchange['status']}"
    if answer.content_type != exchange["content_type"]:
        return f"content type {answer.content_type}, recorded {exchange['content_type']}"
    recorded = exchange["response"]
    if exchange["content_type"] != JSON:
        return None if text == recorded else f"text {text!r}"
    given = json.loads(text)
    if exchange.get("response_truncated"):
        return compare_beginning(recorded, exchange["response_length"], text)
    return compare(json.loads(recorded), given, "answer")


def compare(recorded: Any, given: Any, path: str) -> str | None:
    if type(recorded) is not type(given):
        return f"{path} is {type(given).__name__}, recorded {type(recorded).__name__}"
    if isinstance(recorded, dict):
        if list(recorded) != list(given):
            return f"{path} has the keys {list(given)}, recorded {list(recorded)}"
        parts = (compare(recorded[key], given[key], f"{path}.{key}") for key in recorded)
        return next(filter(None, parts), None)
    if isinstance(recorded, list):
        if len(recorded) != len(given) and path.split(".")[-1] not in PLAN["uncounted_lists"]:
            return f"{path} has {len(given)} items, recorded {len(recorded)}"
        pairs = enumerate(zip(recorded, given, strict=False))
        parts = (compare(*pair, f"{path}[{number}]") for number, pair in pairs)
        return next(filter(None, parts), None)
    if path.endswith((".data", ".exception")) and recorded.startswith(("{", "[")):
        return compare(json.loads(recorded), json.loads(given), f"{path}(json)")
    if path.split(".")[-1] in ("exception", "errorcode", "warningcode") and recorded != given:
        return f"{path} is {given!r}, recorded {recorded!r}"
    return None


def compare_beginning(recorded: str, length: int, text: str) -> str | None:
    """For an answer recorded only in part: its first items, and its length with their numbers."""
    items = re.findall(r'\{"id":(?:[^{}]|\{[^{}]*\})*\}', recorded)
    given = json.loads(text)
    rows = given["users"] if isinstance(given, dict) else given
    found = compare([json.loads(item) for item in items], rows[: len(items)], "answer")
    if found or isinstance(given, dict):
        return found
    first = json.loads(items[0])["id"]
    for number, row in enumerate(rows):
        row["id"] = first + number
    renumbered = json.dumps(rows, separators=(",", ":"))
    if len(renumbered) != length:
        return f"{len(rows)} items, {len(renumbered)} characters, recorded {length}"
    return None if renumbered.startswith(recorded[:1000]) else "other items"


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Response("[]", 500, content_type=JSON), "status"),
        (Response("[]", content_type="text/html"), "content type"),
        (Response("[]", content_type=JSON), "0 items"),
        (Response('[{"id":"5"}]', content_type=JSON), "keys"),
        (Response('[{"id":"5","username":"u1"}]', content_type=JSON), "id is str, recorded int"),
    ],
)
def test_the_comparison_sees_a_difference(answer: Response, found: str) -> None:
    assert found in (difference(recorded("users-create-ok-one"), answer) or "")


def test_the_comparison_sees_another_error() -> None:
    exchange = recorded("token-invalid")
    text = exchange["response"].replace("invalidtoken", "accessexception")
    assert "errorcode" in (difference(exchange, Response(text, content_type=JSON)) or "")


@pytest.fixture(scope="module")
def compared() -> Compared:
    return [
        (exchange, difference(exchange, answer))
        for exchange, answer in replay()
        if not exchange.get("withheld")
    ]


def test_what_we_use_is_answered_as_recorded(
    compared: Compared, capsys: pytest.CaptureFixture[str]
) -> None:
    called = Counter(one["wsfunction"] or "(none)" for one, _ in compared)
    alike = Counter(one["wsfunction"] or "(none)" for one, found in compared if found is None)
    for function, number in sorted(called.items()):
        used = "used" if function in USED else ""
        print(f"{function:<45} {alike[function]:>3} of {number:>3} {used}")
    all_used = sum(called[function] for function in USED)
    equal = sum(alike[function] for function in USED)
    withheld = len(EXCHANGES) - len(compared)
    with capsys.disabled():
        print(
            f"\nMoodle exchanges answered alike: {equal} of {all_used} of functions we use, "
            f"{alike.total()} of {len(compared)} of all; {withheld} sent with no answer on record"
        )
    assert equal / all_used >= 0.95


def test_every_other_difference_is_listed_with_its_reason(compared: Compared) -> None:
    different = {one["name"]: found for one, found in compared if found is not None}
    assert different.keys() == PLAN["known_differences"].keys(), different
