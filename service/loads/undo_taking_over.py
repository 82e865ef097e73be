"""What undoing a plan brings back in our own tables, in one transaction when the undoing begins.

The roll with its history, class teachers, keys of classes and of people, and the dates of the
school. What has changed since stays, unless the person who undoes said otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from provisioning.changes import Kind, Outcome, Result
from provisioning.person_states import LISTED
from service.db import rows_among, upsert
from service.loads import keeping, undo
from service.loads.failures import final_status
from service.loads.keeping import Kept
from service.models import (
    ClassKey,
    ClassTeacher,
    CohortMember,
    KeptBefore,
    KeptWhat,
    KnownEnrolment,
    KnownObject,
    KnownUser,
    LoadCause,
    LoadStatus,
    PlannedChange,
    PlanStatus,
    School,
    SchoolMembership,
    SchoolPlan,
    SourceKey,
)

Values = Mapping[str, Any] | None
_OF_A_ROLL = (LoadCause.FILE, LoadCause.ROWS, LoadCause.YEAR)


def undone_plans(session: Session, plan: SchoolPlan) -> list[SchoolPlan]:
    """Return the plans that this one undoes, the newest first."""
    plans = [session.get_one(SchoolPlan, int(number)) for number in plan.undoes or ()]
    return sorted(plans, key=lambda one: (one.counted_at or one.load.created_at, one.id))[::-1]


def done_changes(session: Session, plan_id: int) -> int:
    """Count the changes of a plan that are done."""
    done = PlannedChange.plan_id == plan_id, PlannedChange.result == Result.DONE
    return session.scalar(select(func.count()).select_from(PlannedChange).where(*done)) or 0


def is_overtaken(session: Session, plan: SchoolPlan) -> bool:
    """Tell whether what an undoing was planned for is not so any more."""
    if not plan.undoes or plan.started:
        return False
    return any(
        one.status not in undo.IN_EFFECT
        or one.load.status == LoadStatus.APPLYING
        or done_changes(session, one.id) != plan.undoes[str(one.id)]
        for one in undone_plans(session, plan)
    )


def kept_rows(
    session: Session, plans: Iterable[SchoolPlan], what: KeptWhat
) -> dict[str, list[tuple[Values, Values]]]:
    """Return what these plans found and left, by key, in the order of the plans."""
    found: dict[str, list[tuple[Values, Values]]] = {}
    for plan in plans:
        of_plan = KeptBefore.plan_id == plan.id, KeptBefore.what == what
        rows = select(KeptBefore.key, KeptBefore.before, KeptBefore.after).where(*of_plan)
        for key, before, after in session.execute(rows):
            found.setdefault(key, []).append((before, after))
    return found


def take_back(session: Session, plan: SchoolPlan, school: School) -> None:
    """Bring back all but the roll itself, and mark the plans as undone. It is kept for undoing."""
    plans = undone_plans(session, plan)
    also_changed = bool((plan.load.undoes or {}).get("also_changed"))
    back = _Back(session, plan, plans, also_changed)
    back.class_teachers()
    back.class_keys()
    if not any(one.load.cause in _OF_A_ROLL for one in _later(session, plan, plans)):
        back.source_keys()
    back.dates(school)
    for one in plans:
        _mark(session, one, plan)


def _later(session: Session, plan: SchoolPlan, plans: Sequence[SchoolPlan]) -> Iterator[SchoolPlan]:
    numbers = {one.id for one in (plan, *plans)}
    return (one for one in undo.later_plans(session, plans[-1]) if one.id not in numbers)


def _mark(session: Session, plan: SchoolPlan, by: SchoolPlan) -> None:
    """Mark a plan as undone; what it had undone itself is in effect again."""
    plan.status, plan.undone_by = PlanStatus.UNDONE, by.id
    for one in undone_plans(session, plan):
        if one.undone_by == plan.id:
            one.undone_by = None
            one.status = PlanStatus.APPLIED
            session.flush()
            one.load.status = final_status(session, one.load_id)
    session.flush()
    load = plan.load
    waits = {one.status for one in load.plans} & {PlanStatus.PLANNED, PlanStatus.APPROVED}
    if not waits:
        load.status, load.go_on_at = final_status(session, load.id), None


class _Back:
    """Our own rows of one school on their way back."""

    def __init__(
        self,
        session: Session,
        plan: SchoolPlan,
        plans: Sequence[SchoolPlan],
        also_changed: bool,
    ) -> None:
        self._session, self._plan, self._plans = session, plan, plans
        self._also_changed = also_changed

    def _walk(self, what: KeptWhat, now: Mapping[str, Values]) -> list[Kept]:
        """Return key, what is there and what was there, where that differs; all is kept."""
        changed: list[Kept] = []
        for key, steps in kept_rows(self._session, self._plans, what).items():
            back: Values = now.get(key)
            for before, after in steps:
                if self._also_changed or back == after:
                    back = before
                elif back != before:
                    back = now.get(key)
                    break
            if back != now.get(key):
                changed.append((key, now.get(key), back))
        keeping.keep(self._session, self._plan.id, what, changed)
        return changed

    def class_teachers(self) -> None:
        here = ClassTeacher.school_code == self._plan.school_code
        rows = self._session.execute(
            select(ClassTeacher.class_id, ClassTeacher.person_id).where(here)
        )
        now = {class_id: keeping.as_teacher(person_id) for class_id, person_id in rows}
        for class_id, _was, back in self._walk(KeptWhat.CLASS_TEACHER, now):
            self._session.execute(
                delete(ClassTeacher).where(here, ClassTeacher.class_id == class_id)
            )
            if back:
                row = {"school_code": self._plan.school_code, "class_id": class_id, **back}
                upsert(self._session, ClassTeacher, [row])

    def class_keys(self) -> None:
        here = ClassKey.school_code == self._plan.school_code
        rows = self._session.scalars(select(ClassKey).where(here)).all()
        known = {f"{one.school_year}|{one.class_id}": one for one in rows}
        now = {key: keeping.as_class_key(one) for key, one in known.items()}
        for key, was, back in self._walk(KeptWhat.CLASS_KEY, now):
            if back is None:
                self._session.delete(known[key])
            elif was is not None:
                for name, value in back.items():
                    setattr(known[key], name, value)
            else:
                year, _bar, class_id = key.partition("|")
                self._session.add(
                    ClassKey(
                        school_code=self._plan.school_code, school_year=year, class_id=class_id,
                        since=self._plan.counted_at, **back,
                    )
                )  # fmt: skip

    def source_keys(self) -> None:
        """Take back keys, but for the only one of somebody who stays on the roll."""
        code, session = self._plan.school_code, self._session
        kept = kept_rows(session, self._plans, KeptWhat.SOURCE_KEY)
        ids = {key.partition("|")[2] for key in kept}
        mine = select(SourceKey).where(SourceKey.school_code == code)
        rows = [row for (row,) in rows_among(session, mine, SourceKey.sourced_id, ids)]
        known = {f"{one.source}|{one.sourced_id}": one for one in rows}
        now = {key: keeping.as_source_key(one) for key, one in known.items()}
        changed = self._walk(KeptWhat.SOURCE_KEY, now)
        goes = {key for key, _was, back in changed if back is None}
        for key, was, back in changed:
            if back is None and was is not None:
                if not self._is_only_key(known[key], goes):
                    session.delete(known[key])
            elif back is not None and was is None:
                source, _bar, sourced_id = key.partition("|")
                session.add(
                    SourceKey(
                        source=source, school_code=code, sourced_id=sourced_id,
                        person_id=back["person_id"], since=keeping.moment(back["since"]),
                    )
                )  # fmt: skip
        session.flush()

    def _is_only_key(self, row: SourceKey, goes: set[str]) -> bool:
        mine = (
            SourceKey.school_code == row.school_code, SourceKey.person_id == row.person_id
        )  # fmt: skip
        keys = self._session.execute(select(SourceKey.source, SourceKey.sourced_id).where(*mine))
        if any(f"{source}|{sourced_id}" not in goes for source, sourced_id in keys):
            return False
        place = exists().where(
            SchoolMembership.school_code == row.school_code,
            SchoolMembership.person_id == row.person_id,
        )
        return bool(self._session.scalar(select(place)))

    def dates(self, school: School) -> None:
        """Bring back since when older files are refused, and when a file was applied last."""
        for plan in self._plans:
            ((kept, after),) = kept_rows(self._session, [plan], KeptWhat.SCHOOL)[""]
            if kept is None or after is None:
                continue
            now = keeping.dates_of(school)
            if self._also_changed or now["last_exported_at"] == after["last_exported_at"]:
                school.last_exported_at = keeping.moment(kept["last_exported_at"])
            left = after["last_applied_at"]
            if not plan.keeps_roll and plan.applied_at:
                left = plan.applied_at.isoformat()  # it is set when the plan has ended
            if self._also_changed or now["last_applied_at"] == left:
                school.last_applied_at = keeping.moment(kept["last_applied_at"])


# While the changes are sent


def after_outcomes(
    session: Session, plan_id: int, school_code: str, outcomes: Sequence[Outcome]
) -> None:
    """Bring back since when people were away, and whose a cohort is in which somebody is again."""
    plan = session.get_one(SchoolPlan, plan_id)
    if not plan.undoes:
        return
    done = [one.change for one in outcomes if one.result == Result.DONE]
    people = [one.key for one in done if one.kind is Kind.USER]
    away = {one.key for one in done if one.after.get("state") not in LISTED} & set(people)
    moments = kept_rows(session, undone_plans(session, plan), KeptWhat.AWAY)
    for person_id in away & moments.keys():
        before, _after = moments[person_id][-1]
        since = keeping.moment((before or {}).get("away_since"))
        session.execute(
            update(KnownUser).where(KnownUser.person_id == person_id).values(away_since=since)
        )
    for table, kind, place in (
        (CohortMember, Kind.COHORT, CohortMember.cohort),
        (KnownEnrolment, Kind.COURSE, KnownEnrolment.course),
    ):
        name = place.key
        places = {one.after[name] for one in done if name in one.after and one.key not in people}
        owners = select(KnownObject.key, KnownObject.school_code).where(
            KnownObject.kind == kind, KnownObject.school_code.not_in(["", school_code])
        )
        for key, owner in rows_among(session, owners, KnownObject.key, places):
            session.execute(
                update(table)
                .where(place == key, table.school_code == school_code)
                .values(school_code=owner)
            )
