"""The request as every view reads it: without NUL, which no text has and PostgreSQL does not keep.

It is refused and not left out: a login with one would otherwise be another login to the counter of
failed tries, and the same one to the database.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Request, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest
from werkzeug.utils import cached_property

NUL = "\0"


class PlainRequest(Request):
    """Raises ``BadRequest`` where a form, a query or JSON with NUL is read."""

    @cached_property
    def args(self) -> MultiDict[str, str]:
        values: MultiDict[str, str] = super().args
        _refuse(values.to_dict(flat=False))
        return values

    def _load_form_data(self) -> None:
        """Werkzeug's own place to read a form, called once by whatever asks for a part of it."""
        super()._load_form_data()
        _refuse(self.form.to_dict(flat=False))
        files = self.files.items(multi=True)
        _refuse([text for name, file in files for text in (name, file.filename)])

    def get_json(self, *args: Any, **kwargs: Any) -> Any:
        value = super().get_json(*args, **kwargs)
        _refuse(value)
        return value


def init_app(app: Flask) -> None:
    """Let ``app`` take no other requests; addresses are looked at before any view."""
    app.request_class = PlainRequest
    app.before_request(_look_at_address)


def _look_at_address() -> None:
    _refuse(request.path)
    _ = request.args  # raises for a query that no view would read, too


def _refuse(value: Any) -> None:
    if _holds_nul(value):
        raise BadRequest


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return NUL in value
    if isinstance(value, dict):
        return any(_holds_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(map(_holds_nul, value))
