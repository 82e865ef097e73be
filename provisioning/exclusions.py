"""What nothing of ours ever touches in Moodle: people, classes and courses that a person named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from provisioning.naming import Names
from provisioning.state import CourseEnrolment, Member, MoodleUser, State


class Excluded(StrEnum):
    """By what something is excluded."""

    LOGIN = "login"
    ROLE = "role"
    """A ``roster.Role``; of accounts that are none of ours, the short name of a role in Moodle."""
    PERSON = "person"
    """The account's idnumber in Moodle; of our people that is the person id."""
    CLASS = "class"
    """The idnumber of the class's cohort. Courses of the class are excluded with it."""
    COURSE = "course"
    """The idnumber of the course."""


ABOUT_PEOPLE = frozenset({Excluded.LOGIN, Excluded.ROLE, Excluded.PERSON})
ANY_LETTERS = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    what: Excluded
    pattern: str
    """``*`` stands for any letters; capital and small ones are the same."""
    school_code: str = ""
    """The school in whose plans it counts; empty for all. One account, named without ``*``, is
    excluded wherever it is."""

    @property
    def is_exact(self) -> bool:
        """Tell whether it names one thing."""
        return ANY_LETTERS not in self.pattern

    def counts_at(self, school_code: str) -> bool:
        """Tell whether plans of this school leave out what it names."""
        of_one_account = self.is_exact and self.what in {Excluded.LOGIN, Excluded.PERSON}
        return self.school_code in {"", school_code} or of_one_account

    def matches(self, text: str) -> bool:
        """Tell whether the pattern fits the whole text; an empty text fits nothing."""
        parts = map(re.escape, self.pattern.split(ANY_LETTERS))
        return bool(text) and bool(re.fullmatch(".*".join(parts), text, re.IGNORECASE | re.DOTALL))


class Exclusions:
    """All exclusions that count in one place, to be asked about many things."""

    def __init__(self, exclusions: Iterable[Exclusion] = ()) -> None:
        self._all = tuple(dict.fromkeys(exclusions))

    def __bool__(self) -> bool:
        return bool(self._all)

    def at(self, school_code: str) -> Exclusions:
        """Return those that count in the plans of a school."""
        return Exclusions(one for one in self._all if one.counts_at(school_code))

    def names_person(
        self, *, idnumber: str = "", login: str = "", roles: Iterable[str] = ()
    ) -> bool:
        """Tell whether an account is excluded; ``idnumber`` is the person id of ours."""
        return (
            self._fits(Excluded.PERSON, idnumber)
            or self._fits(Excluded.LOGIN, login)
            or any(self._fits(Excluded.ROLE, role) for role in roles)
        )

    def names_class(self, cohort: str) -> bool:
        """Tell whether the cohort with this idnumber is excluded."""
        return self._fits(Excluded.CLASS, cohort)

    def names_course(self, course: str) -> bool:
        """Tell whether the course with this idnumber is excluded."""
        return self._fits(Excluded.COURSE, course)

    def _fits(self, what: Excluded, text: str) -> bool:
        key = text.casefold()
        if not key:
            return False
        return key in self._exact.get(what, ()) or any(
            one.matches(text) for one in self._patterns.get(what, ())
        )

    @cached_property
    def _exact(self) -> dict[Excluded, set[str]]:
        found: dict[Excluded, set[str]] = {}
        for one in self._all:
            if one.is_exact:
                found.setdefault(one.what, set()).add(one.pattern.casefold())
        return found

    @cached_property
    def _patterns(self) -> dict[Excluded, list[Exclusion]]:
        found: dict[Excluded, list[Exclusion]] = {}
        for one in self._all:
            if not one.is_exact:
                found.setdefault(one.what, []).append(one)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """What of a school no plan may touch: person ids, and idnumbers of cohorts and courses."""

    people: frozenset[str] = frozenset()
    cohorts: frozenset[str] = frozenset()
    courses: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.people or self.cohorts or self.courses)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many there are of each, for the pages; nothing where there are none."""
        every = {
            "people": len(self.people),
            "classes": len(self.cohorts),
            "courses": len(self.courses),
        }
        return {name: count for name, count in every.items() if count}

    def without(self, state: State) -> State:
        """Return the state without what is left out, and without all links to it."""
        return State(
            school_code=state.school_code,
            categories=state.categories,
            cohorts={key: one for key, one in state.cohorts.items() if key not in self.cohorts},
            courses={key: one for key, one in state.courses.items() if key not in self.courses},
            users={key: one for key, one in state.users.items() if key not in self.people},
            members=frozenset(one for one in state.members if not self._links(one)),
            enrolments=frozenset(one for one in state.enrolments if not self._links(one)),
        )

    def _links(self, one: Member | CourseEnrolment) -> bool:
        if one.person_id in self.people:
            return True
        if isinstance(one, Member):
            return one.cohort in self.cohorts
        return one.course in self.courses


def left_out(known: State, desired: State, exclusions: Exclusions, names: Names) -> LeftOut:
    """Return what of two states of a school is excluded.

    ``names`` tell the courses of a class; only classes of their school year have any.
    """
    if not exclusions:
        return LeftOut()
    cohorts = known.cohorts.keys() | desired.cohorts.keys()
    cohorts |= {one.cohort for one in known.members}
    courses = known.courses.keys() | desired.courses.keys()
    courses |= {one.course for one in known.enrolments}
    excluded = frozenset(one for one in cohorts if exclusions.names_class(one))
    of_classes = _courses_of(excluded, courses, names)
    return LeftOut(
        people=frozenset(
            key
            for users in (known.users, desired.users)
            for key, user in users.items()
            if _is_excluded(user, exclusions)
        ),
        cohorts=excluded,
        courses=of_classes | {one for one in courses if exclusions.names_course(one)},
    )


def _courses_of(cohorts: Iterable[str], courses: Iterable[str], names: Names) -> frozenset[str]:
    ids = [class_id for class_id in map(names.class_id_in, cohorts) if class_id]
    whole = {names.class_course_id(class_id) for class_id in ids}
    prefixes = tuple(map(names.subject_courses_prefix, ids))
    return frozenset(one for one in courses if one in whole or one.startswith(prefixes))


def _is_excluded(user: MoodleUser, exclusions: Exclusions) -> bool:
    return exclusions.names_person(idnumber=user.person_id, login=user.username, roles=(user.role,))
