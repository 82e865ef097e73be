"""Why something in the registry cannot be done as asked."""

from __future__ import annotations


class Refusal(Exception):
    """``code`` is stable; ``wording`` has its words."""

    def __init__(self, code: str, /, **values: str) -> None:
        super().__init__(code)
        self.code = code
        self.values = values
