"""What the stand-in keeps and refuses beyond single recorded answers."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from service.moodle_standin import DEFAULT_TOKEN, create_standin, serve, snapshot
from service.moodle_standin.protocol import REST_PATH
from tests.service.command_line import free_port
from tests.service.standin import call_form, running_standin
from tests.waiting import WAIT_SECONDS, until

ROOT = Path(__file__).parents[3]


def call(app: Flask, function: str, **arguments: Any) -> Any:
    return app.test_client().post(REST_PATH, data=call_form(function, **arguments)).get_json()


def combine(app: Flask, function: str, *several: dict[str, Any]) -> Any:
    """Call a function several times in one call; the answers."""
    requests_ = [{"function": function, "arguments": json.dumps(one)} for one in several]
    return call(app, "tool_mobile_call_external_functions", requests=requests_)["responses"]


def create(app: Flask, *users: dict[str, Any]) -> Any:
    return call(app, "core_user_create_users", users=list(users))


def made(app: Flask, what: str, **fields: Any) -> int:
    """The number of a new thing, by the name that its function has for several of them."""
    function = f"core_{FAMILIES[what]}_create_{what}"
    return call(app, function, **{what: [fields]})[0]["id"]


FAMILIES = {
    "categories": "course", "cohorts": "cohort", "courses": "course", "groupings": "group",
    "groups": "group",
}  # fmt: skip


def new_pupil(app: Flask, number: int = 1) -> int:
    return create(app, pupil(number))[0]["id"]


def new_course(app: Flask, name: str = "c") -> int:
    names = {"fullname": "Класс", "shortname": name, "idnumber": name}
    return made(app, "courses", **names, categoryid=1)


def new_cohort(app: Flask, idnumber: str, kind: str = "system", value: str = "") -> int:
    place = {"type": kind, "value": value}
    return made(app, "cohorts", categorytype=place, name=idnumber, idnumber=idnumber)


def new_group(app: Flask, what: str, course: int, **fields: str) -> int:
    return made(app, what, courseid=course, name="1", description="", **fields)


def enrol(app: Flask, user: int, course: int, role: int = 5, **fields: int) -> None:
    enrolment = {"roleid": role, "userid": user, "courseid": course}
    call(app, "enrol_manual_enrol_users", enrolments=[enrolment | fields])


def find(app: Flask, field: str, *values: Any) -> Any:
    return call(app, "core_user_get_users_by_field", field=field, values=list(values))


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
    first = new_pupil(create_standin(storage))
    again = create_standin(storage)
    assert [user["id"] for user in find(again, "username", "p1")] == [first]
    assert new_pupil(again, 2) == first + 1


def test_a_failed_batch_leaves_no_user_and_its_ids_are_lost(app: Flask) -> None:
    first = new_pupil(app)
    refused = create(app, pupil(2), pupil(3), pupil(1))
    assert refused["errorcode"] == "invalidparameter"
    assert new_pupil(app, 4) == first + 3


def test_of_parallel_creations_of_one_user_name_one_wins(tmp_path: Path) -> None:
    fields = call_form("core_user_create_users", users=[pupil(1)])
    with running_standin(tmp_path / "standin.db") as url, ThreadPoolExecutor(8) as threads:

        def create_one(_number: int) -> Any:
            return requests.post(url + REST_PATH, data=fields, timeout=10).json()

        answers = list(threads.map(create_one, range(8)))
    assert sum(isinstance(answer, list) for answer in answers) == 1
    assert [user["username"] for user in snapshot(tmp_path / "standin.db")["users"]] == ["p1"]


def test_php_cuts_the_last_user_of_a_batch_that_is_too_long(app: Flask) -> None:
    users = create(app, *(pupil(n, city="Псков", institution="Школа") for n in range(700)))
    assert len(users) == 625
    (last,) = find(app, "id", users[-1]["id"])
    assert not {"institution", "city"} & last.keys()
    assert last["idnumber"] == "id-624"


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
    answers = combine(app, "core_user_delete_users", {"userids": [new_pupil(app)]})
    assert answers == [{"error": False, "data": None}]


def test_a_null_in_a_json_argument_is_refused_by_the_database(app: Flask) -> None:
    changed = {"users": [{"id": new_pupil(app), "city": None}]}
    (answer,) = combine(app, "core_user_update_users", changed)
    (warning,) = json.loads(answer["data"])["warnings"]
    assert warning["warningcode"] == "dmlwriteexception"


def test_the_snapshot_tells_who_has_a_password_and_who_must_change_it(tmp_path: Path) -> None:
    storage = tmp_path / "standin.db"
    app = create_standin(storage)
    forced = [{"type": "auth_forcepasswordchange", "value": "1"}]
    manual = pupil(2, auth="manual", password="Abcd-1234", preferences=forced)
    create(app, pupil(1, password="Abcd-1234"), manual)
    told = ("username", "has_password", "must_change_password")
    users = [tuple(user[name] for name in told) for user in snapshot(storage)["users"]]
    assert users == [("p1", 0, 0), ("p2", 1, 1)]


def test_the_snapshot_names_the_roles_of_enrolments(tmp_path: Path) -> None:
    app = create_standin(tmp_path / "standin.db")
    user, course = new_pupil(app), new_course(app)
    for role in (5, 3):
        enrol(app, user, course, role)
    held = snapshot(tmp_path / "standin.db")["enrolments"]
    roles = [(row["userid"], row["role"]) for row in held]
    assert roles == [(user, "editingteacher"), (user, "student")]


@pytest.mark.parametrize(("left", "active"), [(1, True), (0, False)])
def test_an_enrolment_is_active_until_its_end(left: int, active: bool) -> None:
    now = datetime(2026, 9, 1, tzinfo=UTC)
    app = create_standin(None, clock=lambda: now)
    user, course = new_pupil(app), new_course(app)
    enrol(app, user, course, timeend=int(now.timestamp()) + left)
    for option, listed in (("onlyactive", active), ("onlysuspended", not active)):
        options = [{"name": option, "value": "1"}]
        found = call(app, "core_enrol_get_enrolled_users", courseid=course, options=options)
        assert [one["id"] for one in found] == [user] * listed


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
    new_course(app, "other")
    changed = {"id": new_course(app)} | changes
    (warning,) = call(app, "core_course_update_courses", courses=[changed])["warnings"]
    assert warning["warningcode"] == code


def test_a_group_joins_groupings_of_its_own_course_only(app: Flask) -> None:
    courses = [new_course(app, shortname) for shortname in ("a", "b")]
    group = new_group(app, "groups", courses[0])
    for course, answered in zip(courses, (None, "invalidgroupingid"), strict=True):
        pair = {"groupingid": new_group(app, "groupings", course, idnumber="1"), "groupid": group}
        answer = call(app, "core_group_assign_grouping", assignments=[pair])
        assert (answer and answer["errorcode"]) == answered


def test_whoever_is_deleted_is_in_no_group_and_cannot_be_taken_out_of_a_cohort(app: Flask) -> None:
    user, course = new_pupil(app), new_course(app)
    enrol(app, user, course)
    group = new_group(app, "groups", course)
    call(app, "core_group_add_group_members", members=[{"groupid": group, "userid": user}])
    for members in ([user], []):
        (found,) = call(app, "core_group_get_group_members", groupids=[group])
        assert found["userids"] == members
        call(app, "core_user_delete_users", userids=[user])
    gone = {"cohortid": new_cohort(app, "c-1"), "userid": user}
    answer = call(app, "core_cohort_delete_cohort_members", members=[gone])
    assert answer["errorcode"] == "invaliduser"


@pytest.mark.parametrize(
    ("includes", "found"),
    [("self", ["c-own"]), ("parents", ["c-own", "c-system"]), ("all", ["c-own", "c-system"])],
)
def test_cohorts_are_searched_in_a_place_above_it_or_everywhere(
    app: Flask, includes: str, found: list[str]
) -> None:
    new_cohort(app, "c-system")
    new_cohort(app, "c-own", "id", "1")
    context = {"contextlevel": "coursecat", "instanceid": 1}
    search = {"query": "c-", "context": context, "includes": includes}
    answer = call(app, "core_cohort_search_cohorts", **search)
    assert [cohort["idnumber"] for cohort in answer["cohorts"]] == found


def test_categories_know_their_place_and_take_what_is_below_along(app: Flask) -> None:
    def move(category: int, parent: int) -> Any:
        change = {"id": category, "parent": parent}
        return call(app, "core_course_update_categories", categories=[change])

    def places() -> dict[int, tuple[str, int]]:
        found = call(app, "core_course_get_categories")
        return {one["id"]: (one["path"], one["depth"]) for one in found}

    city = made(app, "categories", name="Город", parent=0)
    school = made(app, "categories", name="Школа", parent=city)
    year = made(app, "categories", name="Год", parent=school)
    assert places()[year] == (f"/{city}/{school}/{year}", 3)
    for below in (year, city):
        assert move(city, below)["errorcode"] == "cannotmovecategory"
    assert move(school, 1) is None
    assert places()[school] == (f"/1/{school}", 2)
    assert places()[year] == (f"/1/{school}/{year}", 3)


AS_JSON = {"moodlewsrestformat": "json"}
CALL = {"wstoken": DEFAULT_TOKEN, "wsfunction": "core_cohort_get_cohorts"}


@pytest.mark.parametrize(
    "sent",
    [
        {"query_string": CALL, "data": AS_JSON},
        {"data": CALL | AS_JSON, "content_type": "multipart/form-data"},
    ],
    ids=["query string", "multipart"],
)
def test_fields_may_stand_in_the_query_string_or_a_multipart_body(
    app: Flask, sent: dict[str, Any]
) -> None:
    assert app.test_client().post(REST_PATH, **sent).get_json() == []


def test_a_json_body_is_not_read(app: Flask) -> None:
    response = app.test_client().post(REST_PATH, query_string=AS_JSON, json=CALL)
    assert response.get_json()["errorcode"] == "invalidtoken"


def test_without_a_format_the_answer_is_xml(app: Flask) -> None:
    fields = call_form("core_user_create_users", users=[pupil(1)])
    del fields["moodlewsrestformat"]
    response = app.test_client().post(REST_PATH, data=fields)
    assert response.content_type == "application/xml; charset=utf-8"
    assert response.get_data(as_text=True) == (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<RESPONSE>\n<MULTIPLE>\n<SINGLE>\n'
        '<KEY name="id"><VALUE>4</VALUE>\n</KEY>\n'
        '<KEY name="username"><VALUE>p1</VALUE>\n</KEY>\n'
        "</SINGLE>\n</MULTIPLE>\n</RESPONSE>\n"
    )


def test_as_a_process_it_serves_and_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    port, storage = free_port(), tmp_path / "standin.db"
    options = ["--port", str(port), "--storage", str(storage), "--token", "t"]
    command = [sys.executable, "-m", "service.moodle_standin", *options]
    process = subprocess.Popen(command, cwd=ROOT)
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
        with pytest.raises(OSError, match="in use"):
            serve("127.0.0.1", port, None)
