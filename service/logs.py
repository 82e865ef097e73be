"""Structured logs: one JSON object a line, identifiers and counts only, never personal data."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from traceback import walk_tb
from typing import Any

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """``extra={...}`` of a call becomes keys of the line; a traceback keeps types and places only.

    The text of an exception may quote what a person typed or what a file held, so it stays out.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["trace"] = [
                f"{frame.f_code.co_filename}:{number} {frame.f_code.co_name}"
                for frame, number in walk_tb(record.exc_info[2])
            ]
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up_logging() -> None:
    """Send this process's log to standard error as JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # RQ reports a broken job a second time, in its own form.
    for name in ("rq", "rq.worker", "rq.job"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
