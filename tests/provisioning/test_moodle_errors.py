"""Every failure of a call ends in the family that says what helps."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler

import pytest
from requests import Session

from provisioning.moodle import (
    Function,
    MoodleClient,
    MoodleError,
    MoodleMisconfigured,
    MoodleRefused,
    MoodleUnavailable,
    MoodleUncertain,
)
from provisioning.moodle.bounded import bounded_session
from provisioning.moodle.doubts import _NEEDED
from provisioning.settings import MoodleSettings
from tests.provisioning.scripted_moodle import Answer, data, failure, scripted_moodle
from tests.web import running_handler

XML = '<?xml version="1.0" encoding="UTF-8" ?>\n<EXCEPTION><ERRORCODE>invalidtoken</ERRORCODE>'

REPEATED = 4
"""One call and a repetition after each pause."""


def write(moodle: MoodleClient) -> object:
    return moodle.create_users([{"username": "nobody"}])


def read(moodle: MoodleClient) -> object:
    return moodle.users_by_field("username", ["nobody"])


def error_of(call: Callable[[MoodleClient], object], *answers: Answer) -> MoodleError:
    with scripted_moodle(*answers) as script, pytest.raises(MoodleError) as caught:
        call(script.moodle)
    assert script.answers == []
    return caught.value


CODES: Mapping[type[MoodleError], Sequence[str]] = {
    MoodleRefused: [
        "invalidparameter", "dmlwriteexception", "invaliduser", "invalidrecord", "shortnametaken",
        "courseidnumbertaken", "categoryidnumbertaken", "acodethatnobodyrecorded",
    ],
    MoodleUncertain: ["invalidresponse"],
}  # fmt: skip
WEAK = failure("<div>Passwords must be at least 8 characters long.</div>")


def test_every_function_that_changes_something_tells_one_bad_record_from_a_wrong_setting() -> None:
    changing = {one for one in Function if not one.reads and one != Function.CALL_SEVERAL}
    assert changing - _NEEDED.keys() == set()


@pytest.mark.parametrize(
    ("answer", "family", "code"),
    [
        *((failure(code), family, code) for family, codes in CODES.items() for code in codes),
        (WEAK, MoodleRefused, "weak_password"),
        (Answer(status=413), MoodleRefused, "body_too_large"),
        (Answer(body=XML), MoodleRefused, "body_too_large"),
        (Answer(status=500), MoodleUncertain, "http_500"),
        (Answer(status=502), MoodleUncertain, "http_502"),
        (Answer(body="<html>Please sign in</html>"), MoodleUncertain, "not_json"),
        (Answer(silent=True), MoodleUncertain, "connection_broken"),
        (Answer(missing_bytes=9), MoodleUncertain, "connection_broken"),
    ],
)
def test_an_answer_that_brings_no_result_belongs_to_a_family(
    answer: Answer, family: type[MoodleError], code: str
) -> None:
    error = error_of(write, answer)
    assert (type(error), error.code, error.function) == (family, code, Function.CREATE_USERS)


SITE = data({"siteid": 1, "userid": 3})
CATEGORY = failure("criteriaerror")
COHORT = failure("formatnotsupported")


@pytest.mark.parametrize("code", ["codingerror", "nopermissions", "errorcatcontextnotvalid"])
@pytest.mark.parametrize(
    ("probe", "family"),
    [("nopermissions", MoodleMisconfigured), ("invalidparameter", MoodleRefused)],
)
def test_a_probe_tells_whether_a_setting_or_the_data_was_refused(
    code: str, probe: str, family: type[MoodleError]
) -> None:
    changed = data({"warnings": [{"itemid": 0, "warningcode": "invaliduserid"}]})
    error = error_of(write, failure(code), SITE, failure(probe), changed, CATEGORY, COHORT)
    assert (type(error), error.code, error.function) == (family, code, Function.CREATE_USERS)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (write, Answer(status=503)),
        (write, failure("dbconnectionfailed")),
        (read, Answer(status=502)),
        (read, Answer(silent=True)),
        (read, Answer(body="<html>Please sign in</html>")),
    ],
)
def test_what_was_not_done_is_repeated_and_a_reading_call_whatever_broke(
    call: Callable[[MoodleClient], object], answer: Answer
) -> None:
    assert type(error_of(call, *[answer] * REPEATED)) is MoodleUnavailable


@pytest.mark.parametrize("call", [write, read])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=401),
        Answer(status=403),
        Answer(status=404, body="<html>"),
        Answer(status=303, headers={"Location": "/x"}),
    ],
)
def test_a_page_of_somebody_in_between_is_an_accident_until_it_stays(
    call: Callable[[MoodleClient], object], answer: Answer
) -> None:
    error = error_of(call, *[answer] * REPEATED)
    assert (type(error), error.code) == (MoodleMisconfigured, f"http_{answer.status}")
    with scripted_moodle(answer, data([{"id": 7}])) as script:
        assert call(script.moodle) in ([7], [{"id": 7}])


ACCESS = ["accessexception", "invalidtoken", "requireloginerror"]


@pytest.mark.parametrize("code", ACCESS)
def test_access_that_is_refused_once_is_asked_for_again(code: str) -> None:
    changed = data({"warnings": [{"itemid": 0, "warningcode": "invaliduserid"}]})
    fine = [SITE, failure("invalidparameter"), changed, CATEGORY, COHORT]
    with scripted_moodle(failure(code), *fine, data([{"id": 7}])) as script:
        assert write(script.moodle) == [7]
    # Said of the same data twice, while the function answers others: it is about the data.
    error = error_of(write, failure(code), *fine, failure(code), *fine)
    assert (type(error), error.code) == (MoodleRefused, code)
    with scripted_moodle(failure(code), data([]), data([{"id": 7}])) as script:
        assert read(script.moodle) == [{"id": 7}]


@pytest.mark.parametrize("code", ACCESS)
def test_access_that_is_refused_for_harmless_data_too_is_a_wrong_setting(code: str) -> None:
    lost_token = error_of(write, failure(code), failure(code))
    changed = data({"warnings": [{"itemid": 0, "warningcode": "invaliduserid"}]})
    lost_function = error_of(
        write, failure(code), SITE, failure("accessexception"), changed, CATEGORY, COHORT
    )
    reading = error_of(read, failure(code), failure("invalidtoken"))
    asked_twice = error_of(lambda moodle: moodle.site_info(), failure(code), failure(code))
    for error in (lost_token, lost_function, reading, asked_twice):
        assert (type(error), error.code) == (MoodleMisconfigured, code)


@pytest.mark.parametrize(
    ("answers", "pauses"),
    [
        ([Answer(status=503), failure("dbconnectionfailed")], [1.0, 5.0]),
        ([Answer(status=503, headers={"Retry-After": "7"})], [7.0]),
    ],
)
def test_a_repeated_call_brings_the_result(answers: list[Answer], pauses: list[float]) -> None:
    with scripted_moodle(*answers, data([])) as script:
        assert read(script.moodle) == []
    assert script.pauses == pauses


def test_a_long_retry_after_is_left_to_the_caller_at_once() -> None:
    error = error_of(write, Answer(status=503, headers={"Retry-After": "300"}))
    assert isinstance(error, MoodleUnavailable)
    assert error.retry_after_seconds == 300


def error_at(url: str) -> MoodleError:
    settings = MoodleSettings(url=url, read_timeout_seconds=0.1)
    client = MoodleClient(settings, sleep=lambda seconds: None)
    with client as moodle, pytest.raises(MoodleError) as caught:
        write(moodle)
    return caught.value


def test_no_answer_in_time_is_uncertain_for_a_write_and_no_connection_means_nothing_done() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        late = error_at(url)
    gone = error_at(url)
    assert (type(late), late.code) == (MoodleUncertain, "timeout")
    assert (type(gone), gone.code) == (MoodleUnavailable, "no_connection")


def test_an_address_whose_certificate_cannot_be_checked_is_a_matter_of_setup() -> None:
    with scripted_moodle() as script:
        error = error_at(script.settings.url.replace("http:", "https:"))
    assert (type(error), error.code) == (MoodleMisconfigured, "certificate_not_accepted")


def test_a_single_course_that_cannot_be_seen_concerns_no_other() -> None:
    unseen = failure("errorcoursecontextnotvalid")
    error = error_of(lambda moodle: moodle.roles_in_courses([7]), unseen, SITE, unseen)
    assert type(error) is MoodleRefused


def test_neither_moodles_text_nor_the_token_gets_into_errors_and_logs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    private = {"message": "Duplicate: Ivanov", "debuginfo": "ivanov@school.invalid"}
    with caplog.at_level(logging.DEBUG):
        refused = error_of(write, failure("Ivanov, Ivan", **private))
        error_of(write, *[failure("dbconnectionfailed", **private)] * REPEATED)
    assert str(refused) == "core_user_create_users: unknown_error"
    assert "unavailable" in caplog.text
    assert "vanov" not in caplog.text + repr(refused) + repr(vars(refused))
    assert "t" * 32 not in caplog.text


# An answer ends, in time and size, however slowly it comes and however long it is.

PIECES = 200
"""Without a limit of its own a call would wait for all of them, and then hear that it broke."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def dripping(at_once: bytes, then: bytes, session: Session | None = None) -> Iterator[MoodleClient]:
    """A Moodle that answers with ``at_once`` and then, bit by bit, with ``then`` for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            with suppress(OSError):
                self.wfile.write(at_once)
                for _ in range(PIECES):
                    time.sleep(0.05)
                    self.wfile.write(then)

    with running_handler(Handler) as url:
        settings = MoodleSettings(url=url, token="t", read_timeout_seconds=0.5)
        with MoodleClient(settings, session=session, sleep=lambda _seconds: None) as moodle:
            yield moodle


@pytest.mark.parametrize(
    ("at_once", "then"),
    [
        pytest.param(b"", b"H", id="no head"),
        pytest.param(HEAD + b"X-More: ", b"x", id="a head without end"),
        pytest.param(HEAD + b"Content-Length: 100000\r\n\r\n", b" ", id="a body"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", id="in chunks"),
    ],
)
def test_an_answer_that_drips_is_no_answer(at_once: bytes, then: bytes) -> None:
    with dripping(at_once, then) as moodle:
        with pytest.raises(MoodleUnavailable) as reading:
            read(moodle)
        with pytest.raises(MoodleUncertain) as writing:
            write(moodle)
    assert (reading.value.code, writing.value.code) == ("timeout", "timeout")


def test_an_answer_that_is_too_large_is_not_read_to_its_end() -> None:
    begun = HEAD + b"\r\n" + b" " * 5_000
    session = bounded_session(seconds=60, most_bytes=4_000)
    with dripping(begun, b" ", session) as moodle, pytest.raises(MoodleError) as caught:
        write(moodle)
    assert caught.value.code == "answer_too_large"
