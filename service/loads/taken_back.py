"""What people had before an answer, kept with it: taking it back restores that in Moodle too.

``noted`` is stored with the decision. Taking the answer back changes the roll at once
(``restore``), and Moodle with the next plan (``before``).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from provisioning.class_identity import class_of_question
from provisioning.person_states import LISTED, PersonState
from provisioning.questions import Question, QuestionKind
from provisioning.state import CourseEnrolment, CourseRole, Member
from provisioning.taken_back import Before
from service.db import rows_among
from service.loads import class_answers, rosters
from service.loads.known_state import USER_FIELDS, places_of
from service.models import (
    ClassKey,
    KnownUser,
    RollAct,
    RollEvent,
    SchoolMembership,
    SourceKey,
    StoredDecision,
)

_FIELDS = tuple(
    name
    for name in USER_FIELDS
    if name not in {"person_id", "username", "email", "auth", "school_code", "source", "sourced_id"}
)
"""Of an account, what an answer may have changed; who speaks for it is kept apart."""
_PLACE = ("role", "class_id", "class_title", "confirmed", "until")
_DAYS = ("birth_date", "until")


def noted(session: Session, people: Collection[str], school_code: str) -> dict[str, Any]:
    """Return what these people have now, as JSON values, by person id; places of one school."""
    ids = sorted(set(people))
    found: dict[str, Any] = {
        one: {"lists": [], "cohorts": [], "courses": [], "keys": []} for one in ids
    }
    for (user,) in rows_among(session, select(KnownUser), KnownUser.person_id, ids):
        told = found[user.person_id]
        told["account"] = _account(user)
        told["away_since"] = user.away_since.isoformat() if user.away_since else None
    rolls = rows_among(session, select(SchoolMembership), SchoolMembership.person_id, ids)
    for (one,) in rolls:
        if one.school_code == school_code:
            found[one.person_id]["place"] = {name: _plain(getattr(one, name)) for name in _PLACE}
        else:
            found[one.person_id]["lists"].append(one.school_code)
    keys = select(SourceKey).where(SourceKey.school_code == school_code)
    for (key,) in rows_among(session, keys, SourceKey.person_id, ids):
        found[key.person_id]["keys"].append([key.source, key.sourced_id])
    members, enrolments = places_of(session, ids, school_code=school_code)
    for member in members:
        found[member.person_id]["cohorts"].append(member.cohort)
    for link in enrolments:
        found[link.person_id]["courses"].append([link.course, link.role.value])
    return found


def restore(
    session: Session, told: dict[str, Any], person_id: str, school_code: str, now: datetime
) -> None:
    """Let somebody have the place on the school's roll that they had before the answer, or none.

    ``told`` is what ``noted`` returned of the person; what the account is like now is added.
    """
    place = session.get(SchoolMembership, (school_code, person_id), populate_existing=True)
    before = told.get("place")
    if before is None:
        if place is not None:
            _note(session, RollAct.LEFT, place, now)
            session.delete(place)
    elif place is not None or not _is_listed_anew(session, told, person_id):
        is_back = place is None
        if place is None:
            place = SchoolMembership(school_code=school_code, person_id=person_id)
            session.add(place)
        for name in _PLACE:
            setattr(place, name, _value(name, before[name]))
        if is_back:
            _note(session, RollAct.JOINED, place, now)
    user = session.get(KnownUser, person_id, populate_existing=True)
    if user is not None and "account" in told:
        told["then"] = _account(user)
        was_away = told["account"]["state"] not in LISTED
        if user.away_since is None and was_away and told["away_since"]:
            user.away_since = datetime.fromisoformat(told["away_since"])
    session.flush()


_OF_SCHOOL = ("place", "cohorts", "courses", "keys")


def look_behind(session: Session, decision: StoredDecision, back: Mapping[str, Any]) -> None:
    """Let ``back``, what people had before an answer, be what they had before earlier ones too:
    those that held when it was given, and were taken back since."""
    earlier = (StoredDecision.id < decision.id) & (StoredDecision.undone_at >= decision.decided_at)
    for _one, is_here, told in reversed(list(_undone(session, decision, back, earlier))):
        for person_id in back.keys() & told.keys():
            if had := told[person_id].get("had"):
                _copy(had, back[person_id], is_here=is_here)


def look_ahead(session: Session, decision: StoredDecision, back: Mapping[str, Any]) -> None:
    """Let later answers that were taken back already lead to what people had before this one."""
    for one, is_here, told in _undone(session, decision, back, StoredDecision.id > decision.id):
        for person_id in back.keys() & told.keys():
            if had := told[person_id].get("had"):
                _copy(back[person_id], had, is_here=is_here)
        one.before = json.dumps(told, ensure_ascii=False)
    session.flush()


def _undone(
    session: Session,
    decision: StoredDecision,
    people: Mapping[str, Any],
    which: ColumnElement[bool],
) -> Iterator[tuple[StoredDecision, bool, dict[str, Any]]]:
    """Yield answers about these people that were taken back, whether the same school was asked,
    and what is kept with them of those people; the first one first."""
    undone = select(StoredDecision).where(which, StoredDecision.undone_at.is_not(None))
    for one in session.scalars(undone.order_by(StoredDecision.id)).all():
        if not one.effects.get("back") or people.keys().isdisjoint(one.effects["back"]):
            continue
        if told := json.loads(one.before):  # cleared when it is old
            yield one, one.school_code == decision.school_code, told


def _copy(source: Mapping[str, Any], target: dict[str, Any], *, is_here: bool) -> None:
    for name in ("account", "away_since", "then", *(_OF_SCHOOL if is_here else ())):
        target.pop(name, None)
        if name in source:
            target[name] = source[name]


def before(session: Session, school_code: str, people: Iterable[str]) -> dict[str, Before]:
    """Return what each of these people, and those whom the school was asked about, had before the
    newest answer about them, if that was taken back; the places at this school."""
    undone = select(StoredDecision.id, StoredDecision.school_code, StoredDecision.effects).where(
        StoredDecision.undone_at.is_not(None)
    )
    wanted, newest = set(people), dict[str, int]()
    for decision_id, code, effects in session.execute(undone.order_by(StoredDecision.id)):
        back = set(effects.get("back", ()))
        newest |= dict.fromkeys(back if code == school_code else back & wanted, decision_id)
    if not newest:
        return {}
    stands = select(StoredDecision.candidate, func.max(StoredDecision.id)).where(
        StoredDecision.undone_at.is_(None)
    )
    by_candidate = stands.group_by(StoredDecision.candidate)
    later = dict(rows_among(session, by_candidate, StoredDecision.candidate, sorted(newest)))
    found = {}
    for person_id, decision_id in newest.items():
        decision = session.get_one(StoredDecision, decision_id)
        told = json.loads(decision.before).get(person_id)  # cleared when it is old
        if decision.kind == QuestionKind.CLASS and not class_answers.is_in_doubt(
            session, decision.effects["class"]
        ):
            continue
        if told and later.get(person_id, 0) < decision_id:
            found[person_id] = _before(told["had"], person_id, decision, school_code)
    return found


def _before(
    told: Mapping[str, Any], person_id: str, decision: StoredDecision, school_code: str
) -> Before:
    then = told.get("then", {})
    account = {
        name: (_value(name, was), _value(name, then[name]))
        for name, was in told.get("account", {}).items()
        if name in then and was != then[name]
    }
    if decision.school_code != school_code:
        return Before(account=account, was_asked_here=False)
    return Before(
        account=account,
        is_about_class=decision.kind == QuestionKind.CLASS,
        members=frozenset(Member(cohort=one, person_id=person_id) for one in told["cohorts"]),
        enrolments=frozenset(
            CourseEnrolment(course=course, person_id=person_id, role=CourseRole(role))
            for course, role in told["courses"]
        ),
    )


def pupils_of(session: Session, question: Question, load_id: int | None) -> set[str]:
    """Return whom an answer about a class moves: who is in a class that it may be, and whom the
    rows place in it."""
    school_year, class_id = class_of_question(question.key)
    code = question.school_code
    named = session.get(ClassKey, (code, school_year, class_id))
    keys = {one.key for one in question.candidates} | {named.class_key if named else class_id}
    here = SchoolMembership.school_code == code, SchoolMembership.class_id.in_(keys - {""})
    people = set(session.scalars(select(SchoolMembership.person_id).where(*here)))
    rows = rosters.newest_rows(session, code, load_id)
    if rows is None:
        return people
    ids = {one.person_id for one in rows.roster.enrolments if one.class_id == class_id}
    query = select(SourceKey.person_id).where(
        SourceKey.source == rows.roster.source, SourceKey.school_code == code
    )
    return people | {one for (one,) in rows_among(session, query, SourceKey.sourced_id, ids)}


def _is_listed_anew(session: Session, told: Mapping[str, Any], person_id: str) -> bool:
    """Tell whether a school lists somebody that did not when the answer was given."""
    listed = select(SchoolMembership.school_code).where(SchoolMembership.person_id == person_id)
    return not set(session.scalars(listed)) <= set(told["lists"])


def _account(user: KnownUser) -> dict[str, Any]:
    return {name: _plain(getattr(user, name)) for name in _FIELDS}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _value(name: str, value: Any) -> Any:
    if name == "state":
        return PersonState(value)
    return date.fromisoformat(value) if value and name in _DAYS else value


def _note(session: Session, act: RollAct, place: SchoolMembership, now: datetime) -> None:
    session.add(
        RollEvent(
            at=now, act=act, school_code=place.school_code, person_id=place.person_id,
            role=place.role,
        )
    )  # fmt: skip
