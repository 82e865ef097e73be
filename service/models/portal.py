"""What a look into Moodle found, what a person keeps out of it, what stays as Moodle has it, and
which accounts of others are taken over."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import UtcDateTime
from service.db import Base
from service.sealed import EncryptedText


class DriftState(StrEnum):
    OPEN = "open"
    REPAIRED = "repaired"
    """A plan brought Moodle back to what we hold."""
    KEPT = "kept"
    """It stays as Moodle has it, and is not told again."""
    EXCLUDED = "excluded"
    """The account, class or course is touched by nothing from now on."""
    SETTLED = "settled"
    """A later look found it no more."""


class PortalLook(Base):
    """One reading of Moodle that was compared with what we hold."""

    __tablename__ = "portal_looks"
    id: Mapped[int] = mapped_column(primary_key=True)
    school_code: Mapped[str] = mapped_column(String(64), default="", index=True)
    """The school that was looked at; empty for the whole city."""
    sample: Mapped[int] = mapped_column(default=100, server_default="100")
    """Percent of the people, cohorts and courses that were looked at."""
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """None while it goes on, and for ever when it broke off (``problem``)."""
    actor: Mapped[str] = mapped_column(String(100))
    people: Mapped[int] = mapped_column(default=0, server_default="0")
    objects: Mapped[int] = mapped_column(default=0, server_default="0")
    """Categories, cohorts and courses that were read."""
    drifts: Mapped[int] = mapped_column(default=0, server_default="0")
    problem: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """As ``Load.problem``, or a word of ``service.portal.looks``; no personal data."""
    unread: Mapped[int] = mapped_column(default=0, server_default="0")
    """People and objects of which Moodle showed nothing."""
    claimed_by: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """``host/pid/start time`` of the process that looks; empty once it has ended."""
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Drift(Base):
    """A difference between what we hold and what Moodle has (``provisioning.drift.Drift``)."""

    __tablename__ = "drifts"
    __table_args__ = (
        Index("ix_drifts_state", "state", "school_code"),
        Index("ix_drifts_person_id", "person_id"),
        Index(
            "uq_drifts_open", "subject", "key", "kind", "field", unique=True,
            sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'"),
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    school_code: Mapped[str] = mapped_column(String(64), default="")
    kind: Mapped[str] = mapped_column(String(30))
    """``provisioning.drift.DriftKind``."""
    subject: Mapped[str] = mapped_column(String(20))
    """``provisioning.changes.Kind`` of what differs."""
    key: Mapped[str] = mapped_column(String(300))
    """As ``Change.key``."""
    place: Mapped[str] = mapped_column(String(300), default="", server_default="", index=True)
    """The key without what comes after ``|``: of a link its cohort or course."""
    person_id: Mapped[str] = mapped_column(String(36), default="", server_default="")
    moodle_id: Mapped[int | None]
    field: Mapped[str] = mapped_column(String(100), default="", server_default="")
    ours: Mapped[str] = mapped_column(EncryptedText("drifts.ours"), default="")
    theirs: Mapped[str] = mapped_column(EncryptedText("drifts.theirs"), default="")
    state: Mapped[DriftState] = mapped_column(String(20), default=DriftState.OPEN)
    places: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Of an account that is gone: its ``cohorts``, and its ``courses`` as pairs of idnumber and
    role."""
    look_id: Mapped[int] = mapped_column(ForeignKey("portal_looks.id"), index=True)
    """The look that saw it last."""
    load_id: Mapped[int | None] = mapped_column(ForeignKey("loads.id"))
    """The newest load that was planned to repair it."""
    found_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str] = mapped_column(String(100), default="", server_default="")
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(EncryptedText("drifts.reason"), default="")
    cleared_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when nothing is kept of what was there."""


class Exclusion(Base):
    """Accounts, classes or courses that nothing of ours ever touches in Moodle."""

    __tablename__ = "exclusions"
    id: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(String(20))
    """``provisioning.exclusions.Excluded``: login, role, person, class or course."""
    pattern: Mapped[str] = mapped_column(String(300))
    """A login, a role, a person id, an idnumber; ``*`` stands for any letters."""
    school_code: Mapped[str] = mapped_column(String(64), default="", index=True)
    reason: Mapped[str] = mapped_column(EncryptedText("exclusions.reason"), default="")
    made_by: Mapped[str] = mapped_column(String(100))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_by: Mapped[str] = mapped_column(String(100), default="", server_default="")
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class WritingPause(Base):
    """A time in which nothing is written to Moodle, because somebody wished so."""

    __tablename__ = "writing_pauses"
    id: Mapped[int] = mapped_column(primary_key=True)
    made_by: Mapped[str] = mapped_column(String(100))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """It ends by itself then; None: when somebody ends it."""
    reason: Mapped[str] = mapped_column(EncryptedText("writing_pauses.reason"))
    ended_by: Mapped[str] = mapped_column(String(100), default="", server_default="")
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)


class StickyField(Base):
    """A field that somebody changed by hand in Moodle, and that stays so while the source is as it
    was then."""

    __tablename__ = "sticky_fields"
    subject: Mapped[str] = mapped_column(String(20), primary_key=True)
    """``provisioning.changes.Kind``."""
    key: Mapped[str] = mapped_column(String(300), primary_key=True)
    field: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[str] = mapped_column(EncryptedText("sticky_fields.value"))
    """As Moodle has it."""
    source_value: Mapped[str] = mapped_column(EncryptedText("sticky_fields.source_value"))
    """What we wanted there when it was changed."""
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    drift_id: Mapped[int | None] = mapped_column(ForeignKey("drifts.id"))
    ends: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Somebody wants what the source says again: the next plan brings it."""
    kept_by: Mapped[str] = mapped_column(String(100), default="", server_default="")


class PlannedSticky(Base):
    """What a plan made of a field that was changed by hand (``provisioning.stickiness.Judged``)."""

    __tablename__ = "planned_sticky_fields"
    plan_id: Mapped[int] = mapped_column(ForeignKey("school_plans.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(300), primary_key=True)
    field: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[str] = mapped_column(EncryptedText("planned_sticky_fields.value"))
    wanted: Mapped[str] = mapped_column(EncryptedText("planned_sticky_fields.wanted"))
    """What the source of this plan says."""
    verdict: Mapped[str] = mapped_column(String(10))
    """``provisioning.stickiness.Verdict``."""


class AdoptionState(StrEnum):
    """How far a look at the accounts that others made has come."""

    READING = "reading"
    COMPARING = "comparing"
    PLANNED = "planned"
    """The list can be looked at; nothing is written before the yes."""
    APPROVED = "approved"
    """Somebody said yes to the list; it is being carried out, or waits to go on."""
    APPLIED = "applied"


class AdoptionRun(Base):
    """One reading of all accounts of Moodle, and what becomes of it."""

    __tablename__ = "adoption_runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[AdoptionState] = mapped_column(String(20))
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(100))
    read_up_to: Mapped[int] = mapped_column(default=0, server_default="0")
    """Moodle's numbers of accounts up to this one are read."""
    last_seen: Mapped[int] = mapped_column(default=0, server_default="0")
    """The largest number that an account had."""
    compared_up_to: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Code of the last school whose people were compared."""
    digest: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Of the list to which somebody said yes."""
    approved_by: Mapped[str] = mapped_column(String(100), default="", server_default="")
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    plans: Mapped[dict[str, int]] = mapped_column(JSON, default=dict, server_default="{}")
    """The plans that wait at the yes, by school code: whom they would make an account for."""
    problem: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """A code of ``provisioning.moodle.errors``; no personal data."""


class Adoption(Base):
    """An account of Moodle that somebody else made, and whose it is."""

    __tablename__ = "adoptions"
    __table_args__ = (
        Index("ix_adoptions_outcome", "outcome", "school_code", "moodle_id"),
        # One account of a human, by the database itself.
        Index(
            "uq_adoptions_person_id", "person_id", unique=True,
            sqlite_where=text("person_id <> ''"), postgresql_where=text("person_id <> ''"),
        ),
    )  # fmt: skip
    moodle_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    run_id: Mapped[int] = mapped_column(ForeignKey("adoption_runs.id"), index=True)
    """The look that saw it last."""
    school_code: Mapped[str] = mapped_column(String(64), default="")
    """The school that its words name, or that of the human; empty when not known."""
    outcome: Mapped[str] = mapped_column(String(20))
    """``service.portal.adopt_listing.Shown``."""
    person_id: Mapped[str] = mapped_column(String(36), default="", server_default="")
    """Whose it is, once that is certain or answered."""
    why: Mapped[str] = mapped_column(String(300), default="", server_default="")
    """Codes of evidence, with blanks between; no personal data."""
    account: Mapped[str] = mapped_column(EncryptedText("adoptions.account"))
    """``provisioning.adoption.Account`` as JSON."""
    candidates: Mapped[str] = mapped_column(EncryptedText("adoptions.candidates"), default="")
    """Of a question: JSON, a list of person ids; and of whom it was said that it is not theirs."""
    name_hash: Mapped[str] = mapped_column(String(16), index=True)
    """Keyed hashes, by which people are looked for without their names in the clear."""
    snils_hash: Mapped[str] = mapped_column(String(16), index=True)
    idnumber_hash: Mapped[str] = mapped_column(String(16), index=True)
    login_hash: Mapped[str] = mapped_column(String(16), index=True)
    decided_by: Mapped[str] = mapped_column(String(100), default="", server_default="")
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    adopted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AdoptedObject(Base):
    """A category, cohort or course of Moodle that somebody else made, by the name that tells it."""

    __tablename__ = "adopted_objects"
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    moodle_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    run_id: Mapped[int] = mapped_column(ForeignKey("adoption_runs.id"), index=True)
    key: Mapped[str] = mapped_column(String(100), default="", server_default="")
    """The idnumber that it gets; empty when several fit."""
    school_code: Mapped[str] = mapped_column(String(64), default="", index=True)
    outcome: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(255))
    adopted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
