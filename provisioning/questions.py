"""Questions: what a decision maker returns when only a person can say what is so.

A question names rows and what they could be, with what speaks for and against. What people answered
comes back as ``Decided``, and nobody is asked twice. Nothing here knows a database or a page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class QuestionKind(StrEnum):
    MATCH = "match"
    """Is this row that human whom we know?"""
    SPLIT = "split"
    """Two rows, or a row and a human, share a number or a key: are they two humans?"""
    MOVE = "move"
    """Has this human come from another school?"""
    SCHOOL = "school"
    """Is the school of this unknown code one that we know?"""
    RENUMBERED = "renumbered"
    """Has a whole export new ids for the same people?"""
    CLASS = "class"
    """Is this class that class whose cohort and course we know?"""
    LOGIN = "login"
    """Moodle holds the login for somebody whose name is only near: is the account this human's?"""
    ACCOUNT = "account"
    """Is this account of Moodle, which somebody else made, this human's? The whole name agrees."""


class Answer(StrEnum):
    SAME = "same"
    """It is the candidate that is named with the answer."""
    DIFFERENT = "different"
    """It is none of the candidates."""
    CONFIRM = "confirm"
    REFUSE = "refuse"


ANSWERS: Mapping[QuestionKind, tuple[Answer, ...]] = {
    QuestionKind.MATCH: (Answer.SAME, Answer.DIFFERENT),
    QuestionKind.SPLIT: (Answer.SAME, Answer.DIFFERENT),
    QuestionKind.MOVE: (Answer.CONFIRM, Answer.REFUSE),
    QuestionKind.SCHOOL: (Answer.SAME, Answer.DIFFERENT),
    QuestionKind.RENUMBERED: (Answer.CONFIRM, Answer.REFUSE),
    QuestionKind.CLASS: (Answer.SAME, Answer.DIFFERENT),
    QuestionKind.LOGIN: (Answer.SAME, Answer.DIFFERENT),
    QuestionKind.ACCOUNT: (Answer.SAME, Answer.DIFFERENT),
}
"""What may be answered to each kind."""


class Speaks(StrEnum):
    FOR = "for"
    AGAINST = "against"
    NEITHER = "neither"
    """Worth knowing, and proves nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One thing that speaks for or against: ``code`` has its words in ``service/words``."""

    code: str
    """``field.how``, e.g. ``birth_date.equal``, ``given_name.one_letter``."""
    speaks: Speaks
    ours: str = field(default="", repr=False)
    """What the row says. Personal: it is stored encrypted and shown to whom may see the row."""
    theirs: str = field(default="", repr=False)
    """What we know of the candidate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RowRef:
    """A row of a school's export."""

    school_code: str
    sourced_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One possible answer to "who is it": a human, a school or a class that we know."""

    key: str
    """Person id, school code or class key."""
    memberships: tuple[RowRef, ...] = ()
    """Where exports name this human."""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    kind: QuestionKind
    school_code: str
    """The school whose file raises the question; its operators are asked, or the city."""
    key: str
    """What is asked about, the same whenever the same is asked again: of a row its sourced id, and
    whom it named until now if its id is in doubt, or ``places_key``; of a class its school year, a
    blank and its id;
    of a school its code. No personal data. Unique with kind and school."""
    rows: tuple[RowRef, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    """What concerns all candidates."""

    @property
    def is_about_places(self) -> bool:
        """Tell whether who the row is has been proven, and only places are asked about."""
        own = {places_key(one.sourced_id) for one in self.rows}
        return self.kind is QuestionKind.MOVE and self.key in own


_PLACES = " places"


def places_key(sourced_id: str) -> str:
    """Return the key of the question whether the pupil of a row has left the other schools.

    Another one than that of the question who the row is: an answer to this says nothing about that.
    """
    return sourced_id + _PLACES


def is_places_key(kind: str, key: str) -> bool:
    """Tell whether an answer to this question says nothing about who a row is."""
    return kind == QuestionKind.MOVE and key.endswith(_PLACES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What a person answered, as far as decision makers need it."""

    answer: Answer
    candidate: str = ""
    """``Candidate.key``; empty when the answer names none."""
    evidence: tuple[Evidence, ...] = ()
    """What the person saw of the candidate that was chosen, as far as it was kept."""
    refused: frozenset[str] = frozenset()
    """Keys of all candidates of a question that was answered ``different`` or ``refuse``: another
    candidate may be asked about again, these may not."""
    is_child: Callable[[str, date], bool] | None = None
    """Tells by folded given name and birth date whether a row is still whom it was about, where the
    evidence was cleared since; None when that is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """What was answered to the questions of one school, by kind and key."""

    decisions: Mapping[tuple[QuestionKind, str], Sequence[Decision]] = field(default_factory=dict)

    def last(self, kind: QuestionKind, key: str) -> Decision | None:
        """Return the newest answer to this question that was not undone."""
        found = self.decisions.get((kind, key), ())
        return found[-1] if found else None

    def refused(self, kind: QuestionKind, key: str) -> frozenset[str]:
        """Return every candidate that somebody has said no to."""
        found = self.decisions.get((kind, key), ())
        return frozenset().union(*(one.refused for one in found))
