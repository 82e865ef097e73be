"""Standin: all that the ЕСИА stand-in of one application consists of."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from flask import current_app, g, has_request_context
from sqlalchemy.orm import Session, sessionmaker

from auth.cookies import Cookie
from auth.esia.people.people import People
from auth.esia.protocol.gost import Gost
from auth.esia.protocol.keys import StandinKeys
from auth.esia.protocol.signatures import Certificate, OtherKey, make_certificate
from auth.esia.workbench.faults import check_faults
from auth.settings import EsiaSettings, EsiaSystem

if TYPE_CHECKING:
    from auth.oidc.context import Context

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """A recording: the exchanges of a system are kept, masked, until a moment."""

    key: bytes = field(repr=False)
    """The key of the stand-ins for secrets and people (``masking.Mask``)."""
    until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredSystem:
    """A system with its certificates read."""

    settings: EsiaSystem
    certificates: tuple[Certificate, ...]
    recording: Recording | None = None

    @property
    def mnemonic(self) -> str:
        return self.settings.mnemonic


@dataclass(frozen=True, kw_only=True)
class Standin:
    """What the stand-in works with; kept in ``app.extensions["esia"]``."""

    settings: EsiaSettings
    base_url: str
    """Our public address without a final slash."""
    registered: Callable[[], Mapping[str, RegisteredSystem]]
    """Returns the systems as they are now."""
    session_factory: sessionmaker[Session]
    clock: Callable[[], datetime]
    gost: Gost
    keys: StandinKeys
    people: People
    context: Context
    """That of the provider beside it, for people with a login here."""
    sleep: Callable[[float], None] = time.sleep
    """The way in which the fault ``slow`` waits."""

    @property
    def tolerance(self) -> timedelta:
        """How far the timestamp of a request may be from our time."""
        return timedelta(seconds=self.settings.timestamp_tolerance_seconds)

    @property
    def browser_cookie(self) -> Cookie:
        """The cookie by which a browser is known before anybody signs in."""
        return Cookie(name="esia_browser", secure=self.context.sessions.cookie.secure)

    @property
    def session_cookie(self) -> Cookie:
        """The cookie of a session, named as ЕСИА names its own."""
        return Cookie(name="ESIA_SESSION", secure=self.context.sessions.cookie.secure)

    @property
    def systems(self) -> Mapping[str, RegisteredSystem]:
        """The systems of the settings file and of the console by mnemonic, the same for a whole
        request."""
        if not has_request_context():
            return self.registered()
        if "esia_systems" not in g:
            g.esia_systems = self.registered()
        systems: Mapping[str, RegisteredSystem] = g.esia_systems
        return systems


def read_systems(settings: EsiaSettings, gost: Gost) -> dict[str, RegisteredSystem]:
    """Read the certificates. Raises ``ValueError`` that names the system and the file.

    A system whose file is not there yet has no certificate yet: as with ЕСИА it is registered all
    the same, and its requests are refused.
    """
    systems = {}
    for system in settings.systems:
        check_faults(system.faults)
        if not system.certificate:
            raise ValueError(f"{system.mnemonic}: certificate must name a file")
        certificates = []
        for path in filter(None, (system.certificate, system.next_certificate)):
            try:
                certificates.append(make_certificate(Path(path).read_bytes(), gost))
            except FileNotFoundError:
                log.warning("ЕСИА stand-in: %s: no file %s", system.mnemonic, path)
            except (OSError, ValueError, TypeError) as error:
                why = f": {error}" if isinstance(error, OtherKey) else ""
                raise ValueError(
                    f"{system.mnemonic}: {path} is not a readable certificate (PEM or DER, "
                    f"RSA or GOST R 34.10-2012){why}"
                ) from error
        systems[system.mnemonic] = RegisteredSystem(
            settings=system, certificates=tuple(certificates)
        )
    return systems


def current_standin() -> Standin:
    """Return the stand-in of the application that answers this request."""
    standin: Standin = current_app.extensions["esia"]
    return standin
