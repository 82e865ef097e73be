"""Tables of the running application. The provider's own tables are in auth/models.py."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from auth.models import UtcDateTime
from service.db import Base


class RunStatus(StrEnum):
    """The life of a SyncRun. Only an approved run is ever applied."""

    RECEIVED = "received"
    PLANNED = "planned"
    REJECTED = "rejected"
    """By a finding about the whole upload, or by an operator."""
    APPROVED = "approved"
    APPLYING = "applying"
    STOPPED = "stopped"
    """Apply was stopped or broke off; ``apply`` goes on where it stopped."""
    APPLIED = "applied"


class PlanStatus(StrEnum):
    PLANNED = "planned"
    BLOCKED = "blocked"
    """A fatal finding stops this school."""
    REJECTED = "rejected"
    APPROVED = "approved"
    APPLIED = "applied"
    SUPERSEDED = "superseded"
    """Another load of this school was applied after this plan was made."""


class OperatorRole(StrEnum):
    SCHOOL = "school"
    DISTRICT = "district"
    CITY = "city"


class Operator(Base):
    """A portal administrator or monitoring officer who signs in to the console."""

    __tablename__ = "operators"
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(100), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[OperatorRole] = mapped_column(String(20))
    scope: Mapped[list[str]] = mapped_column(JSON, default=list)
    """School codes of a school operator, district names of a district operator; empty for city."""
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class School(Base):
    __tablename__ = "schools"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(500))
    short_name: Mapped[str] = mapped_column(String(255))
    district: Mapped[str] = mapped_column(String(100), index=True)
    number: Mapped[str] = mapped_column(String(20), default="")
    kind: Mapped[str] = mapped_column(String(50), default="")
    known_version: Mapped[int] = mapped_column(default=0)
    """Grows with each applied plan; a plan made against an older version is superseded."""
    last_applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_exported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Export time of the newest applied file: an older export is refused."""


class SyncRun(Base):
    """The life of one upload: one or many files, of one or many schools."""

    __tablename__ = "sync_runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[RunStatus] = mapped_column(String(20), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))
    scope_role: Mapped[OperatorRole] = mapped_column(String(20))
    scope_items: Mapped[list[str]] = mapped_column(JSON)
    """The uploader's part of the city at that moment; files of other schools are refused."""
    expected_school: Mapped[str] = mapped_column(String(64), default="")
    """What the uploader said, or the only school they may load."""
    folder: Mapped[str] = mapped_column(String(500))
    """Where the files lie, relative to the data folder."""
    planned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_by: Mapped[str] = mapped_column(String(100), default="")
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stop_requested: Mapped[bool] = mapped_column(default=False)
    problem: Mapped[str] = mapped_column(String(1000), default="")
    """Why the last attempt broke off, for the operator; no personal data."""
    claimed_by: Mapped[str] = mapped_column(String(200), default="")
    """``host/pid/start time`` of the process that is at work on it; empty when none."""
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Renewed with every batch."""
    files: Mapped[list[RunFile]] = relationship(order_by="RunFile.id", lazy="selectin")
    plans: Mapped[list[SchoolPlan]] = relationship(
        order_by="SchoolPlan.school_code", back_populates="run"
    )


class RunFile(Base):
    __tablename__ = "run_files"
    __table_args__ = (Index("ix_run_files_sha256", "sha256"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("sync_runs.id"), index=True)
    name: Mapped[str] = mapped_column(String(500))
    sha256: Mapped[str] = mapped_column(String(64))
    school_code: Mapped[str] = mapped_column(String(64), default="", index=True)
    layout: Mapped[str] = mapped_column(String(100), default="")
    parts: Mapped[list[str]] = mapped_column(JSON, default=list)
    records: Mapped[int] = mapped_column(default=0)
    exported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RunFinding(Base):
    """A stored ``provisioning.findings.Finding``."""

    __tablename__ = "run_findings"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("sync_runs.id"), index=True)
    rule: Mapped[str] = mapped_column(String(100))
    severity: Mapped[str] = mapped_column(String(20))
    file: Mapped[str] = mapped_column(String(500))
    line: Mapped[int | None]
    school_code: Mapped[str] = mapped_column(String(64), default="")
    sourced_id: Mapped[str] = mapped_column(String(255), default="")
    person: Mapped[str] = mapped_column(String(500), default="")
    field_name: Mapped[str] = mapped_column(String(100), default="")
    value: Mapped[str] = mapped_column(String(500), default="")
    details: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)


class SchoolPlan(Base):
    """The stored plan of one school in one run."""

    __tablename__ = "school_plans"
    __table_args__ = (UniqueConstraint("run_id", "school_code"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("sync_runs.id"), index=True)
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"), index=True)
    status: Mapped[PlanStatus] = mapped_column(String(20))
    digest: Mapped[str] = mapped_column(String(64), default="")
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """``"user.create": 12`` and so on."""
    breaches: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """Limits exceeded; such a plan needs a second, explicit yes."""
    limits_confirmed: Mapped[bool] = mapped_column(default=False)
    known_version: Mapped[int] = mapped_column(default=0)
    """``School.known_version`` that the plan was made against, or made by beginning it."""
    started: Mapped[bool] = mapped_column(default=False)
    """Its roll is the school's roll now; changes are being or were sent."""
    school_year: Mapped[str] = mapped_column(String(9), default="")
    exported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    people: Mapped[int] = mapped_column(default=0)
    """People taken from the file."""
    set_aside: Mapped[int] = mapped_column(default=0)
    """Rows of people that could not be used."""
    applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    run: Mapped[SyncRun] = relationship(back_populates="plans")


class PlannedChange(Base):
    """One change of a plan and, once tried, its outcome."""

    __tablename__ = "planned_changes"
    __table_args__ = (Index("ix_planned_changes_open", "plan_id", "result", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("school_plans.id"))
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(300))
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    after: Mapped[dict[str, Any]] = mapped_column(JSON)
    result: Mapped[str] = mapped_column(String(20), default="")
    """Empty until tried; ``failed`` ones are tried again by the next apply."""
    code: Mapped[str] = mapped_column(String(100), default="")
    detail: Mapped[str] = mapped_column(String(500), default="")
    tried_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PlannedRoll(Base):
    """Who is on the school's roll by a plan; becomes ``Affiliation`` when the plan is applied."""

    __tablename__ = "planned_roll"
    __table_args__ = (ForeignKeyConstraint(["plan_id"], ["school_plans.id"]),)
    plan_id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    role: Mapped[str] = mapped_column(String(20))
    class_id: Mapped[str] = mapped_column(String(255), default="")
    class_title: Mapped[str] = mapped_column(String(100), default="")


class Identity(Base):
    """One human: the person id and the login, given at the first import and kept for ever.

    The rest is what matching compares; it follows what was last applied.
    """

    __tablename__ = "identities"
    __table_args__ = (Index("ix_identities_name_key_birth_date", "name_key", "birth_date"),)
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    username: Mapped[str] = mapped_column(String(100), unique=True)
    """Unique in the city and never reused, even when the person has long left."""
    family_name: Mapped[str] = mapped_column(String(255))
    given_name: Mapped[str] = mapped_column(String(255))
    middle_name: Mapped[str] = mapped_column(String(255), default="")
    name_key: Mapped[str] = mapped_column(String(800))
    """``matching.normalised_name`` of the full name."""
    birth_date: Mapped[date | None]
    snils: Mapped[str] = mapped_column(String(11), default="", index=True)
    school_code: Mapped[str] = mapped_column(String(64))
    password_generation: Mapped[int] = mapped_column(default=0)
    """Grows with each reset: the next random first password is another one."""
    reserved_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SourceKey(Base):
    """(source, school, sourced id) -> identity: which row of which school is which human."""

    __tablename__ = "source_keys"
    source: Mapped[str] = mapped_column(String(64), primary_key=True)
    school_code: Mapped[str] = mapped_column(String(64), primary_key=True)
    sourced_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("identities.person_id"), index=True)


class KnownPerson(Base):
    """A person as Moodle and we know them: the fields of ``provisioning.state.MoodleUser``."""

    __tablename__ = "known_people"
    __table_args__ = (Index("ix_known_people_school", "school_code", "role"),)
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    moodle_id: Mapped[int | None]
    """Empty: in the roll, but Moodle has not got the account (see ``problem``)."""
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
    problem: Mapped[str] = mapped_column(String(100), default="")
    """Code of the outcome that kept the account from being made."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class KnownObject(Base):
    """A category, cohort or course that Moodle has."""

    __tablename__ = "known_objects"
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    """The Moodle idnumber."""
    school_code: Mapped[str] = mapped_column(String(64), default="", index=True)
    """Empty for the shared levels: city and districts."""
    moodle_id: Mapped[int]
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)


class KnownMember(Base):
    """A person in a cohort."""

    __tablename__ = "known_members"
    __table_args__ = (Index("ix_known_members_school", "school_code", "cohort"),)
    cohort: Mapped[str] = mapped_column(String(100), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True, index=True)
    school_code: Mapped[str] = mapped_column(String(64))


class KnownEnrolment(Base):
    """A person in a course with a role."""

    __tablename__ = "known_enrolments"
    __table_args__ = (Index("ix_known_enrolments_school", "school_code"),)
    course: Mapped[str] = mapped_column(String(100), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)
    school_code: Mapped[str] = mapped_column(String(64))


class Affiliation(Base):
    """A person on the roll of a school: one row for each school that lists them now."""

    __tablename__ = "affiliations"
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(20))
    class_id: Mapped[str] = mapped_column(String(255), default="")
    class_title: Mapped[str] = mapped_column(String(100), default="")


class AuditEntry(Base):
    """Who did what, when. Identifiers and counts only."""

    __tablename__ = "audit_entries"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(50))
    run_id: Mapped[int | None] = mapped_column(Integer, index=True)
    school_code: Mapped[str] = mapped_column(String(64), default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
