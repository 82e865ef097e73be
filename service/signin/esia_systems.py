"""Use cases about systems of the ЕСИА stand-in: registration, certificates, faults, recordings."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from auth.clients.problems import FieldProblem, Flaw, WrongFields
from auth.clients.stored import to_json
from auth.esia.models import EsiaLogEntry, EsiaRegistration, EsiaSwitches
from auth.esia.protocol.gost import Gost
from auth.esia.protocol.scopes import KNOWN_SCOPES
from auth.esia.protocol.signatures import Certificate, OtherKey, make_certificate
from auth.esia.registration import (
    OWN_COLUMNS,
    certificates_of,
    end_what_was_given,
    system_as_kept,
)
from auth.esia.standin import RegisteredSystem, read_systems
from auth.esia.workbench import recorder
from auth.esia.workbench.faults import check_faults
from auth.models import digest
from auth.settings import EsiaSettings, EsiaSystem
from service.access import Forbidden, need_city
from service.audit import AuditAction
from service.signin.registrations import FormField, Registrations, form_fields

RECORDING_MINUTES = (15, 60, 240)
MAX_CERTIFICATE_BYTES = 100_000


def system_fields() -> list[FormField]:
    """Return the fields of a system that can be changed in the console, without certificates and
    faults."""
    return form_fields(EsiaSystem, without=OWN_COLUMNS, choices={"scopes": sorted(KNOWN_SCOPES)})


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownSystem:
    """A system as the console shows it."""

    settings: EsiaSystem
    """With the faults in force."""
    certificates: tuple[Certificate, ...]
    from_file: bool
    faults_of_file: tuple[str, ...] | None
    """Those of the settings file while others are in force instead; None: they are in force."""
    disabled_at: datetime | None
    has_key: bool
    """A key for its developer is in force."""
    recording_from: datetime | None
    recording_until: datetime | None
    problems: tuple[FieldProblem, ...] = ()
    """Why it cannot be used, although an earlier version took it."""

    @property
    def mnemonic(self) -> str:
        return self.settings.mnemonic


@dataclass(frozen=True, kw_only=True)
class Systems(Registrations[EsiaRegistration]):
    """The use cases, with what all of them need."""

    settings: EsiaSettings
    gost: Gost

    table = EsiaRegistration
    name_field, audited_as = "mnemonic", "system"

    @property
    def names_in_file(self) -> Collection[str]:
        return {system.mnemonic for system in self.settings.systems}

    def all(self) -> list[KnownSystem]:
        """Return those of the settings file, then those of the console."""
        need_city(self.scope)
        switches = {one.mnemonic: one for one in self.db.scalars(select(EsiaSwitches))}
        configured = read_systems(self.settings, self.gost)
        known = [
            self._known(system, switches.get(mnemonic), None)
            for mnemonic, system in configured.items()
        ]
        for row in self.db.scalars(select(EsiaRegistration).order_by(EsiaRegistration.mnemonic)):
            if row.mnemonic not in configured:
                settings, problems = system_as_kept(row)
                system = RegisteredSystem(
                    settings=settings, certificates=tuple(certificates_of(row, self.gost))
                )
                known.append(self._known(system, switches.get(row.mnemonic), row, problems))
        return known

    def find(self, mnemonic: str) -> KnownSystem:
        """Return this system, of the settings file or the console."""
        for known in self.all():
            if known.mnemonic == mnemonic:
                return known
        raise Forbidden("registration")

    def create(self, mnemonic: str, values: Mapping[str, Any], certificate: bytes) -> EsiaSystem:
        """Register a system; ``certificate`` may be empty. Raises ``WrongFields``."""
        need_city(self.scope)
        der, wrong = self._read(certificate, "certificate") if certificate else (None, [])
        system = self._make(EsiaSystem, mnemonic, values, wrong)
        row = EsiaRegistration(mnemonic=mnemonic, certificate=der, created_at=self.now)
        self._keep(row, system)
        self.db.add(row)
        self._record(AuditAction.ESIA_SYSTEM_ADD, mnemonic)
        return system

    def change(self, mnemonic: str, values: Mapping[str, Any]) -> None:
        """Take over these fields. Raises ``WrongFields``."""
        row = self._row(mnemonic)
        (before, _problems), system = system_as_kept(row), EsiaSystem(mnemonic=mnemonic, **values)
        changed = sorted(n for n in values if getattr(before, n) != getattr(system, n))
        if changed:
            self._keep(row, system)
            self._record(AuditAction.ESIA_SYSTEM_CHANGE, mnemonic, fields=changed)

    def put_certificate(self, mnemonic: str, content: bytes, *, following: bool) -> None:
        """Take the certificate in force, or the ``following`` one. Raises ``WrongFields``."""
        row = self._row(mnemonic)
        name = "next_certificate" if following else "certificate"
        der, problems = self._read(content, name)
        if der and der in (row.certificate, row.next_certificate):
            problems = [FieldProblem(field=name, flaw=Flaw.SAME_CERTIFICATE)]
        if following and row.certificate is None:
            problems = [FieldProblem(field="certificate", flaw=Flaw.MISSING)]
        if problems:
            raise WrongFields(problems)
        self._put(row, name, **{name: der})

    def finish_change(self, mnemonic: str) -> None:
        """Make the next certificate the one in force, and drop the other."""
        row = self._row(mnemonic)
        if row.next_certificate is None:
            raise Forbidden("registration")
        self._put(row, "finish", certificate=row.next_certificate, next_certificate=None)

    def drop_next(self, mnemonic: str) -> None:
        """Take the next certificate back."""
        self._put(self._row(mnemonic), "drop_next", next_certificate=None)

    def _put(self, row: EsiaRegistration, which: str, **certificates: bytes | None) -> None:
        for name, der in certificates.items():
            setattr(row, name, der)
        row.touch(self.now)
        self._record(AuditAction.ESIA_SYSTEM_SET_CERTIFICATE, row.mnemonic, which=which)

    def switch(self, mnemonic: str, *, on: bool) -> None:
        """Disable a system, or enable it again. Its tokens end either way."""
        action = AuditAction.ESIA_SYSTEM_ENABLE if on else AuditAction.ESIA_SYSTEM_DISABLE
        self._switch(mnemonic, action, on=on)
        end_what_was_given(self.db, mnemonic)

    def set_faults(self, mnemonic: str, faults: Iterable[str] | None) -> None:
        """Let these go wrong from the next request on; None: those of the settings file.

        Raises ``ValueError`` for an unknown fault.
        """
        switches = self._switches(mnemonic)
        chosen = None if faults is None else sorted(set(faults))
        check_faults(chosen or ())
        switches.faults = chosen
        switches.touch()
        self._record(AuditAction.ESIA_SYSTEM_SET_FAULTS, mnemonic, faults=chosen)

    def new_key(self, mnemonic: str) -> str:
        """Make a key that opens the log to the system's developer, instead of an earlier one."""
        key = secrets.token_urlsafe(32)
        self._set_key(mnemonic, digest(key), AuditAction.ESIA_SYSTEM_RENEW_KEY)
        return key

    def revoke_key(self, mnemonic: str) -> None:
        self._set_key(mnemonic, "", AuditAction.ESIA_SYSTEM_REVOKE_KEY)

    def _set_key(self, mnemonic: str, hashed: str, action: AuditAction) -> None:
        switches = self._switches(mnemonic)
        switches.diagnostics_hash = hashed
        switches.touch()
        self._record(action, mnemonic)

    def record(self, mnemonic: str, minutes: int) -> None:
        """Record the system's exchanges from now on; what was recorded earlier goes."""
        switches = self._switches(mnemonic)
        until = self.now + timedelta(minutes=max(1, minutes))
        recorder.begin_recording(switches, self.db, self.now, until)
        self._record(AuditAction.ESIA_SYSTEM_START_RECORDING, mnemonic, minutes=minutes)

    def stop_recording(self, mnemonic: str) -> None:
        recorder.end_recording(self._switches(mnemonic), self.now)
        self._record(AuditAction.ESIA_SYSTEM_STOP_RECORDING, mnemonic)

    def export(self, mnemonic: str) -> dict[str, Any]:
        """Return what was recorded, as a fixture."""
        self.find(mnemonic)
        self._record(AuditAction.ESIA_SYSTEM_EXPORT, mnemonic)
        return recorder.export(self.db, mnemonic)

    def _known(
        self,
        system: RegisteredSystem,
        switches: EsiaSwitches | None,
        row: EsiaRegistration | None,
        problems: tuple[FieldProblem, ...] = (),
    ) -> KnownSystem:
        settings, of_file = system.settings, None
        if switches and switches.faults is not None and not problems:
            of_file = settings.faults if row is None else None
            settings = replace(settings, faults=tuple(switches.faults))
        return KnownSystem(
            settings=settings,
            certificates=system.certificates,
            from_file=row is None,
            faults_of_file=of_file,
            disabled_at=row.disabled_at if row else None,
            has_key=bool(switches and switches.diagnostics_hash),
            recording_from=switches.recording_from if switches else None,
            recording_until=switches.recording_until if switches else None,
            problems=problems,
        )

    def _read(self, content: bytes, field: str) -> tuple[bytes | None, list[FieldProblem]]:
        try:
            return make_certificate(content, self.gost).der, []
        except OtherKey as error:
            return None, [FieldProblem(field=field, flaw=Flaw.OTHER_KEY, value=error.algorithm)]
        except (ValueError, TypeError):
            return None, [FieldProblem(field=field, flaw=Flaw.NOT_A_CERTIFICATE)]

    def _keep(self, row: EsiaRegistration, system: EsiaSystem) -> None:
        row.settings = to_json(system, without=OWN_COLUMNS)
        row.touch(self.now)

    def _switches(self, mnemonic: str) -> EsiaSwitches:
        self.find(mnemonic)
        switches = self.db.get(EsiaSwitches, mnemonic)
        if switches is None:
            switches = EsiaSwitches(mnemonic=mnemonic, diagnostics_hash="", recording_key="")
            self.db.add(switches)
        return switches


def log_of(mnemonic: str) -> Select[EsiaLogEntry]:
    """Select the requests of a system, newest first."""
    return (
        select(EsiaLogEntry).where(EsiaLogEntry.system == mnemonic).order_by(EsiaLogEntry.id.desc())
    )


def system_of_key(db: Session, key: str) -> str | None:
    """Return the system whose log this key opens."""
    if not key:
        return None
    return db.scalar(
        select(EsiaSwitches.mnemonic).where(EsiaSwitches.diagnostics_hash == digest(key))
    )
