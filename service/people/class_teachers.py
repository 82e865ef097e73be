"""Class teachers: the students of the own class, and the reset of their passwords.

Who leads a class is what the school's roll says (``ClassTeacher``). The person has to be on the
roll of that school still, as staff.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from auth.directory import Slip, Student
from auth.signin.check import normalise_username
from provisioning.roster import Role
from service.access import STAFF_ROLES, Scope, staff_of_their_own_school
from service.application import Application
from service.db import transaction
from service.models import ClassTeacher, KnownUser, OperatorRole, SchoolMembership
from service.ordering import natural
from service.people.passwords import reset_of
from service.people.slips import slip_of
from service.queue import JobQueue


class LedClasses:
    """``auth.directory.OwnClass`` over our tables."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def students(self, person_id: str) -> Sequence[Student]:
        with self._application.sessions() as session:
            found = session.execute(_students_of(person_id)).all()
        rows = sorted(
            found, key=lambda row: (natural(row[1].class_title), natural(row[0].full_name))
        )
        return [
            Student(name=person.full_name, username=person.username, class_title=place.class_title)
            for person, place in rows
        ]

    def reset(self, person_id: str, username: str) -> Slip | None:
        application = self._application
        now = application.clock()
        with transaction(application.sessions) as session:
            found = session.execute(
                _students_of(person_id).where(KnownUser.username == normalise_username(username))
            ).first()
            if found is None:
                return None
            student, place = found
            # The school of the class, so that the audit says where, and nobody else is in reach.
            scope = Scope(
                actor=f"person:{person_id}",
                role=OperatorRole.SCHOOL,
                items=frozenset({place.school_code}),
            )
            reset_of(session, application.settings, scope, student, now)
            slip = slip_of(session, application, scope, student)
        JobQueue(application.settings).tell_signed_out()
        return slip


def _students_of(teacher_id: str) -> Select[KnownUser, SchoolMembership]:
    teacher = aliased(SchoolMembership)
    is_led = (ClassTeacher.school_code == SchoolMembership.school_code) & (
        ClassTeacher.class_id == SchoolMembership.class_id
    )
    leads = (teacher.school_code == ClassTeacher.school_code) & (
        teacher.person_id == ClassTeacher.person_id
    )
    return (
        select(KnownUser, SchoolMembership)
        .join(SchoolMembership, SchoolMembership.person_id == KnownUser.person_id)
        .join(ClassTeacher, is_led)
        .join(teacher, leads)
        .where(
            ClassTeacher.person_id == teacher_id,
            teacher.role.in_(STAFF_ROLES),
            SchoolMembership.role == Role.STUDENT,
            SchoolMembership.confirmed,
            teacher.confirmed,
            (KnownUser.school_code == SchoolMembership.school_code) | ~staff_of_their_own_school(),
            KnownUser.suspended.is_(False),
            KnownUser.moodle_id.is_not(None),
        )
    )
