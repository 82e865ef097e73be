"""Known people and rosters for the tests of matching."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import count
from typing import Any

from provisioning.matching import How, KnownIdentities, KnownIdentity, Match, Matching, match
from provisioning.questions import (
    Answer,
    Decided,
    Decision,
    Question,
    QuestionKind,
    RowRef,
)
from provisioning.roster import Roster
from tests.factories import SCHOOL_CODE, make_class, make_enrolment, make_person, make_roster

SNILS = "11223344595"
OTHER_SNILS = "08765430300"
OTHER_SCHOOL = "78-0006"
NEW = Match(person_id="new-1", how=How.NEW)
KNOWN = Match(person_id="p-1", how=How.KNOWN)
BY_SNILS = Match(person_id="p-1", how=How.SNILS)
CLASS = make_class("c-1", title="5А", grade=5)


def known_person(person_id: str = "p-1", **overrides: Any) -> KnownIdentity:
    """Somebody as the factories make pupils, known in the school of the roster."""
    fields: dict[str, Any] = {
        "person_id": person_id,
        "family_name": "Примеров",
        "given_name": "Пример",
        "middle_name": "Примерович",
        "birth_date": date(2012, 9, 1),
        "school_code": SCHOOL_CODE,
        "role": "student",
    }
    return KnownIdentity(**fields | overrides)


def listed_person(
    person_id: str = "p-1", sourced_id: str = "old-1", **fields: Any
) -> KnownIdentity:
    """Somebody on the roll of this school, in class 5А."""
    values: dict[str, Any] = {
        "class_id": "c-1",
        "class_title": "5А",
        "listed": frozenset({SCHOOL_CODE}),
        "keys": (RowRef(school_code=SCHOOL_CODE, sourced_id=sourced_id),),
    }
    return known_person(person_id, **values | fields)


def stranger(person_id: str = "p-9", sourced_id: str = "b-1", **fields: Any) -> KnownIdentity:
    """Somebody of another school, on no roll now."""
    values: dict[str, Any] = {
        "school_code": OTHER_SCHOOL,
        "class_title": "5Б",
        "keys": (RowRef(school_code=OTHER_SCHOOL, sourced_id=sourced_id),),
    }
    return known_person(person_id, **values | fields)


def class_roster(rows: Iterable[Any], **overrides: Any) -> Roster:
    """A full roll of one class, 5А."""
    people = list(rows)
    links = [make_enrolment(one.sourced_id, "c-1") for one in people if one.role == "student"]
    return make_roster(people, [CLASS], links, **overrides)


def people(*known: KnownIdentity) -> dict[str, Any]:
    """Known people of this school, by key and by id."""
    by_key = {
        key.sourced_id: one for one in known for key in one.keys if key.school_code == SCHOOL_CODE
    }
    return {"by_key": by_key, "own": {one.person_id: one for one in known}}


def match_all(roster: Roster, **known: Any) -> Matching:
    """Match with what is known; ``decided`` and ``settings`` are handed on."""
    numbers = count(1)
    options = {name: known.pop(name) for name in ("decided", "settings") if name in known}
    return match(roster, KnownIdentities(**known), lambda: f"new-{next(numbers)}", **options)


def keyed(**overrides: Any) -> dict[str, Any]:
    return {"by_key": {"s-1": known_person(**overrides)}}


def numbered(*humans: KnownIdentity) -> dict[str, Any]:
    return {"by_snils": {humans[0].snils: humans}}


def answer(question: Question, said: Answer, candidate: str = "") -> Decided:
    """What the next matching hears when this question is answered so."""
    keys = frozenset(one.key for one in question.candidates)
    is_no = said in (Answer.DIFFERENT, Answer.REFUSE)
    seen = {one.key: one.evidence for one in question.candidates}
    decision = Decision(
        answer=said,
        candidate=candidate,
        refused=keys if is_no else frozenset(),
        evidence=seen.get(candidate, ()),
    )
    return Decided(decisions={(question.kind, question.key): [decision]})


def told(question: Question) -> tuple[QuestionKind, str, list[str]]:
    """Kind, key and candidates of a question."""
    return question.kind, question.key, [one.key for one in question.candidates]


TWIN = make_person("s-2", given_name="Анна", sex="F")
