"""From a number of a report to the people behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session

from service.access import Forbidden, Scope
from service.models import KnownUser, School, SchoolMembership
from service.reports.definition import Cell, Definition
from service.reports.question import Question
from service.reports.report import Column, Report, Value
from service.settings import ReportSettings


def may_see_names(scope: Scope, settings: ReportSettings) -> bool:
    return str(scope.role) in settings.names_for


def leads_to_people(definition: Definition, column: Column, row: str, value: Value) -> bool:
    """There is somebody behind this number, and the report knows who. ``row`` is the key."""
    named = column.people and not column.nameless
    known = definition.people and named and definition.knows_people_of(row)
    return bool(known and isinstance(value, int) and value)


def people_behind(
    session: Session, definition: Definition, question: Question, cell: Cell
) -> Select[KnownUser]:
    """The people behind one number, by name.

    Raises ``Forbidden`` when the report has no such number or does not know who is behind it.
    """
    if definition.people is None:
        raise Forbidden("report")
    try:
        identifiers = definition.people(session, question, cell)
    except KeyError as error:
        raise Forbidden("report") from error
    codes = question.scope.codes()
    on_a_roll = exists().where(
        SchoolMembership.person_id == KnownUser.person_id,
        SchoolMembership.school_code.in_(codes),
        SchoolMembership.confirmed,
    )
    return (
        select(KnownUser)
        .where(
            KnownUser.person_id.in_(identifiers),
            # Whatever the report answers: nobody is shown who never belonged to these schools.
            or_(on_a_roll, KnownUser.school_code.in_(codes)),
        )
        .order_by(
            KnownUser.family_name,
            KnownUser.given_name,
            KnownUser.middle_name,
            KnownUser.person_id,
        )
    )


def places_of(
    session: Session, scope: Scope, people: Iterable[KnownUser]
) -> Mapping[str, list[str]]:
    """School and class of each person, of the schools inside the scope only; by person id."""
    known = {person.person_id: person for person in people}
    rows = session.execute(
        select(
            SchoolMembership.person_id, School.short_name, School.code, SchoolMembership.class_title
        )
        .join(School, School.code == SchoolMembership.school_code)
        .where(scope.schools(), SchoolMembership.person_id.in_(known))
        .order_by(School.code)
    )
    places = defaultdict(list)
    for person_id, name, code, title in rows:
        places[person_id].append(", ".join(filter(None, (name or code, title))))
    return places


def column_of(report: Report, key: str) -> Column:
    """Raises ``Forbidden`` for a column that is not there or counts no people."""
    for column in report.columns:
        if column.key == key and column.people and not column.nameless:
            return column
    raise Forbidden("report")
