"""A city of any size with a year of sign-ins, made by PostgreSQL itself."""

from __future__ import annotations

from sqlalchemy import Connection, text

from service.application import Application

CLASSES = 30
"""Of a school."""

_CITY = (
    """
    INSERT INTO schools (code, name, short_name, district, number, kind, known_version,
                         last_applied_at, source_system, merged_into)
    SELECT 'B' || lpad(n::text, 4, '0'), 'Школа ' || n, 'Школа ' || n, 'Район ' || mod(n, 18),
           n::text, '', 1, '2026-09-01 09:00+03', '', ''
    FROM generate_series(0, CAST(:schools AS int) - 1) n
    """,
    """
    INSERT INTO known_users (person_id, moodle_id, username, firstname, lastname, email, auth,
        institution, department, suspended, family_name, given_name, middle_name, role, class_id,
        class_title, snils, school_code, sourced_id, source, in_roll, problem, created_at,
        updated_at)
    SELECT lpad(n::text, 36, '0'), n, 'p' || n, 'Пример', 'Примеров', 'p' || n || '@bench.invalid',
           'oauth2', '', '', false, 'Примеров', 'Пример', '',
           CASE WHEN mod(n, 12) = 0 THEN 'teacher' ELSE 'student' END, 'c' || class,
           mod(class, 11) + 1 || chr(1040 + class / 11), '',
           'B' || lpad(mod(n / :people, :schools)::text, 4, '0'), '', '',
           true, '', '2026-09-01 09:00+03', '2026-09-01 09:00+03'
    FROM (SELECT n, mod(n, CAST(:classes AS int)) AS class
          FROM generate_series(0, CAST(:schools AS int) * CAST(:people AS int) - 1) n) s
    """,
    """
    INSERT INTO school_memberships (school_code, person_id, role, class_id, class_title)
    SELECT school_code, person_id, role, class_id, class_title FROM known_users
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
_INDEXES = text(
    "SELECT indexname, indexdef FROM pg_indexes "
    "WHERE tablename = 'auth_login_events' AND indexname NOT LIKE 'pk%'"
)


def make_people(application: Application, *, schools: int, people: int) -> None:
    """Schools and the people of each on its roll, one in twelve a teacher."""
    values = {"schools": schools, "people": people, "classes": CLASSES}
    with application.engine.begin() as connection:
        for statement in _CITY:
            connection.execute(text(statement), values)
    tidy(application)


def make_events(application: Application, *, schools: int, people: int, events: int) -> None:
    """Sign-ins spread evenly over a year and over everybody, instead of those there were.

    Nothing is noted for rolling up: ``rebuild`` has to follow.
    """
    with application.engine.begin() as connection:
        connection.execute(text("TRUNCATE auth_login_events, activity_sources"))
        connection.execute(text("ALTER TABLE auth_login_events DISABLE TRIGGER USER"))
        _insert(connection, {"schools": schools, "people": people, "events": events})
        connection.execute(text("ALTER TABLE auth_login_events ENABLE TRIGGER USER"))
    tidy(application)


def _insert(connection: Connection, values: dict[str, int]) -> None:
    # Indexes made afterwards take a quarter of the time of those kept row by row.
    indexes = connection.execute(_INDEXES).all()
    for index in indexes:
        connection.execute(text(f"DROP INDEX {index.indexname}"))
    connection.execute(text(_EVENTS), values)
    for index in indexes:
        connection.execute(text(index.indexdef))


def tidy(application: Application) -> None:
    """What PostgreSQL does by itself some minutes later."""
    with application.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
