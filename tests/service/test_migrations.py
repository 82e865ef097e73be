"""The migrations make exactly the tables that the models describe."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from auth.models import Base as AuthBase
from service.activity import rolls
from service.activity.bitmaps import PeopleSet
from service.audit import AuditAction
from service.db import Base, make_engine
from service.models import ActivityBitmap, MarkBitmap, RollSheet
from service.schema import migrate
from tests.service.database import make_tables


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    url: str = request.getfixturevalue("fresh_postgres_url")
    return url


def differences(url: str) -> list[object]:
    """What another revision would have to change."""
    engine = make_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, [Base.metadata, AuthBase.metadata])  # type: ignore[arg-type]
    engine.dispose()
    return [one for one in found if "alembic_version" not in str(one)]


def test_all_revisions_together_give_the_schema_of_the_models(empty_database: str) -> None:
    assert differences(empty_database)
    migrate(empty_database)
    assert differences(empty_database) == []


def test_migrating_twice_changes_nothing(empty_database: str) -> None:
    migrate(empty_database)
    migrate(empty_database)
    assert differences(empty_database) == []


OLD_ACTIONS = (  # noqa: SIM905 - sixty literals are longer
    "run.receive run.plan run.approve run.reject run.stop run.plan_again run.interrupted "
    "load.receive load.interrupted uploads.delete plan.apply school.write district.rename "
    "total.add milestone.write milestone.remove platform.import platform.match registry.receive "
    "registry.applied registry.rejected registry.export password.reset slips.show link.grant "
    "link.relink link.refuse link.end phase.set phase.move phase.remove exemption.add "
    "exemption.remove clients.create clients.change clients.new_secret clients.enable "
    "clients.disable esia_systems.create esia_systems.change esia_systems.certificate "
    "esia_systems.enable esia_systems.disable esia_systems.faults esia_systems.new_key "
    "esia_systems.revoke_key esia_systems.record esia_systems.stop_recording esia_systems.export "
    "events.import report.export report.people report.publish operator.add operator.enable "
    "operator.disable operator.password operator.scope operator.mail operator.sign_in "
    "operator.sign_in_failed"
).split()
"""All that earlier versions stored."""


def test_actions_stored_by_earlier_versions_are_those_of_the_audit(empty_database: str) -> None:
    migrate(empty_database, "0021")
    engine = make_engine(empty_database)
    entry = text(
        "INSERT INTO audit_entries (at, actor, action, school_code, details)"
        " VALUES ('2026-09-01', 'anna', :action, '', '{}')"
    )
    with engine.begin() as connection:
        connection.execute(entry, [{"action": action} for action in OLD_ACTIONS])
    migrate(empty_database)
    with engine.connect() as connection:
        stored = connection.execute(text("SELECT action FROM audit_entries ORDER BY id"))
        renamed = dict(zip(OLD_ACTIONS, stored.scalars(), strict=True))
    engine.dispose()
    assert set(renamed.values()) <= set(AuditAction)
    assert renamed["run.plan"] == "load.plan"
    assert renamed["registry.rejected"] == "registry.reject"


PEOPLE = [3, 700, 1_024, 250_000]


def raw_bits(ordinals: list[int]) -> bytes:
    number = sum(1 << ordinal for ordinal in ordinals)
    return zlib.compress(number.to_bytes(40_000, "little").rstrip(b"\0"))


def raw_blocks(ordinals: list[int]) -> dict[str, str]:
    blocks: dict[str, int] = defaultdict(int)
    for ordinal in ordinals:
        blocks[str(ordinal // 1024)] |= 1 << ordinal % 1024
    return {block: f"{bits:x}" for block, bits in blocks.items()}


def test_people_stored_as_raw_bits_are_kept(empty_database: str) -> None:
    migrate(empty_database, "0024")
    sets = {"roll": raw_blocks(PEOPLE), "account": raw_blocks(PEOPLE[:1]), "left": {}}
    sheet = {"roles": {"student": sets}, "gone": raw_blocks(PEOPLE[2:])}
    classes = [{"class_id": "7", "title": "5А", "role": "student", **sets}]
    engine = make_engine(empty_database)
    with engine.begin() as connection:
        for statement, values in (
            (
                "INSERT INTO activity_bitmaps (span, begins_at, source, method, bitmap)"
                " VALUES ('day', '2026-09-01 21:00:00.000000', 'provider', :method, :bitmap)",
                [
                    {"method": "", "bitmap": raw_bits(PEOPLE)},
                    {"method": "esia", "bitmap": raw_bits([])},
                ],
            ),
            (
                "INSERT INTO mark_bitmaps (mark, bitmap, last_at)"
                " VALUES ('own_password', :bitmap, '2026-09-01 21:00:00.000000')",
                {"bitmap": raw_bits(PEOPLE[1:])},
            ),
            (
                "INSERT INTO roll_sheets (school_code, by_role, by_class)"
                " VALUES ('78-1', :by_role, :by_class)",
                {"by_role": json.dumps(sheet), "by_class": json.dumps(classes)},
            ),
        ):
            connection.execute(text(statement), values)
    migrate(empty_database)
    with Session(engine) as session:
        hours = session.scalars(select(ActivityBitmap).order_by(ActivityBitmap.method))
        assert [list(PeopleSet.unpacked(one.bitmap)) for one in hours] == [PEOPLE, []]
        assert (
            list(PeopleSet.unpacked(session.scalars(select(MarkBitmap.bitmap)).one()))
            == (PEOPLE[1:])
        )
        stored = session.scalars(select(RollSheet)).one()
        found = rolls.by_role(stored.by_role)
        in_class = rolls.by_class(stored.by_class)
    engine.dispose()
    assert list(found.gone) == PEOPLE[2:]
    assert list(in_class) == [(rolls.SchoolClass("7", "5А"), "student")]
    for members in (found.roles["student"], *in_class.values()):
        assert list(members.roll) == PEOPLE
        assert list(members.account) == PEOPLE[:1]
        assert not members.left
        assert not members.suspended


def triggers(url: str) -> set[tuple[str, ...]]:
    """Name and table of each, on PostgreSQL with its text, which SQLite keeps as it was set."""
    engine = make_engine(url)
    query = (
        "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
        if engine.dialect.name == "sqlite"
        else "SELECT tgname, tgrelid::regclass::text, pg_get_triggerdef(t.oid), p.prosrc "
        "FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid WHERE NOT tgisinternal"
    )
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(query).all()
    engine.dispose()
    return {tuple(row) for row in rows}


def test_tests_have_the_triggers_of_the_migrations(
    empty_database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    migrate(empty_database)
    other = f"sqlite:///{tmp_path / 'other.sqlite'}"
    if not empty_database.startswith("sqlite"):
        other = request.getfixturevalue("new_postgres_database")()
    engine = make_engine(other)
    make_tables(engine)
    engine.dispose()
    assert triggers(other) == triggers(empty_database) != set()
