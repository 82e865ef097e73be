"""Registrations in their rows: fields as JSON and back, and the number that tells of a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import inspect

from auth.clients.problems import FieldProblem, WrongFields

_Registration = TypeVar("_Registration")


def to_json(registration: Any, *, without: frozenset[str]) -> dict[str, Any]:
    """Write the fields of a settings class, less those that have a column of their own."""
    values = {field.name: getattr(registration, field.name) for field in fields(registration)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in without
    }


def from_json(cls: type[Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Read values for ``cls``. Fields that it does not have (any more) are left out."""
    known = {field.name for field in fields(cls)}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in stored.items()
        if name in known
    }


def as_kept(
    cls: type[_Registration], values: Mapping[str, Any]
) -> tuple[_Registration, tuple[FieldProblem, ...]]:
    """Return a registration to be shown, with what we no longer take of it: a rule may be younger
    than its row. With any problem it counts nowhere, but can be put right."""
    try:
        return cls(**values), ()
    except WrongFields as error:
        kept = object.__new__(cls)
        for field in fields(cls):  # type: ignore[arg-type]
            object.__setattr__(kept, field.name, values.get(field.name, field.default))
        return kept, error.problems


def grow(row: Any) -> None:
    """Let ``row.version`` grow, in the database itself: of two changes at once both are seen."""
    row.version = type(row).version + 1 if inspect(row).persistent else 1
