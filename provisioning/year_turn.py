"""When the rolls of a school year begin to count, and whose time is over then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from provisioning.naming import Names
from provisioning.settings import YearSettings, month_and_day
from provisioning.state import MoodleCourse


class TurnDay(NamedTuple):
    """The first day of a school year, as somebody set it for the city, a district or a school."""

    turn_on: date
    district: str = ""
    school_code: str = ""


def turn_day(
    school_year: str, settings: YearSettings, said: Iterable[TurnDay], *, district: str, code: str
) -> date | None:
    """Return the day on which a school turns to this year; None: as soon as a file names it.

    Of what was said about the year the day of the school comes first, then that of its district,
    then that of the city, then the settings.
    """
    found = [
        one
        for one in said
        if one.school_code in ("", code) and one.district in ("", district if district else None)
    ]
    if found:
        return max(found, key=lambda one: (bool(one.school_code), bool(one.district))).turn_on
    if not settings.turn_on:
        return None
    month, day = month_and_day(settings.turn_on)
    return date(int(school_year[:4]), month, day)


def waits_until(school_year: str, current_year: str, day: date | None, today: date) -> date | None:
    """Return the day for which a file of this year waits; None when it counts at once.

    ``current_year`` is empty for a school of which nothing was applied: its first file counts.
    """
    is_next = bool(current_year) and school_year > current_year
    return day if is_next and day is not None and today < day else None


def with_last_year(
    courses: dict[str, MoodleCourse], names: Names, settings: YearSettings
) -> dict[str, MoodleCourse]:
    """Return the courses of a school with those of earlier years hidden, where the rule says so."""
    if settings.last_year_courses == "keep":
        return courses
    return {
        key: one if names.is_of_this_year(key) or not one.visible else replace(one, visible=False)
        for key, one in courses.items()
    }
