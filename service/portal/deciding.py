"""What an operator, or a rule, answers to drifts: repair, keep as Moodle has it, or exclude."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from provisioning.changes import Kind
from provisioning.drift import ROLES, DriftKind
from provisioning.exclusions import Excluded
from provisioning.stickiness import ABSENT, PLACE, THERE, as_text
from service import audit
from service.access import Forbidden, Scope
from service.audit import AuditAction
from service.db import rows_among
from service.models import (
    Drift,
    DriftState,
    KnownUser,
    Load,
    OperatorRole,
    PortalLook,
    StickyField,
)
from service.portal.excluding import Excluding, ExclusionProblem
from service.portal.keeping import Keeping, KeepingProblem, Place
from service.portal.repairing import is_repairable, plan_repair
from service.portal.standing import follow, visible
from service.portal.storing import BY_RULE
from service.problems import Problem
from service.settings import Settings

MOST_AT_ONCE = 2000
"""Drifts that one answer is given to; the page says when there are more."""

_CLOSED = {DriftKind.ACCOUNT_SUSPENDED: as_text(True), DriftKind.ACCOUNT_REOPENED: as_text(False)}
_PLACES_GONE = {DriftKind.MEMBER_GONE, DriftKind.ENROLMENT_GONE, DriftKind.ROLE_CHANGED}
_ONLY_TOLD = {
    DriftKind.SECOND_ACCOUNT, DriftKind.OBJECT_DOUBLED, DriftKind.MEMBER_ADDED,
    DriftKind.ENROLMENT_ADDED,
}  # fmt: skip
"""Kept without a field of ours: our record speaks of another thing."""


class DriftProblem(Problem):
    """A drift cannot be answered so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """What became of an answer."""

    done: Sequence[int] = ()
    """Numbers of the drifts."""
    refused: Mapping[int, Problem] = field(default_factory=dict)
    """Why others could not be answered so."""


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """The use cases of one operator, with what all of them need."""

    session: Session
    settings: Settings
    scope: Scope
    now: datetime

    def repair(self, drift_ids: Collection[int]) -> Load:
        """Return a planned load that brings Moodle back to what we hold.

        Raises ``DriftProblem``: ``drift.no_repair`` when no plan can, ``drift.overtaken`` when
        nothing is wrong any more; and ``Forbidden``.
        """
        rows = self._open(drift_ids)
        chosen = [row.id for row in rows]
        load = plan_repair(
            self.session, chosen, home=self.settings.home, scope=self.scope, now=self.now,
            limits=self.settings.limits,
        )  # fmt: skip
        if load is None:
            if any(row.state == DriftState.SETTLED for row in rows):
                raise DriftProblem("drift.overtaken")
            raise DriftProblem("drift.no_repair")
        return load

    def keep(self, drift_ids: Collection[int], *, reason: str = "") -> Decided:
        """Let drifts stay as Moodle has them. Raises ``Forbidden`` for what is not to be seen."""
        keeping = Keeping(
            session=self.session, settings=self.settings, scope=self.scope, now=self.now
        )
        done: list[int] = []
        refused: dict[int, Problem] = {}
        for row in self._open(drift_ids):
            try:
                keep_in_record(keeping, row)
            except KeepingProblem as problem:
                refused[row.id] = problem
                continue
            self._decide(row, DriftState.KEPT, reason)
            audit.record(
                self.session, AuditAction.DRIFT_KEEP, at=self.now, actor=self.scope.actor,
                school_code=row.school_code, drift=row.id, kind=row.kind,
            )  # fmt: skip
            done.append(row.id)
        return Decided(done=done, refused=refused)

    def exclude(self, drift_ids: Collection[int], *, reason: str) -> Decided:
        """Exclude the people, classes and courses that drifts are about. Raises as ``keep``."""
        excluding = Excluding(
            session=self.session, settings=self.settings, scope=self.scope, now=self.now
        )
        done: list[int] = []
        refused: dict[int, Problem] = {}
        for row in self._open(drift_ids):
            if row.state == DriftState.EXCLUDED:
                continue  # with another one of the same thing
            named = _what(row)
            try:
                if named is None:
                    raise DriftProblem("drift.no_exclusion")
                what, pattern = named
                excluding.add(
                    what=what, pattern=pattern, school_code=row.school_code, reason=reason
                )
            except ExclusionProblem:
                raise  # of the reason: the same for all
            except Problem as problem:
                refused[row.id] = problem
                continue
            self._decide(row, DriftState.EXCLUDED, reason)
            done.append(row.id)
        return Decided(done=done, refused=refused)

    def _open(self, drift_ids: Collection[int]) -> list[Drift]:
        """Return these drifts; those that somebody answered meanwhile are left out."""
        query = select(Drift).where(visible(self.scope))
        rows = [row for (row,) in rows_among(self.session, query, Drift.id, drift_ids)]
        if len(rows) < len(set(drift_ids)):
            raise Forbidden("drift")
        follow(self.session, rows)
        return [row for row in rows if row.state in (DriftState.OPEN, DriftState.KEPT)]

    def _decide(self, row: Drift, state: DriftState, reason: str) -> None:
        row.state, row.decided_by, row.decided_at = state, self.scope.actor, self.now
        row.reason = reason.strip()
        self.session.flush()


def keep_in_record(keeping: Keeping, row: Drift) -> None:
    """Note what Moodle has, where our record has a place for it. Raises ``KeepingProblem``."""
    kind, subject = DriftKind(row.kind), Kind(row.subject)
    if kind in _ONLY_TOLD:
        return
    if kind in (DriftKind.ACCOUNT_DELETED, DriftKind.OBJECT_DELETED):
        raise KeepingProblem("keep.no_field")
    name, value = row.field, row.theirs
    if kind in _CLOSED:
        name, value = "suspended", _CLOSED[kind]
    elif kind in _PLACES_GONE:
        name, value = PLACE, ABSENT
    elif name == "visible":
        value = as_text(value == "1")
    keeping.keep(Place(subject=subject, key=row.key, field=name), value, drift_id=row.id)
    if kind is DriftKind.ROLE_CHANGED:
        place = row.key.rpartition("|")[0]
        for role in sorted(set(row.theirs.split(", ")) & ROLES):
            instead = Place(subject=subject, key=f"{place}|{role}", field=PLACE)
            keeping.keep(instead, THERE, drift_id=row.id)


def keep_by_rule(session: Session, settings: Settings, look: PortalLook, now: datetime) -> None:
    """Note what Moodle has of the drifts that a look has kept by rule.

    What cannot be kept waits for a person instead.
    """
    kinds = set(settings.reconcile.keep) - _ONLY_TOLD
    if not kinds:
        return
    by_rule = Scope(actor=BY_RULE, role=OperatorRole.CITY)
    keeping = Keeping(session=session, settings=settings, scope=by_rule, now=now)
    noted = select(StickyField.drift_id).where(StickyField.drift_id.is_not(None))
    for row in session.scalars(
        select(Drift).where(
            Drift.look_id == look.id, Drift.state == DriftState.KEPT, Drift.kind.in_(kinds),
            Drift.decided_by == BY_RULE, Drift.id.not_in(noted),
        )
    ).all():  # fmt: skip
        try:
            keep_in_record(keeping, row)
        except KeepingProblem:
            row.state, row.decided_by, row.decided_at = DriftState.OPEN, "", None
    session.flush()


def _what(row: Drift) -> tuple[Excluded, str] | None:
    """What is excluded with a drift; None for what nobody can exclude."""
    if row.person_id:
        return Excluded.PERSON, row.person_id
    return {
        Kind.COHORT: (Excluded.CLASS, row.key), Kind.COURSE: (Excluded.COURSE, row.key),
    }.get(Kind(row.subject))  # fmt: skip


def may(row: Drift) -> dict[str, bool]:
    """Tell which answers make sense for a drift, before anybody gives one."""
    kept = DriftKind(row.kind) not in (DriftKind.ACCOUNT_DELETED, DriftKind.OBJECT_DELETED)
    is_idnumber = row.field in ("person_id", "idnumber")
    return {
        "repair": is_repairable(row),
        "keep": kept and not is_idnumber,
        "exclude": _what(row) is not None,
    }


def is_visible(session: Session, scope: Scope, row: Drift) -> bool:
    """Tell whether the operator sees this drift."""
    return session.scalar(select(Drift.id).where(Drift.id == row.id, visible(scope))) is not None


def listed(
    scope: Scope,
    *,
    states: Collection[str] = (DriftState.OPEN,),
    school: str = "",
    kinds: Collection[str] = (),
) -> Select[Drift]:
    """Return the query of drifts in the order of the page: school, kind, number."""
    query = select(Drift).where(visible(scope), Drift.state.in_(list(states)))
    if school:
        query = query.where(Drift.school_code == school)
    if kinds:
        query = query.where(Drift.kind.in_(list(kinds)))
    return query.order_by(Drift.school_code, Drift.kind, Drift.id)


def counted(
    session: Session, scope: Scope, state: DriftState = DriftState.OPEN
) -> dict[str, dict[str, int]]:
    """Return how many drifts of each kind there are, by school; "" are the shared levels."""
    query = (
        select(Drift.school_code, Drift.kind, func.count())
        .where(visible(scope), Drift.state == state)
        .group_by(Drift.school_code, Drift.kind)
        .order_by(Drift.school_code, Drift.kind)
    )
    found: dict[str, dict[str, int]] = {}
    for school, kind, number in session.execute(query):
        found.setdefault(school, {})[kind] = number
    return found


def count_open(session: Session, scope: Scope) -> int:
    """Return how many drifts wait for a decision."""
    query = select(func.count()).select_from(Drift)
    return session.scalar(query.where(visible(scope), Drift.state == DriftState.OPEN)) or 0


def people_of(session: Session, scope: Scope, rows: Sequence[Drift]) -> dict[str, KnownUser]:
    """Return the people whom drifts are about, as far as the operator sees them, by person id."""
    ids = {row.person_id for row in rows} - {""}
    query = select(KnownUser).where(scope.people())
    found = rows_among(session, query, KnownUser.person_id, sorted(ids))
    return {one.person_id: one for (one,) in found}


def of_person(session: Session, person_id: str) -> Sequence[Drift]:
    """Return what waits for a decision about one person's account and places."""
    mine = or_(Drift.person_id == person_id, Drift.key == person_id)
    query = select(Drift).where(mine, Drift.state == DriftState.OPEN)
    return session.scalars(query.order_by(Drift.id)).all()
