"""What cannot be done as asked: a code that stays, and what ``service.words`` needs to say it."""

from __future__ import annotations


class Problem(Exception):
    """Each room has a class of its own, and ``service.words`` a sentence for each code."""

    def __init__(self, code: str, /, **values: str) -> None:
        super().__init__(code)
        self.code, self.values = code, values
