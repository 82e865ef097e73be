"""The life of one upload: its files, findings, plans and planned changes."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from auth.models import UtcDateTime
from service.db import Base
from service.models.operators import OperatorRole


class LoadStatus(StrEnum):
    """The life of a Load. Only an approved load is ever applied."""

    RECEIVED = "received"
    PLANNED = "planned"
    REJECTED = "rejected"
    """A finding about the whole upload, or an operator, rejected it."""
    APPROVED = "approved"
    APPLYING = "applying"
    STOPPED = "stopped"
    """Apply was stopped or broke off; ``apply`` goes on where it stopped."""
    APPLIED = "applied"
    APPLIED_WITH_FAILURES = "applied_with_failures"
    """It was applied to the end, but Moodle refused some changes; ``failures.py`` tells what
    helps."""
    UNDONE = "undone"
    """A later load has brought back what it changed (``SchoolPlan.undone_by``)."""


class LoadCause(StrEnum):
    """What the plans of a load are made from."""

    FILE = "file"
    DUE = "due"
    """No file: what time alone changes about people whom no school lists."""
    ROWS = "rows"
    """No file: the rows that were kept of ``only_schools``, after somebody has answered."""
    BY_HAND = "by_hand"
    """No file: an operator entered a person."""
    YEAR = "year"
    """No file: the rows of the new school year that were kept of ``only_schools``; its day has
    come."""
    YEAR_AHEAD = "year_ahead"
    """No file: what the pending plans of ``only_schools`` will create is made, hidden."""
    REPAIR = "repair"
    """No file: what a look into Moodle found is brought back to what we hold."""
    UNDO = "undo"
    """No file: what an earlier load changed is brought back."""


class PlanStatus(StrEnum):
    PLANNED = "planned"
    PENDING = "pending"
    """Of the next school year: its rows are planned again on the day when the school turns."""
    BLOCKED = "blocked"
    """A fatal finding stops this school."""
    REJECTED = "rejected"
    APPROVED = "approved"
    APPLIED = "applied"
    SUPERSEDED = "superseded"
    """Another load of this school was applied after this plan was made."""
    UNDONE = "undone"
    """The plan ``undone_by`` has brought back what it changed."""


class Load(Base):
    """The life of one upload: one or many files, of one or many schools."""

    __tablename__ = "loads"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[LoadStatus] = mapped_column(String(30), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))
    scope_role: Mapped[OperatorRole] = mapped_column(String(20))
    scope_items: Mapped[list[str]] = mapped_column(JSON)
    """The uploader's part of the city at that moment; files of other schools are refused."""
    expected_school: Mapped[str] = mapped_column(String(64), default="")
    """The school that the uploader named, or the only one they may load."""
    folder: Mapped[str] = mapped_column(String(500))
    """Where the files lie, relative to the data folder."""
    cause: Mapped[LoadCause] = mapped_column(
        String(20), default=LoadCause.FILE, server_default="file"
    )
    again_of: Mapped[int | None]
    """The load of which some schools are planned again, because what failed needs another plan."""
    only_schools: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """The schools that are planned; None for all that are in the files."""
    operation: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What somebody orders about whole schools instead of files: ``kind`` (merge, split, close),
    ``school``, ``into`` and what ``school_changes`` needs."""
    undoes: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What it brings back: ``loads`` (their numbers) and ``also_changed`` (what has changed since
    too)."""
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
    """Renewed with every batch, and every few seconds."""
    go_on_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """The moment from which a worker goes on with it by itself, after a person asked for it and
    nobody stopped it; None when it waits for a person. A load that is received or half applied
    needs no moment."""
    waits_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """The process at work on it waits until then (``problem`` says why); None when it does not."""
    beginnings: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often work on it began since it last got anywhere."""
    files: Mapped[list[LoadFile]] = relationship(order_by="LoadFile.id", lazy="selectin")
    plans: Mapped[list[SchoolPlan]] = relationship(
        order_by="SchoolPlan.school_code", back_populates="load"
    )


class LoadFile(Base):
    __tablename__ = "load_files"
    __table_args__ = (Index("ix_load_files_sha256", "sha256"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    load_id: Mapped[int] = mapped_column(ForeignKey("loads.id"), index=True)
    name: Mapped[str] = mapped_column(String(500))
    sha256: Mapped[str] = mapped_column(String(64))
    school_code: Mapped[str] = mapped_column(String(64), default="", index=True)
    layout: Mapped[str] = mapped_column(String(100), default="")
    parts: Mapped[list[str]] = mapped_column(JSON, default=list)
    records: Mapped[int] = mapped_column(default=0)
    exported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LoadFinding(Base):
    """A stored ``provisioning.findings.Finding``."""

    __tablename__ = "load_findings"
    id: Mapped[int] = mapped_column(primary_key=True)
    load_id: Mapped[int] = mapped_column(ForeignKey("loads.id"), index=True)
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
    """The stored plan of one school in one load."""

    __tablename__ = "school_plans"
    __table_args__ = (UniqueConstraint("load_id", "school_code"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    load_id: Mapped[int] = mapped_column(ForeignKey("loads.id"), index=True)
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"), index=True)
    status: Mapped[PlanStatus] = mapped_column(String(20))
    digest: Mapped[str] = mapped_column(String(64), default="")
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """``"user.create": 12`` and so on."""
    breaches: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """Limits exceeded; such a plan needs a second, explicit yes."""
    limits_confirmed: Mapped[bool] = mapped_column(default=False)
    """Somebody said the second yes; without it, breaches keep the plan from being applied."""
    losses: Mapped[dict[str, int]] = mapped_column(JSON, default=dict, server_default="{}")
    """How many people lose something of each kind (``provisioning.limits.Limit``)."""
    figures: Mapped[dict[str, float]] = mapped_column(JSON, default=dict, server_default="{}")
    """What the file counts (``provisioning.normal.Figure``)."""
    unusual: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, server_default="[]")
    """Figures outside the school's own band or that of its peers: told, and no reason to stop."""
    counted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    """When the losses began to count for the city's day: at the yes, and again when it begins."""
    city_confirmed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The city said yes to it although too much is lost in a day."""
    known_version: Mapped[int] = mapped_column(default=0)
    """``School.known_version`` that the plan was made against, or made by beginning it."""
    started: Mapped[bool] = mapped_column(default=False)
    """Its roll is the school's roll now; changes are being or were sent."""
    keeps_roll: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It is made without a file: people are added to the school's roll at most. If it adds nobody,
    other plans of the school stay valid beside it."""
    undoes: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))
    """The plans that it undoes, by number, and how many of their changes were done by then."""
    undone_by: Mapped[int | None]
    """The plan that has undone this one."""
    school_year: Mapped[str] = mapped_column(String(9), default="")
    begins_on: Mapped[date | None]
    """Of a pending plan: the day, as it was known when the plan was made."""
    year_confirmed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Somebody has said yes to the year's turn: it is applied on its day if that takes away no
    more than the pending plan did."""
    exported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    people: Mapped[int] = mapped_column(default=0)
    """People taken from the file."""
    set_aside: Mapped[int] = mapped_column(default=0)
    """Rows of people that could not be used."""
    left_out: Mapped[dict[str, int]] = mapped_column(JSON, default=dict, server_default="{}")
    """How many ``people``, ``classes`` and ``courses`` are excluded, and how many fields and places
    stay as somebody made them in Moodle: ``kept``."""
    applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    load: Mapped[Load] = relationship(back_populates="plans")

    @property
    def awaits_yes(self) -> bool:
        """Tell whether somebody still has to say yes or no to it."""
        waits_for_day = self.status == PlanStatus.PENDING and not self.year_confirmed
        return self.status == PlanStatus.PLANNED or waits_for_day


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
    """Empty until it was tried; the next apply tries ``failed`` ones again."""
    code: Mapped[str] = mapped_column(String(100), default="")
    detail: Mapped[str] = mapped_column(String(500), default="")
    tried_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PlannedMembership(Base):
    """Who is on the school's roll by a plan; ``SchoolMembership`` once it is applied."""

    __tablename__ = "planned_memberships"
    __table_args__ = (ForeignKeyConstraint(["plan_id"], ["school_plans.id"]),)
    plan_id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(20))
    class_id: Mapped[str] = mapped_column(String(255), default="")
    class_title: Mapped[str] = mapped_column(String(100), default="")
    confirmed: Mapped[bool] = mapped_column(default=True, server_default=true())
    until: Mapped[date | None]
    file: Mapped[str] = mapped_column(String(500), default="")
    line: Mapped[int] = mapped_column(default=0)
    """The place of the person's row; empty and 0 for a person who stays on the roll without one."""


class PlannedClassTeacher(Base):
    """What a plan's file says about a class; becomes ``ClassTeacher`` with the plan's roll."""

    __tablename__ = "planned_class_teachers"
    __table_args__ = (ForeignKeyConstraint(["plan_id"], ["school_plans.id"]),)
    plan_id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), default="")
    """Empty when the class has no class teacher."""


class PlannedClass(Base):
    """Which class of ours each id of a plan's file names; becomes ``ClassKey`` with its roll."""

    __tablename__ = "planned_classes"
    __table_args__ = (ForeignKeyConstraint(["plan_id"], ["school_plans.id"]),)
    plan_id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    class_key: Mapped[str] = mapped_column(String(255))
    title: Mapped[str] = mapped_column(String(100), default="")
    grade: Mapped[int | None]
    is_group: Mapped[bool] = mapped_column(default=False)
    answered: Mapped[bool] = mapped_column(default=False)
