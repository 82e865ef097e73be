"""What the stand-in keeps and refuses beyond single recorded answers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from provisioning.moodle.connection import form_fields
from service.moodle_standin import (
    DEFAULT_TOKEN,
    create_standin,
    running_standin,
    snapshot,
)
from service.moodle_standin.protocol import REST_PATH
from tests.waiting import WAIT_SECONDS, until

ROOT = Path(__file__).parents[3]


def asked(function: str, arguments: dict[str, Any]) -> dict[str, str]:
    own = {"wstoken": DEFAULT_TOKEN, "wsfunction": function, "moodlewsrestformat": "json"}
    return own | dict(form_fields(arguments))


def call(app: Flask, function: str, arguments: dict[str, Any]) -> Any:
    return app.test_client().post(REST_PATH, data=asked(function, arguments)).get_json()


def combine(app: Flask, function: str, *several: dict[str, Any]) -> Any:
    """Call a function several times in one call; the answers."""
    requests_ = [{"function": function, "arguments": json.dumps(one)} for one in several]
    answer = call(app, "tool_mobile_call_external_functions", {"requests": requests_})
    return answer["responses"]


def create(app: Flask, *users: dict[str, Any]) -> Any:
    return call(app, "core_user_create_users", {"users": list(users)})


def find(app: Flask, field: str, *values: Any) -> Any:
    return call(app, "core_user_get_users_by_field", {"field": field, "values": list(values)})


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
    first = create(create_standin(storage), pupil(1))
    again = create_standin(storage)
    assert [user["id"] for user in find(again, "username", "p1")] == [first[0]["id"]]
    second = create(again, pupil(2))
    assert second[0]["id"] == first[0]["id"] + 1


def test_a_failed_batch_leaves_no_user_and_its_ids_are_lost(app: Flask) -> None:
    first = create(app, pupil(1))
    refused = create(app, pupil(2), pupil(3), pupil(1))
    assert refused["errorcode"] == "invalidparameter"
    fourth = create(app, pupil(4))
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
    fields = asked("core_user_create_users", {"users": [pupil(1)]})
    answers.append(requests.post(url + REST_PATH, data=fields, timeout=10).json())


def test_php_cuts_the_last_user_of_a_batch_that_is_too_long(app: Flask) -> None:
    made = create(app, *(pupil(n, city="Псков", institution="Школа") for n in range(700)))
    assert len(made) == 625
    last = find(app, "id", made[-1]["id"])
    assert "institution" not in last[0]
    assert "city" not in last[0]
    assert last[0]["idnumber"] == "id-624"


def test_a_combined_call_holds_more_than_the_field_limit(app: Flask) -> None:
    users = [pupil(number) for number in range(1000)]
    (answer,) = combine(app, "core_user_create_users", {"users": users})
    assert len(json.loads(answer["data"])) == 1000


def test_a_combined_call_keeps_what_went_before_the_first_failure(app: Flask) -> None:
    several = [{"users": [pupil(number)]} for number in (1, 1, 2)]
    answers = combine(app, "core_user_create_users", *several)
    assert [answer["error"] for answer in answers] == [False, True]
    assert [user["username"] for user in find(app, "username", "p1", "p2")] == ["p1"]


def test_a_function_without_a_result_gives_null_inside_a_combined_call(app: Flask) -> None:
    made = create(app, pupil(1))
    answers = combine(app, "core_user_delete_users", {"userids": [made[0]["id"]]})
    assert answers == [{"error": False, "data": None}]


def test_a_null_in_a_json_argument_is_refused_by_the_database(app: Flask) -> None:
    made = create(app, pupil(1))
    changed = {"users": [{"id": made[0]["id"], "city": None}]}
    (answer,) = combine(app, "core_user_update_users", changed)
    (warning,) = json.loads(answer["data"])["warnings"]
    assert warning["warningcode"] == "dmlwriteexception"


def test_the_snapshot_tells_who_has_a_password_and_who_must_change_it(tmp_path: Path) -> None:
    storage = tmp_path / "standin.db"
    app = create_standin(storage)
    forced = [{"type": "auth_forcepasswordchange", "value": "1"}]
    manual = pupil(2, auth="manual", password="Abcd-1234", preferences=forced)
    create(app, pupil(1, password="Abcd-1234"), manual)
    users = snapshot(storage)["users"]
    assert [(user["username"], user["has_password"]) for user in users] == [("p1", 0), ("p2", 1)]
    assert [user["must_change_password"] for user in users] == [0, 1]


def test_the_snapshot_names_the_roles_of_enrolments(tmp_path: Path) -> None:
    app = create_standin(tmp_path / "standin.db")
    user = create(app, pupil(1))[0]["id"]
    course = make_course(app)
    enrolment = {"roleid": 5, "userid": user, "courseid": course}
    call(app, "enrol_manual_enrol_users", {"enrolments": [enrolment, enrolment | {"roleid": 3}]})
    held = snapshot(tmp_path / "standin.db")["enrolments"]
    assert [(row["userid"], row["role"]) for row in held] == [
        (user, "editingteacher"),
        (user, "student"),
    ]


@pytest.mark.parametrize(("left", "active"), [(1, True), (0, False)])
def test_an_enrolment_is_active_until_its_end(left: int, active: bool) -> None:
    app = create_standin(None, clock=lambda: datetime(2026, 9, 1, tzinfo=UTC))
    user = create(app, pupil(1))[0]["id"]
    course = make_course(app)
    end = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp()) + left
    enrolment = {"roleid": 5, "userid": user, "courseid": course, "timeend": end}
    call(app, "enrol_manual_enrol_users", {"enrolments": [enrolment]})
    for option, listed in (("onlyactive", active), ("onlysuspended", not active)):
        asked_for = {"courseid": course, "options": [{"name": option, "value": "1"}]}
        found = call(app, "core_enrol_get_enrolled_users", asked_for)
        assert [one["id"] for one in found] == [user] * listed


def make_course(app: Flask, shortname: str = "c") -> int:
    course = {"fullname": "Класс", "shortname": shortname, "idnumber": shortname, "categoryid": 1}
    made: int = call(app, "core_course_create_courses", {"courses": [course]})[0]["id"]
    return made


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"startdate": 0, "enddate": 9}, "nostartdatenoenddate"),
        ({"startdate": 9, "enddate": 8}, "enddatebeforestartdate"),
        ({"shortname": "other"}, "shortnametaken"),
        ({"idnumber": "other"}, "courseidnumbertaken"),
        ({"categoryid": 77}, "invalidrecord"),
        ({"fullname": " "}, "errorinvalidparam"),
    ],
)
def test_a_change_that_moodle_refuses_is_a_warning(
    app: Flask, changes: dict[str, Any], code: str
) -> None:
    make_course(app, "other")
    changed = {"courses": [{"id": make_course(app)} | changes]}
    (warning,) = call(app, "core_course_update_courses", changed)["warnings"]
    assert warning["warningcode"] == code


def test_a_group_joins_groupings_of_its_own_course_only(app: Flask) -> None:
    courses = [make_course(app, shortname) for shortname in ("a", "b")]
    group = {"courseid": courses[0], "name": "1", "description": ""}
    group = call(app, "core_group_create_groups", {"groups": [group]})[0]["id"]
    for course, answered in zip(courses, (None, "invalidgroupingid"), strict=True):
        grouping = {"courseid": course, "name": "1", "description": "", "idnumber": "1"}
        made = call(app, "core_group_create_groupings", {"groupings": [grouping]})
        pair = {"groupingid": made[0]["id"], "groupid": group}
        answer = call(app, "core_group_assign_grouping", {"assignments": [pair]})
        assert (answer and answer["errorcode"]) == answered


def test_whoever_is_deleted_is_in_no_group_and_cannot_be_taken_out_of_a_cohort(app: Flask) -> None:
    user = create(app, pupil(1))[0]["id"]
    course = make_course(app)
    enrolment = {"roleid": 5, "userid": user, "courseid": course}
    call(app, "enrol_manual_enrol_users", {"enrolments": [enrolment]})
    group = {"courseid": course, "name": "1", "description": ""}
    group = call(app, "core_group_create_groups", {"groups": [group]})[0]["id"]
    member = {"groupid": group, "userid": user}
    call(app, "core_group_add_group_members", {"members": [member]})
    groups = {"groupids": [group]}
    assert call(app, "core_group_get_group_members", groups)[0]["userids"] == [user]
    call(app, "core_user_delete_users", {"userids": [user]})
    assert call(app, "core_group_get_group_members", groups)[0]["userids"] == []
    cohort = make_cohort(app, "system", "", "c-1")
    gone = {"members": [{"cohortid": cohort, "userid": user}]}
    answer = call(app, "core_cohort_delete_cohort_members", gone)
    assert answer["errorcode"] == "invaliduser"


def make_cohort(app: Flask, kind: str, value: str, idnumber: str) -> int:
    place = {"type": kind, "value": value}
    cohort = {"categorytype": place, "name": idnumber, "idnumber": idnumber}
    found: int = call(app, "core_cohort_create_cohorts", {"cohorts": [cohort]})[0]["id"]
    return found


@pytest.mark.parametrize(
    ("includes", "found"),
    [("self", ["c-own"]), ("parents", ["c-own", "c-system"]), ("all", ["c-own", "c-system"])],
)
def test_cohorts_are_searched_in_a_place_above_it_or_everywhere(
    app: Flask, includes: str, found: list[str]
) -> None:
    make_cohort(app, "system", "", "c-system")
    make_cohort(app, "id", "1", "c-own")
    context = {"contextlevel": "coursecat", "instanceid": 1}
    search = {"query": "c-", "context": context, "includes": includes}
    cohorts = call(app, "core_cohort_search_cohorts", search)["cohorts"]
    assert [cohort["idnumber"] for cohort in cohorts] == found


def test_categories_know_their_place_and_take_what_is_below_along(app: Flask) -> None:
    def below(parent: int, name: str) -> int:
        category = {"name": name, "parent": parent}
        made = call(app, "core_course_create_categories", {"categories": [category]})
        return int(made[0]["id"])

    def move(category: int, parent: int) -> Any:
        change = {"categories": [{"id": category, "parent": parent}]}
        return call(app, "core_course_update_categories", change)

    def places() -> dict[int, tuple[str, int]]:
        found = call(app, "core_course_get_categories", {})
        return {one["id"]: (one["path"], one["depth"]) for one in found}

    city = below(0, "Город")
    school = below(city, "Школа")
    year = below(school, "Год")
    assert places()[year] == (f"/{city}/{school}/{year}", 3)
    assert move(city, year)["errorcode"] == "cannotmovecategory"
    assert move(city, city)["errorcode"] == "cannotmovecategory"
    assert move(school, 1) is None
    assert places()[school] == (f"/1/{school}", 2)
    assert places()[year] == (f"/1/{school}/{year}", 3)


def test_token_and_function_may_stand_in_the_query_string(app: Flask) -> None:
    query = {"wstoken": DEFAULT_TOKEN, "wsfunction": "core_cohort_get_cohorts"}
    response = app.test_client().post(
        REST_PATH, query_string=query, data={"moodlewsrestformat": "json"}
    )
    assert response.get_json() == []


def test_fields_of_a_multipart_body_are_read(app: Flask) -> None:
    fields = asked("core_cohort_get_cohorts", {})
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
    fields = asked("core_user_create_users", {"users": [pupil(1)]})
    del fields["moodlewsrestformat"]
    response = app.test_client().post(REST_PATH, data=fields)
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
