"""What is not rolled up yet counts like what is, and whoever asks writes nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from service.activity.figures import Activity
from service.activity.marks import catch_up_marks
from service.activity.rolls import bring_up_to_date
from service.models import (
    ActivityPerson,
    KnownUser,
    MarkChange,
    PendingEvent,
    RollChange,
    SchoolMembership,
)
from service.reports import REPORTS
from service.reports.stored import to_data
from tests.service.console_factories import make_console
from tests.service.factories import (
    add_operator,
    add_person,
    add_school,
    choose_own_password,
    put_on_roll,
    sign_in,
)
from tests.service.report_questions import (
    NOW,
    OCTOBER,
    built,
    by_key,
    counted_queries,
    link,
    make_city,
    people,
)

WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|MERGE|TRUNCATE)", re.I)


def answers(session: Session) -> dict[str, Any]:
    """What every report says at each of its levels, and who is behind the numbers of totals."""
    found: dict[str, Any] = {}
    for name, definition in REPORTS.items():
        usual = definition.default_period
        period = usual(NOW.date()) if usual else OCTOBER
        for by in definition.levels or [""]:
            report = built(session, name, by=by, period=period)
            found[f"{name} {by}"] = to_data(report)
            if by != definition.default_level or not definition.people:
                continue
            row = report.total_keys[0] if report.totals else "E4.03"
            for column, number in by_key(report)[row].items():
                counts_people = any(one.key == column and one.people for one in report.columns)
                if counts_people and isinstance(number, int) and number:
                    found[f"{name} {column}"] = people(session, name, row, column, period=period)
    activity = Activity(session)
    first, last = (NOW - timedelta(days=60)).date(), NOW.date()
    found["sign-ins"] = activity.sign_ins(first, last, "day", "school_code", "method", "role")
    found["freshness"] = [
        (one.source, one.first_at, one.last_at, one.events) for one in activity.freshness()
    ]
    return found


def check_before_and_after(session: Session) -> None:
    before = answers(session)
    assert not [*session.new, *session.dirty]
    for table in (PendingEvent, RollChange, MarkChange):
        assert session.scalars(select(table)).first(), table
    bring_up_to_date(session)
    catch_up_marks(Activity(session))
    assert not session.scalars(select(PendingEvent)).first()
    after = answers(session)
    assert after.keys() == before.keys()
    for name, said in after.items():
        assert said == before[name], name


def test_every_report_says_the_same_before_and_after_rolling_up(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.activity.tail.BATCH", 7)  # the tail is read in pieces
    make_city(session, 5)
    add_person(session, "unmarked", "1")
    known = list(session.scalars(select(KnownUser).order_by(KnownUser.person_id)))
    for person in known[:20]:
        away = str((int(person.school_code) + 1) % 4)
        sign_in(session, person.person_id, NOW - timedelta(days=30), school_code=away)
        sign_in(session, person.person_id, NOW - timedelta(minutes=10), method="esia")
    check_before_and_after(session)
    # Now to what is rolled up comes more: of people known and new, here and there.
    add_school(session, "new")
    for number in range(3):
        add_person(session, f"new{number}", "new")
        sign_in(session, f"new{number}", NOW - timedelta(days=number), school_code="new")
    sign_in(session, "new0", NOW - timedelta(days=35), school_code="1")
    mover = known[3]
    session.query(SchoolMembership).filter_by(person_id=mover.person_id).delete()
    put_on_roll(session, mover, "new")
    sign_in(session, mover.person_id, NOW - timedelta(days=40), school_code="2")
    choose_own_password(session, "new1")
    link(session, "unmarked")
    link(session, "new2")
    check_before_and_after(session)


def test_pages_of_reports_write_nothing(empty_engine: Engine, tmp_path: Path) -> None:
    console = make_console(tmp_path, engine=empty_engine)
    with console.rows() as rows:
        add_operator(rows)
        add_school(rows, "1")
        add_person(rows, "p", "1")
        sign_in(rows, "p", NOW - timedelta(days=30), school_code="1")
        sign_in(rows, "p", NOW - timedelta(days=30), school_code="elsewhere")
        choose_own_password(rows, "p", changed_at=NOW - timedelta(days=20))
        link(rows, "p", NOW - timedelta(days=10))
    browser = console.client("city")
    browser.get("/console/reports/")
    with counted_queries(empty_engine) as statements:
        for name, definition in REPORTS.items():
            for by in definition.levels or [""]:
                assert browser.get(f"/console/reports/{name}", by=by).status_code == 200
    assert len(statements) > 100
    assert [each for each in statements if WRITES.match(each)] == []
    with console.rows() as rows:
        assert not rows.scalars(select(ActivityPerson)).first()
        bring_up_to_date(rows)
        assert rows.scalars(select(ActivityPerson)).all()
