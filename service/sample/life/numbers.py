"""The numbers that a living city follows from, and how often things happen in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

MOST_MONTHS = 12
DAYS_OF_A_MONTH = 30

_MOSCOW = timezone(timedelta(hours=3))
_FIRST_DAY = (9, 5)
_MOST_PEOPLE = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """How large a living city is, for how long it lives, and how much happens.

    Raises ``ValueError`` for numbers that make no city.
    """

    schools: int
    people_per_school: int
    """Students and staff of a school in month 0."""
    months: int = MOST_MONTHS
    seed: int = 1
    eventful: float = 1.0
    """So many times the usual number of events: small cities need more to show each kind."""
    today: date = date(2026, 10, 5)
    """The day on which somebody looks at the files: they are of its school year and not later."""

    def __post_init__(self) -> None:
        if self.schools < 2 or self.people_per_school < 20:
            raise ValueError("a living city needs at least 2 schools of at least 20 people")
        if self.schools * self.people_per_school > _MOST_PEOPLE:
            raise ValueError(f"a living city has at most {_MOST_PEOPLE} people")
        if not 1 <= self.months <= MOST_MONTHS:
            raise ValueError(f"a living city lives 1 to {MOST_MONTHS} months: one school year")

    @property
    def first_year(self) -> int:
        """The calendar year in which the school year begins, on 1 September."""
        return self.today.year if self.today.month >= 9 else self.today.year - 1

    @property
    def school_year(self) -> str:
        return f"{self.first_year}/{self.first_year + 1}"

    @property
    def staff(self) -> int:
        return max(4, round(self.people_per_school * 0.08))

    @property
    def students(self) -> int:
        return self.people_per_school - self.staff

    @property
    def classes(self) -> int:
        return max(2, round(self.students / 16))

    def exported_at(self, month: int, turn: int = 0) -> datetime:
        """The moment of the export of month ``month`` by the school that is the ``turn``-th."""
        first = date(self.first_year, *_FIRST_DAY)
        day = min(first + timedelta(days=DAYS_OF_A_MONTH * month), self.today)
        at = datetime(day.year, day.month, day.day, 8, month * 4, tzinfo=_MOSCOW)
        return at + timedelta(seconds=turn)


class What(StrEnum):
    """What happens to people, and to whole schools."""

    MOVE = "move"
    """To another school; ``Event.detail`` says in which order the two schools told of it."""
    ARRIVAL = "arrival"
    DEPARTURE = "departure"
    """Out of the city."""
    RETURN = "return"
    """To a school where the person was before."""
    SECOND_SCHOOL = "second_school"
    """A teacher begins to work in one more school."""
    SECOND_SCHOOL_ENDS = "second_school_ends"
    OTHER_CLASS = "other_class"
    NEW_NAME = "new_name"
    NEW_ID = "new_id"
    """Deleted and entered anew in the same school."""
    SWAPPED_IDS = "swapped_ids"
    OTHERS_NUMBER = "others_number"
    """A card has the СНИЛС of a twin, a parent or a stranger."""
    NUMBER_LOST = "number_lost"
    NUMBER_FOUND = "number_found"
    MISTYPED = "mistyped"
    CORRECTED = "corrected"
    NAMESAKE = "namesake"
    """Somebody of the same full name and birth date lives in the city."""
    CODE_CHANGED = "code_changed"
    MERGED = "merged"
    CLOSED = "closed"
    RENUMBERED = "renumbered"
    """«Параграф» installed again: every id of the school is a new one."""
    CLASS_IDS_SWAPPED = "class_ids_swapped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """How often something happens: of 1,000 people (of the kind that it happens to) in a month.

    Students move, come and leave as in a usual city school; a new card is typed by hand.
    """

    moves: float = 4.0
    arrivals: float = 3.0
    departures: float = 3.0
    other_classes: float = 1.5
    new_names: float = 0.8
    new_ids: float = 0.5
    swapped_twins: float = 30.0
    """Of 1,000 pairs of twins in one school."""
    swapped_strangers: float = 0.03
    twins_number: float = 20.0
    """Of 1,000 pairs of twins."""
    parents_number: float = 12.0
    """Of 1,000 pairs of twins: one number on both cards."""
    strangers_number: float = 0.06
    numbers_lost: float = 0.2
    numbers_found: float = 60.0
    """Of 1,000 cards without a number."""
    mistyped: float = 0.6
    corrected: float = 150.0
    """Of 1,000 cards with a mistake."""
    second_schools: float = 6.0
    """Of 1,000 teachers."""
    second_schools_end: float = 60.0
    """Of 1,000 teachers of two schools."""


RATES = Rates()

RETURN_SHARE = 0.2
"""Of those who left or moved: come back within the year."""
NO_NUMBER_SHARE = 0.04
"""Of people: a school has never seen the number."""
UNTYPED_NUMBER_SHARE = 0.12
"""Of new cards: the number is to be typed later."""
OTHERS_NUMBER_SHARE = 0.01
"""Of new cards: the number of a twin, or of a parent, is typed."""
TYPING_ERROR_SHARE = 0.02
"""Of new cards: one field has a mistake."""
OLD_ERROR_SHARE = 0.004
"""Of the cards of month 0, most of which were looked at by many."""
SILENT_SHARE = 0.04
"""Of schools: load nothing in a month."""
