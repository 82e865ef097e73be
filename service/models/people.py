"""Who we know: identities, source keys, known people and the rolls they are on."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, true
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import UtcDateTime
from provisioning.person_states import PersonState
from service.db import Base


class Identity(Base):
    """One human: the person id and the login, given at the first import and kept for ever.

    The rest is what matching compares; it follows what was last applied.
    """

    __tablename__ = "identities"
    __table_args__ = (
        Index("ix_identities_name_key_birth_date", "name_key", "birth_date"),
        Index("ix_identities_birth_date_given_key", "birth_date", "given_key"),
        Index("ix_identities_birth_date_family_key", "birth_date", "family_key"),
    )
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    username: Mapped[str] = mapped_column(String(100), unique=True)
    """Unique in the city and never reused, even when the person has long left. As long as there
    is no account, it gives way to the next free one when Moodle holds it for somebody else."""
    family_name: Mapped[str] = mapped_column(String(255))
    given_name: Mapped[str] = mapped_column(String(255))
    middle_name: Mapped[str] = mapped_column(String(255), default="")
    name_key: Mapped[str] = mapped_column(String(800))
    """``matching.normalised_name`` of the full name."""
    given_key: Mapped[str] = mapped_column(String(255), default="", server_default="")
    """``evidence.given_letters`` of the given name."""
    family_key: Mapped[str] = mapped_column(String(255), default="", server_default="")
    """``evidence.letters`` of the family name."""
    birth_date: Mapped[date | None]
    sex: Mapped[str] = mapped_column(String(1), default="")
    """``M``, ``F`` or empty, as the newest file that was read says."""
    snils: Mapped[str] = mapped_column(String(11), default="", index=True)
    school_code: Mapped[str] = mapped_column(String(64))
    password_generation: Mapped[int] = mapped_column(default=0)
    """Grows with each reset: the next random first password is another one."""
    reserved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the person was deleted: login and person id stay taken, all else is empty."""


class TakenLogin(Base):
    """A login that Moodle holds for somebody who is none of our people: given to nobody."""

    __tablename__ = "taken_logins"
    username: Mapped[str] = mapped_column(String(100), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SourceKey(Base):
    """(source, school, sourced id) -> identity: which row of which school is which human."""

    __tablename__ = "source_keys"
    source: Mapped[str] = mapped_column(String(64), primary_key=True)
    school_code: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    sourced_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("identities.person_id"), index=True)
    since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When planning a file gave the key; None for others, and for keys of earlier versions."""


class KnownUser(Base):
    """A person as Moodle and we know them: the fields of ``provisioning.state.MoodleUser``."""

    __tablename__ = "known_users"
    __table_args__ = (
        Index("ix_known_users_school", "school_code", "role"),
        Index("ix_known_users_state", "state", "away_since"),
    )
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    moodle_id: Mapped[int | None]
    """Empty while the person is on a roll but has no account in Moodle (see ``problem``)."""
    username: Mapped[str] = mapped_column(String(100), unique=True)
    firstname: Mapped[str] = mapped_column(String(255))
    lastname: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(255))
    auth: Mapped[str] = mapped_column(String(20))
    institution: Mapped[str] = mapped_column(String(255), default="")
    department: Mapped[str] = mapped_column(String(255), default="")
    suspended: Mapped[bool] = mapped_column(default=False)
    family_name: Mapped[str] = mapped_column(String(255))
    given_name: Mapped[str] = mapped_column(String(255))
    middle_name: Mapped[str] = mapped_column(String(255), default="")
    birth_date: Mapped[date | None]
    role: Mapped[str] = mapped_column(String(20))
    class_id: Mapped[str] = mapped_column(String(255), default="")
    class_title: Mapped[str] = mapped_column(String(100), default="")
    snils: Mapped[str] = mapped_column(String(11), default="")
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"))
    sourced_id: Mapped[str] = mapped_column(String(255), default="")
    source: Mapped[str] = mapped_column(String(64), default="")
    in_roll: Mapped[bool] = mapped_column(default=True)
    state: Mapped[PersonState] = mapped_column(
        String(20), default=PersonState.ON_ROLL, server_default="on_roll"
    )
    away_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the last school let go; None while one lists the person."""
    problem: Mapped[str] = mapped_column(String(100), default="")
    """Code of the outcome that kept the account from being made."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def full_name(self) -> str:
        """Return the family name, the given name and the middle name, as far as there are any."""
        return " ".join(filter(None, (self.family_name, self.given_name, self.middle_name)))


class SchoolMembership(Base):
    """A person on the roll of a school: one row for each school that lists them now."""

    __tablename__ = "school_memberships"
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(20))
    class_id: Mapped[str] = mapped_column(String(255), default="")
    class_title: Mapped[str] = mapped_column(String(100), default="")
    confirmed: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Who this human is has been proven or said by a person. Until then operators of this school
    see their own row only, and have no rights over the account."""
    until: Mapped[date | None]
    """The last day of a person whom an operator entered; None when an export lists the person."""


class ClassTeacher(Base):
    """A person leads a class of a school, by the last applied file that names the class."""

    __tablename__ = "class_teachers"
    school_code: Mapped[str] = mapped_column(String(64), primary_key=True)
    class_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), index=True)
