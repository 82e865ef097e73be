"""A look into Moodle: reads it piece by piece, compares with what we hold, stores the drifts.

Each piece is one short transaction, so a look that is killed loses nothing; the next one begins
from the start. Memory is that of a piece, whatever the size of the city.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from provisioning.changes import Kind
from provisioning.drift import (
    Drift,
    Found,
    FoundObject,
    HeldObject,
    Known,
    compare,
)
from provisioning.moodle import MoodleClient, MoodleError, MoodleMisconfigured, MoodleRefused
from service import audit
from service.activity.moodle_access import Pace
from service.application import Application
from service.audit import AuditAction
from service.db import transaction
from service.loads.left_alone import exclusions
from service.models import PortalLook
from service.portal import held, looks, storing
from service.portal.deciding import keep_by_rule
from service.portal.reading import Reader, Row

PEOPLE = 100
"""People in a piece: one call for their accounts and one for their idnumbers."""

OBJECTS = 50
"""Categories, cohorts or courses in a piece, with everybody who is in them."""

PATIENCE_SECONDS = (5, 15, 60, 120, 300)
"""Pauses between tries while Moodle does not answer; then the look breaks off."""

_OF_OBJECTS = (Kind.CATEGORY, Kind.COHORT, Kind.COURSE)
_LINKS = {Kind.COHORT: Kind.MEMBER, Kind.COURSE: Kind.ENROLMENT}

StopCheck = Callable[[], bool]

log = logging.getLogger(__name__)


class Stopped(Exception):
    """Somebody wants the look to end."""


def look(
    application: Application,
    *,
    actor: str,
    school: str = "",
    sample: int = 100,
    should_stop: StopCheck = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> PortalLook:
    """Look at the whole city or at one school, at everything or at ``sample`` percent of it.

    Returns the look, ended or with the ``problem`` that broke it off. Raises
    ``LookProblem("look.under_way")`` while another process looks.
    """
    now = application.clock()
    with transaction(application.sessions) as session:
        begun = looks.begin(session, school=school, sample=sample, actor=actor, now=now)
        audit.record(
            session, AuditAction.PORTAL_LOOK, at=now, actor=actor, school_code=school,
            look=begun.id, sample=sample,
        )  # fmt: skip
    problem = "internal"
    try:
        with application.moodle() as moodle:
            _Looking(
                application=application, look=begun, moodle=moodle, should_stop=should_stop,
                sleep=sleep,
            ).run()  # fmt: skip
        problem = ""
    except Stopped:
        problem = looks.STOPPED
    except KeyboardInterrupt:
        problem = looks.STOPPED
        raise
    except MoodleError as error:
        problem = f"moodle.{type(error).__name__}: {error}"
        log.warning("a look into Moodle broke off", extra={"look": begun.id, "problem": problem})
    finally:
        with transaction(application.sessions) as session:
            begun = looks.end(session, begun.id, application.clock(), problem=problem)
            if not problem and begun.sample == 100:
                storing.settle_unheld(session, begun, application.clock())
    log.info("a look into Moodle ends", extra={"look": begun.id, "drifts": begun.drifts})
    return begun


@dataclass(kw_only=True)
class _Looking:
    """One process at one look."""

    application: Application
    look: PortalLook
    moodle: MoodleClient
    should_stop: StopCheck
    sleep: Callable[[float], None]
    reader: Reader = field(init=False)
    _told: int = 0

    def __post_init__(self) -> None:
        settings = self.application.settings
        self._pace = Pace(settings.reconcile.pause_seconds, self.sleep)
        role_names = {number: name for name, number in settings.moodle.role_ids.items()}
        self.reader = Reader(moodle=self.moodle, ask=self._ask, role_names=role_names)

    def run(self) -> None:
        self._people()
        for kind in _OF_OBJECTS:
            self._objects(kind)

    def _ask(self, call: Callable[[], Any]) -> Any:
        """Make a call when it is time for it; while Moodle does not answer, wait."""
        pauses = iter(PATIENCE_SECONDS)
        while True:
            self._stop_if_asked()
            self._pace.before_call()
            try:
                return call()
            except (MoodleRefused, MoodleMisconfigured):
                raise
            except MoodleError as error:
                pause = next(pauses, None)
                if pause is None or error.code == "invalidresponse":
                    raise
                log.warning("Moodle does not answer", extra={"look": self.look.id, "pause": pause})
            with transaction(self.application.sessions) as session:
                looks.renew(session, self.look.id, self.application.clock())
            for _second in range(pause):
                self._stop_if_asked()
                self.sleep(1)

    def _stop_if_asked(self) -> None:
        if self.should_stop():
            raise Stopped

    def _chosen(self, key: str) -> bool:
        """Tell whether a sample has this key in it; each look has another sample."""
        number = zlib.crc32(f"{self.look.id}:{key}".encode())
        return number % 100 < self.look.sample

    def _people(self) -> None:
        after = ""
        while True:
            with self.application.sessions() as session:
                people = held.people_after(session, after, PEOPLE, self.look.school_code)
            if not people:
                return
            after = max(people)
            chosen = {who: one for who, one in people.items() if self._chosen(who)}
            if not chosen:
                continue
            users, same = self.reader.users(chosen)
            with transaction(self.application.sessions) as session:
                now_held, busy = held.people(session, chosen), held.being_applied(session)
                # What a load has changed meanwhile is looked at the next time.
                known = {
                    who: one
                    for who, one in chosen.items()
                    if now_held.get(who) == one and who in users
                    and one.user.school_code not in busy
                }  # fmt: skip
                found = Found(
                    users={who: users[who] for who in known},
                    same_idnumber={who: rows for who, rows in same.items() if who in known},
                )
                schools = {who: one.user.school_code for who, one in known.items()}
                drifts = compare(Known(users=known), found)
                self._store(session, drifts, schools, storing.of_places(Kind.USER, list(known)))
                storing.forget_gone(session, drifts)
                self._count(session, people=len(known))

    def _objects(self, kind: Kind) -> None:
        after = ""
        while True:
            with self.application.sessions() as session:
                objects = held.objects_after(session, kind, after, OBJECTS, self.look.school_code)
            if not objects:
                return
            after = max(objects)
            chosen = {key: one for key, one in objects.items() if self._chosen(key)}
            if chosen:
                self._piece(kind, chosen)

    def _piece(self, kind: Kind, chosen: Mapping[str, HeldObject]) -> None:
        """Look at some objects of a kind, and at who is in those that are there."""
        with self.application.sessions() as session:
            places_before = _held_places(session, kind, chosen)
            above = _parents(chosen)
            parents = {
                key: one.number for key, one in held.objects(session, Kind.CATEGORY, above).items()
            }
        rows = self.reader.objects(kind, chosen)
        doubles = self.reader.doubles(kind, {key: chosen[key] for key in rows}, parents)
        there = {
            key: chosen[key].number
            for key, found in rows.items()
            if any(row["id"] == chosen[key].number for row in found)
        }
        members = self.reader.members(there) if kind is Kind.COHORT else {}
        roles = self.reader.roles(there) if kind is Kind.COURSE else {}
        with transaction(self.application.sessions) as session:
            schools = held.schools_of(session, kind, chosen)
            busy = held.being_applied(session)
            now_held, places = (
                held.objects(session, kind, chosen),
                _held_places(session, kind, chosen),
            )
            known = {
                key: chosen[key]
                for key in rows
                if now_held.get(key) == chosen[key] and schools.get(key) not in busy
            }
            still = {key for key in known if places.get(key) == places_before.get(key)}
            found = Found(
                objects=_found_objects(session, kind, known, rows, doubles),
                members={key: who for key, who in members.items() if key in still},
                roles={key: who for key, who in roles.items() if key in still},
            )
            drifts = compare(self._known(session, kind, known, places, found), found)
            # Of a link the school is that of its cohort or course.
            owners = {one.key: schools.get(one.key.partition("|")[0], "") for one in drifts}
            looked_at = storing.of_places(kind, list(known))
            if read := [*found.members, *found.roles]:
                looked_at |= storing.of_places(_LINKS[kind], read)
            self._store(session, drifts, owners, looked_at)
            self._count(session, objects=len(known))

    def _known(
        self,
        session: Session,
        kind: Kind,
        known: Mapping[str, HeldObject],
        places: Mapping[str, Any],
        found: Found,
    ) -> Known:
        numbers = {one for who in found.members.values() for one in who}
        numbers |= {one for who in found.roles.values() for one in who}
        people = {one for key in known for one in places.get(key, ())}
        return Known(
            objects={(kind, key): one for key, one in known.items()},
            members=places if kind is Kind.COHORT else {},
            roles=places if kind is Kind.COURSE else {},
            accounts=held.accounts(session, numbers, people),
        )

    def _store(
        self,
        session: Session,
        drifts: list[Drift],
        schools: Mapping[str, str],
        looked_at: ColumnElement[bool],
    ) -> None:
        now = self.application.clock()
        self.look = looks.renew(session, self.look.id, now)
        storing.store(
            session, self.look, drifts, looked_at=looked_at, schools=schools,
            rules=self.application.settings.reconcile, now=now,
            excluded=exclusions(session, self.application.settings.moodle),
        )  # fmt: skip
        keep_by_rule(session, self.application.settings, self.look, now)

    def _count(self, session: Session, *, people: int = 0, objects: int = 0) -> None:
        self.look.people += people
        self.look.objects += objects
        self.look.unread += self.reader.unread - self._told
        self._told = self.reader.unread
        session.flush()


def _held_places(session: Session, kind: Kind, keys: Collection[str]) -> Mapping[str, Any]:
    if kind is Kind.COHORT:
        return held.members(session, keys)
    return held.roles(session, keys) if kind is Kind.COURSE else {}


def _parents(objects: Mapping[str, HeldObject]) -> set[str]:
    """Return the categories that these categories or courses lie in."""
    names = (
        getattr(one.record, name, "") for one in objects.values() for name in ("parent", "category")
    )
    return {name for name in names if name}


def _found_objects(
    session: Session,
    kind: Kind,
    known: Mapping[str, HeldObject],
    rows: Mapping[str, list[Row]],
    doubles: Mapping[str, list[Row]],
) -> dict[tuple[Kind, str], list[FoundObject]]:
    """Return rows in our words; a double by name that has an idnumber of ours is none."""
    foreign = {row.get("idnumber") or "" for found in doubles.values() for row in found}
    ours = held.objects(session, kind, foreign)
    found = {
        key: [*rows[key], *(row for row in doubles.get(key, ()) if row.get("idnumber") not in ours)]
        for key in known
    }
    numbers = {
        row[name]
        for those in found.values()
        for row in those
        for name in ("parent", "categoryid")
        if row.get(name)
    }
    above = held.idnumbers(session, numbers)
    return {
        (kind, key): [_found_object(kind, row, above) for row in those]
        for key, those in found.items()
    }


def _found_object(kind: Kind, row: Row, above: Mapping[int, str]) -> FoundObject:
    def place(number: int) -> str:
        return above.get(number, f"moodle:{number}") if number else ""

    names = {
        Kind.CATEGORY: ("name", "idnumber"),
        Kind.COHORT: ("name", "idnumber"),
        Kind.COURSE: ("fullname", "shortname", "idnumber"),
    }[kind]
    fields: dict[str, Any] = {name: row.get(name) or "" for name in names}
    if kind is Kind.CATEGORY:
        fields["parent"] = place(row["parent"])
    elif "visible" in row:
        fields["visible"] = bool(row["visible"])
    if kind is Kind.COURSE:
        fields["category"] = place(row["categoryid"])
    return FoundObject(number=row["id"], fields=fields)
