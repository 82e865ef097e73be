"""Fields that somebody changed by hand in Moodle: they stay so while the source is as it was.

Once the source says something else too, a rule for the field decides who is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from provisioning.changes import Kind
from provisioning.settings import BothChanged
from provisioning.state import CourseEnrolment, CourseRole, Member, State

PLACE = ""
"""The field of a link: whether the person has the place."""
THERE, ABSENT = "there", ""
"""What a place is."""

FIELDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.CATEGORY: ("name", "parent"),
    Kind.COHORT: ("name", "visible"),
    Kind.COURSE: ("fullname", "shortname", "category", "visible"),
    Kind.USER: (
        "username", "firstname", "lastname", "email", "auth", "institution", "department",
        "suspended",
    ),
    Kind.MEMBER: (PLACE,),
    Kind.ENROLMENT: (PLACE,),
}  # fmt: skip
"""What may stay as Moodle has it."""

_OBJECTS = {
    Kind.CATEGORY: "categories", Kind.COHORT: "cohorts", Kind.COURSE: "courses", Kind.USER: "users",
}  # fmt: skip
_TRUE = "true"
_FLAGS = {"suspended", "visible"}

Rule = Callable[[str], BothChanged]
"""Tells which rule decides about a field, by its name in ``FIELDS``."""


class Verdict(StrEnum):
    """What a plan makes of a field that was changed by hand."""

    KEPT = "kept"
    """The source is as it was: Moodle's value stays."""
    AGREED = "agreed"
    """The source says now what Moodle has: the field is like any other again."""
    SOURCE = "source"
    """The source has changed too, and wins."""
    MOODLE = "moodle"
    """The source has changed too; Moodle's value stays."""
    ASKED = "asked"
    """The source has changed too; Moodle's value stays until a person says who is right."""


STAYS = frozenset({Verdict.KEPT, Verdict.MOODLE, Verdict.ASKED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Sticky:
    """One field, with both values as texts (``as_text``)."""

    subject: Kind
    key: str
    field: str
    value: str
    """As Moodle has it."""
    source_value: str
    """What the source said when it was changed by hand."""
    ends: bool = False
    """A person wants what the source says again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    sticky: Sticky
    wanted: str
    """What the source says now."""
    verdict: Verdict


def as_text(value: Any) -> str:
    """Return a value of a field as the text that is kept."""
    if isinstance(value, bool):
        return _TRUE if value else ""
    return "" if value is None else str(value)


def from_text(field: str, text: str) -> Any:
    """Return the value of a field whose text is kept; the other way round than ``as_text``."""
    return text == _TRUE if field in _FLAGS else text


def as_source_says(known: State, stickies: Iterable[Sticky]) -> State:
    """Return what Moodle would have without hands: what the source last said of each field.

    What should be there is decided from this state: of whom a file does not speak, the source says
    what it said before.
    """
    return _with(known, ((one, one.source_value) for one in stickies))


def as_in_moodle(told: State, stickies: Iterable[Sticky]) -> State:
    """Return what Moodle has, from what the source says: the other way round."""
    return _with(told, ((one, one.value) for one in stickies))


def _with(state: State, values: Iterable[tuple[Sticky, str]]) -> State:
    laid = _Overlay(state)
    for sticky, text in values:
        if laid.value(sticky) is not None:
            laid.put(sticky, text)
    return laid.laid()


def overlay(
    desired: State, stickies: Iterable[Sticky], rule: Rule
) -> tuple[State, tuple[Judged, ...]]:
    """Return what Moodle should have where hands in Moodle count, and what became of each field.

    A field of something that ``desired`` does not name is left alone.
    """
    state = _Overlay(desired)
    judged = []
    for sticky in stickies:
        wanted = state.value(sticky)
        if wanted is None:
            continue
        verdict = judge(sticky, wanted, rule)
        if verdict in STAYS:
            state.put(sticky, sticky.value)
        judged.append(Judged(sticky=sticky, wanted=wanted, verdict=verdict))
    return state.laid(), tuple(judged)


def judge(sticky: Sticky, wanted: str, rule: Rule) -> Verdict:
    """Decide about one field for which the source now says ``wanted``."""
    if wanted == sticky.value:
        return Verdict.AGREED
    if sticky.ends:
        return Verdict.SOURCE
    if wanted == sticky.source_value:
        return Verdict.KEPT
    return _BY_RULE[rule(sticky.field)]


_BY_RULE: Mapping[BothChanged, Verdict] = {
    "source": Verdict.SOURCE, "moodle": Verdict.MOODLE, "ask": Verdict.ASKED,
}  # fmt: skip


class _Overlay:
    """A state that is changed field by field; what is not touched is not copied."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._objects: dict[Kind, dict[str, Any]] = {}
        self._links: dict[Kind, set[Any]] = {}

    def value(self, sticky: Sticky) -> str | None:
        """The text of the field here; None for what the state does not name."""
        if sticky.field not in FIELDS[sticky.subject]:
            return None
        if sticky.subject not in _OBJECTS:
            link = link_of(sticky.subject, sticky.key)
            return THERE if link in self._links_of(sticky.subject) else ABSENT
        one = self._objects_of(sticky.subject).get(sticky.key)
        return None if one is None else as_text(getattr(one, sticky.field))

    def put(self, sticky: Sticky, text: str) -> None:
        kind = sticky.subject
        if kind in _OBJECTS:
            objects = self._objects.setdefault(kind, dict(self._objects_of(kind)))
            value = from_text(sticky.field, text)
            objects[sticky.key] = replace(objects[sticky.key], **{sticky.field: value})
            return
        links = self._links.setdefault(kind, set(self._links_of(kind)))
        link = link_of(kind, sticky.key)
        if text == THERE:
            links.add(link)
        else:
            links.discard(link)

    def laid(self) -> State:
        changed: dict[str, Any] = {_OBJECTS[kind]: one for kind, one in self._objects.items()}
        for kind, links in self._links.items():
            changed["members" if kind is Kind.MEMBER else "enrolments"] = frozenset(links)
        return replace(self._state, **changed) if changed else self._state

    def _objects_of(self, kind: Kind) -> Mapping[str, Any]:
        kept: Mapping[str, Any] = getattr(self._state, _OBJECTS[kind])
        return self._objects.get(kind, kept)

    def _links_of(self, kind: Kind) -> Any:
        kept = self._state.members if kind is Kind.MEMBER else self._state.enrolments
        return self._links.get(kind, kept)


def link_of(kind: Kind, key: str) -> Member | CourseEnrolment:
    """Return the link with this ``Change.key``."""
    if kind is Kind.MEMBER:
        cohort, person_id = key.rsplit("|", 1)
        return Member(cohort=cohort, person_id=person_id)
    course, person_id, role = key.rsplit("|", 2)
    return CourseEnrolment(course=course, person_id=person_id, role=CourseRole(role))
