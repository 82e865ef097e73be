"""Systems of the settings file and of the console as one, with what is switched while running."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, sessionmaker

from auth.clients.problems import FieldProblem
from auth.clients.stored import as_kept, from_json
from auth.esia.models import (
    EsiaCode,
    EsiaConsent,
    EsiaRegistration,
    EsiaRequest,
    EsiaSwitches,
    EsiaToken,
)
from auth.esia.protocol.gost import Gost, GostError
from auth.esia.protocol.signatures import Certificate, OtherKey, make_certificate
from auth.esia.standin import Recording, RegisteredSystem
from auth.models import table_of
from auth.settings import EsiaSystem

OWN_COLUMNS = frozenset({"mnemonic", "certificate", "next_certificate", "faults"})

_REGISTERED, _SWITCHED = (
    select(func.coalesce(func.sum(table_of(model).c.version), 0)).scalar_subquery()
    for model in (EsiaRegistration, EsiaSwitches)
)
_VERSION = select(_REGISTERED + _SWITCHED)
"""Grows with each change: both sums only grow. Built once, since each request asks."""

log = logging.getLogger(__name__)


@dataclass
class Systems:
    """The systems as they are now: every process sees a change at the next request.

    Each look takes one small query; any number of threads may look.
    """

    configured: Mapping[str, RegisteredSystem]
    session_factory: sessionmaker[Session]
    gost: Gost
    _known: tuple[int | None, Mapping[str, RegisteredSystem]] | None = None

    def current(self) -> Mapping[str, RegisteredSystem]:
        """Return the systems by mnemonic, without disabled ones."""
        known = self._known
        with self.session_factory() as db:
            version = db.scalar(_VERSION)
            if known is None or known[0] != version:
                known = version, read_systems(db, self.configured, self.gost)
                self._known = known
        return known[1]


def read_systems(
    db: Session, configured: Mapping[str, RegisteredSystem], gost: Gost
) -> dict[str, RegisteredSystem]:
    """Return all systems that may be used. One of the settings file hides one of the console."""
    systems = {}
    for row in db.scalars(select(EsiaRegistration).where(EsiaRegistration.disabled_at.is_(None))):
        try:
            systems[row.mnemonic] = RegisteredSystem(
                settings=system_of(row), certificates=tuple(certificates_of(row, gost))
            )
        except (ValueError, TypeError, GostError):
            log.warning("a registered system cannot be used", extra={"system": row.mnemonic})
    systems |= configured
    for switches in db.scalars(select(EsiaSwitches)):
        if system := systems.get(switches.mnemonic):
            systems[switches.mnemonic] = _switched(system, switches)
    return systems


def system_of(row: EsiaRegistration) -> EsiaSystem:
    """Raises ``ValueError`` for fields that a newer version of ours no longer takes."""
    return EsiaSystem(mnemonic=row.mnemonic, **from_json(EsiaSystem, row.settings))


def system_as_kept(row: EsiaRegistration) -> tuple[EsiaSystem, tuple[FieldProblem, ...]]:
    """Return the system to be shown, and why it cannot be used."""
    values = {"mnemonic": row.mnemonic, **from_json(EsiaSystem, row.settings)}
    return as_kept(EsiaSystem, values)


def certificates_of(row: EsiaRegistration, gost: Gost) -> list[Certificate]:
    """Return the certificate in force and the next one, as far as there are usable ones.

    A certificate that an earlier version took and that no signature can be checked with is left
    out: the system then shows as one without it, and takes another.
    """
    found = []
    for der in filter(None, (row.certificate, row.next_certificate)):
        try:
            found.append(make_certificate(der, gost))
        except OtherKey as error:
            log.warning(
                "a certificate of a registered system cannot count: %s",
                error,
                extra={"system": row.mnemonic},
            )
    return found


def _switched(system: RegisteredSystem, switches: EsiaSwitches) -> RegisteredSystem:
    settings = system.settings
    if switches.faults is not None:
        settings = replace(settings, faults=tuple(switches.faults))
    recording = None
    if switches.recording_key and switches.recording_until:
        key = bytes.fromhex(switches.recording_key)
        recording = Recording(key=key, until=switches.recording_until)
    return replace(system, settings=settings, recording=recording)


def end_what_was_given(db: Session, mnemonic: str) -> None:
    """End every request, code and token of a system, and what people agreed to tell it."""
    for table in (EsiaRequest, EsiaCode, EsiaToken, EsiaConsent):
        db.execute(delete(table).where(table.system == mnemonic))


class Change(StrEnum):
    """The stage of a system's change of its certificate."""

    NONE = "none"
    """No certificate at all."""
    SINGLE = "single"
    """There is one, and no next one."""
    ANNOUNCED = "announced"
    """The next one is not valid yet."""
    OVERLAPPING = "overlapping"
    """Both are valid."""
    DONE = "done"
    """The earlier one has ended, the next one is valid."""
    ENDED = "ended"
    """All have ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateChange:
    """The state of a system's certificates and the day on which it will change by itself."""

    state: Change
    until: datetime | None


def certificate_change(certificates: Sequence[Certificate], now: datetime) -> CertificateChange:
    """Return the stage of the change, by the dates of both certificates."""
    if not certificates:
        return CertificateChange(state=Change.NONE, until=None)
    current, following = certificates[0], certificates[-1]
    if following.not_after < now:
        return CertificateChange(state=Change.ENDED, until=None)
    if len(certificates) == 1:
        return CertificateChange(state=Change.SINGLE, until=current.not_after)
    if following.not_before > now:
        return CertificateChange(state=Change.ANNOUNCED, until=following.not_before)
    if current.not_after >= now:
        return CertificateChange(state=Change.OVERLAPPING, until=current.not_after)
    return CertificateChange(state=Change.DONE, until=following.not_after)
