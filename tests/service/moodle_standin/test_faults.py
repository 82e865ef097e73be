"""The stand-in fails on demand as a network or a struggling Moodle would."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from service.moodle_standin import Fault, FaultKind, create_standin
from service.moodle_standin.protocol import REST_PATH
from tests.service.standin import call_form, running_standin

SYSTEM = {"type": "system", "value": ""}


@pytest.fixture
def url() -> Iterator[str]:
    with running_standin(control=True) as address:
        yield address


def call(url: str, function: str, **arguments: Any) -> requests.Response:
    return requests.post(url + REST_PATH, data=call_form(function, **arguments), timeout=60)


def create_cohort(url: str, idnumber: str) -> requests.Response:
    cohort = {"categorytype": SYSTEM, "name": "5А", "idnumber": idnumber}
    return call(url, "core_cohort_create_cohorts", cohorts=[cohort])


def cohorts(url: str) -> list[str]:
    return [cohort["idnumber"] for cohort in call(url, "core_cohort_get_cohorts").json()]


def change(url: str, page: str, **values: Any) -> None:
    assert requests.post(f"{url}/standin/{page}", json=values, timeout=60).status_code == 204


@pytest.mark.parametrize(("kind", "left"), [("drop-before", []), ("drop-after", ["c-1"])])
def test_a_connection_is_dropped_before_or_after_the_work(
    url: str, kind: str, left: list[str]
) -> None:
    change(url, "faults", kind=kind)
    with pytest.raises(requests.ConnectionError):
        create_cohort(url, "c-1")
    assert cohorts(url) == left


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        ({"kind": "server-error"}, 500, None),
        ({"kind": "server-error", "status": 502}, 502, None),
        ({"kind": "unavailable", "seconds": 7}, 503, "7"),
        ({"kind": "html"}, 200, None),
    ],
)
def test_a_fault_answers_with_a_page_and_does_nothing(
    url: str, fault: dict[str, Any], status: int, retry_after: str | None
) -> None:
    change(url, "faults", **fault)
    response = create_cohort(url, "c-1")
    headers = response.headers
    assert (response.status_code, headers.get("Retry-After")) == (status, retry_after)
    assert headers["Content-Type"].startswith("text/html")
    assert cohorts(url) == []


def test_a_slow_call_takes_its_time_and_answers(url: str) -> None:
    change(url, "faults", kind="slow", seconds=0.3)
    started = time.monotonic()
    assert create_cohort(url, "c-1").json()[0]["idnumber"] == "c-1"
    assert time.monotonic() - started >= 0.3


def test_a_fault_strikes_every_nth_call_of_its_function_as_often_as_told(url: str) -> None:
    function = "core_cohort_create_cohorts"
    change(url, "faults", kind="server-error", function=function, skip=1, every=2, times=2)
    answers = []
    for number in range(8):
        assert call(url, "core_cohort_get_cohorts").status_code == 200
        answers.append(create_cohort(url, f"c-{number}").status_code)
    assert answers == [200, 200, 500, 200, 500, 200, 200, 200]
    (listed,) = requests.get(f"{url}/standin/faults", timeout=60).json()
    assert listed["struck"] == 2


def test_a_fault_finds_its_function_inside_a_combined_call(url: str) -> None:
    change(url, "faults", kind="server-error", function="core_cohort_get_cohorts")
    inner = [{"function": "core_cohort_get_cohorts", "arguments": "{}"}]
    for status in (500, 200):
        answer = call(url, "tool_mobile_call_external_functions", requests=inner)
        assert answer.status_code == status


def test_a_fault_can_be_there_from_the_start_and_be_cleared() -> None:
    fault = Fault(kind=FaultKind.SERVER_ERROR, times=None)
    with running_standin(faults=[fault], control=True) as url:
        assert create_cohort(url, "c-1").status_code == 500
        requests.delete(f"{url}/standin/faults", timeout=60)
        assert create_cohort(url, "c-1").status_code == 200


def test_settings_change_while_it_runs(url: str) -> None:
    change(url, "settings", maintenance=True)
    response = call(url, "core_cohort_get_cohorts")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "300")
    change(url, "settings", maintenance=False, password_policy={"enabled": False})
    assert call(url, "core_cohort_get_cohorts").json() == []


@pytest.mark.parametrize(
    ("page", "wrong"), [("faults", {"kind": "flood"}), ("settings", {"colour": "red"})]
)
def test_what_it_does_not_know_is_refused(url: str, page: str, wrong: dict[str, str]) -> None:
    assert requests.post(f"{url}/standin/{page}", json=wrong, timeout=60).status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/standin/faults"), ("POST", "/standin/settings"), ("GET", "/standin/state")],
)
def test_control_is_closed_unless_asked_for(method: str, path: str) -> None:
    client = create_standin(None).test_client()
    assert client.open(path, method=method, json={}).status_code == 404


def test_calls_are_counted_and_writes_apart(url: str) -> None:
    create_cohort(url, "c-1")
    requests.delete(f"{url}/standin/counts", timeout=60)
    arguments = {"cohorts": [{"categorytype": SYSTEM}]}
    inner = [
        {"function": "core_cohort_get_cohorts"},
        {"function": "core_cohort_create_cohorts", "arguments": json.dumps(arguments)},
    ]
    call(url, "tool_mobile_call_external_functions", requests=inner)
    called = [*(one["function"] for one in inner), "tool_mobile_call_external_functions"]
    assert requests.get(f"{url}/standin/counts", timeout=60).json() == {
        "calls": dict.fromkeys(called, 1),
        "writes": {"core_cohort_create_cohorts": 1},
    }


def test_the_first_page_shows_numbers_and_no_names(url: str) -> None:
    create_cohort(url, "secret-cohort")
    page = requests.get(url, timeout=60).text
    assert "Moodle" in page
    assert "secret-cohort" not in page
