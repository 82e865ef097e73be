"""The common part of clients and ЕСИА systems: rows of the console beside a settings file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy.orm import Session

from auth.clients.problems import FieldProblem, Flaw, WrongFields
from auth.clients.registered import ClientRow
from auth.esia.models import EsiaRegistration
from service import audit
from service.access import Forbidden, Scope, need_city
from service.audit import AuditAction

_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)

Row = TypeVar("Row", ClientRow, EsiaRegistration)
_Registration = TypeVar("_Registration")


@dataclass(frozen=True, kw_only=True)
class Registrations(Generic[Row]):
    """The use cases of an operator of the city. Each raises ``Forbidden`` for anybody else, and for
    a name that is not registered in the console, unless it says otherwise."""

    db: Session
    scope: Scope
    now: datetime

    table: ClassVar[type[Any]]
    name_field: ClassVar[str]
    """The field of the settings class that holds the name."""
    audited_as: ClassVar[str]
    """The detail of audit entries that holds the name."""

    @property
    def names_in_file(self) -> Collection[str]:
        raise NotImplementedError

    def _switch(self, name: str, action: AuditAction, *, on: bool) -> None:
        row = self._row(name)
        row.disabled_at = None if on else self.now
        row.touch(self.now)
        self._record(action, name)

    def _make(
        self,
        cls: Callable[..., _Registration],
        name: str,
        values: Mapping[str, Any],
        problems: Iterable[FieldProblem] = (),
    ) -> _Registration:
        """Return a new registration of these values.

        Raises ``WrongFields`` with every problem: of the name, those given and those of ``cls``.
        """
        found = [*self._problems_of_name(name), *problems]
        fields = {problem.field for problem in found}
        try:
            made = cls(**values, **{self.name_field: name})
        except WrongFields as error:
            others = [problem for problem in error.problems if problem.field not in fields]
            raise WrongFields(found + others) from error
        if found:
            raise WrongFields(found)
        return made

    def _problems_of_name(self, name: str) -> list[FieldProblem]:
        flaw = None
        if not name:
            flaw = Flaw.MISSING
        elif not _PLAIN.fullmatch(name):
            flaw = Flaw.NOT_PLAIN
        elif name in self.names_in_file:
            flaw = Flaw.IN_SETTINGS_FILE
        elif self.db.get(self.table, name):
            flaw = Flaw.TAKEN
        return [FieldProblem(field=self.name_field, flaw=flaw)] if flaw else []

    def _row(self, name: str) -> Row:
        need_city(self.scope)
        row: Row | None = self.db.get(self.table, name)
        if row is None or name in self.names_in_file:
            raise Forbidden("registration")
        return row

    def _record(self, action: AuditAction, name: str, **details: Any) -> None:
        details = {self.audited_as: name, **details}
        audit.record(self.db, action, at=self.now, actor=self.scope.actor, **details)
