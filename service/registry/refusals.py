"""Why something in the registry cannot be done as asked, or a file cannot be read."""

from __future__ import annotations

from service.problems import Problem


class Refusal(Problem):
    """Something cannot be done as asked."""


class TableError(Problem):
    """A file cannot be read as a table at all."""
