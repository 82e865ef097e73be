"""Who has an account: as of which look into Moodle, and without those whose account is gone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service.activity.figures import Activity
from service.models import Drift, PortalLook
from service.portal import both_ways
from service.reports.roll_at import rolls_at
from service.sealed import use_key
from tests.service.factories import CITY, NOW, add, add_known_person, add_school

SCHOOL = "78-0243"


@pytest.fixture
def session(engine: Engine, session: Session) -> Session:
    """The session, over a database whose encrypted columns can be used."""
    use_key(engine, lambda: bytes(32))
    return session


def accounts(session: Session, at: datetime) -> int:
    return len(rolls_at(Activity(session), CITY, at)[SCHOOL]["student"].account)


def test_a_drifted_person_has_no_account_from_the_look_on_until_the_repair(
    session: Session,
) -> None:
    add_school(session, SCHOOL)
    for name in ("a", "b"):
        add_known_person(session, name, SCHOOL)
    found = NOW - timedelta(days=2)
    look = add(session, PortalLook, began_at=found, ended_at=found, actor="worker")
    drift = add(
        session, Drift, kind="account_suspended", subject="user", key="a", person_id="a",
        school_code=SCHOOL, look_id=look.id, found_at=found, seen_at=found,
    )  # fmt: skip
    assert accounts(session, NOW) == 1
    assert accounts(session, found - timedelta(hours=1)) == 2
    drift.state, drift.decided_at = "repaired", NOW - timedelta(days=1)
    session.flush()
    assert accounts(session, NOW) == 2
    assert accounts(session, NOW - timedelta(days=1, hours=1)) == 1


def test_the_look_of_a_moment_is_the_newest_whole_one_by_then(session: Session) -> None:
    add_school(session, SCHOOL)
    assert both_ways.last_look(session, CITY, by=NOW) is None
    old = add(session, PortalLook, began_at=NOW, ended_at=NOW - timedelta(days=9), actor="w")
    new = add(session, PortalLook, began_at=NOW, ended_at=NOW - timedelta(days=1), actor="w")
    add(session, PortalLook, began_at=NOW, ended_at=NOW, actor="w", sample=5)
    found = [
        both_ways.last_look(session, CITY, by=NOW - timedelta(days=days)) for days in (0, 5, 10)
    ]
    assert found == [new, old, None]
