"""Which class of ours each class of a file is: ids of classes change, and name other classes.

Memberships, class teachers, cohorts and courses name a class by its key. It is the id itself until
the school gives the class another id, or the id to another class. Keys are of one school year.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.changes import Kind
from provisioning.class_evidence import FileClass, KnownClass
from provisioning.class_identity import ClassMatch, ClassMatching, HowClass, recognise_classes
from provisioning.findings import Finding, about
from provisioning.matching import Matching
from provisioning.naming import Names
from provisioning.questions import Question
from provisioning.roll import Membership, links_are_complete
from provisioning.roster import ClassKind, Enrolment, Role, Roster, SchoolClass
from provisioning.settings import NamingSettings
from service.db import insert_rows, upsert
from service.loads import asking, known_state
from service.models import (
    ClassKey,
    ClassTeacher,
    CohortMember,
    KnownObject,
    PlannedClass,
    SchoolPlan,
)

_FINDINGS = {
    HowClass.RENUMBERED: "class.renumbered",
    HowClass.REUSED: "class.id_reused",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    roster: Roster
    """With the keys of our classes instead of the ids of its own."""
    findings: Sequence[Finding] = ()
    questions: Sequence[Question] = ()
    matches: Mapping[str, ClassMatch] = field(default_factory=dict)
    """By id in the file: every class but those in doubt."""


def with_known_classes(
    session: Session, roster: Roster, found: Matching, naming: NamingSettings
) -> Recognised:
    """Say which class of ours each class of the roster is.

    Who is in a class tells which it is, so the people have been matched before.
    """
    if not roster.classes:
        return Recognised(roster=roster)
    before = known_state.roll_before(session, roster.school.code)
    known = _known_classes(
        session, roster, before, Names(naming, roster.school, roster.school_year)
    )
    matching = recognise_classes(
        _file_classes(roster, found),
        known.classes,
        school_code=roster.school.code,
        school_year=roster.school_year,
        decided=asking.decided(session, roster.school.code),
        is_taken=known.is_taken,
        in_doubt=known.in_doubt,
        is_whole=links_are_complete(roster),
    )
    people = found.likely
    pupils = {one.key: one.pupils for one in known.classes}
    under_keys = _under_keys(roster, matching, people, before, pupils)
    findings = [
        about(rule, roster, one, "class_id", class_id, title=one.title)
        for class_id, one in roster.classes.items()
        if (rule := _rule(matching, class_id))
    ]
    return Recognised(
        roster=under_keys,
        findings=findings,
        questions=matching.questions,
        matches=matching.matches,
    )


def _rule(matching: ClassMatching, class_id: str) -> str:
    if class_id in matching.waiting:
        return "class.in_doubt"
    return _FINDINGS.get(matching.matches[class_id].how, "")


def _file_classes(roster: Roster, found: Matching) -> list[FileClass]:
    people = found.likely
    pupils: dict[str, set[str]] = defaultdict(set)
    for link in roster.enrolments:
        if link.role is Role.STUDENT and link.person_id in people:
            pupils[link.class_id].add(people[link.person_id])
    return [
        FileClass(
            class_id=class_id,
            title=one.title,
            grade=one.grade,
            is_group=one.kind is ClassKind.GROUP,
            teacher=people.get(one.teacher_id or "", ""),
            pupils=frozenset(pupils[class_id]),
        )
        for class_id, one in roster.classes.items()
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    classes: Sequence[KnownClass]
    names: Names
    cohorts: Collection[str]
    """Idnumbers of all cohorts of the school."""
    in_doubt: Collection[str] = ()
    """Ids about which an answer was taken back."""

    def is_taken(self, key: str) -> bool:
        return self.names.class_cohort_id(key) in self.cohorts


def _known_classes(
    session: Session, roster: Roster, before: Mapping[str, Membership], names: Names
) -> _Known:
    """Read the classes of this school year as the last applied files named them."""
    code = roster.school.code
    cohorts = _cohort_names(session, code)
    rows = session.scalars(
        select(ClassKey)
        .where(ClassKey.school_code == code, ClassKey.school_year == roster.school_year)
        .order_by(ClassKey.since, ClassKey.class_id)
    ).all()
    ids: dict[str, set[str]] = defaultdict(set)
    answered = {row.class_id for row in rows if row.answered}
    newest: dict[str, ClassKey] = {}
    for row in rows:
        if row.class_key:
            ids[row.class_key].add(row.class_id)
            newest[row.class_key] = row
    homes: dict[str, set[str]] = defaultdict(set)
    titles: dict[str, str] = {}
    for person_id, entry in before.items():
        if entry.class_id:
            homes[entry.class_id].add(person_id)
            titles[entry.class_id] = entry.class_title
    told = {row.class_id for row in rows} | newest.keys()
    for key in (roster.classes.keys() | homes.keys()) - told:
        # Loaded before keys were kept.
        if names.class_cohort_id(key) in cohorts:
            ids[key].add(key)
    members = _members(session, code)
    leaders = dict(
        session.execute(
            select(ClassTeacher.class_id, ClassTeacher.person_id).where(
                ClassTeacher.school_code == code
            )
        ).all()
    )
    classes = []
    for key in sorted(ids):
        cohort, one = names.class_cohort_id(key), roster.classes.get(key)
        last = newest.get(key)
        is_home = key in homes
        in_cohort = members.get(cohort, frozenset())
        title = titles.get(key, "")
        if last is not None:
            title = last.title
        elif not title and one and names.class_cohort(one).name == cohorts[cohort]:
            title = one.title
        group = one is not None and one.kind is ClassKind.GROUP
        is_group = last.is_group if last is not None else group and not is_home
        classes.append(
            KnownClass(
                key=key,
                ids=frozenset(ids[key]),
                answered=frozenset(ids[key] & answered),
                title=title,
                grade=last.grade if last is not None else None,
                is_group=is_group,
                teacher=leaders.get(key, ""),
                # Who is in a class by the roll; of a group only its cohort tells.
                pupils=frozenset(homes[key] if not is_group else in_cohort & before.keys()),
                was_used=bool(in_cohort) or is_home,
            )
        )
    in_doubt = {row.class_id for row in rows if row.in_doubt}
    return _Known(classes=classes, names=names, cohorts=cohorts, in_doubt=in_doubt)


def _cohort_names(session: Session, school_code: str) -> dict[str, str]:
    """Return the name of each cohort of the school by its idnumber."""
    cohorts = select(KnownObject.key, KnownObject.fields).where(
        KnownObject.school_code == school_code, KnownObject.kind == Kind.COHORT
    )
    return {key: fields["name"] for key, fields in session.execute(cohorts)}


def _members(session: Session, school_code: str) -> dict[str, frozenset[str]]:
    """Return who is in each cohort of the school, leavers too."""
    found: dict[str, set[str]] = defaultdict(set)
    links = select(CohortMember.cohort, CohortMember.person_id)
    for cohort, person_id in session.execute(links.where(CohortMember.school_code == school_code)):
        found[cohort].add(person_id)
    return {cohort: frozenset(people) for cohort, people in found.items()}


def _under_keys(
    roster: Roster,
    matching: ClassMatching,
    people: Mapping[str, str],
    before: Mapping[str, Membership],
    pupils: Mapping[str, Collection[str]],
) -> Roster:
    """Return the roster under our keys, without the classes in doubt.

    Whom the file places in a class in doubt stays in the class of before.
    """
    keys = {class_id: match.key for class_id, match in matching.matches.items()}
    if not matching.waiting and all(class_id == key for class_id, key in keys.items()):
        return roster
    classes: dict[str, SchoolClass] = {}
    for class_id, key in keys.items():
        one = roster.classes[class_id]
        # Of two classes that are one by somebody's word, the one of the known id gives the title.
        if key not in classes or class_id == key:
            classes[key] = one if class_id == key else replace(one, sourced_id=key)
    candidates = {
        question.rows[0].sourced_id: [one.key for one in question.candidates]
        for question in matching.questions
    }
    links: dict[Enrolment, None] = {}
    for link in roster.enrolments:
        if link.class_id in keys:
            key = keys[link.class_id]
            links[link if key == link.class_id else replace(link, class_id=key)] = None
            continue
        person_id = people.get(link.person_id, "")
        if link.role is not Role.STUDENT or not person_id:
            continue
        one = roster.classes[link.class_id]
        home = before[person_id].class_id if person_id in before else ""
        stays = [key for key in candidates[link.class_id] if person_id in pupils.get(key, ())]
        if home and one.kind is not ClassKind.GROUP:
            stays = [home]
        for key in stays:
            links[replace(link, class_id=key)] = None
    ordered = {key: classes[key] for key in sorted(classes)}
    return replace(roster, classes=ordered, enrolments=tuple(links), held=matching.held)


def store(
    session: Session, plan_id: int, roster: Roster, matches: Mapping[str, ClassMatch]
) -> None:
    """Keep with a plan which class each id names."""
    rows = (
        {
            "plan_id": plan_id,
            "class_id": class_id,
            "class_key": match.key,
            "title": roster.classes[class_id].title[:100],
            "grade": roster.classes[class_id].grade,
            "is_group": roster.classes[class_id].kind is ClassKind.GROUP,
            "answered": match.how is HowClass.ANSWERED,
        }
        for class_id, match in matches.items()
    )
    insert_rows(session, PlannedClass, rows)


def take_over(session: Session, plan: SchoolPlan, now: datetime) -> None:
    """Make what the plan's file says of its classes what we know; other ids stay as they are."""
    planned = session.scalars(select(PlannedClass).where(PlannedClass.plan_id == plan.id)).all()
    same = ("class_id", "class_key", "title", "grade", "is_group", "answered")
    upsert(
        session,
        ClassKey,
        [
            {
                "school_code": plan.school_code,
                "school_year": plan.school_year,
                "since": now,
                "in_doubt": False,
                **{name: getattr(one, name) for name in same},
            }
            for one in planned
        ],
    )
