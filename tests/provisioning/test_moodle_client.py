"""How calls are written, and what is made of their answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from provisioning.moodle import (
    MoodleClient,
    MoodleError,
    MoodleRefused,
    MoodleUnavailable,
    MoodleUncertain,
)
from provisioning.moodle.connection import MAX_FIELDS, form_fields
from tests.provisioning.scripted_moodle import Answer, data, scripted_moodle

CALLS_SEVERAL = data({"functions": [{"name": "tool_mobile_call_external_functions"}]})
CALLS_PLAINLY = data({"functions": [{"name": "core_user_create_users"}]})
CATEGORY = {"id": 1, "idnumber": "a"}
TOO_MANY_USERS = [{"username": f"имя{number}"} for number in range(MAX_FIELDS + 1)]


def several(*responses: Any) -> Answer:
    return data({"responses": list(responses)})


def ok(value: Any) -> dict[str, Any]:
    return {"error": False, "data": json.dumps(value)}


def refused(errorcode: str) -> dict[str, Any]:
    return {"error": True, "exception": json.dumps({"errorcode": errorcode})}


def test_nested_arguments_become_the_names_that_php_reads() -> None:
    user = {"id": 7, "suspended": True, "preferences": [{"type": "a", "value": ""}]}
    assert form_fields({"users": [user], "field": "id"}) == [
        ("users[0][id]", "7"),
        ("users[0][suspended]", "1"),
        ("users[0][preferences][0][type]", "a"),
        ("users[0][preferences][0][value]", ""),
        ("field", "id"),
    ]


def test_the_token_is_in_the_body_and_not_in_the_address() -> None:
    with scripted_moodle(data([])) as script:
        script.moodle.users_by_field("idnumber", ["p-1"])
    [(address, form)] = script.requests
    assert address == "/webservice/rest/server.php"
    assert list(form) == ["wstoken", "wsfunction", "moodlewsrestformat", "field", "values[0]"]
    assert form["wstoken"] == script.settings.token


def test_a_created_record_brings_its_number() -> None:
    rows = [{"id": 5, "username": "a"}, {"id": 6, "username": "b"}]
    with scripted_moodle(data(rows)) as script:
        assert create_two(script.moodle) == [5, 6]
    assert script.requests[0][1]["users[0][username]"] == "a"  # a small call: plain form fields


def test_a_large_call_goes_as_json_text_where_the_service_can() -> None:
    answer = several(ok([{"id": number} for number in range(len(TOO_MANY_USERS))]))
    with scripted_moodle(CALLS_SEVERAL, answer) as script:
        assert len(script.moodle.create_users(TOO_MANY_USERS)) == len(TOO_MANY_USERS)
    form = script.requests[1][1]
    assert form["wsfunction"] == "tool_mobile_call_external_functions"
    assert form["requests[0][function]"] == "core_user_create_users"
    assert json.loads(form["requests[0][arguments]"]) == {"users": TOO_MANY_USERS}


def test_a_batch_is_smaller_where_every_value_is_a_form_field() -> None:
    with scripted_moodle(CALLS_SEVERAL) as script:
        assert script.moodle.batch_size == script.settings.batch_size
    with scripted_moodle(CALLS_PLAINLY) as script:
        assert script.moodle.batch_size == 69
    user = {str(field): "x" for field in range(13)}
    assert len(form_fields({"users": [user] * 69})) < MAX_FIELDS


def test_a_call_that_php_would_cut_is_never_sent() -> None:
    with scripted_moodle(CALLS_PLAINLY) as script, pytest.raises(ValueError, match="too many"):
        script.moodle.create_users(TOO_MANY_USERS)
    assert script.functions == ["core_webservice_get_site_info"]


def create_two(moodle: MoodleClient) -> object:
    return moodle.create_users([{"username": "a"}, {"username": "b"}])


def create_many(moodle: MoodleClient) -> object:
    return moodle.create_users(TOO_MANY_USERS)


def find_two(moodle: MoodleClient) -> object:
    return moodle.categories_by_idnumber(["a", "b"])


@pytest.mark.parametrize(
    ("call", "answers", "family", "words"),
    [
        (create_two, [data([{"id": 5}])], MoodleUncertain, "create_users: short_answer"),
        (create_many, [CALLS_SEVERAL, several(refused("xyz"))], MoodleRefused, "create_users: xyz"),
        (find_two, [CALLS_SEVERAL, several(ok([]))], MoodleUnavailable, "categories: short_answer"),
    ],
)
def test_a_failure_in_an_answer_is_not_taken_for_success(
    call: Callable[[MoodleClient], object],
    answers: list[Answer],
    family: type[MoodleError],
    words: str,
) -> None:
    with scripted_moodle(*answers) as script, pytest.raises(family, match=words):
        call(script.moodle)


@pytest.mark.parametrize(
    ("answers", "requests"),
    [
        ([CALLS_SEVERAL, several(ok([CATEGORY]), ok([]))], 2),
        ([CALLS_PLAINLY, data([CATEGORY]), data([])], 3),
    ],
)
def test_readings_share_a_request_where_the_service_can(
    answers: list[Answer], requests: int
) -> None:
    with scripted_moodle(*answers) as script:
        assert find_two(script.moodle) == [CATEGORY]
    assert len(script.requests) == requests


def test_many_readings_are_split_over_requests() -> None:
    answers = [several(*[ok([])] * 100), several(*[ok([])] * 50)]
    with scripted_moodle(CALLS_SEVERAL, *answers) as script:
        assert script.moodle.categories_by_idnumber(map(str, range(150))) == []
    assert script.answers == []


def test_a_cohort_found_by_a_part_of_its_idnumber_is_another_cohort() -> None:
    cohorts = [
        {"id": 1, "idnumber": "class:8a", "name": "8А"},
        {"id": 2, "idnumber": "class:8a-2", "name": "8А"},
        {"id": 3, "idnumber": "", "name": "class:8a"},
    ]
    with scripted_moodle(data({"cohorts": cohorts})) as script:
        assert [row["id"] for row in script.moodle.cohorts_by_idnumber(["class:8a"])] == [1]
