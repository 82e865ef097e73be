"""Handover: all that one application needs to hand sign-ins on and to take people back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from flask import Request, current_app
from werkzeug.wrappers import Response

from auth.linking.identity import OutsideIdentity
from auth.upstream.port import Upstream


class Arrive(Protocol):
    """Takes somebody whom an outside provider vouched for to where they belong."""

    def __call__(self, identity: OutsideIdentity, *, query: str) -> Response: ...


@dataclass(frozen=True, kw_only=True)
class Handover:
    """Lives in ``app.extensions["auth_upstream"]``."""

    upstreams: Sequence[Upstream]
    """In the order of their buttons."""
    arrive: Arrive
    sign_in_age: timedelta
    """How long a person may take over there."""
    secure: bool
    """We are reached by https."""

    @property
    def by_key(self) -> dict[str, Upstream]:
        return {one.key: one for one in self.upstreams}

    @property
    def _cookie(self) -> str:
        """Named as that of the sign-in, and for the same reason (``Sessions``)."""
        return "__Host-signed_in_at" if self.secure else "signed_in_at"

    def remember(self, response: Response, key: str) -> None:
        """This browser has a sign-in over there too, whoever it turned out to be here.

        It lasts for hours (docs/facts/esia.md 1.18), so a sign-out has to end it, or at a school
        computer the next person enters with one click.
        """
        response.set_cookie(
            self._cookie, key, path="/", secure=self.secure, httponly=True, samesite="Lax"
        )

    def remembered(self, request: Request) -> Upstream | None:
        return self.by_key.get(request.cookies.get(self._cookie, ""))

    def forget(self, response: Response) -> None:
        response.delete_cookie(
            self._cookie, path="/", secure=self.secure, httponly=True, samesite="Lax"
        )


def current_handover() -> Handover:
    """That of the application that answers this request."""
    handover: Handover = current_app.extensions["auth_upstream"]
    return handover
