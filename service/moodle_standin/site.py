"""What a function call sees of the site: its data, its settings, the caller and the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from service.moodle_standin.settings import SiteSettings
from service.moodle_standin.store import Store

ADMIN_ID = 2
GUEST_ID = 1
SITE_COURSE_ID = 1

ROLES: dict[int, str] = {
    1: "manager",
    2: "coursecreator",
    3: "editingteacher",
    4: "teacher",
    5: "student",
    6: "guest",
    7: "user",
    8: "frontpage",
}
"""Moodle's roles by id; a fresh site always numbers them so."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One call's view; made anew for each call."""

    store: Store
    settings: SiteSettings
    now: int
    """Seconds since 1970, UTC."""
    caller_id: int
    functions: frozenset[str]
    """Names the caller's service holds."""
    base_url: str


Function = Callable[[Site, Mapping[str, Any]], Any]
"""A web service function: checked parameters in, answer out; raises `MoodleError`."""
