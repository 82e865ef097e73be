"""Upstream: what every outside provider does for us; Attempt: one sign-in on its way there."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from auth.linking.identity import OutsideIdentity


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
        """Where the person signs in. Raises ``UpstreamError``."""

    def identify(self, answer: Mapping[str, str], attempt: Attempt) -> OutsideIdentity:
        """Who came back with this answer, whose ``state`` was checked. Raises
        ``UpstreamError``."""

    def sign_out_address(self, back: str, state: str, now: datetime) -> str:
        """Where the sign-in over there ends; it returns the person to ``back``, an address of
        ours, with ``state``. Empty when there is no such place, or it cannot be learnt now."""
