"""OutsideIdentity: what an outside provider says about who signed in there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class OutsideChild:
    """A child of an outside identity, joined to a pupil by СНИЛС only (ЕСИА notes, section 8)."""

    snils: str
    """Eleven digits, or empty: then the child is nobody we could name."""
    given_name: str = ""

    def __repr__(self) -> str:
        return "OutsideChild()"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class OutsideIdentity:
    """Somebody as another provider knows them. Nothing here is an e-mail address: people are never
    linked by one. Its text form names nobody."""

    provider: str
    """The key of the outside provider in the settings."""
    subject: str
    """Their identifier there; the oid at ЕСИА."""
    family_name: str = ""
    given_name: str = ""
    middle_name: str = ""
    birth_date: date | None = None
    snils: str = ""
    """Eleven digits, or empty."""
    confirmed: bool = False
    """The state checked who they are (``trusted``); nobody else is linked by СНИЛС or name."""
    child: bool = False
    """A child's account (``KD``): made by a parent, after birth certificate and СНИЛС were found
    in the state's registers (ЕСИА notes, section 8). What it says has to be confirmed here."""
    children: tuple[OutsideChild, ...] = ()

    def __repr__(self) -> str:
        return f"OutsideIdentity(provider={self.provider!r})"
