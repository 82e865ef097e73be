"""What the stand-in keeps and refuses beyond single recorded answers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from service.moodle_standin import (
    DEFAULT_TOKEN,
    create_standin,
    running_standin,
    snapshot,
)
from service.moodle_standin.protocol import REST_PATH
from tests.waiting import WAIT_SECONDS, until

ROOT = Path(__file__).parents[3]


def flatten(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Arguments as the form fields of the REST protocol."""
    if isinstance(value, dict):
        pairs = [(f"{name}[{key}]" if name else key, below) for key, below in value.items()]
    elif isinstance(value, list):
        pairs = [(f"{name}[{number}]", below) for number, below in enumerate(value)]
    else:
        return [(name, str(value))]
    return [field for key, below in pairs for field in flatten(below, key)]


def call(app: Flask, function: str, arguments: dict[str, Any]) -> Any:
    return send(app.test_client(), function, arguments).get_json()


def send(client: FlaskClient, function: str, arguments: dict[str, Any]) -> Any:
    fields = [
        ("wstoken", DEFAULT_TOKEN),
        ("wsfunction", function),
        ("moodlewsrestformat", "json"),
        *flatten(arguments),
    ]
    return client.post(
        REST_PATH, data=urlencode(fields), content_type="application/x-www-form-urlencoded"
    )


def pupil(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "username": f"p{number}",
        "auth": "oauth2",
        "firstname": "Имя",
        "lastname": f"Фамилия{number}",
        "email": f"p{number}@school.invalid",
        "idnumber": f"id-{number}",
    } | changes


@pytest.fixture
def app() -> Flask:
    return create_standin(None)


def test_what_is_stored_survives_a_restart(tmp_path: Path) -> None:
    storage = tmp_path / "standin.db"
    first = call(create_standin(storage), "core_user_create_users", {"users": [pupil(1)]})
    again = create_standin(storage)
    found = call(again, "core_user_get_users_by_field", {"field": "username", "values": ["p1"]})
    assert [user["id"] for user in found] == [first[0]["id"]]
    second = call(again, "core_user_create_users", {"users": [pupil(2)]})
    assert second[0]["id"] == first[0]["id"] + 1


def test_a_failed_batch_leaves_no_user_and_its_ids_are_lost(app: Flask) -> None:
    first = call(app, "core_user_create_users", {"users": [pupil(1)]})
    batch = [pupil(2), pupil(3), pupil(1)]
    refused = call(app, "core_user_create_users", {"users": batch})
    assert refused["errorcode"] == "invalidparameter"
    fourth = call(app, "core_user_create_users", {"users": [pupil(4)]})
    assert fourth[0]["id"] == first[0]["id"] + 3


def test_of_parallel_creations_of_one_user_name_one_wins(tmp_path: Path) -> None:
    with running_standin(tmp_path / "standin.db") as url:
        answers: list[Any] = []
        threads = [threading.Thread(target=create_one, args=(url, answers)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(isinstance(answer, list) for answer in answers) == 1
    assert len(answers) == 8
    assert [user["username"] for user in snapshot(tmp_path / "standin.db")["users"]] == ["p1"]


def create_one(url: str, answers: list[Any]) -> None:
    fields = dict(flatten({"users": [pupil(1)]})) | {
        "wstoken": DEFAULT_TOKEN,
        "wsfunction": "core_user_create_users",
        "moodlewsrestformat": "json",
    }
    answers.append(requests.post(url + REST_PATH, data=fields, timeout=10).json())


def test_php_cuts_the_last_user_of_a_batch_that_is_too_long(app: Flask) -> None:
    users = [pupil(number, city="Псков", institution="Школа") for number in range(700)]
    made = call(app, "core_user_create_users", {"users": users})
    assert len(made) == 625
    last = call(app, "core_user_get_users_by_field", {"field": "id", "values": [made[-1]["id"]]})
    assert "institution" not in last[0]
    assert "city" not in last[0]
    assert last[0]["idnumber"] == "id-624"


def test_a_combined_call_holds_more_than_the_field_limit(app: Flask) -> None:
    arguments = json.dumps({"users": [pupil(number) for number in range(1000)]})
    requests_ = [{"function": "core_user_create_users", "arguments": arguments}]
    answer = call(app, "tool_mobile_call_external_functions", {"requests": requests_})
    assert len(json.loads(answer["responses"][0]["data"])) == 1000


def test_a_combined_call_keeps_what_went_before_the_first_failure(app: Flask) -> None:
    requests_ = [
        {"function": "core_user_create_users", "arguments": json.dumps({"users": users})}
        for users in ([pupil(1)], [pupil(1)], [pupil(2)])
    ]
    answer = call(app, "tool_mobile_call_external_functions", {"requests": requests_})
    assert [response["error"] for response in answer["responses"]] == [False, True]
    found = call(app, "core_user_get_users_by_field", {"field": "username", "values": ["p1", "p2"]})
    assert [user["username"] for user in found] == ["p1"]


def test_a_function_without_a_result_gives_null_inside_a_combined_call(app: Flask) -> None:
    made = call(app, "core_user_create_users", {"users": [pupil(1)]})
    arguments = json.dumps({"userids": [made[0]["id"]]})
    requests_ = [{"function": "core_user_delete_users", "arguments": arguments}]
    answer = call(app, "tool_mobile_call_external_functions", {"requests": requests_})
    assert answer == {"responses": [{"error": False, "data": None}]}


def test_a_null_in_a_json_argument_is_refused_by_the_database(app: Flask) -> None:
    made = call(app, "core_user_create_users", {"users": [pupil(1)]})
    arguments = json.dumps({"users": [{"id": made[0]["id"], "city": None}]})
    requests_ = [{"function": "core_user_update_users", "arguments": arguments}]
    answer = call(app, "tool_mobile_call_external_functions", {"requests": requests_})
    (warning,) = json.loads(answer["responses"][0]["data"])["warnings"]
    assert warning["warningcode"] == "dmlwriteexception"


def test_the_snapshot_tells_who_has_a_password_and_who_must_change_it(tmp_path: Path) -> None:
    storage = tmp_path / "standin.db"
    app = create_standin(storage)
    forced = [{"type": "auth_forcepasswordchange", "value": "1"}]
    manual = pupil(2, auth="manual", password="Abcd-1234", preferences=forced)
    call(app, "core_user_create_users", {"users": [pupil(1, password="Abcd-1234"), manual]})
    users = snapshot(storage)["users"]
    assert [(user["username"], user["has_password"]) for user in users] == [("p1", 0), ("p2", 1)]
    assert [user["must_change_password"] for user in users] == [0, 1]


def test_the_snapshot_names_the_roles_of_enrolments(tmp_path: Path) -> None:
    app = create_standin(tmp_path / "standin.db")
    user = call(app, "core_user_create_users", {"users": [pupil(1)]})[0]["id"]
    course = call(
        app,
        "core_course_create_courses",
        {"courses": [{"fullname": "Класс", "shortname": "c", "categoryid": 1}]},
    )[0]["id"]
    enrolment = {"roleid": 5, "userid": user, "courseid": course}
    call(app, "enrol_manual_enrol_users", {"enrolments": [enrolment, enrolment | {"roleid": 3}]})
    held = snapshot(tmp_path / "standin.db")["enrolments"]
    assert [(row["userid"], row["role"]) for row in held] == [
        (user, "editingteacher"),
        (user, "student"),
    ]


def test_token_and_function_may_stand_in_the_query_string(app: Flask) -> None:
    query = {"wstoken": DEFAULT_TOKEN, "wsfunction": "core_cohort_get_cohorts"}
    response = app.test_client().post(
        REST_PATH, query_string=query, data={"moodlewsrestformat": "json"}
    )
    assert response.get_json() == []


def test_fields_of_a_multipart_body_are_read(app: Flask) -> None:
    fields = {
        "wstoken": DEFAULT_TOKEN,
        "wsfunction": "core_cohort_get_cohorts",
        "moodlewsrestformat": "json",
    }
    response = app.test_client().post(REST_PATH, data=fields, content_type="multipart/form-data")
    assert response.get_json() == []


def test_a_json_body_is_not_read(app: Flask) -> None:
    response = app.test_client().post(
        REST_PATH,
        query_string={"moodlewsrestformat": "json"},
        json={"wstoken": DEFAULT_TOKEN, "wsfunction": "core_cohort_get_cohorts"},
    )
    assert response.get_json()["errorcode"] == "invalidtoken"


def test_without_a_format_the_answer_is_xml(app: Flask) -> None:
    fields = dict(flatten({"users": [pupil(1)]}))
    response = app.test_client().post(
        REST_PATH,
        data={"wstoken": DEFAULT_TOKEN, "wsfunction": "core_user_create_users"} | fields,
    )
    assert response.content_type == "application/xml; charset=utf-8"
    assert response.get_data(as_text=True) == (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<RESPONSE>\n<MULTIPLE>\n<SINGLE>\n'
        '<KEY name="id"><VALUE>4</VALUE>\n</KEY>\n'
        '<KEY name="username"><VALUE>p1</VALUE>\n</KEY>\n'
        "</SINGLE>\n</MULTIPLE>\n</RESPONSE>\n"
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def test_as_a_process_it_serves_and_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    port = free_port()
    storage = tmp_path / "standin.db"
    command = [sys.executable, "-m", "service.moodle_standin"]
    options = ["--port", str(port), "--storage", str(storage), "--token", "t"]
    process = subprocess.Popen([*command, *options], cwd=ROOT, env=os.environ)
    try:
        until(lambda: answers(port))
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
    assert snapshot(storage)["categories"][0]["name"] == "Category 1"


def answers(port: int) -> bool:
    """Whether it serves; it listens a moment earlier, before it can be ended cleanly."""
    try:
        requests.get(f"http://127.0.0.1:{port}/", timeout=WAIT_SECONDS)
    except requests.ConnectionError:
        return False
    return True


def test_a_taken_port_is_an_error_to_catch() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), running_standin(port=port):
            pytest.fail("it started on a taken port")
