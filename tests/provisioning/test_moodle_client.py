"""How calls are written, and what is made of their answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioning.moodle import MoodleClient, MoodleRefused, MoodleUnavailable, MoodleUncertain
from provisioning.moodle.connection import MAX_FIELDS, form_fields
from tests.provisioning.scripted_moodle import Answer, ScriptedMoodle, data, scripted_moodle

SERVICE_THAT_CALLS_SEVERAL = data({"functions": [{"name": "tool_mobile_call_external_functions"}]})
PLAIN_SERVICE = data({"functions": [{"name": "core_user_create_users"}]})


def several(*responses: Any) -> Answer:
    return data({"responses": list(responses)})


def ok(value: Any) -> dict[str, Any]:
    return {"error": False, "data": json.dumps(value)}


def refused(errorcode: str) -> dict[str, Any]:
    return {"error": True, "exception": json.dumps({"errorcode": errorcode})}


def client(script: ScriptedMoodle) -> MoodleClient:
    return MoodleClient(script.settings, sleep=lambda seconds: None)


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
    with scripted_moodle(data([])) as script, client(script) as moodle:
        moodle.users_by_field("idnumber", ["p-1"])
    [(address, form)] = script.requests
    assert address == "/webservice/rest/server.php"
    assert list(form) == ["wstoken", "wsfunction", "moodlewsrestformat", "field", "values[0]"]
    assert form["wstoken"] == script.settings.token


def test_a_created_record_brings_its_number() -> None:
    rows = [{"id": 5, "username": "a"}, {"id": 6, "username": "b"}]
    with scripted_moodle(data(rows)) as script, client(script) as moodle:
        assert moodle.create_users([{"username": "a"}, {"username": "b"}]) == [5, 6]


def test_fewer_numbers_than_records_are_not_taken_for_success() -> None:
    with (
        scripted_moodle(data([{"id": 5}])) as script,
        client(script) as moodle,
        pytest.raises(MoodleUncertain) as caught,
    ):
        moodle.create_users([{"username": "a"}, {"username": "b"}])
    assert caught.value.code == "short_answer"


def test_a_small_call_is_plain_form_fields() -> None:
    with scripted_moodle(data([{"id": 5}])) as script, client(script) as moodle:
        moodle.create_users([{"username": "a"}])
    assert script.requests[0][1]["users[0][username]"] == "a"


def test_a_large_call_goes_as_json_text_where_the_service_can() -> None:
    users = [{"username": f"имя{number}"} for number in range(MAX_FIELDS + 1)]
    answer = several(ok([{"id": number} for number in range(len(users))]))
    with scripted_moodle(SERVICE_THAT_CALLS_SEVERAL, answer) as script, client(script) as moodle:
        assert len(moodle.create_users(users)) == len(users)
    form = script.requests[1][1]
    assert form["wsfunction"] == "tool_mobile_call_external_functions"
    assert form["requests[0][function]"] == "core_user_create_users"
    assert json.loads(form["requests[0][arguments]"]) == {"users": users}


def test_a_batch_is_smaller_where_every_value_is_a_form_field() -> None:
    with scripted_moodle(SERVICE_THAT_CALLS_SEVERAL) as script, client(script) as moodle:
        assert moodle.batch_size == script.settings.batch_size
    with scripted_moodle(PLAIN_SERVICE) as script, client(script) as moodle:
        assert moodle.batch_size == 69
    user = {str(field): "x" for field in range(13)}
    assert len(form_fields({"users": [user] * 69})) < MAX_FIELDS


def test_a_call_that_php_would_cut_is_never_sent() -> None:
    users = [{"username": "a"}] * (MAX_FIELDS + 1)
    with (
        scripted_moodle(PLAIN_SERVICE) as script,
        client(script) as moodle,
        pytest.raises(ValueError, match="too many"),
    ):
        moodle.create_users(users)
    assert script.functions == ["core_webservice_get_site_info"]


def test_an_error_of_an_inner_call_is_an_error_of_the_call() -> None:
    users = [{"username": "a"}] * (MAX_FIELDS + 1)
    answer = several(refused("invalidparameter"))
    with (
        scripted_moodle(SERVICE_THAT_CALLS_SEVERAL, answer) as script,
        client(script) as moodle,
        pytest.raises(MoodleRefused) as caught,
    ):
        moodle.create_users(users)
    assert str(caught.value) == "core_user_create_users: invalidparameter"


def test_readings_share_a_request_where_the_service_can() -> None:
    answer = several(ok([{"id": 1, "idnumber": "a"}]), ok([]))
    with scripted_moodle(SERVICE_THAT_CALLS_SEVERAL, answer) as script, client(script) as moodle:
        assert moodle.categories_by_idnumber(["a", "b"]) == [{"id": 1, "idnumber": "a"}]
    assert len(script.requests) == 2


def test_readings_go_one_by_one_where_the_service_cannot() -> None:
    rows = [data([{"id": 1, "idnumber": "a"}]), data([])]
    with scripted_moodle(PLAIN_SERVICE, *rows) as script, client(script) as moodle:
        assert moodle.categories_by_idnumber(["a", "b"]) == [{"id": 1, "idnumber": "a"}]
    assert script.functions[1:] == ["core_course_get_categories"] * 2


def test_a_reading_that_brings_too_little_is_repeated_later() -> None:
    with (
        scripted_moodle(SERVICE_THAT_CALLS_SEVERAL, several(ok([]))) as script,
        client(script) as moodle,
        pytest.raises(MoodleUnavailable) as caught,
    ):
        moodle.categories_by_idnumber(["a", "b"])
    assert caught.value.code == "short_answer"


def test_many_readings_are_split_over_requests() -> None:
    answers = [several(*[ok([])] * 100), several(*[ok([])] * 50)]
    with scripted_moodle(SERVICE_THAT_CALLS_SEVERAL, *answers) as script, client(script) as moodle:
        assert moodle.categories_by_idnumber([str(number) for number in range(150)]) == []
    assert script.answers == []


def test_a_cohort_found_by_a_part_of_its_idnumber_is_another_cohort() -> None:
    cohorts = [
        {"id": 1, "idnumber": "class:8a", "name": "8А"},
        {"id": 2, "idnumber": "class:8a-2", "name": "8А"},
        {"id": 3, "idnumber": "", "name": "class:8a"},
    ]
    with scripted_moodle(data({"cohorts": cohorts})) as script, client(script) as moodle:
        assert [row["id"] for row in moodle.cohorts_by_idnumber(["class:8a"])] == [1]


def test_being_a_member_already_is_no_failure() -> None:
    warning = {"warningcode": "3", "message": "record already exists"}
    with scripted_moodle(data({"warnings": [warning]})) as script, client(script) as moodle:
        moodle.add_cohort_members([{}])
    assert script.functions == ["core_cohort_add_cohort_members"]


def test_a_member_that_moodle_does_not_know_is_a_failure() -> None:
    warnings = [{"warningcode": "3", "message": ""}, {"warningcode": "2", "message": ""}]
    with (
        scripted_moodle(data({"warnings": warnings})) as script,
        client(script) as moodle,
        pytest.raises(MoodleRefused),
    ):
        moodle.add_cohort_members([{}, {}])


def test_an_update_tells_whom_moodle_refused() -> None:
    warning = {"item": "user", "itemid": 110, "warningcode": "useremailduplicate", "message": "x"}
    with scripted_moodle(data({"warnings": [warning]})) as script, client(script) as moodle:
        assert moodle.update_users([{"id": 109}, {"id": 110}]) == {110: "useremailduplicate"}


def test_roles_are_read_by_course_and_user() -> None:
    rows = [{"id": 7, "roles": [{"roleid": 3}, {"roleid": 5}]}, {"id": 8, "roles": []}]
    with scripted_moodle(data(rows)) as script, client(script) as moodle:
        assert moodle.roles_in_courses([2]) == {2: {7: {3, 5}, 8: set()}}
