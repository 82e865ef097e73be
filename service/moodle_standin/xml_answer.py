"""Answers as XML: what Moodle gives when the caller does not ask for JSON."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape, quoteattr

from service.moodle_standin.errors import MoodleError
from service.moodle_standin.parameters import Structure

_HEAD = '<?xml version="1.0" encoding="UTF-8" ?>\n'


def _text(value: object) -> str:
    return escape(str(value), {'"': "&quot;", "'": "&#039;"})


def write_error(error: MoodleError, *, debug: bool) -> str:
    parts = [
        _HEAD,
        f"<EXCEPTION class={quoteattr(error.exception)}>\n",
        f"<ERRORCODE>{_text(error.errorcode)}</ERRORCODE>\n",
        f"<MESSAGE>{_text(error.message)}</MESSAGE>\n",
    ]
    if debug and error.debuginfo is not None:
        parts.append(f"<DEBUGINFO>{_text(error.debuginfo)}</DEBUGINFO>\n")
    return "".join([*parts, "</EXCEPTION>\n"])


def write_answer(answer: Any, structure: Structure | None) -> str:
    return f"{_HEAD}<RESPONSE>\n{_write(answer, structure)}</RESPONSE>\n"


def _write(answer: Any, structure: Structure | None) -> str:
    if structure is None:
        return ""
    kind = structure["kind"]
    if kind == "value":
        if answer is None:
            return '<VALUE null="null"/>\n'
        shown = int(answer) if isinstance(answer, bool) else answer
        return f"<VALUE>{_text(shown)}</VALUE>\n"
    if kind == "multiple":
        items = "".join(_write(item, structure["content"]) for item in answer or ())
        return f"<MULTIPLE>\n{items}</MULTIPLE>\n"
    keys = "".join(
        f"<KEY name={quoteattr(key)}>{_write((answer or {}).get(key), below)}</KEY>\n"
        for key, below in structure["keys"].items()
    )
    return f"<SINGLE>\n{keys}</SINGLE>\n"
