"""Who a row is: the people we know, and new identities and logins, given to one load at a time.

Everything else about a load may happen beside another one. Here it may not: two loads that meet a
new human at once, or two humans who would get the same login, have to agree on who comes first.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from provisioning import matching
from provisioning.findings import Severity
from provisioning.logins import candidates
from provisioning.matching import How, KnownIdentities, Matching
from provisioning.ownership import another_schools_file, not_ours_yet
from provisioning.questions import Decided, Question, QuestionKind
from provisioning.roster import Person, Roster
from provisioning.school_identity import FEW, KnownSchool
from provisioning.settings import LoginSettings
from service.db import (
    INSERT_ROWS,
    SessionFactory,
    chunks,
    insert_rows,
    lock,
    rows_among,
    transaction,
    upsert,
)
from service.loads import asking
from service.loads.candidates import NAMES, known_identities, name_keys
from service.loads.known_state import roll_before
from service.loads.people_at_schools import known_schools
from service.models import Identity, KnownUser, School, SourceKey, TakenLogin
from service.settings import Settings

LOCK = 7_265_401
"""Of the transaction that gives identities and logins; any number of our own."""
_ANOTHERS = frozenset({"school.contradicted", "school.of_another"})
TRIES = 3
"""The lock keeps loads apart. Should a program that knows no lock be faster all the same, the
database refuses the second key or login, and everybody is looked up again."""


def recognise(
    sessions: SessionFactory,
    roster: Roster,
    settings: Settings,
    now: datetime,
    *,
    answers: Decided | None = None,
) -> tuple[Roster, Matching]:
    """Say who each row is, and keep it: new people get identity and login, new rows their key.

    ``answers`` come from who typed the rows; else they are those to the school's questions. The
    roster comes back without each СНИЛС that is another human's.

    One short transaction of its own. What it gives is given for ever, also when the plan is
    rejected: a second load of the file finds the same. When a finding stops the file, nothing is
    given.
    """
    tries_left = TRIES
    while True:
        tries_left -= 1
        try:
            with transaction(sessions) as session:
                lock(session, LOCK)
                decided = answers or asking.decided(session, roster.school.code)
                known = known_identities(session, roster, decided)
                found = matching.match(
                    roster, known, lambda: str(uuid.uuid4()),
                    decided=decided, settings=settings.matching,
                )  # fmt: skip
                before = roll_before(session, roster.school.code)
                others = _where_known(session, roster, not_ours_yet(roster, found, before))
                more = another_schools_file(roster, found, before, settings.limits, others)
                found = replace(found, findings=(*found.findings, *more))
                counted = matching.without_foreign_numbers(roster, found)
                if any(one.severity == Severity.FATAL for one in found.findings):
                    return counted, replace(found, questions=_answerable(found))
                _reserve(session, counted, known, found, settings.logins, now)
                _replace_taken(session, counted, found, settings.logins)
                return counted, found
        except IntegrityError:
            if not tries_left:
                raise


def _answerable(found: Matching) -> tuple[Question, ...]:
    """Return the questions of a file that a finding stops: an answer may let it go on.

    Not one by one about the rows of what looks like another school's file, and not about people
    who were new in it.
    """
    new = {one.person_id for one in found.matches.values() if one.how is How.NEW}
    is_anothers = any(one.rule in _ANOTHERS for one in found.findings)
    return tuple(
        one
        for one in found.questions
        if one.kind is QuestionKind.RENUMBERED
        or not (is_anothers or new.intersection(each.key for each in one.candidates))
    )


def _where_known(
    session: Session, roster: Roster, people: Mapping[str, Person]
) -> Sequence[KnownSchool]:
    """Return the other schools at which these people of a file are known; they may be its own."""
    if len(people) < FEW:
        return ()
    code = roster.school.code
    parts = session.scalars(select(School.code).where(School.merged_into == code))
    return known_schools(session, roster, people, besides={code, *parts})


def _reserve(
    session: Session,
    roster: Roster,
    known: KnownIdentities,
    found: Matching,
    logins: LoginSettings,
    now: datetime,
) -> None:
    """Give new people their identity and login, and every new row its key."""
    new = (
        (match.person_id, roster.persons[key])
        for key, match in found.matches.items()
        if match.how == How.NEW
    )
    for some in chunks(new):
        people = dict(some)
        given = _free_usernames(session, people, logins)
        rows = (
            {
                "person_id": person_id,
                "username": given[person_id],
                "reserved_at": now,
                "school_code": roster.school.code,
                **identity_values(person),
            }
            for person_id, person in people.items()
        )
        insert_rows(session, Identity, rows)
    keys = [
        {
            "source": roster.source,
            "school_code": roster.school.code,
            "sourced_id": sourced_id,
            "person_id": match.person_id,
        }
        for sourced_id, match in found.matches.items()
        if match.how != How.KNOWN
    ]
    new_keys = (one for one in keys if one["sourced_id"] not in known.by_key)
    insert_rows(session, SourceKey, (one | {"since": now} for one in new_keys))
    # A key that was somebody else's: only as a person decided.
    changed = [one for one in keys if one["sourced_id"] in known.by_key]
    for piece in chunks(changed, INSERT_ROWS):
        upsert(session, SourceKey, list(piece))
    _learn_sexes(session, roster, found, known)


def _learn_sexes(session: Session, roster: Roster, found: Matching, known: KnownIdentities) -> None:
    """Keep the sex that the rows of known people say now; only matching asks for it.

    Not of a row that is another human's by now than its id named.
    """
    said = (
        {"person_id": found.matches[key].person_id, "sex": person.sex}
        for key, person in roster.persons.items()
        if key in found.matches and found.matches[key].how is How.KNOWN
        if person.sex and person.sex != known.by_key[key].sex
    )
    for some in chunks(said, INSERT_ROWS):
        session.execute(update(Identity), some)


def _replace_taken(
    session: Session, roster: Roster, found: Matching, logins: LoginSettings
) -> None:
    """Reserve the next free login for everybody whose own one Moodle holds for somebody else.

    Only for those who have no account, which would keep its login.
    """
    have_one = select(KnownUser.person_id).where(KnownUser.moodle_id.is_not(None))
    clashing = (
        select(Identity.person_id)
        .join(TakenLogin, TakenLogin.username == Identity.username)
        .where(Identity.person_id.not_in(have_one))
        .order_by(Identity.person_id)
    )
    known = (
        (match.person_id, roster.persons[key])
        for key, match in found.matches.items()
        if match.how != How.NEW
    )
    for some in chunks(known):
        people = dict(some)
        ids = session.scalars(clashing.where(Identity.person_id.in_(people))).all()
        given = _free_usernames(session, {one: people[one] for one in ids}, logins)
        if given:
            rows = [{"person_id": one, "username": username} for one, username in given.items()]
            session.execute(update(Identity), rows)


def give_way(
    session: Session,
    usernames: Collection[str],
    *,
    besides: Collection[str],
    logins: LoginSettings,
) -> None:
    """Give the next free login to everybody without an account who has one of these reserved.

    Not to the people ``besides``: theirs is about to change anyway.
    """
    holders = {
        one.person_id: one
        for some in chunks(sorted(usernames))
        for one in session.scalars(select(Identity).where(Identity.username.in_(some)))
        if one.person_id not in besides
    }
    given = _free_usernames(session, holders, logins) if holders else {}
    rows = [{"person_id": one, "username": username} for one, username in given.items()]
    if rows:
        session.execute(update(Identity), rows)
        # Whose account Moodle has refused until now is known under the login too.
        there = rows_among(session, select(KnownUser.person_id), KnownUser.person_id, sorted(given))
        known = [{"person_id": one, "username": given[one]} for (one,) in there]
        if known:
            session.execute(update(KnownUser), known)


def usernames(session: Session, person_ids: Iterable[str]) -> dict[str, str]:
    """Return the login reserved for each person, by person id."""
    logins = select(Identity.person_id, Identity.username)
    return dict(rows_among(session, logins, Identity.person_id, person_ids))


def identity_values(person: Person) -> dict[str, Any]:
    """Return what an identity remembers of a person for matching."""
    names = {name: getattr(person, name) for name in NAMES}
    others = {name: getattr(person, name) for name in ("birth_date", "sex", "snils")}
    return names | others | name_keys(*names.values())


def _free_usernames(
    session: Session, people: Mapping[str, Person | Identity], logins: LoginSettings
) -> dict[str, str]:
    """Return the first candidate of each person that nobody has, here or, as we know, in Moodle.

    Asks the database for many people at once.
    """
    wanted = {
        person_id: candidates(
            person_id, scheme=logins.scheme, **{name: getattr(person, name) for name in NAMES}
        )
        for person_id, person in people.items()
    }
    given: dict[str, str] = {}
    taken: set[str] = set()
    while wanted:
        round_ = {person_id: next(names) for person_id, names in wanted.items()}
        for column in (Identity.username, TakenLogin.username):
            names = sorted(set(round_.values()))
            taken.update(name for (name,) in rows_among(session, select(column), column, names))
        for person_id, username in round_.items():
            if username not in taken:
                taken.add(username)
                given[person_id] = username
                del wanted[person_id]
    return given
