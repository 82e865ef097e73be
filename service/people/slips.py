"""The slips that a school hands out: login, first password and where to sign in.

docs/facts/paragraf.md R9: the first password leaves the system on the slip alone, and each look at
one is audited.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from auth.directory import Slip
from auth.models import Credential
from provisioning.roster import Role
from service import audit
from service.access import STAFF_ROLES, Scope, find_school
from service.application import Application
from service.audit import AuditAction
from service.db import insert_into
from service.i18n import gettext as _
from service.models import Identity, KnownUser, MadeSlip, School, SchoolMembership
from service.ordering import natural
from service.people.passwords import first_password
from service.settings import Settings

STAFF = "staff"
"""Named in the place of a class: the teachers and the administration of the school."""

_SIGNS_IN = (KnownUser.suspended.is_(False), KnownUser.moodle_id.is_not(None))
"""Conditions on those who can use a slip."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A group of people whose slips are printed together."""

    key: str
    """Identifier of the class, empty for students without one, or ``STAFF``."""
    title: str
    people: int


def groups(session: Session, scope: Scope, school_code: str) -> list[Group]:
    """Return the classes of a school in their order, then the staff. Raises ``Forbidden``."""
    school = find_school(session, scope, school_code)
    people = (
        select(func.count())
        .select_from(SchoolMembership)
        .join(KnownUser, KnownUser.person_id == SchoolMembership.person_id)
        .where(
            SchoolMembership.school_code == school.code,
            SchoolMembership.confirmed,
            scope.people(),
            *_SIGNS_IN,
        )
    )
    class_id = SchoolMembership.class_id
    counted = people.where(SchoolMembership.role == Role.STUDENT).group_by(class_id)
    classes = [
        Group(key=key, title=title or _("without a class"), people=number)
        for number, key, title in session.execute(
            counted.add_columns(class_id, func.max(SchoolMembership.class_title))
        )
    ]
    classes.sort(key=lambda one: (not one.key, natural(one.title), one.key))
    if staff := session.scalars(people.where(SchoolMembership.role.in_(STAFF_ROLES))).one():
        classes.append(Group(key=STAFF, title=_("staff"), people=staff))
    return classes


def slips(
    session: Session,
    application: Application,
    scope: Scope,
    school_code: str,
    group: str | None = None,
) -> list[Slip]:
    """Return the slips of a group, or of a whole school, by class and name; the look is audited.

    ``group`` is a ``Group.key``. Suspended people and those outside ``Scope.people`` get none.
    Raises ``Forbidden`` for a school that is unknown or outside the scope.
    """
    school = find_school(session, scope, school_code)
    conditions: list[ColumnElement[bool]] = [
        SchoolMembership.school_code == school.code,
        SchoolMembership.role.in_((Role.STUDENT, *STAFF_ROLES)),
        SchoolMembership.confirmed.is_(True),
        scope.people(),
    ]
    if group == STAFF:
        conditions.append(SchoolMembership.role.in_(STAFF_ROLES))
    elif group is not None:
        conditions += [SchoolMembership.role == Role.STUDENT, SchoolMembership.class_id == group]
    rows = session.execute(_people().where(*conditions)).all()
    found = [
        _slip(application, school, *row)
        for row in sorted(rows, key=lambda row: _place_in_line(row[0], row[1]))
    ]
    now = application.clock()
    _note(session, [row[0] for row in rows], now)
    shown: dict[str, Any] = {"class": "all" if group is None else group}
    audit.record(
        session, AuditAction.SLIP_SHOW, at=now, actor=scope.actor, school_code=school.code,
        count=len(found), **shown,
    )  # fmt: skip
    return found


def slip_of(
    session: Session, application: Application, scope: Scope, person: KnownUser
) -> Slip | None:
    """Return the slip of one person (``passwords.find_person``); the look is audited.

    None for the suspended and for those who are on no roll of the scope.
    """
    row = session.execute(
        _people()
        .where(
            SchoolMembership.person_id == person.person_id,
            SchoolMembership.school_code.in_(scope.codes()),
            SchoolMembership.confirmed,
            scope.people(),
        )
        .order_by(SchoolMembership.school_code != person.school_code)
        .limit(1)
    ).first()
    if row is None:
        return None
    school = session.get_one(School, row[1].school_code)
    now = application.clock()
    _note(session, [person], now)
    audit.record(
        session, AuditAction.SLIP_SHOW, at=now, actor=scope.actor, school_code=school.code,
        person_id=person.person_id, count=1,
    )  # fmt: skip
    return _slip(application, school, *row)


def sign_in_address(settings: Settings) -> str:
    """Return the address where people begin: Moodle's, whose button leads to us, or our own."""
    return settings.moodle.url.rstrip("/") or f"{settings.base_url}/auth/"


def _people() -> Select[KnownUser, SchoolMembership, int, str]:
    """Select people with the number of resets, and whether they have an own password."""
    return (
        select(KnownUser, SchoolMembership, Identity.password_generation, Credential.person_id)
        .join(SchoolMembership, SchoolMembership.person_id == KnownUser.person_id)
        .join(Identity, Identity.person_id == KnownUser.person_id)
        .outerjoin(Credential, Credential.person_id == KnownUser.person_id)
        .where(*_SIGNS_IN)
    )


def _place_in_line(person: KnownUser, place: SchoolMembership) -> tuple[object, ...]:
    """Return the key to sort by: classes, people without one, staff; then by name."""
    is_staff = place.role in STAFF_ROLES
    title = "" if is_staff else place.class_title
    return is_staff, not title, natural(title), natural(person.full_name), person.username


def _slip(
    application: Application,
    school: School,
    person: KnownUser,
    place: SchoolMembership,
    generation: int,
    own_password: str | None,
) -> Slip:
    settings = application.settings
    # Where Moodle holds the passwords, we cannot know whether the first one still counts.
    replaced = own_password is not None and settings.passwords.kept_in == "provider"
    password = ""
    if person.birth_date and not replaced:
        password = first_password(application, person.person_id, person.birth_date, generation)
    return Slip(
        name=person.full_name,
        group=_("staff") if place.role in STAFF_ROLES else place.class_title,
        school=school.short_name,
        login=person.username,
        login_advice=_login_advice(settings),
        password=password,
        password_advice=_password_advice(settings, own=replaced),
        address=sign_in_address(settings),
    )


def _login_advice(settings: Settings) -> str:
    """Advise against the Cyrillic «р», which people type (docs/facts/paragraf.md D1)."""
    if settings.logins.scheme == "portal":
        return _("The letter p is Latin (English keyboard).")
    return _("All letters are Latin (English keyboard).")


def _password_advice(settings: Settings, *, own: bool) -> str:
    if own:
        return _("Your own password, which you have set. Forgotten? The school can reset it.")
    if settings.passwords.kept_in == "moodle":
        return _("Type the password on Moodle's page and change it there: Moodle asks for it.")
    return _("At the first sign-in you choose a password of your own.")


def _note(session: Session, people: Iterable[KnownUser], now: datetime) -> None:
    """Note when each person first had a slip, for the report on logins issued and used."""
    rows = [{"person_id": each, "first_at": now} for each in {one.person_id for one in people}]
    if rows:
        session.execute(insert_into(session, MadeSlip).on_conflict_do_nothing(), rows)
