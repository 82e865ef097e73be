"""The common part of clients and ЕСИА systems: rows of the console beside a settings file, and
forms made of settings classes."""

from __future__ import annotations

import dataclasses
import re
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

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
class Registrations(ABC, Generic[Row]):
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
    @abstractmethod
    def names_in_file(self) -> Collection[str]:
        """The names that the settings file has; the console cannot change these."""

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


class Kind(StrEnum):
    """The way in which a field is shown and read."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    LINES = "lines"
    """Several values, one a line."""
    CHOICE = "choice"
    """One of several values."""
    CHOICES = "choices"
    """Any of several values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FormField:
    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    default: Any = None


def form_fields(
    cls: type[Any], *, without: Iterable[str], choices: Mapping[str, Sequence[str]]
) -> list[FormField]:
    """Return a form field for each field of the class, in its order.

    ``choices`` names the values that a list of texts may have.
    """
    hints = typing.get_type_hints(cls)
    hidden = set(without)
    return [
        _form_field(field, hints[field.name], tuple(choices.get(field.name, ())))
        for field in dataclasses.fields(cls)
        if field.name not in hidden
    ]


def _form_field(field: dataclasses.Field[Any], hint: Any, choices: tuple[str, ...]) -> FormField:
    default = None if field.default is dataclasses.MISSING else field.default
    kind = {bool: Kind.FLAG, int: Kind.NUMBER}.get(hint, Kind.TEXT)
    if typing.get_origin(hint) is typing.Literal:
        kind, choices = Kind.CHOICE, typing.get_args(hint)
    elif typing.get_origin(hint) is tuple:
        (item, *_more) = typing.get_args(hint)
        choices = choices or typing.get_args(item)
        kind = Kind.CHOICES if choices else Kind.LINES
    return FormField(name=field.name, kind=kind, choices=choices, default=default)


def read_form(
    fields: Iterable[FormField], form: MultiDict[str, str]
) -> tuple[dict[str, Any], list[FieldProblem]]:
    """Return the values that were sent, as the class takes them, and those that cannot be read."""
    values: dict[str, Any] = {}
    problems = []
    for field in fields:
        text = form.get(field.name, "").strip()
        if field.kind is Kind.FLAG:
            values[field.name] = field.name in form
        elif field.kind is Kind.CHOICES:
            # One that the page does not offer may stand in a row of an earlier version.
            values[field.name] = tuple(dict.fromkeys(form.getlist(field.name)))
        elif field.kind is Kind.LINES:
            values[field.name] = tuple(dict.fromkeys(text.split()))
        elif field.kind is Kind.NUMBER:
            try:
                values[field.name] = int(text or 0)
            except ValueError:
                values[field.name] = 0
                problems.append(_wrong(field, Flaw.NOT_A_NUMBER, text))
        else:
            if field.kind is Kind.CHOICE and text not in field.choices:
                problems.append(_wrong(field, Flaw.UNKNOWN, text))
            values[field.name] = text
    return values, problems


def _wrong(field: FormField, flaw: Flaw, text: str) -> FieldProblem:
    return FieldProblem(field=field.name, flaw=flaw, value=text[:50])
