"""Forms made of settings classes: which fields a registration has, and what was typed into them."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from werkzeug.datastructures import MultiDict

from auth.clients.problems import FieldProblem, Flaw


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
    flaws: list[tuple[str, Flaw, str]] = []
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
                flaws.append((field.name, Flaw.NOT_A_NUMBER, text))
        else:
            if field.kind is Kind.CHOICE and text not in field.choices:
                flaws.append((field.name, Flaw.UNKNOWN, text))
            values[field.name] = text
    return values, [
        FieldProblem(field=name, flaw=flaw, value=text[:50]) for name, flaw, text in flaws
    ]
