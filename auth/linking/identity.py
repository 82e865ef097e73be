"""OutsideIdentity: what an outside provider says about who signed in there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

MAX_LENGTH = 255
"""Of a subject (OpenID Connect Core, section 2) and of each name."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class OutsideChild:
    """A child of an outside identity, joined to a student by СНИЛС only
    (docs/facts/esia.md 8.6)."""

    snils: str
    """Eleven digits, or empty: then the child is nobody we could name."""
    given_name: str = ""

    def __repr__(self) -> str:
        return "OutsideChild()"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class OutsideIdentity:
    """Somebody as another provider knows them. Nothing here is an e-mail address: people are never
    linked by one. Its text form names nobody.

    Names lose what cannot be shown or stored. Raises ``ValueError`` for a subject that cannot be
    one: with it nobody could be told apart.
    """

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
    """A child's account (``KD``): made by a parent, after birth certificate and СНИЛС were found in
    the state's registers (docs/facts/esia.md 8.4). What it says has to be confirmed here."""
    children: tuple[OutsideChild, ...] = ()

    def __post_init__(self) -> None:
        if not (self.subject.isprintable() and 0 < len(self.subject) <= MAX_LENGTH):
            raise ValueError("a subject is a printable text of at most 255 characters")
        for name in ("family_name", "given_name", "middle_name"):
            shown = "".join(filter(str.isprintable, getattr(self, name)))
            object.__setattr__(self, name, shown.strip()[:MAX_LENGTH])

    def __repr__(self) -> str:
        return f"OutsideIdentity(provider={self.provider!r})"
