"""What cannot be done as asked: the one family of errors that an operator reads.

A face catches ``Problem`` alone: the console in ``service.errors``, the command line in
``service.cli``. ``service.words.problems`` has the sentence of each code. A class stands beside
what raises it, or here when several rooms do.
"""

from __future__ import annotations

from typing import Any


class Problem(Exception):
    """``code`` is stable, ``values`` fill the places of its sentence."""

    status = 409
    """Of the console's answer."""
    exit_code = 1
    """Of the command; 2 where it was used wrongly."""

    def __init__(self, code: str, /, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class AskError(Problem):
    """The question to a report makes no sense."""

    status = 400
    exit_code = 2
