"""Under which code we know the school of a file: codes change, schools are merged and split.

A code that a person said, or the registry says, is a school that we know is remembered, and the
files under it are the school's. The school keeps its first code: the id numbers in Moodle have it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from provisioning.findings import Finding, rules
from provisioning.formats import SchoolFiles
from provisioning.questions import Answer, Decided, Question, QuestionKind
from provisioning.roster import Mode, Part, Roster
from provisioning.school_identity import Verdict, folded_code, identify, school_question
from service.loads import successors
from service.loads.people_at_schools import known_schools
from service.models import (
    QuestionState,
    School,
    SchoolCode,
    SchoolMembership,
    StoredDecision,
    StoredQuestion,
)
from service.registry.closing import has_ended, last_successor, successor_of


def by_known_code(session: Session, found: Sequence[SchoolFiles]) -> list[SchoolFiles]:
    """Return the files of an upload under the codes that we know their schools by.

    The files of a school under two of its codes are one set. Those of a school that was merged
    into another stay what they are: its people are a part of the other's.
    """
    codes = remembered(session, [one.school_code for one in found])
    groups: dict[str, list[SchoolFiles]] = {}
    for one in found:
        groups.setdefault(codes.get(one.school_code, one.school_code), []).append(one)
    return [
        SchoolFiles(
            school_code=code,
            files=tuple(file for one in group for file in one.files),
            findings=tuple(
                replace(finding, school_code=code) for one in group for finding in one.findings
            ),
        )
        for code, group in sorted(groups.items())
    ]


def names_one_of(files: SchoolFiles, codes: Collection[str]) -> bool:
    """Tell whether the school is one of these, by the code that we know or by that of its files."""
    said = {file.header.school_code for file in files.files}
    return files.school_code in codes or not said.isdisjoint(codes)


def remembered(session: Session, codes: Collection[str]) -> dict[str, str]:
    """Return the code of the school that we know, for each other code that is remembered."""
    rows = select(SchoolCode.code, SchoolCode.school_code).where(SchoolCode.code.in_(codes))
    return dict(session.execute(rows).all())


def possible_codes(session: Session, said: Collection[str]) -> set[str]:
    """Return every code that ``under_known_code`` may find for these schools without asking."""
    folded = {folded_code(one) for one in said}
    known = session.execute(select(School.code, School.merged_into)).all()
    alike = {code for code, _into in known if folded_code(code) in folded}
    into = dict(known)
    return set(said) | alike | {last for one in said if (last := last_successor(into, one))}


def may_be(session: Session, code: str, expected: str) -> bool:
    """Tell whether files of this code can be of the expected school all the same."""
    school = session.get(School, code)
    if school is None or not school.known_version or folded_code(code) == folded_code(expected):
        return True
    successor = successor_of(session, school)
    return successor is not None and successor.code == expected


def under_known_code(
    session: Session, roster: Roster, decided: Decided, upload: Collection[str], today: date
) -> tuple[Roster, list[Finding], list[Question]]:
    """Return the roster under the code of the school that we know it by.

    A fatal finding with a question says that the code is unknown and the people are known.
    ``upload``: the school codes of the whole upload.
    """
    code = roster.school.code
    school = session.get(School, code)
    is_known = school is not None and (
        school.known_version or school.closed_on or school.merged_into
    )
    if is_known and school and (has_ended(school, today) or not is_withdrawn(session, code)):
        return _of_successor(session, roster, school, upload, today)
    last = decided.last(QuestionKind.SCHOOL, code)
    if (
        last is not None
        and last.answer == Answer.SAME
        and session.get(School, last.candidate) is not None
    ):
        return _under(roster, last.candidate), [], []
    refused = decided.refused(QuestionKind.SCHOOL, code)
    is_registered = school is not None and school.registered_at is not None
    alike = [
        one
        for one in session.scalars(select(School.code))
        if one != code and folded_code(one) == folded_code(code) and not is_registered
    ]
    schools = [
        replace(one, in_upload=one.code in upload)
        for one in known_schools(session, roster, roster.persons, besides={code}, always=alike)
    ]
    people = len(roster.persons)
    found = identify(code, people, schools, refused=refused, is_registered=is_registered)
    if found.verdict is Verdict.SAME:
        known = _under(roster, found.code)
        return known, [_finding(known, "school.code_spelled", code, known=found.code)], []
    if found.verdict is Verdict.NEW:
        return roster, [], []
    first = found.candidates[0]
    finding = _finding(
        roster, "school.unknown_code", code, candidate=first.code, candidate_name=first.name,
        count=str(first.people), base=str(people), roll=str(first.roll),
    )  # fmt: skip
    return roster, [finding], [school_question(code, roster.school.short_name, people, found)]


def _of_successor(
    session: Session, roster: Roster, school: School, upload: Collection[str], today: date
) -> tuple[Roster, list[Finding], list[Question]]:
    """Stop the file of a closed school; that of one that was merged is a part of its successor's.

    Who is absent from a part has not left.
    """
    if not has_ended(school, today):
        return roster, [], []
    successor = successor_of(session, school)
    if successor is not None and successor.code not in upload:
        known = successors.under_ids_of(session, roster, school.code, successor.code)
        part = replace(known, mode=Mode.CHANGES)
        finding = _finding(part, "school.merged", school.code, successor=successor.code)
        return part, [finding], []
    named = successor.code if successor else "—"
    return roster, [_finding(roster, "school.closed", school.code, successor=named)], []


def is_withdrawn(session: Session, code: str) -> bool:
    """Tell whether somebody has said that the code is that of a new school and taken it back, and
    nobody has said so again. No more once a file does not raise the question any longer."""
    about = StoredDecision.kind == QuestionKind.SCHOOL, StoredDecision.key == code
    said_new = select(StoredDecision.undone_at).where(
        *about, StoredDecision.answer == Answer.DIFFERENT
    )
    last = session.execute(said_new.order_by(StoredDecision.id.desc()).limit(1)).first()
    if last is None or last.undone_at is None:
        return False
    asked = select(StoredQuestion.state).where(
        StoredQuestion.kind == QuestionKind.SCHOOL, StoredQuestion.key == code
    )
    state = session.scalar(asked.order_by(StoredQuestion.id.desc()).limit(1))
    return state != QuestionState.SUPERSEDED


def lets_all_go(session: Session, roster: Roster, *, is_asked: bool) -> bool:
    """Tell whether the school's own roll, which only such an answer gave, is to end now.

    ``is_asked``: the rows raise the question again.
    """
    code = roster.school.code
    if not is_withdrawn(session, code) or not has_roll(session, code):
        return False
    return is_asked or bool(session.get_one(School, code).merged_into)


def has_roll(session: Session, code: str) -> bool:
    """Tell whether anybody is on the school's roll."""
    on_roll = select(SchoolMembership.person_id).where(SchoolMembership.school_code == code)
    return session.scalar(on_roll.limit(1)) is not None


def of_nobody(roster: Roster) -> tuple[Roster, list[Finding]]:
    """Return the roster by which all have left, and that it is told."""
    count = str(len(roster.persons))
    nobody = replace(
        roster, mode=Mode.FULL, parts=frozenset(Part), persons={}, classes={}, enrolments=(),
        set_aside=frozenset(), held=frozenset(),
    )  # fmt: skip
    return nobody, [_finding(nobody, "school.withdrawn", roster.school.code, count=count)]


def is_handed_over(findings: Iterable[Finding]) -> bool:
    """Tell whether the file was that of a merged school: its rows are its successor's."""
    return any(one.rule == "school.merged" for one in findings)


def _under(roster: Roster, code: str) -> Roster:
    return replace(roster, school=replace(roster.school, code=code))


def _finding(roster: Roster, rule: str, value: str, **details: str) -> Finding:
    return Finding(
        rule=rule, severity=rules()[rule], file=roster.files[0] if roster.files else "",
        school_code=roster.school.code, field_name="school_code", value=value,
        details=details,
    )  # fmt: skip


# What the answers to the question do, and how it is undone.


def answer_same(
    session: Session, *, code: str, school_code: str, now: datetime, decision_id: int | None = None
) -> dict[str, Any]:
    """Remember that files under ``code`` are of the school that we know as ``school_code``.

    A row that the registry has for the new code is closed as merged, so that the school counts
    once. Returns what ``undo_same`` needs.
    """
    effects: dict[str, Any] = {"code": code, "school_code": school_code}
    double = session.get(School, code)
    if double is not None:
        closed_on = double.closed_on.isoformat() if double.closed_on else None
        effects["double"] = {"closed_on": closed_on, "merged_into": double.merged_into}
        double.closed_on, double.merged_into = double.closed_on or now.date(), school_code
    session.merge(
        SchoolCode(code=code, school_code=school_code, since=now, decision_id=decision_id)
    )
    return effects


def undo_same(session: Session, effects: Mapping[str, Any]) -> None:
    """Forget a code that ``answer_same`` remembered; its next file is asked about again.

    Plans that wait may have been made from such a file and are superseded.
    """
    session.execute(
        delete(SchoolCode).where(
            SchoolCode.code == effects["code"], SchoolCode.school_code == effects["school_code"]
        )
    )
    double = session.get(School, effects["code"])
    before = effects.get("double")
    if double is not None and before is not None:
        closed_on = before["closed_on"]
        double.closed_on = date.fromisoformat(closed_on) if closed_on else None
        double.merged_into = before["merged_into"]
    school = School.code == effects["school_code"]
    session.execute(update(School).where(school).values(known_version=School.known_version + 1))
