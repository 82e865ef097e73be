"""Sign-ins elsewhere: the file of an earlier portal, and what it never does; Moodle's own log, each
row once, from where the last reading ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from service.activity.figures import Activity
from service.activity.importing import FileProblem, Imported, import_events
from service.activity.moodle_log import LOGGED_IN, _log_table, read_log
from service.activity.rebuild import rebuild
from service.application import Application
from service.db import make_session_factory, transaction
from service.models import EventSource, KnownUser, OutsideEvent, SourceKey
from service.settings import ActivitySettings
from tests.service.factories import add, add_known_person, add_person, add_school, sign_in
from tests.service.installation import NOW, installation
from tests.service.report_questions import MOSCOW, who

PORTAL = [EventSource.EARLIER_PORTAL]
HEAD = "time;login;source_id;school_code;method;result\n"
ANNA = "2017-04-01T09:30:00+03:00;anna;;153;password;allowed\n"
BORIS = "01.04.2017 23:59:59 +03:00;;b-1;153;esia;allowed\n"


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with installation(tmp_path / "home") as application:
        with transaction(application.sessions) as session:
            add_school(session, "153")
            for name in ("anna", "boris"):
                add_known_person(session, f"p-{name}", "153", username=name)
            key = {"school_code": "153", "sourced_id": "b-1", "person_id": "p-boris"}
            add(session, SourceKey, source="s", **key)
        yield application


def take_in(
    application: Application, text: str, encoding: str = "utf-8", name: str = "history.csv"
) -> Imported:
    path = application.settings.home / name
    path.write_text(text, encoding)
    return import_events(application.sessions, path, secret=b"secret", now=NOW)


def active(application: Application, sources: list[EventSource]) -> set[str]:
    with transaction(application.sessions) as session:
        activity = Activity(session)
        return who(activity, activity.active(None, None, sources=sources))


def test_people_are_found_by_login_or_by_the_identifier_of_their_school(
    application: Application,
) -> None:
    done = take_in(application, HEAD + ANNA + BORIS)
    assert (done.new, done.bad, done.unmatched) == (2, [], 0)
    assert active(application, PORTAL) == {"p-anna", "p-boris"}
    with transaction(application.sessions) as session:
        day = date(2017, 4, 1)
        april = Activity(session).sign_ins(day, day, "method", sources=PORTAL)
    assert april == {("password",): 1, ("esia",): 1}


def test_history_of_the_portal_never_stands_in_our_own_figures(application: Application) -> None:
    take_in(application, HEAD + ANNA)
    with transaction(application.sessions) as session:
        sign_in(session, "p-boris", school_code="153")
    assert active(application, [EventSource.PROVIDER]) == {"p-boris"}
    assert active(application, PORTAL) == {"p-anna"}
    assert active(application, [EventSource.PROVIDER, *PORTAL]) == {"p-anna", "p-boris"}


def test_the_same_sign_in_counts_once_however_often_it_comes(application: Application) -> None:
    take_in(application, HEAD + ANNA + ANNA)
    again = take_in(application, HEAD + ANNA + ANNA)
    in_another_zone = ANNA.replace("09:30:00+03:00", "06:30:00Z")
    overlapping = take_in(application, HEAD + in_another_zone + BORIS, name="b.csv")
    assert (again.new, again.known_before) == (0, 2)
    assert (overlapping.new, overlapping.known_before) == (1, 1)
    with transaction(application.sessions) as session:
        (state,) = Activity(session).freshness(PORTAL)
        assert state.events == 2


def test_strangers_and_refusals_are_kept_and_count_nobody(application: Application) -> None:
    text = HEAD + ANNA.replace("anna", "nobody") + ANNA.replace("allowed", "refused")
    done = take_in(application, text)
    assert (done.new, done.unmatched) == (2, 1)
    assert active(application, PORTAL) == set()
    with transaction(application.sessions) as session:
        kept = session.scalars(select(OutsideEvent)).all()
        assert {(one.school_code, one.person_id) for one in kept} == {
            ("153", None), ("153", "p-anna"),
        }  # fmt: skip
        assert "nobody" not in json.dumps([vars(one) for one in kept], default=str)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1251"])
def test_a_file_as_russian_spreadsheets_save_it_is_read(
    application: Application, encoding: str
) -> None:
    text = (
        "Время,Логин,Код школы,Способ входа,Результат\n"
        "2017-04-01 09:30:00+03:00,anna,153,пароль,вход\n"
    )
    assert take_in(application, text, encoding).new == 1
    assert active(application, PORTAL) == {"p-anna"}


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        (ANNA.replace("+03:00", ""), "time", "no_zone"),
        (ANNA.replace("2017-04-01", "yesterday"), "time", "time"),
        (ANNA.replace("2017", "2027"), "time", "future"),
        (ANNA.replace("2017-04-01T09:30:00", "0001-01-01T00:00:00"), "time", "time"),
        (ANNA.replace("anna", ""), "login", "nobody"),
        (ANNA.replace(";153;", ";154;"), "school_code", "school"),
        (ANNA.replace("password", "sms"), "method", "method"),
        (ANNA.replace("allowed", "maybe"), "result", "result"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_taken(
    application: Application, line: str, column: str, code: str
) -> None:
    done = take_in(application, HEAD + line + BORIS)
    assert [(bad.line, bad.column, bad.code) for bad in done.bad] == [(2, column, code)]
    assert active(application, PORTAL) == {"p-boris"}


@pytest.mark.parametrize(
    ("text", "code"), [("", "events.empty"), ("time;login\n", "events.columns")]
)
def test_a_file_that_is_no_history_is_refused(
    application: Application, text: str, code: str
) -> None:
    with pytest.raises(FileProblem) as refused:
        take_in(application, text)
    assert refused.value.code == code


def test_a_rebuild_gives_the_imported_history_again(application: Application) -> None:
    take_in(application, HEAD + ANNA + BORIS)
    assert rebuild(application.engine, MOSCOW, lambda _events: None) == 2
    assert active(application, PORTAL) == {"p-anna", "p-boris"}
    with transaction(application.sessions) as session:
        assert session.scalar(select(func.count()).select_from(OutsideEvent)) == 2


LOG = [EventSource.MOODLE_LOG]
MORNING = datetime(2026, 10, 8, 6, 0, tzinfo=UTC)
MOODLE_ANNA, MOODLE_BORIS, MOODLE_STRANGER = 11, 12, 9_999
"""Numbers in Moodle."""


@pytest.fixture
def engine(fresh_engine: Engine) -> Engine:
    """Our database, which also holds Moodle's log."""
    _log_table("mdl_").metadata.create_all(fresh_engine)
    with transaction(make_session_factory(fresh_engine)) as session:
        add_school(session, "1")
        add_person(session, "p-anna", "1", moodle_id=MOODLE_ANNA)
        add_person(session, "p-boris", "1", moodle_id=MOODLE_BORIS)
    return fresh_engine


def write(engine: Engine, *rows: tuple[int, int, timedelta], name: str = LOGGED_IN) -> None:
    """Number, who, how long after the morning."""
    with engine.begin() as connection:
        connection.execute(insert(_log_table("mdl_")), [
            {"id": number, "eventname": name, "userid": userid,
             "timecreated": int((MORNING + after).timestamp())}
            for number, userid, after in rows
        ])  # fmt: skip


def read(engine: Engine, at_once: int = 100) -> int:
    url = engine.url.render_as_string(hide_password=False)
    settings = ActivitySettings(log_database_url=url)
    return read_log(make_session_factory(engine), settings, at_once=at_once)


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def logged(engine: Engine) -> dict[str, int]:
    """Whom the log says were active, and how many sign-ins are rolled up."""
    with transaction(make_session_factory(engine)) as session:
        activity = Activity(session)
        assert not activity.active(None, None, sources=[EventSource.MOODLE, EventSource.PROVIDER])
        people = who(activity, activity.active(None, None, sources=LOG))
        return dict.fromkeys(sorted(people), sum(one.events for one in activity.freshness(LOG)))


def test_sign_ins_of_our_people_count_once_and_strangers_have_no_name(engine: Engine) -> None:
    write(engine, (1, MOODLE_ANNA, minutes(0)), (3, MOODLE_STRANGER, minutes(2)))
    write(engine, (2, MOODLE_BORIS, minutes(1)), name=r"\core\event\user_loggedout")
    assert read(engine) == 2
    assert read(engine) == 0
    assert logged(engine) == {"p-anna": 1}
    with make_session_factory(engine)() as session:
        rows = session.scalars(select(OutsideEvent))
        assert {(row.key, row.person_id) for row in rows} == {("1", "p-anna"), ("3", None)}


def test_a_log_is_read_piece_by_piece_also_within_one_second(engine: Engine) -> None:
    write(
        engine,
        *(
            (number, MOODLE_ANNA if number % 2 else MOODLE_BORIS, minutes(0))
            for number in range(1, 8)
        ),
    )
    assert read(engine, at_once=3) == 7
    assert logged(engine) == dict.fromkeys(["p-anna", "p-boris"], 7)


def test_reading_goes_on_an_hour_before_its_end_even_when_it_met_strangers_only(
    engine: Engine,
) -> None:
    write(engine, (1, MOODLE_STRANGER, minutes(-200)), (2, MOODLE_STRANGER, minutes(0)))
    read(engine)
    write(engine, (3, MOODLE_ANNA, minutes(-50)), (4, MOODLE_BORIS, minutes(-100)))
    assert read(engine) == 1
    assert logged(engine) == {"p-anna": 1}


def test_suspended_people_are_nobody(engine: Engine) -> None:
    with transaction(make_session_factory(engine)) as session:
        session.get_one(KnownUser, "p-anna").suspended = True
    write(engine, (1, MOODLE_ANNA, minutes(0)), (2, MOODLE_BORIS, minutes(0)))
    assert read(engine) == 2
    assert logged(engine) == {"p-boris": 1}
