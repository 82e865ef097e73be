"""The web application around the console: errors, health, the provider beside it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy.exc import OperationalError

from auth.settings import AuthSettings
from service.config import ConfigError
from service.settings import RedisSettings, ServerSettings
from tests.service.console_factories import ConsoleUnderTest, make_console, shows


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    return make_console(tmp_path, operators=True)


def test_the_root_leads_to_the_console(console: ConsoleUnderTest) -> None:
    assert console.client().get("/").location == "/console/"


def test_an_unknown_address_gets_a_page_in_words(console: ConsoleUnderTest) -> None:
    shows(console.client().get("/console/nothing"), "Такой страницы нет", status=404)


def test_a_number_larger_than_the_database_takes_is_not_found(console: ConsoleUnderTest) -> None:
    city = console.client("city")
    assert city.get(f"/console/links/{2**63}").status_code == 404
    assert city.post(f"/console/phases/rules/{2**63}/remove").status_code == 404


def test_our_own_fault_shows_and_logs_nothing_of_what_was_sent(
    console: ConsoleUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> NoReturn:
        raise RuntimeError("Примеров 01.09.2012")

    console.app.add_url_rule("/fails", view_func=fail)
    with caplog.at_level(logging.ERROR):
        answer = console.client("city").get("/fails")
    shows(answer, "Ошибка на нашей стороне", status=500)
    assert "unexpected error" in caplog.messages
    assert "Примеров" not in answer.text + " ".join(caplog.messages)


def test_live_says_only_that_the_process_answers(console: ConsoleUnderTest) -> None:
    assert console.client().get("/health/live").json == {"status": "ok"}


def test_ready_names_the_one_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = RedisSettings(url=f"unix://{tmp_path}/no.sock")
    console = make_console(tmp_path, redis=nowhere)
    answer = console.client().get("/health/ready")
    assert answer.status_code == 503
    assert answer.json == {"database": "ok", "redis": "failed", "worker": "failed"}

    def refuse() -> NoReturn:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(console.application.engine, "connect", refuse)
    answer = console.client().get("/health/ready")
    assert answer.json is not None
    assert answer.json["database"] == "failed"


@pytest.mark.parametrize(
    ("settings", "issuer"),
    [
        ({"server": ServerSettings(base_url="https://sb.example")}, "https://sb.example"),
        ({"auth": AuthSettings(issuer="https://id.example")}, "https://id.example"),
    ],
    ids=["that of our address", "one of its own"],
)
def test_the_provider_speaks_in_the_name_of_its_issuer(
    tmp_path: Path, settings: dict[str, Any], issuer: str
) -> None:
    console = make_console(tmp_path, **settings)
    document = console.client().get("/.well-known/openid-configuration").json
    assert document is not None
    assert document["issuer"] == issuer


def test_an_unsafe_address_is_refused_at_the_start_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        make_console(tmp_path, server=ServerSettings(base_url="http://sb.example"))
