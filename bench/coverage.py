"""The coverage report of a city beside one bare SQL query, on SQLite and on PostgreSQL.

The query counts roll, accounts and people who ever signed in for each school and role; the report
adds the count of each person once, the people who left, all totals and its rows.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from auth.models import LoginEvent, Method, Result
from bench.measuring import Figure, in_turns
from bench.place import SCOPE, installation, postgresql
from service.activity.rolls import bring_up_to_date
from service.application import Application
from service.db import insert_rows, transaction
from service.models import KnownUser, School, SchoolMembership
from service.reports.coverage import COVERAGE
from service.reports.definition import make
from service.reports.question import Question

AT = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)

BARE = text(
    """
    SELECT a.school_code, a.role, COUNT(*), COUNT(k.moodle_id), COUNT(e.person_id)
    FROM school_memberships a
    JOIN known_users k ON k.person_id = a.person_id
    LEFT JOIN (SELECT DISTINCT person_id FROM auth_login_events WHERE result = 'allowed') e
           ON e.person_id = a.person_id
    GROUP BY a.school_code, a.role
    """
)


def figures(folder: Path, *, schools: int, people: int, rounds: int) -> list[Figure]:
    found = [_measure(installation(folder / "city"), "SQLite", schools, people, rounds)]
    with postgresql(folder / "postgresql") as url:
        application = installation(folder / "city-pg", database_url=url)
        found.append(_measure(application, "PostgreSQL", schools, people, rounds))
        application.engine.dispose()
    return found


def _measure(
    application: Application, database: str, schools: int, people: int, rounds: int
) -> Figure:
    with transaction(application.sessions) as session:
        _fill(session, schools, people)
        bring_up_to_date(session)
    with application.sessions() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("ANALYZE"))

        question = Question(scope=SCOPE, by="school", zone=application.zone, now=AT)

        def report() -> None:
            make(session, COVERAGE, question)

        ours, bare = in_turns(rounds, report, lambda: session.execute(BARE).all())
    return Figure(
        name=f"coverage of {schools} x {people} people, {database}",
        ours=f"{ours:.2f} s",
        reference=f"{bare:.2f} s (bare SQL)",
        ratio=ours / bare,
    )


def _fill(session: Session, schools: int, people: int) -> None:
    """One person in twelve is a teacher; three in five have signed in, each twice."""
    insert_rows(
        session,
        School,
        (
            {
                "code": f"B{school:04}", "name": f"Школа {school}", "short_name": f"Школа {school}",
                "district": f"Район {school % 18}", "number": str(school), "last_applied_at": AT,
            }
            for school in range(schools)
        ),
    )  # fmt: skip
    everyone = [
        (f"B{number // people:04}", str(UUID(int=number)), "student" if number % 12 else "teacher")
        for number in range(schools * people)
    ]
    insert_rows(
        session,
        KnownUser,
        (
            {
                "person_id": person_id, "moodle_id": number, "username": f"p{number}",
                "firstname": "Пример", "lastname": "Примеров", "email": f"p{number}@bench.invalid",
                "auth": "oauth2", "family_name": "Примеров", "given_name": "Пример", "role": role,
                "school_code": school, "created_at": AT, "updated_at": AT,
            }
            for number, (school, person_id, role) in enumerate(everyone)
        ),
    )  # fmt: skip
    insert_rows(
        session,
        SchoolMembership,
        (
            {"school_code": school, "person_id": person_id, "role": role}
            for school, person_id, role in everyone
        ),
    )
    insert_rows(
        session,
        LoginEvent,
        (
            {
                "at": AT, "person_id": person_id, "client_id": "moodle",
                "method": Method.PASSWORD.value, "result": Result.ALLOWED.value, "reason": "",
                "school_code": school, "role": role, "class_title": "",
            }
            for number, (school, person_id, role) in enumerate(everyone * 2)
            if number % 5 < 3
        ),
    )  # fmt: skip
