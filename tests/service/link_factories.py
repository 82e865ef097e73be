"""A console of two schools with requests of people whom nobody found; all of them invented."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.linking.links import add_link
from auth.linking.models import Evidence, Link, LinkEvent, LinkRequest
from service.models import OperatorRole
from tests.service.console_factories import (
    NOW,
    ConsoleUnderTest,
    add_operator,
    add_school,
    make_console,
)
from tests.service.slip_factories import add_person

SCHOOL, OTHER_SCHOOL = "78-0243", "78-0500"
SUBJECT = "1000299353"
SNILS = "11223344595"


def make_links_console(home: Path, **settings: Any) -> ConsoleUnderTest:
    """Anna's school has a pupil, Boris's a teacher."""
    console = make_console(home, **settings)
    with console.rows() as rows:
        add_school(rows, SCHOOL)
        add_school(rows, OTHER_SCHOOL, district="Невский")
        add_operator(rows)
        add_operator(rows, "anna", OperatorRole.SCHOOL, [SCHOOL])
        add_operator(rows, "boris", OperatorRole.SCHOOL, [OTHER_SCHOOL])
        add_operator(rows, "district", OperatorRole.DISTRICT, ["Адмиралтейский"])
        add_person(rows, "a", SCHOOL, family_name="Примеров", given_name="Пример", snils=SNILS)
        add_person(rows, "b", OTHER_SCHOOL, family_name="Чужова", given_name="Проба")
    return console


def add_request(rows: Session, school: str = SCHOOL, **overrides: Any) -> int:
    """An open request of the pupil "a", whose birth date the school has wrong by a day."""
    fields: dict[str, Any] = {
        "provider": "esia",
        "subject": SUBJECT,
        "asked_at": NOW,
        "family_name": "Примеров",
        "given_name": "Пример",
        "middle_name": "",
        "birth_date": date(2012, 9, 2),
        "snils": SNILS,
        "expires_at": NOW + timedelta(days=14),
    }
    request = LinkRequest(school_code=school, **fields | overrides)
    rows.add(request)
    rows.flush()
    return request.id


def link(rows: Session, person_id: str, subject: str = "42", school: str = SCHOOL) -> int:
    """A link made earlier by СНИЛС."""
    add_link(
        rows,
        provider="esia",
        subject=subject,
        person_id=person_id,
        school_code=school,
        evidence=Evidence.SNILS,
        now=NOW - timedelta(days=30),
    )
    return rows.scalars(select(Link.id).where(Link.person_id == person_id)).one()


def links(console: ConsoleUnderTest) -> dict[str, str]:
    """Person -> subject."""
    with console.rows() as rows:
        return {one.person_id: one.subject for one in rows.scalars(select(Link))}


def history(console: ConsoleUnderTest) -> list[tuple[str, str, str, str, str]]:
    """Action, person, evidence, actor and reason of each event."""
    with console.rows() as rows:
        return [
            (one.action, one.person_id, one.evidence, one.actor, one.reason)
            for one in rows.scalars(select(LinkEvent).order_by(LinkEvent.id))
        ]


def requests(console: ConsoleUnderTest) -> list[LinkRequest]:
    with console.rows() as rows:
        found = list(rows.scalars(select(LinkRequest).order_by(LinkRequest.id)))
        rows.expunge_all()
    return found
