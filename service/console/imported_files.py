"""Uploaded and downloaded tables: how they are called and how large they may be."""

from __future__ import annotations

from flask import request

from service.console.context import the_console

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def uploaded_table() -> tuple[str, bytes] | None:
    """Name and content of the file of the form; None when none was chosen."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return None
    # One byte more than allowed is enough to say that it is too large.
    limit = the_console().application.settings.registry.file_bytes
    return file.filename, file.stream.read(limit + 1)
