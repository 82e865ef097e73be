"""The stand-in answers the exchanges recorded on a real Moodle 4.5 as that Moodle did."""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from provisioning.moodle.functions import Function
from service.moodle_standin import (
    CustomReport,
    PasswordPolicy,
    ServiceToken,
    SiteSettings,
    create_standin,
)
from service.moodle_standin.protocol import REST_PATH

DATA = Path(__file__).parents[2] / "data" / "moodle"
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


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    content_type: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Compared:
    name: str
    function: str
    difference: str | None
    """None when equal."""


def exchanges() -> list[dict[str, Any]]:
    lines = (DATA / "exchanges-4.5.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


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
    first = [
        (name.removeprefix("users[0]"), value)
        for name, value in fields
        if name.startswith("users[0]")
    ]
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


class Replay:
    """Sends the recorded requests in order, setting the site up between them."""

    def __init__(self) -> None:
        self.app: Flask

    def answers(self) -> Iterator[tuple[dict[str, Any], Answer]]:
        for exchange in exchanges():
            if exchange["name"] in PLAN["fresh_sites"]:
                self.app = create_standin(None, tokens=TOKENS, settings=SiteSettings())
            self.set_up(exchange["name"])
            self.app.extensions["moodle_standin"].settings = site_settings(exchange)
            yield exchange, self.send(request_fields(exchange))

    def set_up(self, name: str) -> None:
        dispatcher = self.app.extensions["moodle_standin"]
        dispatcher.settings = SiteSettings()
        if name == "cohort-members-add-ok":
            self.call("core_user_create_users", {"users": [member(n) for n in range(12)]})
        if name == "reportbuilder-list":
            self.call("core_user_create_users", {"users": [visitor(n) for n in range(9)]})
            dispatcher.store.run(
                "UPDATE user SET lastaccess = 1795000600"
                " WHERE institution IN ('school-0', 'school-1')"
            )
        for step in PLAN["setup"]:
            if step["before"] == name:
                self.call(step["function"], json.loads(step["arguments"]))

    def call(self, function: str, arguments: dict[str, Any]) -> None:
        self.app.extensions["moodle_standin"].call(
            TOKENS["<TOKEN>"], function, arguments, "http://moodle.test"
        )

    def send(self, fields: list[tuple[str, str]]) -> Answer:
        response = self.app.test_client().post(
            REST_PATH, data=urlencode(fields), content_type="application/x-www-form-urlencoded"
        )
        return Answer(
            status=response.status_code,
            content_type=response.content_type,
            text=response.get_data(as_text=True),
        )


def member(number: int) -> dict[str, str]:
    return {
        "username": f"um{number}",
        "password": "Abcd-1234",
        "firstname": "Иван",
        "lastname": f"Петровm{number}",
        "email": f"um{number}@school.invalid",
        "idnumber": f"paragraf-m{number}",
    }


def visitor(number: int) -> dict[str, str]:
    return {
        "username": f"v{number}",
        "auth": "oauth2",
        "firstname": "Иван",
        "lastname": f"Петров{number}",
        "email": f"v{number}@school.invalid",
        "institution": f"school-{number % 3}",
    }


def difference(exchange: dict[str, Any], answer: Answer) -> str | None:
    """The first thing that differs, None when nothing does."""
    if answer.status != exchange["status"]:
        return f"status {answer.status}, recorded {exchange['status']}"
    if answer.content_type != exchange["content_type"]:
        return f"content type {answer.content_type}, recorded {exchange['content_type']}"
    recorded = exchange["response"]
    if exchange["content_type"] != "application/json":
        return None if answer.text == recorded else f"text {answer.text!r}"
    given = json.loads(answer.text)
    if exchange.get("response_truncated"):
        return compare_beginning(recorded, exchange["response_length"], answer.text)
    return compare(json.loads(recorded), given, "answer")


def compare(recorded: Any, given: Any, path: str) -> str | None:
    if type(recorded) is not type(given):
        return f"{path} is {type(given).__name__}, recorded {type(recorded).__name__}"
    if isinstance(recorded, dict):
        if list(recorded) != list(given):
            return f"{path} has the keys {list(given)}, recorded {list(recorded)}"
        parts = [compare(recorded[key], given[key], f"{path}.{key}") for key in recorded]
        return next((part for part in parts if part), None)
    if isinstance(recorded, list):
        if len(recorded) != len(given) and path.split(".")[-1] not in PLAN["uncounted_lists"]:
            return f"{path} has {len(given)} items, recorded {len(recorded)}"
        parts = [
            compare(one, other, f"{path}[{number}]")
            for number, (one, other) in enumerate(zip(recorded, given, strict=False))
        ]
        return next((part for part in parts if part), None)
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
        (Answer(status=500, content_type="application/json", text="[]"), "status"),
        (Answer(status=200, content_type="text/html", text="[]"), "content type"),
        (Answer(status=200, content_type="application/json", text="[]"), "0 items"),
        (Answer(status=200, content_type="application/json", text='[{"id":"5"}]'), "keys"),
        (
            Answer(
                status=200, content_type="application/json", text='[{"id":"5","username":"u1"}]'
            ),
            "id is str, recorded int",
        ),
    ],
)
def test_the_comparison_sees_a_difference(answer: Answer, found: str) -> None:
    recorded = next(one for one in exchanges() if one["name"] == "users-create-ok-one")
    assert found in (difference(recorded, answer) or "")


def test_the_comparison_sees_another_error() -> None:
    recorded = next(one for one in exchanges() if one["name"] == "token-invalid")
    text = recorded["response"].replace("invalidtoken", "accessexception")
    answer = Answer(status=200, content_type="application/json", text=text)
    assert "errorcode" in (difference(recorded, answer) or "")


@pytest.fixture(scope="module")
def compared() -> list[Compared]:
    return [
        Compared(
            name=exchange["name"],
            function=exchange["wsfunction"] or "(none)",
            difference=difference(exchange, answer),
        )
        for exchange, answer in Replay().answers()
        if not exchange.get("withheld")
    ]


def test_what_we_use_is_answered_as_recorded(
    compared: list[Compared], capsys: pytest.CaptureFixture[str]
) -> None:
    by_function: dict[str, list[Compared]] = defaultdict(list)
    for one in compared:
        by_function[one.function].append(one)
    for function, several in sorted(by_function.items()):
        equal = sum(one.difference is None for one in several)
        used = "used" if function in USED else ""
        print(f"{function:<45} {equal:>3} of {len(several):>3} {used}")
    used_ones = [one for one in compared if one.function in USED]
    equal = sum(one.difference is None for one in used_ones)
    everything = sum(one.difference is None for one in compared)
    withheld = len(exchanges()) - len(compared)
    with capsys.disabled():
        print(
            f"\nMoodle exchanges answered alike: {equal} of {len(used_ones)} of functions we use, "
            f"{everything} of {len(compared)} of all; {withheld} sent, their answers not recorded"
        )
    assert equal / len(used_ones) >= 0.95


def test_every_other_difference_is_listed_with_its_reason(compared: list[Compared]) -> None:
    different = {one.name: one.difference for one in compared if one.difference is not None}
    assert different.keys() == PLAN["known_differences"].keys(), different
