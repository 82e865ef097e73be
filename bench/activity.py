"""A city page over the roll-ups beside bare SQL over them, on PostgreSQL, for few and many events.

The bare SQL reads what the page reads: the bitmaps of the period and of all months, and all sheets.
Then what rolling up costs a sign-in, and how fast a rebuild is and how much memory it takes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import create_engine, delete, text
from sqlalchemy.orm import Session

from auth.models import LoginEvent, Method, Result
from bench.measuring import Figure, in_child, in_turns, seconds_of
from bench.place import SCOPE, installation, postgresql
from service.activity.figures import bring_up_to_date
from service.activity.rebuild import rebuild
from service.application import Application
from service.db import transaction
from service.reports.counting import Level, Question, count_people
from service.reports.period import Period

AT = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
PERIOD = Period(first=date(2026, 4, 2), last=date(2026, 5, 18))
"""Of 47 days without a whole month: the most bitmaps a period of its length can take."""

SINGLE_SIGN_INS = 300

_CITY = (
    """
    INSERT INTO schools (code, name, short_name, district, number, kind, known_version,
                         last_applied_at, source_system, merged_into)
    SELECT 'B' || lpad(n::text, 4, '0'), 'Школа ' || n, 'Школа ' || n, 'Район ' || mod(n, 18),
           n::text, '', 1, '2026-09-01 09:00+03', '', ''
    FROM generate_series(0, CAST(:schools AS int) - 1) n
    """,
    """
    INSERT INTO known_people (person_id, moodle_id, username, firstname, lastname, email, auth,
        institution, department, suspended, family_name, given_name, middle_name, role, class_id,
        class_title, snils, school_code, sourced_id, source, in_roll, problem, created_at,
        updated_at)
    SELECT lpad(n::text, 36, '0'), n, 'p' || n, 'Пример', 'Примеров', 'p' || n || '@bench.invalid',
           'oauth2', '', '', false, 'Примеров', 'Пример', '',
           CASE WHEN mod(n, 12) = 0 THEN 'teacher' ELSE 'student' END, 'c' || mod(n, 25),
           mod(mod(n, 25), 11) + 1 || chr(1040 + mod(n, 25) / 11), '',
           'B' || lpad(mod(n / :people, :schools)::text, 4, '0'), '', '',
           true, '', '2026-09-01 09:00+03', '2026-09-01 09:00+03'
    FROM generate_series(0, CAST(:schools AS int) * CAST(:people AS int) - 1) n
    """,
    """
    INSERT INTO affiliations (school_code, person_id, role, class_id, class_title)
    SELECT school_code, person_id, role, class_id, class_title FROM known_people
    """,
)
_EVENTS = """
    INSERT INTO auth_login_events (at, person_id, client_id, method, result, reason, school_code,
                                   role, class_title)
    SELECT timestamptz '2025-09-01 00:00+03' + e::float8 / :events * interval '365 days',
           lpad(p::text, 36, '0'), 'moodle',
           (ARRAY['password', 'session', 'esia'])[1 + mod(e, 3)],
           CASE WHEN mod(e, 50) = 0 THEN 'refused' ELSE 'allowed' END, '',
           'B' || lpad(mod(p / :people, :schools)::text, 4, '0'), 'student', ''
    FROM (SELECT e, mod(e::bigint * 7919 + e / 13,
                         CAST(:schools AS bigint) * CAST(:people AS bigint))::int AS p
          FROM generate_series(1, CAST(:events AS int)) e) s
"""
_BARE = (
    "SELECT by_role FROM roll_sheets",
    "SELECT bitmap FROM activity_bitmaps WHERE span = 'month' AND method = ''",
    "SELECT bitmap FROM activity_bitmaps WHERE span = 'day' AND method = '' "
    "AND begins_at >= '2026-04-02 00:00+03' AND begins_at < '2026-05-19 00:00+03'",
)


def figures(folder: Path, *, schools: int, people: int, events: int, rounds: int) -> list[Figure]:
    found: list[Figure] = []
    with postgresql(folder / "postgresql") as url:
        application = installation(folder / "city", database_url=url)
        values = {"schools": schools, "people": people}
        with application.engine.begin() as connection:
            for statement in _CITY:
                connection.execute(text(statement), values)
        pages = []
        for number in (events // 10, events):
            _make_events(application, values | {"events": number})
            application.engine.dispose()
            cost = in_child("bench.activity:rebuild_all", url)
            ours, bare = _page(application, rounds)
            pages.append(ours)
            found += [
                Figure(
                    name=f"roll-ups of {number:,} events made anew",
                    ours=f"{number / cost.seconds:,.0f} a second, {cost.peak_mb:.0f} MB",
                ),
                Figure(
                    name=f"page of {schools} x {people} people, {number:,} events",
                    ours=f"{ours * 1000:.0f} ms",
                    reference=f"{bare * 1000:.0f} ms (bare SQL over the roll-ups)",
                    ratio=ours / bare,
                ),
            ]
        found.append(
            Figure(
                name="the same page with ten times the events",
                ours=f"{pages[1] * 1000:.0f} ms",
                reference=f"{pages[0] * 1000:.0f} ms",
                ratio=pages[1] / pages[0],
            )
        )
        found.append(_recording(application))
        application.engine.dispose()
    return found


def rebuild_all(url: str) -> None:
    engine = create_engine(url)
    rebuild(engine, lambda _events: None)
    engine.dispose()


def _make_events(application: Application, values: dict[str, int]) -> None:
    with application.engine.begin() as connection:
        connection.execute(text("ALTER TABLE auth_login_events DISABLE TRIGGER USER"))
        connection.execute(delete(LoginEvent))
        connection.execute(text(_EVENTS), values)
        connection.execute(text("DELETE FROM activity_sources"))
        connection.execute(text("ALTER TABLE auth_login_events ENABLE TRIGGER USER"))
    with transaction(application.sessions) as session:
        bring_up_to_date(session)
    with application.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))


def _page(application: Application, rounds: int) -> tuple[float, float]:
    with transaction(application.sessions) as session:
        bring_up_to_date(session)
    question = Question(
        scope=SCOPE, level=Level.SCHOOL, bounds=PERIOD.bounds(application.zone), now=AT
    )
    with application.sessions() as session:
        ours, bare = in_turns(
            max(rounds, 5),
            lambda: count_people(session, question),
            lambda: [session.execute(text(statement)).all() for statement in _BARE],
        )
    return ours, bare


def _recording(application: Application) -> Figure:
    """The same inserts with and without the trigger that notes an event."""

    def sign_in() -> None:
        with Session(application.engine) as session, session.begin():
            session.add(
                LoginEvent(
                    at=AT, person_id="0" * 36, client_id="moodle", method=Method.PASSWORD,
                    result=Result.ALLOWED, reason="", school_code="B0000", role="student",
                    class_title="",
                )
            )  # fmt: skip

    def several() -> None:
        for _ in range(SINGLE_SIGN_INS):
            sign_in()

    noted = seconds_of(several) / SINGLE_SIGN_INS
    with application.engine.begin() as connection:
        connection.execute(text("ALTER TABLE auth_login_events DISABLE TRIGGER USER"))
    bare = seconds_of(several) / SINGLE_SIGN_INS
    return Figure(
        name="recording one sign-in",
        ours=f"{noted * 1000:.2f} ms",
        reference=f"{bare * 1000:.2f} ms (without roll-ups)",
        ratio=noted / bare,
    )
