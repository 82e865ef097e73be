"""A city that lives for a year: what its schools export each month, and who truly is who.

``Life`` holds the numbers. The same numbers give the same city on any machine. All its people are
invented. Twins, namesakes, marriages, wrong and shared numbers, ids entered anew, moves in either
order, returns, mergers and typing mistakes happen about as often as in real schools (``RATES``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from service.sample.layouts import LAYOUTS
from service.sample.life.city import Event
from service.sample.life.exports import Month, Place, month_of
from service.sample.life.founding import found_city
from service.sample.life.mishaps import spoil_cards
from service.sample.life.moving import move_people
from service.sample.life.numbers import MOST_MONTHS, RATES, Life, Rates, What
from service.sample.life.school_changes import school_changes

__all__ = [
    "MOST_MONTHS",
    "RATES",
    "Event",
    "Life",
    "Month",
    "Place",
    "Rates",
    "What",
    "live",
    "write_life",
]

TRUTH = "truth.jsonl"


def live(life: Life) -> Iterator[Month]:
    """The months of the city, one after the other."""
    city = found_city(life)
    changes = school_changes(life)
    told = 0
    for month in range(life.months):
        if month:
            city.begin_month(month)
            for index, change in changes.get(month, ()):
                change(city, city.schools[index])
            move_people(city)
        spoil_cards(city)
        yield month_of(city, told)
        told = len(city.events)


def write_life(out: Path, life: Life, *, layout: str, encoding: str | None = None) -> int:
    """Write the files of every month into a folder of its own; how many rows they have.

    ``truth.jsonl`` beside the folders says line by line who each row truly is, in the order in
    which the files were loaded, and what happened.
    """
    chosen = LAYOUTS[layout]
    rows = 0
    out.mkdir(parents=True, exist_ok=True)
    with (out / TRUTH).open("w", encoding="utf-8", newline="\n") as truth:
        for month in live(life):
            folder = f"month-{month.number:02d}"
            for event in month.events:
                _say(
                    truth, month=event.month, what=event.what, humans=event.humans,
                    schools=event.schools, detail=event.detail,
                )  # fmt: skip
            for school in month.exports:
                chosen.write(out / folder, school, encoding or chosen.encoding)
                for row in school.rows:
                    _say(
                        truth, month=month.number, school=school.school.code,
                        row=row.person.sourced_id, human=row.human,
                    )  # fmt: skip
                rows += len(school.rows)
    return rows


def _say(out: TextIO, **facts: object) -> None:
    out.write(json.dumps(facts, ensure_ascii=False) + "\n")
