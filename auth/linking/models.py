"""Tables of linking. What is known of an unlinked identity is kept while it is needed, no longer.

Everything with ``expires_at`` is deleted by ``auth.expiry`` when that has passed.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from auth.models import Base, BigId


class Evidence(StrEnum):
    """Why we believe that an outside identity is one of our people."""

    SNILS = "snils"
    """The same СНИЛС, and neither name nor birth date says otherwise."""
    NAME_AND_LOGIN = "name_and_login"
    """The same name and birth date, and the person knew the school login and password."""
    SCHOOL = "school"
    """An administrator looked and said so."""


class Link(Base):
    """An outside identity opens this person's account. One identity may open several."""

    __tablename__ = "auth_links"
    __table_args__ = (
        UniqueConstraint("provider", "person_id"),
        Index("ix_auth_links_provider_subject", "provider", "subject"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    provider: Mapped[str] = mapped_column(String(64))
    """As in ``OutsideIdentity``."""
    subject: Mapped[str] = mapped_column(String(255))
    person_id: Mapped[str] = mapped_column(String(36), index=True)
    linked_at: Mapped[datetime]
    evidence: Mapped[str] = mapped_column(String(20))
    """An ``Evidence``."""


class LinkAction(StrEnum):
    LINKED = "linked"
    UNLINKED = "unlinked"


class LinkEvent(Base):
    """A link made or ended. No foreign key: it outlives the link and the person's row."""

    __tablename__ = "auth_link_events"
    __table_args__ = (Index("ix_auth_link_events_school_code_at", "school_code", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(10))
    """A ``LinkAction``; a relink is both, at the same moment and with the same reason."""
    provider: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(255))
    person_id: Mapped[str] = mapped_column(String(36), index=True)
    school_code: Mapped[str] = mapped_column(String(64))
    """The person's school as of then."""
    evidence: Mapped[str] = mapped_column(String(20))
    """An ``Evidence``; of a link that ended, what it had been made by."""
    actor: Mapped[str] = mapped_column(String(100))
    """The operator; empty: the person, by signing in."""
    reason: Mapped[str] = mapped_column(String(500))
    """The operator's words."""


class PendingIdentity(Base):
    """An outside identity whose account is not clear yet, while its person answers our pages."""

    __tablename__ = "auth_link_arrivals"

    arrival_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(String(64))
    """The browser it came with; another one that learns the address sees nothing."""
    identity: Mapped[dict[str, Any]] = mapped_column(JSON)
    """An ``OutsideIdentity`` as ``pending_identities`` writes it."""
    query: Mapped[str] = mapped_column(Text)
    """The query of the authorization request to go on with; may be empty."""
    expires_at: Mapped[datetime] = mapped_column(index=True)


class LinkChoice(Base):
    """Which of several people somebody entered as, remembered for one browser."""

    __tablename__ = "auth_link_choices"

    choice_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The digest of the browser's cookie together with the identity."""
    person_id: Mapped[str] = mapped_column(String(36))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class LinkRequest(Base):
    """Somebody whom we could not find asks a school; one for each identity.

    When it is answered all that is personal goes, and what is left waits for the person to read.
    """

    __tablename__ = "auth_link_requests"
    __table_args__ = (
        UniqueConstraint("provider", "subject"),
        Index("ix_auth_link_requests_school_code", "school_code"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    provider: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(255))
    school_code: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime]
    family_name: Mapped[str] = mapped_column(String(255), default="")
    given_name: Mapped[str] = mapped_column(String(255), default="")
    middle_name: Mapped[str] = mapped_column(String(255), default="")
    birth_date: Mapped[date | None]
    snils: Mapped[str] = mapped_column(String(11), default="")
    child: Mapped[bool] = mapped_column(default=False)
    """A child's account at the outside provider."""
    answered_at: Mapped[datetime | None]
    """None: it is open. A request that was granted is deleted: the link is the answer."""
    answer: Mapped[str] = mapped_column(String(500), default="")
    """The reason of a refusal, in the school's words."""
    seen: Mapped[bool] = mapped_column(default=False)
    """The person has read the answer."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
