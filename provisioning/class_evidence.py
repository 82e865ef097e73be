"""Compares a class of a file with one that we know: pupils, title, grade, class teacher, id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from provisioning.class_ids import folded_id, folded_title
from provisioning.questions import Evidence, Speaks

FEW_PUPILS = 3
"""So few pupils prove nothing about a class with another title."""
_GRADE = re.compile(r"\d{1,2}")


@dataclass(frozen=True, kw_only=True, slots=True)
class FileClass:
    """A class as a file names it."""

    class_id: str
    title: str
    grade: int
    is_group: bool = False
    """A teaching group: its pupils have a home class besides."""
    teacher: str = ""
    """Person id of the class teacher; empty when there is none."""
    pupils: frozenset[str] = frozenset()
    """Person ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownClass:
    """A class of this school year that has its cohort and course in Moodle."""

    key: str
    ids: frozenset[str]
    """The ids by which files have named it; another class may have one of them by now."""
    title: str
    grade: int | None = None
    """None when it was loaded before grades were kept: then the title tells it."""
    is_group: bool = False
    teacher: str = ""
    pupils: frozenset[str] = frozenset()
    answered: frozenset[str] = frozenset()
    """The ids of which a person said so, when a file after that answer was applied."""
    was_used: bool = True
    """Anybody has ever been in its cohort."""


@dataclass(frozen=True)
class Comparison:
    """What speaks for and against that a class of the file is the known one."""

    one: FileClass
    known: KnownClass
    came: int
    """Pupils of the class of the file who were in any known class before."""
    went: int
    """Pupils of the known class who are in any class of the file."""

    @cached_property
    def common(self) -> int:
        return len(self.one.pupils & self.known.pupils)

    @property
    def of_file(self) -> float:
        """Return the share of those who were in a class before that come from the known one."""
        return self.common / self.came if self.came else 0.0

    @property
    def of_known(self) -> float:
        """Return the share of the known class that is in this one now, of those still here."""
        return self.common / self.went if self.went else 0.0

    @property
    def is_most(self) -> bool:
        """Tell whether most pupils of either class are in the other."""
        return self.of_file > 0.5 and self.of_known > 0.5

    @property
    def is_nearly_all(self) -> bool:
        return min(self.of_file, self.of_known) >= 0.8 and self.common >= FEW_PUPILS

    @property
    def is_half(self) -> bool:
        return max(self.of_file, self.of_known) >= 0.5

    @property
    def is_hardly_any(self) -> bool:
        return max(self.of_file, self.of_known) < 0.2

    @property
    def is_silent(self) -> bool:
        """Tell whether pupils say nothing: new ones came, and the old ones are in no class."""
        return not self.came and not self.went

    @property
    def same_id(self) -> bool:
        own = folded_id(self.one.class_id)
        return any(folded_id(one) == own for one in self.known.ids)

    @property
    def same_title(self) -> bool:
        return self.same_grade is not False and (
            folded_title(self.one.title) == folded_title(self.known.title)
        )

    @property
    def same_grade(self) -> bool | None:
        """Tell whether the grades agree; None when the known one is not known."""
        grade = self.known.grade
        if grade is None and (match := _GRADE.match(self.known.title)):
            grade = int(match[0])
        return None if grade is None else grade == self.one.grade

    def evidence(self) -> tuple[Evidence, ...]:
        """What a person reads who has to decide."""
        return tuple(self._evidence())

    def _evidence(self) -> Iterator[Evidence]:
        code, speaks = "none", Speaks.AGAINST
        if self.is_silent:
            code, speaks = "unknown", Speaks.NEITHER
        elif self.is_most:
            code, speaks = "most", Speaks.FOR
        elif self.common:
            code, speaks = "some", Speaks.NEITHER
        yield Evidence(
            code=f"class_pupils.{code}",
            speaks=speaks,
            ours=f"{self.common}/{len(self.one.pupils)}",
            theirs=f"{self.common}/{len(self.known.pupils)}",
        )
        title = folded_title(self.one.title) == folded_title(self.known.title)
        yield _said("class_title", title, self.one.title, self.known.title)
        if self.same_grade is not None:
            theirs = "" if self.known.grade is None else str(self.known.grade)
            yield _said("class_grade", self.same_grade, str(self.one.grade), theirs)
        if self.one.teacher and self.known.teacher:
            yield _said("class_teacher", self.one.teacher == self.known.teacher, "", "")
        ids = ", ".join(sorted(self.known.ids))
        yield _said("class_id", self.same_id, self.one.class_id, ids)


def _said(what: str, equal: bool, ours: str, theirs: str) -> Evidence:
    how, speaks = ("equal", Speaks.FOR) if equal else ("different", Speaks.AGAINST)
    return Evidence(code=f"{what}.{how}", speaks=speaks, ours=ours, theirs=theirs)
