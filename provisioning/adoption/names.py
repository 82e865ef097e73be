"""Categories, cohorts and courses of others, known by the names that a template tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from string import Formatter

from provisioning.adoption.words import squeezed

FIELDS = (
    "school_short_name", "school_name", "school_number", "school_code", "school_year",
    "class_title", "subject",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """Something that a plan would make, with the name that it could have already."""

    key: str
    """The idnumber that it would get."""
    school_code: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """Something that Moodle has, without an idnumber."""

    moodle_id: int
    name: str


def wrong_fields(template: str) -> list[str]:
    """Return the fields of a template that no name has."""
    return [name for _, name, _, _ in Formatter().parse(template) if name and name not in FIELDS]


def named(template: str, fields: Mapping[str, str]) -> str:
    """Return the name that a template tells; empty where a field of it is."""
    wanted = [name for _, name, _, _ in Formatter().parse(template) if name]
    return template.format(**fields) if all(fields.get(name) for name in wanted) else ""


def paired(
    expected: Iterable[Expected], found: Iterable[Named]
) -> Iterator[tuple[Named, Expected | None]]:
    """Yield what has an expected name: with what it is where exactly one has it on both sides.

    Capitals, blanks and signs make no difference, as with the names of people.
    """
    wanted: dict[str, list[Expected]] = defaultdict(list)
    for one in expected:
        if squeezed(one.name):
            wanted[squeezed(one.name)].append(one)
    there: dict[str, list[Named]] = defaultdict(list)
    for each in found:
        there[squeezed(each.name)].append(each)
    for text, same in there.items():
        ours: Collection[Expected] = wanted.get(text, ())
        for each in same:
            if ours:
                is_sure = len(ours) == len(same) == 1
                yield each, (next(iter(ours)) if is_sure else None)
