"""Cohorts and courses of other schools that end when a school's row of a person is accepted.

Each school takes away its own places with its own file. But a person may be accepted by the new
school long before the old one loads again: then the new school's plan ends the old places too.
Nothing else of the other school is touched, and its next file, should it list the person still,
gives the places back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.questions import (
    Answer,
    Candidate,
    Evidence,
    Question,
    QuestionKind,
    RowRef,
    Speaks,
    places_key,
)
from provisioning.roll import Roll
from provisioning.roster import Roster
from provisioning.settings import MatchSettings
from provisioning.several_schools import (
    Elsewhere,
    MoveAnswer,
    Place,
    answered_move,
    has_moved,
    is_in_one_only,
)
from provisioning.state import CourseEnrolment, CourseRole, Member
from service.db import rows_among
from service.loads.asking import as_question
from service.loads.other_rolls import is_full_time
from service.models import (
    CohortMember,
    KnownEnrolment,
    PlanStatus,
    QuestionState,
    School,
    SchoolPlan,
    SourceKey,
    StoredDecision,
    StoredQuestion,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class OldPlaces:
    """What a plan ends of other schools, and what only a person can say."""

    members: frozenset[Member] = frozenset()
    enrolments: frozenset[CourseEnrolment] = frozenset()
    questions: tuple[Question, ...] = ()


@dataclass
class _Links:
    """What one person has of one other school."""

    members: set[Member]
    enrolments: set[CourseEnrolment]


def old_places(
    session: Session,
    school: School,
    roster: Roster,
    roll: Roll,
    *,
    load_id: int,
    candidates: Collection[str],
    elsewhere: Elsewhere,
    settings: MatchSettings,
) -> OldPlaces:
    """Return what ends with a school's new roll. ``candidates``: who has keys of several schools.

    What another school still has of a person whom it does not list ends. Where it lists them, the
    person has moved by evidence, as ``several_schools.has_moved`` says, or by somebody's answer.
    """
    here = {person_id: key for key, person_id in roll.present.items() if person_id in candidates}
    found = _links_elsewhere(session, school.code, here)
    planned = select(SchoolPlan.school_code).where(
        SchoolPlan.load_id == load_id, SchoolPlan.status == PlanStatus.PLANNED
    )
    by_their_own_plan = set(session.scalars(planned))
    asked = _Answers(session, school.code, {key: person_id for person_id, key in here.items()})
    for person_id in asked.waiting:
        # The answer that ended the places was taken back; they come back with that plan only.
        for code in elsewhere.get(person_id, {}):
            found.setdefault((person_id, code), _Links(set(), set()))
    members: set[Member] = set()
    enrolments: set[CourseEnrolment] = set()
    unsaid: dict[str, list[_Unsaid]] = defaultdict(list)
    full_time = is_full_time(school)
    for (person_id, code), links in sorted(found.items(), key=lambda one: one[0]):
        place = elsewhere.get(person_id, {}).get(code)
        if place is None and code in by_their_own_plan:
            continue
        moved: bool | None = place is None
        key = here[person_id]
        if place is not None:
            membership = roll.after[person_id]
            moved = has_moved(
                roster.persons[key], membership, place,
                exported_at=roster.exported_at, full_time=full_time,
            )  # fmt: skip
            decisive = moved
            if moved and settings.moves == "ask":
                moved = None
            if is_in_one_only(membership, place, full_time=full_time):
                moved = asked.said(session, key, code, moved, is_new=person_id not in roll.before)
            if moved is None:
                unsaid[person_id].append(_Unsaid(code=code, place=place, decisive=bool(decisive)))
        if moved:
            members |= links.members
            enrolments |= links.enrolments
    questions = [
        _question(session, roster, here[person_id], person_id, places)
        for person_id, places in unsaid.items()
    ]
    return OldPlaces(
        members=frozenset(members), enrolments=frozenset(enrolments), questions=tuple(questions)
    )


def _links_elsewhere(
    session: Session, school_code: str, people: Collection[str]
) -> dict[tuple[str, str], _Links]:
    """Return what these people have of other schools, by person id and school code."""
    found: dict[tuple[str, str], _Links] = defaultdict(lambda: _Links(set(), set()))
    in_cohorts = select(CohortMember).where(CohortMember.school_code != school_code)
    in_courses = select(KnownEnrolment).where(KnownEnrolment.school_code != school_code)
    ids = sorted(people)
    for (one,) in rows_among(session, in_cohorts, CohortMember.person_id, ids):
        member = Member(cohort=one.cohort, person_id=one.person_id)
        found[one.person_id, one.school_code].members.add(member)
    for (row,) in rows_among(session, in_courses, KnownEnrolment.person_id, ids):
        enrolment = CourseEnrolment(
            course=row.course, person_id=row.person_id, role=CourseRole(row.role)
        )
        found[row.person_id, row.school_code].enrolments.add(enrolment)
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Unsaid:
    """A school that only a person can say somebody has left."""

    code: str
    place: Place
    decisive: bool
    """The dates say that the person has left it."""


class _Answers:
    """What was asked and answered about moves to one school.

    Who was said to have come from another school has left it. Who was said not to be somebody of
    it has not stayed there: that is told only by answers about places.
    """

    def __init__(self, session: Session, school_code: str, rows: Mapping[str, str]) -> None:
        """``rows``: whom each row is, by its sourced id."""
        about = StoredDecision.kind == QuestionKind.MOVE, StoredDecision.school_code == school_code
        decided = (
            select(
                StoredDecision.key, StoredDecision.answer, StoredDecision.candidate,
                StoredDecision.decided_at, StoredQuestion,
            )
            .join(StoredQuestion, StoredQuestion.id == StoredDecision.question_id)
            .where(*about, StoredDecision.undone_at.is_(None))
            .order_by(StoredDecision.id)
        )  # fmt: skip
        asked = select(StoredQuestion.key, StoredQuestion.asked_at).where(
            StoredQuestion.kind == QuestionKind.MOVE,
            StoredQuestion.school_code == school_code,
            StoredQuestion.state == QuestionState.OPEN,
        )
        about_places = {places_key(key): key for key in rows}
        keys = sorted(about_places.keys() | rows.keys())
        self._decided: dict[str, list[MoveAnswer]] = defaultdict(list)
        for key, given, meant, at, question in rows_among(
            session, decided, StoredDecision.key, keys
        ):
            asked_about = as_question(question)
            sourced_id = about_places[key] if asked_about.is_about_places else key
            if not asked_about.is_about_places and given != Answer.CONFIRM:
                continue
            schools = {
                row.school_code
                for one in asked_about.candidates
                if meant in ("", one.key) and one.key == rows.get(sourced_id)
                for row in one.memberships
            }
            self._decided[sourced_id].append(
                MoveAnswer(yes=given == Answer.CONFIRM, at=at, schools=frozenset(schools))
            )
        waiting = rows_among(session, asked, StoredQuestion.key, sorted(about_places))
        self._asked = {about_places[key]: at for key, at in waiting}
        self.waiting = sorted(rows[key] for key in self._asked)
        """People about whom such a question waits."""

    def said(
        self, session: Session, key: str, code: str, moved: bool | None, *, is_new: bool
    ) -> bool | None:
        """Return whether the person has left the school of this code; None to ask somebody.

        An answer holds until that school lists the person in a newer load. What nobody can say is
        asked about a new row, and as long as the other school does not load.
        """
        loaded_at = session.scalar(select(School.last_applied_at).where(School.code == code))
        answered = answered_move(self._decided.get(key, ()), code, loaded_at)
        if answered is not None:
            return answered
        if moved is not None or is_new:
            return moved
        asked_at = self._asked.get(key)
        return None if asked_at and (loaded_at is None or asked_at > loaded_at) else False


def _question(
    session: Session, roster: Roster, key: str, person_id: str, places: Sequence[_Unsaid]
) -> Question:
    """Return one question about all these schools: who is a pupil here has left each of them."""
    codes = [one.code for one in places]
    theirs = session.execute(
        select(SourceKey.school_code, SourceKey.sourced_id)
        .where(SourceKey.school_code.in_(codes), SourceKey.person_id == person_id)
        .order_by(SourceKey.school_code, SourceKey.sourced_id)
    )
    listed = tuple(
        Evidence(code="move.listed_by_both", speaks=Speaks.NEITHER, theirs=one.place.class_title)
        for one in places
    )
    begin = roster.persons[key].begin_date
    came = (
        Evidence(code="move.came_after", speaks=Speaks.FOR, ours=f"{begin:%d.%m.%Y}")
        if begin and all(one.decisive for one in places)
        else Evidence(code="move.no_begin_date", speaks=Speaks.NEITHER)
    )
    school_code = roster.school.code
    return Question(
        kind=QuestionKind.MOVE,
        school_code=school_code,
        key=places_key(key),
        rows=(RowRef(school_code=school_code, sourced_id=key),),
        candidates=(
            Candidate(
                key=person_id,
                memberships=tuple(
                    RowRef(school_code=code, sourced_id=sourced_id) for code, sourced_id in theirs
                ),
                evidence=(*listed, came),
            ),
        ),
    )
