"""Reference data that people bring: the registry of schools, other platforms' weeks, regional
totals, milestones of the transition (docs/registry.md).

Reports read all of it through ``service.registry.lookup`` alone. Files come in through
``imports``: read by ``tables`` and ``columns``, shown as a preview, applied after a person's yes.
"""

from __future__ import annotations

from service.problems import Problem


class Refusal(Problem):
    """Reference data cannot be read, or changed, so."""

    status = 400
