"""Pages of reports of a city over the roll-ups, on PostgreSQL, for few and for many events.

A page is asked of the application with everything it does: sign-in of the operator, filters, the
figures, the table. The city's coverage by school is measured beside bare SQL over the roll-ups.
Bitmaps cannot be counted in SQL, so the bare side reads the rows that the page reads (the bitmaps
of the period and of all months, the sheets of all schools), joins the bitmaps and counts the bits
of each school and role, with nothing around it.

Then how fast a rebuild and catching up are, and what rolling up costs a sign-in.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask.testing import FlaskClient
from pyroaring import FrozenBitMap
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from auth.models import LoginEvent, Method, Result
from bench.city import make_events, make_people, tidy
from bench.measuring import Figure, in_child, in_turns, seconds_of
from bench.place import installation, postgresql
from service import operators
from service.activity.rebuild import rebuild
from service.activity.rolls import bring_up_to_date
from service.application import Application
from service.db import transaction
from service.models import OperatorRole
from service.reports import REPORTS
from service.reports.definition import PeriodUse
from service.web import create_app

AT = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
PERIOD = "from=2026-04-02&to=2026-05-19"
"""48 days without a whole month: the most bitmaps a period of its length can take."""

SINGLE_SIGN_INS = 300
CAUGHT_UP = 200_000

_BITMAPS = (
    "SELECT bitmap FROM activity_bitmaps WHERE span = 'month' AND method = ''",
    "SELECT bitmap FROM activity_bitmaps WHERE span = 'day' AND method = '' "
    "AND begins_at >= '2026-04-02 00:00+03' AND begins_at < '2026-05-20 00:00+03'",
)


def figures(folder: Path, *, schools: int, people: int, events: int, rounds: int) -> list[Figure]:
    found: list[Figure] = []
    with postgresql(folder / "postgresql") as url:
        application = installation(folder / "city", database_url=url)
        application.clock = lambda: AT
        make_people(application, schools=schools, people=people)
        with transaction(application.sessions) as session:
            bring_up_to_date(session)
        client = _signed_in(application)
        taken: list[dict[str, float]] = []
        for number in (events // 10, events):
            make_events(application, schools=schools, people=people, events=number)
            found.append(_rebuilt(application, url, number))
            pages, bare = _pages(application, client, rounds)
            taken.append(pages)
            found += [
                Figure(
                    name=f"{number:,} events: {name}",
                    ours=f"{seconds * 1000:.0f} ms",
                    reference=f"{bare * 1000:.0f} ms (bare SQL and bits)" if name == _MAIN else "",
                    ratio=seconds / bare if name == _MAIN else None,
                )
                for name, seconds in pages.items()
            ]
        few, many = taken
        found += [
            Figure(
                name=f"ten times the events: {name}",
                ours=f"{many[name] * 1000:.0f} ms",
                reference=f"{few[name] * 1000:.0f} ms",
                ratio=many[name] / few[name],
            )
            for name in many
        ]
        found += [_caught_up(application), _recording(application.engine, rounds)]
        application.engine.dispose()
    embedded = installation(folder / "embedded").engine
    found.append(_recording(embedded, rounds))
    embedded.dispose()
    return found


def rebuild_all(url: str) -> None:
    engine = create_engine(url)
    rebuild(engine, ZoneInfo("Europe/Moscow"), lambda _events: None)
    engine.dispose()


def _rebuilt(application: Application, url: str, events: int) -> Figure:
    application.engine.dispose()
    cost = in_child("bench.activity:rebuild_all", url)
    tidy(application)
    with transaction(application.sessions) as session:
        bring_up_to_date(session)
    return Figure(
        name=f"{events:,} events: roll-ups made anew",
        ours=f"{events / cost.seconds:,.0f} a second, {cost.peak_mb:.0f} MB",
    )


def _caught_up(application: Application) -> Figure:
    """As after an upgrade from a version without roll-ups: events wait to be rolled up."""
    with application.engine.begin() as connection:
        waiting = connection.execute(
            text(
                "INSERT INTO activity_pending_events SELECT id FROM auth_login_events "
                "ORDER BY id DESC LIMIT :events"
            ),
            {"events": CAUGHT_UP},
        ).rowcount

    def catch_up() -> None:
        with transaction(application.sessions) as session:
            bring_up_to_date(session)

    return Figure(
        name=f"{waiting:,} waiting events rolled up",
        ours=f"{waiting / seconds_of(catch_up):,.0f} a second",
    )


def _signed_in(application: Application) -> FlaskClient:
    """The browser of an operator of the city."""
    with transaction(application.sessions) as session:
        operators.add(
            session, actor="bench", username="bench", password="a long password of the bench",
            role=OperatorRole.CITY, scope=[], now=AT,
        )  # fmt: skip
    client = create_app(application).test_client()
    page = client.get("/console/signin").text
    token = re.search(r'name="form_token" value="([^"]+)"', page)
    answer = client.post(
        "/console/signin",
        data={
            "form_token": token[1] if token else "", "username": "bench",
            "password": "a long password of the bench",
        },
    )  # fmt: skip
    if answer.status_code != 302:
        raise RuntimeError("the operator of the bench could not sign in")
    return client


_MAIN = "page coverage, by school"


def _addresses() -> dict[str, str]:
    found = {}
    for name, definition in REPORTS.items():
        asked = (
            f"&{PERIOD}" if definition.period is PeriodUse.OPTIONAL or name == "activity" else ""
        )
        for level in definition.levels or [""]:
            told = f"page {name}, by {level}" if level else f"page {name}"
            found[told] = f"/console/reports/{name}?by={level}{asked}"
    return found


def _pages(
    application: Application, client: FlaskClient, rounds: int
) -> tuple[dict[str, float], float]:
    """Median seconds of each page, and of the bare side of ``_MAIN``."""
    addresses = _addresses()

    def ask(address: str) -> None:
        if client.get(address).status_code != 200:
            raise RuntimeError(f"no page: {address}")

    pages: dict[str, float] = {}
    bare = 0.0
    with application.sessions() as session:
        for name, address in addresses.items():
            ask(address)
            sides: list[Callable[[], object]] = [partial(ask, address)]
            if name == _MAIN:
                sides.append(lambda: _count_bare(session))
            pages[name], *rest = in_turns(max(rounds, 5), *sides)
            bare = rest[0] if rest else bare
    return pages, bare


def _count_bare(session: Session) -> list[tuple[str, str, list[int]]]:
    """People on the roll, ever active and active in the period, of each school and role."""
    counted = []
    active = [_joined(session, statement) for statement in _BITMAPS]
    for code, sheet in session.execute(text("SELECT school_code, by_role FROM roll_sheets")):
        for role, sets in sheet["roles"].items():
            roll = FrozenBitMap.deserialize(b64decode(sets["roll"]))
            numbers = [len(roll), *(roll.intersection_cardinality(people) for people in active)]
            counted.append((code, role, numbers))
    session.rollback()
    return counted


def _joined(session: Session, statement: str) -> FrozenBitMap:
    stored = session.execute(text(statement)).scalars()
    return FrozenBitMap().union(*map(FrozenBitMap.deserialize, stored))


def _switches(engine: Engine) -> tuple[list[str], list[str]]:
    """The SQL that takes away the triggers that note a sign-in, and the SQL that puts them back."""
    if engine.dialect.name == "postgresql":
        alter = "ALTER TABLE auth_login_events {} TRIGGER USER"
        return [alter.format("DISABLE")], [alter.format("ENABLE")]
    made = text(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' "
        "AND tbl_name = 'auth_login_events'"
    )
    with engine.connect() as connection:
        found = connection.execute(made).all()
    return [f"DROP TRIGGER {name}" for name, _sql in found], [sql for _name, sql in found]


def _recording(engine: Engine, rounds: int) -> Figure:
    """The same inserts with and without the triggers that note an event, in turns."""
    off, on = _switches(engine)

    def sign_ins() -> None:
        for _ in range(SINGLE_SIGN_INS):
            with Session(engine) as session, session.begin():
                session.add(LoginEvent(**_SIGN_IN))

    def switch(made: list[str]) -> None:
        with engine.begin() as connection:
            for statement in made:
                connection.exec_driver_sql(statement)

    def without() -> float:
        switch(off)
        seconds = seconds_of(sign_ins)
        switch(on)
        return seconds

    sides = [(seconds_of(sign_ins), without()) for _ in range(max(rounds, 5))]
    noted, bare = (min(side) / SINGLE_SIGN_INS for side in zip(*sides, strict=True))
    return Figure(
        name=f"recording one sign-in, {engine.dialect.name}",
        ours=f"{noted * 1000:.2f} ms",
        reference=f"{bare * 1000:.2f} ms (without roll-ups)",
        ratio=noted / bare,
    )


_SIGN_IN: dict[str, Any] = {
    "at": AT, "person_id": "0" * 36, "client_id": "moodle", "method": Method.PASSWORD,
    "result": Result.ALLOWED, "reason": "", "school_code": "B0000", "role": "student",
    "class_title": "",
}  # fmt: skip
