"""A city of invented schools that is the same for the same numbers, and its next months.

Every school of every month is computed by itself: nothing of the city is kept. The students of the
first month are numbered; each month takes the next few of them, in a shuffled order, and gives
each one fate (leaves, goes to another school, gets a new family name, changes class). So nobody
has two fates, and a school can ask its neighbour whom it sends without making that school.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from itertools import count
from math import gcd

from service.sample.names import DISTRICTS
from service.sample.people import draw

LAST_MONTH = 8

_MOSCOW = timezone(timedelta(hours=3))
_EXPORT_DAY, _EXPORT_HOUR = 5, 10
_CLASS_SIZE = 20
_GRADES = 11
_LETTERS = "АБВГДЕЖЗИК"
_RENAMED_LETTERS = "ЛМНПРСТУ"
"""New letters of the classes renamed in months 1 to 8; none of them is in ``_LETTERS``."""
_MOST_PEOPLE = 5_000_000


class Fate(StrEnum):
    LEAVES = "leaves"
    TRANSFERS = "transfers"
    RENAMED = "renamed"
    MOVES = "moves"


@dataclass(frozen=True, kw_only=True, slots=True)
class City:
    """The numbers that a city follows from.

    Raises ``ValueError`` for numbers that make no city.
    """

    schools: int
    people_per_school: int
    """Students and staff of a school in month 0; the rows of a broken school come on top."""
    seed: int = 1
    today: date = date(2026, 10, 5)
    """The day on which somebody looks at the files: they are of its school year and not later."""
    broken: int = 0
    """The number of schools, from the last on, that have rows which a reader must refuse."""

    def __post_init__(self) -> None:
        if self.schools < 1 or self.people_per_school < 20:
            raise ValueError("a city needs at least 1 school of at least 20 people")
        if self.schools * self.people_per_school > _MOST_PEOPLE:
            raise ValueError(f"a city has at most {_MOST_PEOPLE} people")
        if not 0 <= self.broken <= self.schools:
            raise ValueError("there cannot be more broken schools than schools")

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
        return max(min(_GRADES, self.students // 2), round(self.students / _CLASS_SIZE))

    @property
    def fates(self) -> tuple[Fate, ...]:
        """What happens to students of one school in one month."""
        transfers = max(1, self.students // 250) if self.schools > 1 else 0
        return (
            *[Fate.LEAVES] * max(1, self.students // 120),
            *[Fate.TRANSFERS] * transfers,
            *[Fate.RENAMED] * (1 + self.students // 500),
            *[Fate.MOVES] * max(1, self.students // 150),
        )

    @property
    def arrivals(self) -> int:
        """How many students come to a school in one month from outside the city."""
        return max(2, self.students // 100)

    def exported_at(self, month: int) -> datetime:
        """The moment of an export: the 5 September is month 0, the 5 May is month 8.

        An export that would come after ``today`` is dated ``today``, each an hour after the one
        before. Raises ``ValueError`` for other months: the roll of the next school year is another
        matter (docs/facts/paragraf.md R12).
        """
        if not 0 <= month <= LAST_MONTH:
            raise ValueError(f"a month is from 0 to {LAST_MONTH}: September to May")
        years, index = divmod(8 + month, 12)
        day = min(date(self.first_year + years, index + 1, _EXPORT_DAY), self.today)
        return datetime(day.year, day.month, day.day, _EXPORT_HOUR + month, tzinfo=_MOSCOW)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a class stands in every school of the city: all have the same ones."""

    number: int
    grade: int
    title: str

    @property
    def sourced_id(self) -> str:
        return f"c-{101 + self.number}"


def district_of(index: int) -> str:
    """Neighbouring schools are in different districts."""
    return DISTRICTS[(index * 5 + 11) % len(DISTRICTS)]


def school_code(index: int) -> str:
    """The key of a school: numbers and names repeat, an invented code does not."""
    return f"SB{index + 1:04d}"


def places(city: City, index: int, month: int) -> list[Place]:
    """The classes of a school with their titles in this month; a renamed class keeps its id."""
    seen: dict[int, int] = {}
    found = []
    for number in range(city.classes):
        grade = grade_of(city, number)
        parallel = seen[grade] = seen.get(grade, -1) + 1
        letter = _LETTERS[parallel] if parallel < len(_LETTERS) else f"-{parallel + 1}"
        found.append(Place(number=number, grade=grade, title=f"{grade}{letter}"))
    for past in range(1, month + 1):
        number = _renamed_class(city, index, past)
        grade = found[number].grade
        found[number] = Place(
            number=number, grade=grade, title=f"{grade}{_RENAMED_LETTERS[past - 1]}"
        )
    return found


def grade_of(city: City, number: int) -> int:
    """The grade of the class with this number."""
    return 1 + number * _GRADES // city.classes


def _renamed_class(city: City, index: int, month: int) -> int:
    return (index + month * 5) % city.classes


def month_fates(city: City, index: int, month: int) -> Iterator[tuple[int, Fate]]:
    """Number of a student of month 0 -> what happens to that student in this month."""
    fates = city.fates
    # Stepping through the numbers by a step without a common divisor meets each number once.
    first = draw(city.students, city.seed, index, "first fate")
    step = next(n for n in count(city.students * 5 // 13 + 1) if gcd(n, city.students) == 1)
    for turn, fate in enumerate(fates, start=(month - 1) * len(fates)):
        if turn < city.students:
            yield (first + turn * step) % city.students, fate


def sender(city: City, index: int, month: int) -> int:
    """The school whose transfers of this month arrive here: each month pairs schools anew."""
    return (index - 1 - (month - 1) % (city.schools - 1)) % city.schools


def transfers(city: City, index: int, month: int) -> list[int]:
    """Numbers of the students whom a school sends to another one in this month."""
    return [n for n, fate in month_fates(city, index, month) if fate is Fate.TRANSFERS]


def serial(city: City, index: int, ordinal: int) -> int:
    """A number for somebody first listed in school ``index``, unique in the city.

    There is room for those who come in a year; a negative one is counted back from the next school.
    """
    return index * (2 * city.people_per_school + 100) + ordinal
