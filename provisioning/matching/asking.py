"""The questions of matching: their keys, their candidates, and the answers that came back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from provisioning.evidence import compare_subjects, explain, given_letters
from provisioning.matching.comparing import resembles
from provisioning.matching.known import KnownIdentity
from provisioning.questions import (
    Answer,
    Candidate,
    Decided,
    Decision,
    Evidence,
    Question,
    QuestionKind,
    RowRef,
    Speaks,
)
from provisioning.roster import Person, Role, Roster

SHOWN = 6
"""The most candidates of one question; the likeliest come first."""
_KINDS = (QuestionKind.MATCH, QuestionKind.MOVE)
_REFUSING = (*_KINDS, QuestionKind.SPLIT)
"""Kinds whose "no" says that a row is not a human."""


def key_of(sourced_id: str, person_id: str = "") -> str:
    """Return the key of a question about a row; ``person_id`` is whom its id named until now.

    It is part of the key, so that an answer does not hold when the id names yet another human.
    """
    return f"{sourced_id} {person_id}".strip()


def answered(
    decided: Decided,
    row: Person,
    old: KnownIdentity | None,
    candidates: Sequence[KnownIdentity],
) -> KnownIdentity | None:
    """Return the candidate whom a person said this row to be, as long as it can be.

    A row that has become another human's since is asked about again. ``old`` is whom its id names.
    """
    by_id = {one.person_id: one for one in candidates}
    only = candidates[0].person_id if len(candidates) == 1 else ""
    keys = {key_of(row.sourced_id), key_of(row.sourced_id, old.person_id if old else "")}
    for kind, key in ((kind, key) for kind in _KINDS for key in sorted(keys)):
        last = decided.last(kind, key)
        if last is None or last.answer not in (Answer.SAME, Answer.CONFIRM):
            continue
        found = by_id.get(last.candidate or only)
        if found is None or (old is not None and key == row.sourced_id and found != old):
            continue
        # An id that leads to the human already may have changed places again since.
        has_led = old is not None and found.person_id == old.person_id
        if _is_as_seen(last.evidence, row) or (resembles(row, found) and not has_led):
            return found
        if not last.evidence and key != row.sourced_id and found == old:
            return found
    return None


def _is_as_seen(evidence: Iterable[Evidence], row: Person) -> bool:
    """Tell whether the row says what it said when somebody decided."""
    said = {one.code.partition(".")[0]: one.ours for one in evidence}
    names = {
        "family_name": row.family_name,
        "given_name": row.given_name,
        "birth_date": f"{row.birth_date:%d.%m.%Y}",
    }
    return bool(said) and all(said.get(name, now) in ("", now) for name, now in names.items())


def refused(decided: Decided, key: str, row: Person) -> frozenset[str]:
    """Return the people whom somebody said this row not to be."""
    about = [(kind, key) for kind in _KINDS]
    # A split names the row alone: the human is among those refused.
    about.append((QuestionKind.SPLIT, key_of(row.sourced_id)))
    return refused_of((one for each in about for one in decided.decisions.get(each, ())), row)


def refused_of(decisions: Iterable[Decision], row: Person) -> frozenset[str]:
    """Return whom these answers refuse: of a row that now describes somebody else they say
    nothing."""
    return frozenset().union(*(one.refused for one in decisions if _is_about(one, row)))


def _is_about(decision: Decision, row: Person) -> bool:
    if decision.evidence or decision.is_child is None:
        return not decision.evidence or _is_same_child(decision.evidence, row)
    return decision.is_child(given_letters(row.given_name), row.birth_date)


def _is_same_child(evidence: Iterable[Evidence], row: Person) -> bool:
    """Tell whether given name and birth date are as they were when somebody decided.

    A family name changes with a marriage, and the row is the same human's.
    """
    said = {one.code.partition(".")[0]: one.ours for one in evidence}
    birth_date = f"{row.birth_date:%d.%m.%Y}"
    given = given_letters(said.get("given_name") or row.given_name)
    same_day = said.get("birth_date", "") in ("", birth_date)
    return same_day and given == given_letters(row.given_name)


def answers_by_row(decided: Decided) -> dict[str, list[Decision]]:
    """Return the answers about each row by sourced id, whoever it was then."""
    found: dict[str, list[Decision]] = {}
    for (kind, key), decisions in decided.decisions.items():
        if kind in _REFUSING:
            for sourced_id in {key, key.rpartition(" ")[0]}:
                found.setdefault(sourced_id, []).extend(decisions)
    return found


def memberships(roster: Roster, human: Person | KnownIdentity) -> tuple[RowRef, ...]:
    """Return where exports name a human."""
    if isinstance(human, KnownIdentity):
        own = RowRef(school_code=human.school_code, sourced_id=human.sourced_id)
        return human.keys or ((own,) if human.sourced_id else ())
    return (RowRef(school_code=roster.school.code, sourced_id=human.sourced_id),)


def question(
    roster: Roster,
    row: Person,
    key: str,
    candidates: Iterable[KnownIdentity],
    *,
    is_new_id: bool,
    class_of: Callable[[str], str],
) -> Question:
    """Return the question whether a row is one of these people; the likeliest stands first.

    A new id of a pupil whom only other schools name is a move.
    """
    shown = list(candidates)[:SHOWN]
    is_move = (
        is_new_id
        and len(shown) == 1
        and row.role is Role.STUDENT
        and not shown[0].is_staff
        and all(one.school_code != roster.school.code for one in memberships(roster, shown[0]))
    )
    return Question(
        kind=QuestionKind.MOVE if is_move else QuestionKind.MATCH,
        school_code=roster.school.code,
        key=key,
        rows=(RowRef(school_code=roster.school.code, sourced_id=row.sourced_id),),
        candidates=tuple(candidate(roster, row, one, class_of(row.sourced_id)) for one in shown),
    )


def candidate(roster: Roster, row: Person, human: KnownIdentity, class_title: str) -> Candidate:
    return Candidate(
        key=human.person_id,
        memberships=memberships(roster, human),
        evidence=(*explain(row, human), *_about_places(roster, row, human, class_title)),
    )


def _about_places(
    roster: Roster, row: Person, human: KnownIdentity, class_title: str
) -> list[Evidence]:
    """Return what role, class and school say."""
    found: list[Evidence] = []

    def tell(code: str, speaks: Speaks, ours: str, theirs: str) -> None:
        found.append(Evidence(code=code, speaks=speaks, ours=ours, theirs=theirs))

    if human.role:
        is_same = human.is_staff is (row.role is not Role.STUDENT)
        code, speaks = ("role.equal", Speaks.NEITHER) if is_same else ("role.other", Speaks.AGAINST)
        tell(code, speaks, row.role.value, human.role)
    if class_title and human.class_title:
        if same_class(class_title, human.class_title):
            tell("class.equal", Speaks.FOR, class_title, human.class_title)
        elif _grade(class_title) == _grade(human.class_title):
            tell("class.same_year", Speaks.FOR, class_title, human.class_title)
        else:
            tell("class.other", Speaks.AGAINST, class_title, human.class_title)
    subject = compare_subjects(subjects_of(roster, row.sourced_id), human.subjects)
    found += [subject] if subject else []
    code = roster.school.code
    others = ", ".join(sorted(human.listed - {code}))
    if any(one.sourced_id == row.sourced_id and one.school_code == code for one in human.keys):
        tell("source_key.equal", Speaks.FOR, row.sourced_id, row.sourced_id)
    if code in human.listed:
        tell("school.equal", Speaks.FOR, code, code)
    elif others:
        tell("school.listed", Speaks.AGAINST, code, others)
    else:
        tell("school.left", Speaks.FOR, code, human.school_code)
    return found


def subjects_of(roster: Roster, sourced_id: str) -> frozenset[str]:
    """Return what the file says that somebody teaches."""
    return frozenset(
        one.subject for one in roster.enrolments if one.subject and one.person_id == sourced_id
    )


def same_class(one: str, other: str) -> bool:
    """Tell whether two titles are one class to people: «8-А», «8 а»."""
    ours, theirs = ("".join(filter(str.isalnum, title)).casefold() for title in (one, other))
    return ours == theirs


def _grade(title: str) -> str:
    found = re.match(r"\d+", title.strip())
    return found.group() if found else ""
