"""Outside providers: their interface, a sign-in on its way there, and the people who return."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

ESIA_CLIENT = "esia:"
"""The prefix of the mnemonic of a system that came through the ЕСИА stand-in."""

MAX_LENGTH = 255
"""The limit for a subject (OpenID Connect Core, section 2) and for each name."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class OutsideChild:
    """A child of an outside identity, joined to a student by СНИЛС only
    (docs/facts/esia.md 8.6)."""

    snils: str
    """Eleven digits, or empty: then the child cannot be named."""
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


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Attempt:
    """One sign-in as it was begun in one browser.

    Nonce and code verifier are made of the state and the browser's cookie, so they are stored
    nowhere and no other browser can use a code.
    """

    state: str
    """A UUID, version 4, as ЕСИА demands."""
    cookie: str
    redirect_uri: str
    at: datetime

    @property
    def nonce(self) -> str:
        return self._derived("nonce")

    @property
    def code_verifier(self) -> str:
        """43 characters of base64url (RFC 7636 section 4.1)."""
        return self._derived("code verifier")

    def _derived(self, purpose: str) -> str:
        made = hmac.digest(self.cookie.encode(), f"{purpose} {self.state}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(made).decode().rstrip("=")


class Upstream(Protocol):
    """An outside provider. Promises of an implementer: every call ends within the time of the
    settings, nothing personal in exceptions and logs, no code is exchanged twice."""

    @property
    def key(self) -> str: ...

    @property
    def title(self) -> str: ...

    def authorization_address(self, attempt: Attempt) -> str:
        """Return where the person signs in. Raises ``UpstreamError``."""

    def identify(self, answer: Mapping[str, str], attempt: Attempt) -> OutsideIdentity:
        """Return who came back with this answer, whose ``state`` was checked.

        Raises ``UpstreamError``.
        """

    def sign_out_address(self, back: str, state: str, now: datetime) -> str:
        """Return where the sign-in over there ends; from there the person returns to ``back``, an
        address of ours, with ``state``. Empty when there is no such place, or none is known."""


class Arrive(Protocol):
    """Takes a person whom an outside provider vouched for to the right page."""

    def __call__(self, identity: OutsideIdentity, *, query: str) -> Response: ...
