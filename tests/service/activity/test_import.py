"""The history of an earlier portal: what a file may look like, and what it never does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from service.activity.figures import Activity
from service.activity.importing import FileProblem, Imported, import_events
from service.activity.outside import unmatched
from service.activity.rebuild import rebuild
from service.application import Application
from service.db import transaction
from service.models import EventSource, Identity, OutsideEvent, SourceKey
from tests.service.coverage_city import add_school, sign_in, who
from tests.service.installation import installation

NOW = datetime(2026, 10, 6, 9, 0, tzinfo=UTC)
PORTAL = [EventSource.EARLIER_PORTAL]
HEAD = "time;login;source_id;school_code;method;result\n"
ANNA = "2017-04-01T09:30:00+03:00;anna;;153;password;allowed\n"
BORIS = "01.04.2017 23:59:59 +03:00;;b-1;153;esia;allowed\n"


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with installation(tmp_path / "home") as application:
        with transaction(application.sessions) as session:
            add_school(session, "153")
            for person_id, username in (("p-anna", "anna"), ("p-boris", "boris")):
                session.add(
                    Identity(
                        person_id=person_id, username=username, family_name="Примеров",
                        given_name="Пример", name_key="", school_code="153", reserved_at=NOW,
                    )
                )  # fmt: skip
            session.flush()
            session.add(
                SourceKey(source="s", school_code="153", sourced_id="b-1", person_id="p-boris")
            )
        yield application


def take_in(application: Application, path: Path, text: str, encoding: str = "utf-8") -> Imported:
    path.write_text(text, encoding)
    return import_events(application.sessions, path, secret=b"secret", now=NOW)


def active(application: Application, sources: list[EventSource]) -> set[str]:
    with transaction(application.sessions) as session:
        activity = Activity(session)
        return who(activity, activity.active(None, None, sources=sources))


def test_people_are_found_by_login_or_by_the_identifier_of_their_school(
    application: Application, tmp_path: Path
) -> None:
    done = take_in(application, tmp_path / "a.csv", HEAD + ANNA + BORIS)
    assert (done.new, done.bad, done.unmatched) == (2, [], 0)
    assert active(application, PORTAL) == {"p-anna", "p-boris"}
    with transaction(application.sessions) as session:
        day = date(2017, 4, 1)
        april = Activity(session).sign_ins(day, day, "method", sources=PORTAL)
    assert april == {("password",): 1, ("esia",): 1}


def test_history_of_the_portal_never_stands_in_our_own_figures(
    application: Application, tmp_path: Path
) -> None:
    take_in(application, tmp_path / "a.csv", HEAD + ANNA)
    with transaction(application.sessions) as session:
        sign_in(session, "p-boris", school_code="153")
    assert active(application, [EventSource.PROVIDER]) == {"p-boris"}
    assert active(application, PORTAL) == {"p-anna"}
    assert active(application, [EventSource.PROVIDER, *PORTAL]) == {"p-anna", "p-boris"}


def test_the_same_sign_in_counts_once_however_often_it_comes(
    application: Application, tmp_path: Path
) -> None:
    take_in(application, tmp_path / "a.csv", HEAD + ANNA + ANNA)
    again = take_in(application, tmp_path / "a.csv", HEAD + ANNA + ANNA)
    # The same moment in another zone.
    overlapping = take_in(
        application,
        tmp_path / "b.csv",
        HEAD + ANNA.replace("09:30:00+03:00", "06:30:00Z") + BORIS,
    )
    assert (again.new, again.known_before) == (0, 2)
    assert (overlapping.new, overlapping.known_before) == (1, 1)
    with transaction(application.sessions) as session:
        (state,) = Activity(session).freshness(PORTAL)
        assert state.events == 2


def test_strangers_and_refusals_are_kept_and_count_nobody(
    application: Application, tmp_path: Path
) -> None:
    text = HEAD + ANNA.replace("anna", "nobody") + ANNA.replace("allowed", "refused")
    done = take_in(application, tmp_path / "a.csv", text)
    assert (done.new, done.unmatched) == (2, 1)
    assert active(application, PORTAL) == set()
    with transaction(application.sessions) as session:
        assert unmatched(session, EventSource.EARLIER_PORTAL) == {"153": 1}
        kept = session.scalars(select(OutsideEvent)).all()
        assert "nobody" not in json.dumps([vars(one) for one in kept], default=str)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1251"])
def test_a_file_as_russian_spreadsheets_save_it_is_read(
    application: Application, tmp_path: Path, encoding: str
) -> None:
    text = (
        "Время,Логин,Код школы,Способ входа,Результат\n"
        "2017-04-01 09:30:00+03:00,anna,153,пароль,вход\n"
    )
    assert take_in(application, tmp_path / "a.csv", text, encoding).new == 1
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
    application: Application, tmp_path: Path, line: str, column: str, code: str
) -> None:
    done = take_in(application, tmp_path / "a.csv", HEAD + line + BORIS)
    assert [(bad.line, bad.column, bad.code) for bad in done.bad] == [(2, column, code)]
    assert active(application, PORTAL) == {"p-boris"}


@pytest.mark.parametrize(
    ("text", "code"), [("", "events.empty"), ("time;login\n", "events.columns")]
)
def test_a_file_that_is_no_history_is_refused(
    application: Application, tmp_path: Path, text: str, code: str
) -> None:
    with pytest.raises(FileProblem) as refused:
        take_in(application, tmp_path / "a.csv", text)
    assert refused.value.code == code


def test_a_rebuild_gives_the_imported_history_again(
    application: Application, tmp_path: Path
) -> None:
    take_in(application, tmp_path / "a.csv", HEAD + ANNA + BORIS)
    assert rebuild(application.engine, ZoneInfo("Europe/Moscow"), lambda _events: None) == 2
    assert active(application, PORTAL) == {"p-anna", "p-boris"}
    with transaction(application.sessions) as session:
        assert session.scalar(select(func.count()).select_from(OutsideEvent)) == 2
