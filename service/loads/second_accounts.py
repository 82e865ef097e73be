"""Accounts made by an answer that was taken back: second ones of a human, on no roll now."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.findings import Finding, rules
from provisioning.roll import Roll
from provisioning.roster import Roster
from provisioning.several_schools import Elsewhere
from service.models import Identity, StoredDecision

RULE = "match.second_account"


def told(session: Session, roster: Roster, roll: Roll, elsewhere: Elsewhere) -> list[Finding]:
    """Return a finding about each such account that leaves its last roll with this plan."""
    code = roster.school.code
    undone = select(StoredDecision.effects).where(
        StoredDecision.school_code == code, StoredDecision.undone_at.is_not(None)
    )
    made = {
        key["made"]: key["sourced_id"]
        for effects in session.scalars(undone.order_by(StoredDecision.id))
        for key in effects.get("source_keys", ())
        if key.get("made")
    }
    gone = [
        person_id
        for person_id in made
        if person_id in roll.before and person_id not in roll.after and not elsewhere.get(person_id)
    ]
    return [
        Finding(
            rule=RULE, severity=rules()[RULE], file="", school_code=code, sourced_id=made[one],
            field_name="sourced_id", value=session.get_one(Identity, one).username,
        )
        for one in gone
    ]  # fmt: skip
