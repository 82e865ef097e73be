"""Places that a row alone proves, though who this is was doubted: an answer was taken back.

Account, cohorts and courses follow the row; rights over the account, and who says the names, wait
until a person has said yes.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.evidence import explain
from provisioning.matching import How, Matching
from provisioning.questions import (
    Answer,
    Candidate,
    Decided,
    Evidence,
    Question,
    QuestionKind,
    RowRef,
    Speaks,
)
from provisioning.roll import Roll
from provisioning.roster import Roster
from provisioning.several_schools import Elsewhere
from service.db import rows_among
from service.loads.candidates import known_alone
from service.models import Identity, SourceKey

_KINDS = QuestionKind.MATCH, QuestionKind.MOVE, QuestionKind.SPLIT
_YES = Answer.SAME, Answer.CONFIRM


def in_doubt(roll: Roll, found: Matching, decided: Decided) -> set[str]:
    """Return the people whose place on the roll proves nothing, until somebody says who they are.

    Their places were doubted when an answer was taken back. A new place that a row proves is sure:
    teachers work in several schools, and no school has rights over another one's administration
    (``Scope.people``).
    """
    said = {
        answers[-1].candidate
        for (kind, _key), answers in decided.decisions.items()
        if kind in _KINDS and answers and answers[-1].answer in _YES
    }
    by_row = {one.person_id for one in found.matches.values()}
    sure = {one.person_id for one in found.matches.values() if one.how in (How.NEW, How.DECIDED)}
    return {
        person_id
        for person_id in (by_row & roll.after.keys() & roll.before.keys()) - said - sure
        if not roll.before[person_id].confirmed
    }


def with_doubts(roll: Roll, doubted: set[str]) -> Roll:
    """Return the roll on which these people's places prove nothing."""
    after = {
        person_id: replace(entry, confirmed=False) if person_id in doubted else entry
        for person_id, entry in roll.after.items()
    }
    return replace(roll, after=after) if doubted else roll


def questions(
    session: Session, roster: Roster, roll: Roll, elsewhere: Elsewhere
) -> tuple[Question, ...]:
    """Ask of each row whose place is in doubt whether it is that human."""
    code = roster.school.code
    rows = {
        person_id: key for key, person_id in roll.first_rows if not roll.after[person_id].confirmed
    }
    keys: dict[str, list[RowRef]] = {person_id: [] for person_id in rows}
    known = select(SourceKey.person_id, SourceKey.school_code, SourceKey.sourced_id).order_by(
        SourceKey.school_code, SourceKey.sourced_id
    )
    for person_id, school, sourced_id in rows_among(session, known, SourceKey.person_id, rows):
        keys[person_id].append(RowRef(school_code=school, sourced_id=sourced_id))
    asked = []
    for (human,) in rows_among(session, select(Identity), Identity.person_id, rows):
        key = rows[human.person_id]
        places = elsewhere.get(human.person_id, {})
        listed = Evidence(
            code="school.listed", speaks=Speaks.AGAINST, ours=code, theirs=", ".join(sorted(places))
        )
        asked.append(
            Question(
                kind=QuestionKind.MATCH,
                school_code=code,
                key=key,
                rows=(RowRef(school_code=code, sourced_id=key),),
                candidates=(
                    Candidate(
                        key=human.person_id,
                        memberships=tuple(keys[human.person_id]),
                        evidence=(
                            *explain(roster.persons[key], known_alone(human)),
                            *((listed,) if places else ()),
                        ),
                    ),
                ),
            )
        )
    return tuple(asked)
