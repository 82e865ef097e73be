"""Categories, cohorts and courses that others made: found by name, ours after the yes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from provisioning.adoption import Expected, Named, named, paired
from provisioning.changes import Action, Kind
from provisioning.moodle import MoodleClient, MoodleRefused
from provisioning.naming import Names
from provisioning.roster import Roster
from provisioning.settings import AdoptionSettings
from service.application import Application
from service.db import chunks, transaction, upsert
from service.loads import rosters
from service.models import AdoptedObject, KnownObject, PlannedChange
from service.portal.adopt_cohorts import all_cohorts
from service.portal.adopt_people import newest_plans
from service.portal.adopt_rows import Shown

_ROOT = 0


def look_at_objects(application: Application, moodle: MoodleClient, run_id: int) -> None:
    """Find what plans would make and Moodle has already, by the names of the settings."""
    settings = application.settings.adoption
    templates = {
        Kind.CATEGORY: settings.category_name,
        Kind.COHORT: settings.cohort_name,
        Kind.COURSE: settings.course_name,
    }
    with transaction(application.sessions) as session:
        gone = AdoptedObject.outcome.not_in([Shown.ADOPTED, Shown.AGREED])
        session.execute(delete(AdoptedObject).where(gone))
    if not any(templates.values()):
        return
    with application.sessions() as session:
        expected = list(_expected(session, application))
    for kind, rows in _found(moodle, [kind for kind, text in templates.items() if text]):
        pairs = paired([one for of, one in expected if of is kind], rows)
        with transaction(application.sessions) as session:
            upsert(
                session, AdoptedObject,
                [
                    {
                        "kind": kind.value, "moodle_id": each.moodle_id, "run_id": run_id,
                        "key": ours.key if ours else "",
                        "school_code": ours.school_code if ours else "",
                        "outcome": (Shown.CERTAIN if ours else Shown.QUESTION).value,
                        "name": each.name[:255], "adopted_at": None,
                    }
                    for each, ours in pairs
                ],
            )  # fmt: skip


def _expected(session: Session, application: Application) -> Iterator[tuple[Kind, Expected]]:
    """Yield what the waiting plans would make, each with the name that it could have."""
    settings = application.settings
    for code, plan_id in newest_plans(session).items():
        made = (
            PlannedChange.plan_id == plan_id, PlannedChange.action == Action.CREATE,
            PlannedChange.kind.in_([Kind.CATEGORY, Kind.COHORT, Kind.COURSE]),
        )  # fmt: skip
        creates = set(session.execute(select(PlannedChange.kind, PlannedChange.key).where(*made)))
        rows = rosters.newest_rows(session, code)
        if rows is None or not creates:
            continue
        roster = rows.roster
        names = Names(settings.naming, roster.school, roster.school_year)
        for kind, key, name in _names(roster, names, settings.adoption):
            if name and (kind, key) in creates:
                yield kind, Expected(key=key, school_code=code, name=name)


def _names(
    roster: Roster, names: Names, settings: AdoptionSettings
) -> Iterator[tuple[Kind, str, str]]:
    school = {
        "school_short_name": names.institution, "school_name": roster.school.name,
        "school_number": roster.school.number, "school_code": roster.school.code,
        "school_year": roster.school_year,
    }  # fmt: skip
    yield Kind.CATEGORY, names.school_category, named(settings.category_name, school)
    subjects = {(link.class_id, link.subject) for link in roster.enrolments if link.subject}
    for one in roster.classes.values():
        fields = school | {"class_title": one.title}
        cohort, course = names.class_cohort(one), names.class_course(one)
        yield Kind.COHORT, cohort.idnumber, named(settings.cohort_name, fields)
        yield Kind.COURSE, course.idnumber, named(settings.course_name, fields)
        for _, subject in sorted(pair for pair in subjects if pair[0] == one.sourced_id):
            course = names.subject_course(one, subject)
            told = named(settings.course_name, fields | {"subject": subject})
            yield Kind.COURSE, course.idnumber, told


def _found(moodle: MoodleClient, kinds: Sequence[Kind]) -> Iterator[tuple[Kind, list[Named]]]:
    """Yield what Moodle has without an idnumber, a kind at a time."""
    if Kind.COHORT in kinds:
        rows = (row for page in all_cohorts(moodle) for row in page)
        yield Kind.COHORT, list(_unnumbered(rows, "name"))
    categories = list(_categories(moodle)) if {Kind.CATEGORY, Kind.COURSE} & set(kinds) else []
    if Kind.CATEGORY in kinds:
        yield Kind.CATEGORY, list(_unnumbered(categories, "name"))
    if Kind.COURSE in kinds:
        rows = (row for one in categories for row in moodle.courses_in(one["id"]))
        yield Kind.COURSE, list(_unnumbered(rows, "fullname"))


def _categories(moodle: MoodleClient) -> Iterator[Mapping[str, Any]]:
    level = [_ROOT]
    while level:
        rows = [row for some in chunks(level, 50) for row in moodle.categories_below(some)]
        yield from rows
        level = [row["id"] for row in rows]


def _unnumbered(rows: Iterable[Mapping[str, Any]], name: str) -> Iterator[Named]:
    for row in rows:
        if not row.get("idnumber"):
            yield Named(moodle_id=int(row["id"]), name=str(row[name]))


def take_over_objects(application: Application, moodle: MoodleClient) -> None:
    """Give what is agreed our idnumber, and know it as Moodle has it."""
    while True:
        with application.sessions() as session:
            agreed = select(AdoptedObject).where(AdoptedObject.outcome == Shown.AGREED)
            rows = session.scalars(agreed.order_by(AdoptedObject.kind).limit(50)).all()
        if not rows:
            return
        for row in rows:
            try:
                fields = _number(moodle, row) if _is_free(application, row) else None
            except MoodleRefused:
                fields = None
            with transaction(application.sessions) as session:
                outcome = Shown.ADOPTED if fields is not None else Shown.CHANGED
                values: dict[str, Any] = {"outcome": outcome.value}
                if fields is not None:
                    values["adopted_at"] = application.clock()
                    known = {
                        "kind": row.kind, "key": row.key, "school_code": row.school_code,
                        "moodle_id": row.moodle_id, "fields": {"idnumber": row.key, **fields},
                    }  # fmt: skip
                    upsert(session, KnownObject, [known])
                own = (
                    AdoptedObject.kind == row.kind, AdoptedObject.moodle_id == row.moodle_id,
                )  # fmt: skip
                session.execute(update(AdoptedObject).where(*own).values(**values))


def _is_free(application: Application, row: AdoptedObject) -> bool:
    """Tell whether a plan has not made another object for this one's idnumber meanwhile."""
    known = select(KnownObject.moodle_id).where(
        KnownObject.kind == row.kind, KnownObject.key == row.key
    )
    with application.sessions() as session:
        return session.scalar(known) in (None, row.moodle_id)


def _number(moodle: MoodleClient, row: AdoptedObject) -> dict[str, str] | None:
    """Set the idnumber; return the other fields as Moodle has them, None where it refused, or the
    object is not as it was looked at.

    Where a category or course lies is not ours yet: the next plan moves it to its place.
    """
    now = _as_it_is(moodle, row)
    if now is None:
        return None
    number = {"id": row.moodle_id, "idnumber": row.key}
    if row.kind == Kind.COHORT:
        system = {"type": "system", "value": ""}
        moodle.update_cohorts([number | {"name": row.name, "categorytype": system}])
        return {"name": row.name}
    if row.kind == Kind.CATEGORY:
        moodle.update_categories([number])
        return {"name": row.name, "parent": ""}
    if moodle.update_courses([number]):
        return None
    return {"fullname": row.name, "shortname": str(now["shortname"]), "category": ""}


def _as_it_is(moodle: MoodleClient, row: AdoptedObject) -> Mapping[str, Any] | None:
    """Return the object as Moodle has it now; None when it is gone, hidden from us, renamed, or
    has somebody else's idnumber."""
    name = "fullname" if row.kind == Kind.COURSE else "name"
    if row.kind == Kind.COHORT:
        # Moodle has no search for cohorts by their numbers.
        found = moodle.cohorts_by_name([row.name])
    elif row.kind == Kind.CATEGORY:
        found = moodle.categories_by_id([row.moodle_id])
    else:
        found = moodle.courses_by_id([row.moodle_id])
    for one in found:
        is_same = int(one["id"]) == row.moodle_id and str(one[name])[:255] == row.name
        if is_same and (one.get("idnumber") or "") in ("", row.key):
            return one
    return None
