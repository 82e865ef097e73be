"""Why something in the registry cannot be done as asked."""

from __future__ import annotations

from service.problems import Problem


class Refusal(Problem):
    """Reference data cannot be changed so."""

    status = 400
