"""Every failure of a call ends in the family that says what helps."""

from __future__ import annotations

import logging
import socket

import pytest

from provisioning.moodle import (
    Function,
    MoodleClient,
    MoodleError,
    MoodleMisconfigured,
    MoodleRefused,
    MoodleUnavailable,
    MoodleUncertain,
)
from provisioning.settings import MoodleSettings
from tests.provisioning.scripted_moodle import Answer, data, failure, scripted_moodle

NOBODY = {"username": "nobody"}
XML = '<?xml version="1.0" encoding="UTF-8" ?>\n<EXCEPTION><ERRORCODE>invalidtoken</ERRORCODE>'

REPEATED = 4
"""One call and a repetition after each pause."""


def error_of_a_write(*answers: Answer) -> MoodleError:
    with (
        scripted_moodle(*answers) as script,
        MoodleClient(script.settings, sleep=lambda seconds: None) as moodle,
        pytest.raises(MoodleError) as caught,
    ):
        moodle.create_users([NOBODY])
    assert script.answers == []
    return caught.value


def error_of_a_read(*answers: Answer) -> MoodleError:
    with (
        scripted_moodle(*answers) as script,
        MoodleClient(script.settings, sleep=lambda seconds: None) as moodle,
        pytest.raises(MoodleError) as caught,
    ):
        moodle.users_by_field("username", ["nobody"])
    assert script.answers == []
    return caught.value


@pytest.mark.parametrize(
    ("errorcode", "family"),
    [
        ("invalidparameter", MoodleRefused),
        ("dmlwriteexception", MoodleRefused),
        ("invaliduser", MoodleRefused),
        ("invalidrecord", MoodleRefused),
        ("shortnametaken", MoodleRefused),
        ("courseidnumbertaken", MoodleRefused),
        ("categoryidnumbertaken", MoodleRefused),
        ("acodethatnobodyrecorded", MoodleRefused),
        ("invalidtoken", MoodleMisconfigured),
        ("accessexception", MoodleMisconfigured),
        ("requireloginerror", MoodleMisconfigured),
        ("invalidresponse", MoodleUncertain),
    ],
)
def test_an_error_in_the_body_belongs_to_a_family(
    errorcode: str, family: type[MoodleError]
) -> None:
    error = error_of_a_write(failure(errorcode))
    assert type(error) is family
    assert error.code == errorcode
    assert error.function is Function.CREATE_USERS


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
    error = error_of_a_write(failure(code), SITE, failure(probe), changed, CATEGORY, COHORT)
    assert (type(error), error.code) == (family, code)
    assert error.function is Function.CREATE_USERS


@pytest.mark.parametrize(
    ("answer", "family", "code"),
    [
        (Answer(status=403), MoodleMisconfigured, "http_403"),
        (Answer(status=404, body="<html>"), MoodleMisconfigured, "http_404"),
        (Answer(status=303, headers={"Location": "/x"}), MoodleMisconfigured, "http_303"),
        (Answer(status=413), MoodleRefused, "body_too_large"),
        (Answer(body=XML), MoodleRefused, "body_too_large"),
        (Answer(status=500), MoodleUncertain, "http_500"),
        (Answer(status=502), MoodleUncertain, "http_502"),
        (Answer(body="<html>Please sign in</html>"), MoodleUncertain, "not_json"),
        (Answer(silent=True), MoodleUncertain, "connection_broken"),
        (Answer(missing_bytes=9), MoodleUncertain, "connection_broken"),
    ],
)
def test_an_answer_that_is_not_moodles_belongs_to_a_family_too(
    answer: Answer, family: type[MoodleError], code: str
) -> None:
    error = error_of_a_write(answer)
    assert (type(error), error.code) == (family, code)


@pytest.mark.parametrize("answer", [Answer(status=503), failure("dbconnectionfailed")])
def test_a_call_that_was_not_done_is_repeated_and_then_left_to_the_caller(answer: Answer) -> None:
    assert type(error_of_a_write(*[answer] * REPEATED)) is MoodleUnavailable


@pytest.mark.parametrize(
    "answer", [Answer(status=502), Answer(silent=True), Answer(body="<html>Please sign in</html>")]
)
def test_a_reading_call_is_repeated_whatever_broke(answer: Answer) -> None:
    assert type(error_of_a_read(*[answer] * REPEATED)) is MoodleUnavailable


def test_a_repeated_call_brings_the_result() -> None:
    pauses: list[float] = []
    with (
        scripted_moodle(Answer(status=503), failure("dbconnectionfailed"), data([])) as script,
        MoodleClient(script.settings, sleep=pauses.append) as moodle,
    ):
        assert moodle.users_by_field("username", ["nobody"]) == []
    assert pauses == [1.0, 5.0]


def test_a_short_retry_after_is_obeyed() -> None:
    pauses: list[float] = []
    busy = Answer(status=503, headers={"Retry-After": "7"})
    with (
        scripted_moodle(busy, data([])) as script,
        MoodleClient(script.settings, sleep=pauses.append) as moodle,
    ):
        moodle.users_by_field("username", ["nobody"])
    assert pauses == [7.0]


def test_a_long_retry_after_is_left_to_the_caller_at_once() -> None:
    error = error_of_a_write(Answer(status=503, headers={"Retry-After": "300"}))
    assert isinstance(error, MoodleUnavailable)
    assert error.retry_after_seconds == 300


def test_no_answer_in_time_is_uncertain_for_a_write() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        MoodleClient(
            MoodleSettings(
                url=f"http://127.0.0.1:{deaf.getsockname()[1]}", read_timeout_seconds=0.1
            )
        ) as moodle,
        pytest.raises(MoodleUncertain) as caught,
    ):
        moodle.create_users([NOBODY])
    assert caught.value.code == "timeout"


def test_no_connection_means_that_nothing_was_done() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with (
        MoodleClient(
            MoodleSettings(url=f"http://127.0.0.1:{port}"), sleep=lambda seconds: None
        ) as moodle,
        pytest.raises(MoodleUnavailable) as caught,
    ):
        moodle.create_users([NOBODY])
    assert caught.value.code == "no_connection"


def test_an_address_whose_certificate_cannot_be_checked_is_a_matter_of_setup() -> None:
    with scripted_moodle() as script:
        settings = MoodleSettings(url=script.settings.url.replace("http:", "https:"))
        with MoodleClient(settings) as moodle, pytest.raises(MoodleMisconfigured) as caught:
            moodle.create_users([NOBODY])
    assert caught.value.code == "certificate_not_accepted"


def test_a_single_course_that_cannot_be_seen_concerns_no_other() -> None:
    unseen = failure("errorcoursecontextnotvalid")
    with (
        scripted_moodle(unseen, data({"siteid": 1, "userid": 2}), unseen) as script,
        MoodleClient(script.settings) as moodle,
        pytest.raises(MoodleRefused),
    ):
        moodle.roles_in_courses([7])
    assert script.answers == []


def test_broken_password_rules_become_one_word() -> None:
    rules = "<div>Passwords must be at least 8 characters long.</div>"
    assert error_of_a_write(failure(rules)).code == "weak_password"


def test_neither_moodles_text_nor_the_token_gets_into_errors_and_logs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    private = {"message": "Duplicate: Ivanov", "debuginfo": "ivanov@school.invalid"}
    with caplog.at_level(logging.DEBUG):
        refused = error_of_a_write(failure("Ivanov, Ivan", **private))
        error_of_a_write(*[failure("dbconnectionfailed", **private)] * REPEATED)
    assert str(refused) == "core_user_create_users: unknown_error"
    assert "unavailable" in caplog.text
    assert "vanov" not in caplog.text + repr(refused) + repr(vars(refused))
    assert "t" * 32 not in caplog.text
