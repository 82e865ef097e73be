"""Reports: each is one file here and one entry in ``REPORTS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from service.reports.coverage import coverage
from service.reports.report import Report

REPORTS: Mapping[str, Callable[..., Report]] = {"coverage": coverage}
"""By the name people type. Every one takes ``session`` and the keywords ``scope``, ``by``,
``period``, ``zone`` and ``now``."""
