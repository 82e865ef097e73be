"""Batches beyond what PHP reads from a form arrive whole all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from provisioning.changes import Result
from provisioning.moodle import Function, MoodleClient
from provisioning.settings import MoodleSettings
from service.moodle_standin import DEFAULT_TOKEN, ServiceToken, SiteSettings, running_standin
from tests.provisioning.apply_city import Ledger, new_user, run, users_with

PEOPLE = [f"p-{number}" for number in range(130)]
"""Eight fields each: more than the client sends as form fields."""


@contextmanager
def site_reading(
    max_input_vars: int, functions: frozenset[str] | None = None
) -> Iterator[MoodleSettings]:
    site = SiteSettings(max_input_vars=max_input_vars)
    tokens = {DEFAULT_TOKEN: ServiceToken(functions=functions)}
    with running_standin(None, settings=site, tokens=tokens) as url:
        yield MoodleSettings(url=url, token=DEFAULT_TOKEN, batch_size=len(PEOPLE))


def creations(settings: MoodleSettings, ledger: Ledger) -> list[str]:
    """Apply all people; the function named in each request that created some."""
    sent: list[str] = []

    def note(response: requests.Response, **_: object) -> None:
        form = parse_qs(str(response.request.body))
        if "core_user_create_users" in str(form):
            sent.append(form["wsfunction"][0])

    session = requests.Session()
    session.hooks["response"].append(note)
    with MoodleClient(settings, session=session) as moodle:
        assert run([new_user(person_id) for person_id in PEOPLE], moodle, ledger)
    rows: list[dict[str, Any]] = []
    for start in range(0, len(PEOPLE), 50):
        rows += users_with(settings, "idnumber", PEOPLE[start : start + 50])
    assert sorted(row["idnumber"] for row in rows) == sorted(PEOPLE)
    assert {(row["department"], row["institution"]) for row in rows} == {("8А", "Школа № 243")}
    assert {outcome.result for outcome in ledger.outcomes.values()} == {Result.DONE}
    return sent


def test_a_large_batch_goes_as_one_text_where_the_service_can(ledger: Ledger) -> None:
    with site_reading(max_input_vars=1_000) as settings:
        assert creations(settings, ledger) == [Function.CALL_SEVERAL]


def test_a_service_that_cannot_gets_smaller_batches(ledger: Ledger) -> None:
    functions = frozenset(Function) - {Function.CALL_SEVERAL}
    with site_reading(max_input_vars=1_000, functions=functions) as settings:
        assert creations(settings, ledger) == [Function.CREATE_USERS] * 2


@pytest.mark.parametrize(
    "max_input_vars",
    [
        pytest.param(202, id="between two people"),
        pytest.param(205, id="inside the required fields of a person"),
        pytest.param(208, id="behind the required fields of a person"),
        pytest.param(106, id="again and again"),
    ],
)
def test_a_tail_that_php_drops_in_silence_is_sent_again(
    max_input_vars: int, ledger: Ledger
) -> None:
    functions = frozenset(Function) - {Function.CALL_SEVERAL}
    with site_reading(max_input_vars=max_input_vars, functions=functions) as settings:
        assert len(creations(settings, ledger)) > 2
