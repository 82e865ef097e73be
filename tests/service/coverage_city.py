"""Questions about an invented city, and the rows it is made of, for the tests of reports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from service.activity.figures import Activity
from service.reports.question import Question
from tests.service.factories import (
    CITY,
    LOADED_AT,
    add_person,
    add_school,
    put_on_roll,
    sign_in,
    take_off_roll,
)

__all__ = [
    "CITY",
    "LOADED_AT",
    "add_person",
    "add_school",
    "asking",
    "put_on_roll",
    "sign_in",
    "take_off_roll",
    "who",
]


def asking(**overrides: Any) -> Question:
    """A question about the whole city at school level, without a period."""
    fields: dict[str, Any] = {
        "scope": CITY, "by": "school", "zone": ZoneInfo("Europe/Moscow"), "now": LOADED_AT,
    }  # fmt: skip
    return Question(**fields | overrides)


def who(activity: Activity, people: Iterable[int]) -> set[str]:
    """The person ids of a set."""
    return set(activity.session.scalars(activity.ids(people)))
