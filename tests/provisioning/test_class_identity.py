"""Which class of ours is a class of a file: tables of cases, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from provisioning.class_evidence import FileClass, KnownClass
from provisioning.class_identity import ClassMatching, question_key, recognise_classes
from provisioning.questions import Answer, Decided, Decision, QuestionKind

YEAR = "2026/2027"


def people(prefix: str, number: int = 25, first: int = 1) -> frozenset[str]:
    return frozenset(f"{prefix}{each}" for each in range(first, first + number))


def of_file(class_id: str, title: str, pupils: frozenset[str], **others: Any) -> FileClass:
    grade = others.pop("grade", int("".join(filter(str.isdigit, title[:2]))))
    return FileClass(class_id=class_id, title=title, grade=grade, pupils=pupils, **others)


IDS: dict[str, frozenset[str]] = {"ids": frozenset(), "answered": frozenset()}


def of_ours(key: str, title: str, pupils: frozenset[str], **others: Any) -> KnownClass:
    grade = int("".join(filter(str.isdigit, title[:2])))
    ids = {name: frozenset(others.pop(name, default)) for name, default in IDS.items()}
    ids["ids"] = ids["ids"] or frozenset({key})
    return KnownClass(key=key, title=title, grade=grade, pupils=pupils, **ids, **others)


def recognised(
    classes: Sequence[FileClass],
    known: Sequence[KnownClass],
    decided: Decided | None = None,
    **others: bool,
) -> ClassMatching:
    return recognise_classes(
        classes, known, school_code="S1", school_year=YEAR, decided=decided or Decided(), **others
    )


def keys(found: ClassMatching) -> dict[str, str]:
    """Key of each class, ``?`` for one in doubt."""
    said = {class_id: match.key for class_id, match in found.matches.items()}
    return said | dict.fromkeys(found.waiting, "?")


A, B, C = people("a"), people("b"), people("c")
NEW = people("n", 28)
KNOWN_A, KNOWN_B = of_ours("c-5", "5А", A), of_ours("c-6", "5Б", B)

CASES: dict[str, tuple[list[FileClass], list[KnownClass], dict[str, str]]] = {
    "nothing is known": ([of_file("c-5", "5А", A)], [], {"c-5": "c-5"}),
    "nothing has changed": ([of_file("c-5", "5А", A)], [KNOWN_A], {"c-5": "c-5"}),
    "an id names another class, and the class has a new id": (
        [of_file("c-5", "9Г", NEW), of_file("c-x", "5А", A)],
        [KNOWN_A], {"c-5": "c-5~2", "c-x": "c-5"},
    ),
    "the same with few people": (
        [of_file("c-5", "9Г", people("n", 2)), of_file("c-x", "5А", people("a", 2))],
        [of_ours("c-5", "5А", people("a", 2))], {"c-5": "c-5~2", "c-x": "c-5"},
    ),
    "an id names another class of the same grade, and the class has a new id": (
        [of_file("c-5", "5В", NEW), of_file("c-x", "5А", A)],
        [KNOWN_A], {"c-5": "c-5~2", "c-x": "c-5"},
    ),
    "an id names another class, and the class is gone": (
        [of_file("c-5", "9Г", NEW)], [KNOWN_A], {"c-5": "c-5~2"},
    ),
    "an id names another class of the same grade, and the class is gone": (
        [of_file("c-5", "5В", NEW)], [KNOWN_A], {"c-5": "?"},
    ),
    "an empty class that nobody was ever in has another title": (
        [of_file("c-5", "5В", NEW)], [of_ours("c-5", "5А", frozenset(), was_used=False)],
        {"c-5": "c-5"},
    ),
    "a class has all new pupils, and the old ones have left": (
        [of_file("c-5", "5А", NEW)], [KNOWN_A], {"c-5": "c-5"},
    ),
    "a class became empty": ([of_file("c-5", "5А", frozenset())], [KNOWN_A], {"c-5": "c-5"}),
    "all classes have the ids of others": (
        [of_file("c-5", "5Б", B), of_file("c-6", "5В", C), of_file("c-7", "5А", A)],
        [KNOWN_A, KNOWN_B, of_ours("c-7", "5В", C)],
        {"c-5": "c-6", "c-6": "c-7", "c-7": "c-5"},
    ),
    "all classes have new ids": (
        [of_file("x-1", "5А", A), of_file("x-2", "5Б", B)],
        [KNOWN_A, KNOWN_B], {"x-1": "c-5", "x-2": "c-6"},
    ),
    "a class has a new id and another letter": (
        [of_file("x-1", "5К", A), of_file("c-6", "5Б", B)],
        [KNOWN_A, KNOWN_B], {"x-1": "c-5", "c-6": "c-6"},
    ),
    "a class has a new id and another grade": (
        [of_file("x-1", "6А", A)], [KNOWN_A], {"x-1": "?"},
    ),
    "classes have exchanged their letters": (
        [of_file("c-5", "5Б", A), of_file("c-6", "5А", B)],
        [KNOWN_A, KNOWN_B], {"c-5": "c-5", "c-6": "c-6"},
    ),
    "classes have exchanged their people": (
        [of_file("c-5", "5А", B), of_file("c-6", "5Б", A)],
        [KNOWN_A, KNOWN_B], {"c-5": "?", "c-6": "?"},
    ),
    "a new class has everybody of one whose id and title are in the file": (
        [of_file("c-5", "5А", NEW), of_file("x-1", "5К", A)],
        [KNOWN_A], {"c-5": "?", "x-1": "?"},
    ),
    "an id looks alike": ([of_file("С - 5", "5А", A)], [KNOWN_A], {"С - 5": "c-5"}),
    "an id looks alike and names another class": (
        [of_file("С-5", "9Г", NEW), of_file("c-x", "5А", A)],
        [KNOWN_A], {"С-5": "С-5", "c-x": "c-5"},
    ),
    "a class was split, and its id and title stayed": (
        [of_file("c-5", "5А", people("a", 12)), of_file("x-1", "5В", people("a", 13, 13))],
        [KNOWN_A], {"c-5": "c-5", "x-1": "x-1"},
    ),
    "a class was split into two of other titles and ids": (
        [of_file("x-1", "5К", people("a", 12)), of_file("x-2", "5Л", people("a", 13, 13))],
        [KNOWN_A], {"x-1": "?", "x-2": "?"},
    ),
    "two classes were joined under the id and title of one": (
        [of_file("c-5", "5А", A | B)], [KNOWN_A, KNOWN_B], {"c-5": "c-5"},
    ),
    "two classes were joined under a new id and the title of one": (
        [of_file("x-1", "5Б", A | B)], [KNOWN_A, KNOWN_B], {"x-1": "c-6"},
    ),
    "two classes were joined under a new id and title": (
        [of_file("x-1", "5К", A | B)], [KNOWN_A, KNOWN_B], {"x-1": "?"},
    ),
    "classes were formed anew from all of the grade": (
        [
            of_file("c-5", "5А", people("a", 9) | people("b", 8) | people("c", 8)),
            of_file("c-6", "5Б", people("a", 8, 10) | people("b", 9, 9) | people("c", 8, 9)),
            of_file("c-7", "5В", people("a", 8, 18) | people("b", 8, 18) | people("c", 9, 17)),
        ],
        [KNOWN_A, KNOWN_B, of_ours("c-7", "5В", C)],
        {"c-5": "c-5", "c-6": "c-6", "c-7": "c-7"},
    ),
    "a new class is made of some of each": (
        [
            of_file("c-5", "5А", people("a", 15)), of_file("c-6", "5Б", people("b", 15)),
            of_file("x-1", "5В", people("a", 10, 16) | people("b", 10, 16)),
        ],
        [KNOWN_A, KNOWN_B], {"c-5": "c-5", "c-6": "c-6", "x-1": "x-1"},
    ),
    "a group has the pupils of a home class": (
        [of_file("c-5", "5А", A), of_file("g-1", "5А англ", A, is_group=True)],
        [KNOWN_A], {"c-5": "c-5", "g-1": "g-1"},
    ),
    "groups of the same pupils have new ids": (
        [
            of_file("h-1", "5 англ", A, is_group=True),
            of_file("h-2", "5 инф", A, is_group=True),
        ],
        [
            of_ours("g-1", "5 инф", A, is_group=True),
            of_ours("g-2", "5 англ", A, is_group=True),
        ],
        {"h-1": "g-2", "h-2": "g-1"},
    ),
    "ids that differ by case are two classes": (
        [of_file("aB", "5А", A), of_file("Ab", "5Б", B)],
        [of_ours("aB", "5А", A), of_ours("Ab", "5Б", B)], {"aB": "aB", "Ab": "Ab"},
    ),
    "a pupil alone is in another class": (
        [of_file("x-1", "5В", people("a", 1))], [of_ours("c-9", "5К", people("a", 1))],
        {"x-1": "x-1"},
    ),
    "one pupil of a class has gone to another, and nobody else is known there": (
        [of_file("c-5", "5А", NEW), of_file("c-6", "5Б", people("a", 1))],
        [of_ours("c-5", "5А", people("a", 1)), KNOWN_B], {"c-5": "c-5", "c-6": "c-6"},
    ),
    "the number of a reused id is taken": (
        [
            of_file("c-5", "9Г", NEW), of_file("c-x", "5А", A), of_file("c-5~2", "7А", C),
        ],
        [KNOWN_A], {"c-5": "c-5~3", "c-x": "c-5", "c-5~2": "c-5~2"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("classes", "known", "expected"), CASES.values(), ids=CASES)
def test_people_then_id_title_and_grade_say_which_class_it_is(
    classes: list[FileClass], known: list[KnownClass], expected: dict[str, str]
) -> None:
    assert keys(recognised(classes, known)) == expected
    # Neither the order of the file nor that of what is known decides.
    assert keys(recognised(classes[::-1], known[::-1])) == expected


CHANGES: dict[str, tuple[list[FileClass], dict[str, str]]] = {
    "a new class has a few of an old one": ([of_file("x-1", "5В", people("a", 4))], {"x-1": "x-1"}),
    "a new class has nearly half of an old one": (
        [of_file("x-1", "5В", people("a", 11))], {"x-1": "x-1"},
    ),
    "a new class has most of an old one": ([of_file("x-1", "5В", people("a", 22))], {"x-1": "?"}),
    "a new class has everybody of an old one": ([of_file("x-1", "5В", A)], {"x-1": "c-5"}),
    "a class has a new id": ([of_file("x-1", "5А", people("a", 4))], {"x-1": "c-5"}),
    "a class has another letter": ([of_file("c-5", "5К", people("a", 2))], {"c-5": "c-5"}),
    "a pupil has gone to another class": (
        [of_file("c-6", "5Б", people("a", 1))], {"c-6": "c-6"},
    ),
    "a pupil has gone to another class, and both are named": (
        [of_file("c-5", "5А", frozenset()), of_file("c-6", "5Б", people("a", 1))],
        {"c-5": "c-5", "c-6": "c-6"},
    ),
    "some pupils have gone to another class": (
        [of_file("c-6", "5Б", people("a", 5))], {"c-6": "c-6"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("classes", "expected"), CHANGES.values(), ids=CHANGES)
def test_whom_a_file_of_changes_leaves_out_has_stayed(
    classes: list[FileClass], expected: dict[str, str]
) -> None:
    assert keys(recognised(classes, [KNOWN_A, KNOWN_B], is_whole=False)) == expected


def answers(class_id: str, *given: Decision) -> Decided:
    return Decided(decisions={(QuestionKind.CLASS, question_key(YEAR, class_id)): given})


def test_a_class_in_doubt_is_asked_about_with_what_speaks_for_and_against() -> None:
    found = recognised([of_file("c-5", "5В", NEW)], [KNOWN_A])
    (question,) = found.questions
    assert (question.kind, question.key) == ("class", "2026/2027 c-5")
    assert [one.key for one in question.candidates] == ["c-5"]
    said = {one.code: one.speaks.value for one in question.candidates[0].evidence}
    assert said == {
        "class_pupils.unknown": "neither",
        "class_title.different": "against",
        "class_grade.equal": "for",
        "class_id.equal": "for",
    }
    assert found.held == {"c-5"}


def test_what_was_answered_counts() -> None:
    classes, same = [of_file("c-5", "5В", NEW)], Decision(answer=Answer.SAME, candidate="c-5")
    different = Decision(answer=Answer.DIFFERENT, refused=frozenset({"c-5"}))
    assert keys(recognised(classes, [KNOWN_A], answers("c-5", same))) == {"c-5": "c-5"}
    assert keys(recognised(classes, [KNOWN_A], answers("c-5", different))) == {"c-5": "c-5~2"}
    assert keys(recognised(classes, [KNOWN_A], answers("c-5", different, same))) == {"c-5": "c-5"}
    other_year = Decided(decisions={(QuestionKind.CLASS, "2025/2026 c-5"): [same]})
    assert keys(recognised(classes, [KNOWN_A], other_year)) == {"c-5": "?"}


def test_two_classes_are_one_when_somebody_says_so() -> None:
    parts = [of_file("x-1", "5К", people("a", 12)), of_file("x-2", "5Л", people("a", 13, 13))]
    same = Decision(answer=Answer.SAME, candidate="c-5")
    both = Decided(
        decisions={(QuestionKind.CLASS, question_key(YEAR, one.class_id)): [same] for one in parts}
    )
    assert keys(recognised(parts, [KNOWN_A], both)) == {"x-1": "c-5", "x-2": "c-5"}
    joined = of_ours("c-5", "5К", A, ids={"c-5", "x-1", "x-2"}, answered={"x-1", "x-2"})
    assert keys(recognised(parts, [joined], both)) == {"x-1": "c-5", "x-2": "c-5"}
    # An old yes says nothing about other people under the same id.
    later = [parts[0], of_file("x-2", "9Г", NEW)]
    assert keys(recognised(later, [joined], both)) == {"x-1": "c-5", "x-2": "x-2"}
