"""What only people can say, what they said, and the rows that are kept to plan again from."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import UtcDateTime
from provisioning.questions import Answer, QuestionKind
from service.db import Base
from service.models.operators import OperatorRole
from service.sealed import EncryptedText


class QuestionState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    SUPERSEDED = "superseded"
    """A newer file of the school settles it or asks something else."""


class StoredQuestion(Base):
    """A stored ``provisioning.questions.Question``."""

    __tablename__ = "questions"
    __table_args__ = (
        Index("ix_questions_about", "school_code", "kind", "key"),
        Index("ix_questions_state", "state", "school_code"),
        Index("ix_questions_pattern", "pattern"),
        Index(
            "uq_questions_open", "school_code", "kind", "key", unique=True,
            sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'"),
        ),
    )  # fmt: skip
    """The last index: the same is asked once at a time, however many loads ask."""
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[QuestionKind] = mapped_column(String(20))
    state: Mapped[QuestionState] = mapped_column(String(20), default=QuestionState.OPEN)
    school_code: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(300))
    rows: Mapped[str] = mapped_column(EncryptedText("questions.rows"), default="[]")
    """JSON: ``[{"school_code", "sourced_id"}, …]``."""
    candidates: Mapped[str] = mapped_column(EncryptedText("questions.candidates"), default="[]")
    """JSON: ``[{"key", "memberships", "evidence"}, …]``."""
    evidence: Mapped[str] = mapped_column(EncryptedText("questions.evidence"), default="[]")
    pattern: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Equal for questions of equal kind and evidence: these can be answered together."""
    part: Mapped[str] = mapped_column(String(20), default="", server_default="")
    """``roster.Part`` of the rows: only a file with this part can settle the question."""
    load_id: Mapped[int | None] = mapped_column(ForeignKey("loads.id"), index=True)
    """The load that asked last."""
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    cleared_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when nothing is kept of it and its answers but ids and what was answered."""


class StoredDecision(Base):
    """What a person answered, and when; kept when it is undone."""

    __tablename__ = "decisions"
    __table_args__ = (Index("ix_decisions_about", "school_code", "kind", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("questions.id"), index=True)
    school_code: Mapped[str] = mapped_column(String(64))
    kind: Mapped[QuestionKind] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(300))
    answer: Mapped[Answer] = mapped_column(String(20))
    candidate: Mapped[str] = mapped_column(String(300), default="")
    refused: Mapped[list[str]] = mapped_column(JSON, default=list)
    evidence: Mapped[str] = mapped_column(EncryptedText("decisions.evidence"), default="[]")
    """What the person saw who answered."""
    reason: Mapped[str] = mapped_column(EncryptedText("decisions.reason"), default="")
    effects: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What the answer changed of our records, so that undoing it restores them; ids only."""
    before: Mapped[str] = mapped_column(EncryptedText("decisions.before"), default="{}")
    """JSON: person id -> table -> column -> what was known, and what the answer makes of it.
    Undoing restores what nobody has changed since."""
    decided_by: Mapped[str] = mapped_column(String(100))
    decided_role: Mapped[OperatorRole] = mapped_column(String(20), default=OperatorRole.CITY)
    """With whose rights; who takes it back needs these too."""
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
    undone_by: Mapped[str] = mapped_column(String(100), default="")
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AccountState(StrEnum):
    """What was said of an account of Moodle that stands in the way of a person's."""

    ASKED = "asked"
    SAME = "same"
    """It is the person's: the next plan takes it over."""
    DIFFERENT = "different"


class ForeignAccount(Base):
    """An account of Moodle that may be a person's, and that we have not made."""

    __tablename__ = "foreign_accounts"
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    moodle_id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[AccountState] = mapped_column(String(20))
    account: Mapped[str] = mapped_column(EncryptedText("foreign_accounts.account"))
    """JSON: ``provisioning.foreign_accounts.KEPT``, as it was found."""
    to_let_go: Mapped[str] = mapped_column(EncryptedText("foreign_accounts.to_let_go"), default="")
    """JSON of what is given back with the next plan; empty when nothing is."""
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PlannedRoster(Base):
    """The rows that a plan was made from; of an applied plan the school's last accepted rows."""

    __tablename__ = "planned_rosters"
    plan_id: Mapped[int] = mapped_column(ForeignKey("school_plans.id"), primary_key=True)
    school_code: Mapped[str] = mapped_column(String(64), index=True)
    source: Mapped[str] = mapped_column(String(64))
    told_code: Mapped[str] = mapped_column(String(64))
    """The code under which the export itself names the school."""
    rows: Mapped[str] = mapped_column(EncryptedText("planned_rosters.rows"))
    """JSON: ``{"roster": provisioning.roster.Roster, "findings": […]}``, as read, before anything
    was decided about the rows."""
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SchoolCode(Base):
    """Another code under which exports name a school that we know."""

    __tablename__ = "school_codes"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"), index=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"))


class ClassKey(Base):
    """Which class of ours an id of a school's exports names now.

    Cohorts and courses hang on the key. It is the id itself until the school gives a class another
    id, or the id to another class.
    """

    __tablename__ = "class_keys"
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"), primary_key=True)
    school_year: Mapped[str] = mapped_column(String(9), primary_key=True)
    class_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    class_key: Mapped[str] = mapped_column(String(255))
    """Empty while an id that named nothing before is in doubt again."""
    title: Mapped[str] = mapped_column(String(100), default="")
    grade: Mapped[int | None]
    is_group: Mapped[bool] = mapped_column(default=False)
    answered: Mapped[bool] = mapped_column(default=False)
    """A person said so."""
    in_doubt: Mapped[bool] = mapped_column(default=False)
    """An answer was taken back: the class is asked about until there is another."""
    since: Mapped[datetime] = mapped_column(UtcDateTime)
