"""Batches beyond what PHP reads from a form arrive whole all the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from provisioning.changes import Result
from provisioning.moodle import Function
from service.moodle_standin import DEFAULT_TOKEN, ServiceToken, SiteSettings
from tests.provisioning.apply_city import new_user, open_site

PEOPLE = [f"p-{number}" for number in range(130)]
"""Eight fields each: more than the client sends as form fields."""

ALL = frozenset(Function)
FORMS_ONLY = ALL - {Function.CALL_SEVERAL}


def creations(max_input_vars: int, functions: frozenset[str]) -> list[str]:
    """Apply all people; the function named in each request that created some."""
    options: dict[str, Any] = {
        "settings": SiteSettings(max_input_vars=max_input_vars),
        "tokens": {DEFAULT_TOKEN: ServiceToken(functions=functions)},
    }
    with open_site(None, batch_size=len(PEOPLE), **options) as site:
        site.run(map(new_user, PEOPLE))
        parts = [PEOPLE[start : start + 50] for start in range(0, len(PEOPLE), 50)]
        rows = [row for part in parts for row in site.users_with("idnumber", *part)]
    assert sorted(row["idnumber"] for row in rows) == sorted(PEOPLE)
    assert {(row["department"], row["institution"]) for row in rows} == {("8А", "Школа № 243")}
    assert {outcome.result for outcome in site.ledger.outcomes.values()} == {Result.DONE}
    forms = [parse_qs(form) for form in site.sent if "core_user_create_users" in form]
    return [form["wsfunction"][0] for form in forms]


def test_a_large_batch_goes_as_one_text_where_the_service_can_and_else_in_smaller_ones() -> None:
    assert creations(1_000, ALL) == [Function.CALL_SEVERAL]
    assert creations(1_000, FORMS_ONLY) == [Function.CREATE_USERS] * 2


@pytest.mark.parametrize(
    "max_input_vars",
    [
        pytest.param(202, id="between two people"),
        pytest.param(205, id="inside the required fields of a person"),
        pytest.param(208, id="behind the required fields of a person"),
        pytest.param(106, id="again and again"),
    ],
)
def test_a_tail_that_php_drops_in_silence_is_sent_again(max_input_vars: int) -> None:
    assert len(creations(max_input_vars, FORMS_ONLY)) > 2
