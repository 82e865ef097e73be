"""The migrations make exactly the tables that the models describe."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.models import Base as AuthBase
from service.activity import rolls
from service.activity.bitmaps import PeopleSet
from service.audit import AuditAction
from service.db import Base, make_engine
from service.models import ActivityBitmap, MarkBitmap, RollSheet
from service.schema import migrate
from tests.service.database import execute, make_tables, on_both_databases

pytestmark = on_both_databases


def differences(url: str) -> list[object]:
    """What another revision would have to change."""
    engine = make_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, [Base.metadata, AuthBase.metadata])  # type: ignore[arg-type]
    engine.dispose()
    return [one for one in found if "alembic_version" not in str(one)]


def test_all_revisions_together_give_the_schema_of_the_models(database_url: str) -> None:
    assert differences(database_url)
    migrate(database_url)
    assert differences(database_url) == []


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    migrate(database_url)
    assert differences(database_url) == []


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


def test_actions_stored_by_earlier_versions_are_those_of_the_audit(database_url: str) -> None:
    migrate(database_url, "0021")
    execute(
        database_url,
        "INSERT INTO audit_entries (at, actor, action, school_code, details)"
        " VALUES ('2026-09-01', 'anna', :action, '', '{}')",
        *({"action": action} for action in OLD_ACTIONS),
    )
    migrate(database_url)
    stored = execute(database_url, "SELECT action FROM audit_entries ORDER BY id")
    renamed = dict(zip(OLD_ACTIONS, (row.action for row in stored), strict=True))
    assert set(renamed.values()) <= set(AuditAction)
    assert len(set(renamed.values())) == 59  # two pairs had two names for one act
    assert renamed["run.plan"] == "load.plan"
    assert renamed["registry.rejected"] == "registry.reject"


def test_people_who_were_suspended_before_have_been_away_since_their_last_change(
    database_url: str,
) -> None:
    migrate(database_url, "0025")
    execute(
        database_url,
        "INSERT INTO schools (code, name, short_name, district, number, unknown_type,"
        " known_version) VALUES ('A', 'A', 'A', 'D', '', '', 1)",
    )
    texts = (
        "username", "firstname", "lastname", "email", "auth", "institution", "department",
        "family_name", "given_name", "middle_name", "role", "class_id", "class_title", "snils",
        "sourced_id", "source", "problem",
    )  # fmt: skip
    people = [("gone", True, False), ("off", False, False), ("here", False, True)]
    for person_id, suspended, in_roll in people:
        names = ", ".join(texts)
        values = ", ".join(f"'{person_id}'" for _name in texts)
        execute(
            database_url,
            f"INSERT INTO known_users (person_id, school_code, {names}, suspended, in_roll,"
            f" created_at, updated_at) VALUES ('{person_id}', 'A', {values}, :suspended, :in_roll,"
            " '2024-09-01', '2025-01-15')",
            {"suspended": suspended, "in_roll": in_roll},
        )
    migrate(database_url)
    rows = execute(database_url, "SELECT person_id, state, away_since FROM known_users ORDER BY 1")
    assert [(row.person_id, row.state, str(row.away_since or "")[:10]) for row in rows] == [
        ("gone", "suspended", "2025-01-15"), ("here", "on_roll", ""),
        ("off", "suspended", "2025-01-15"),
    ]  # fmt: skip


PEOPLE = [3, 700, 1_024, 250_000]


def raw_bits(ordinals: list[int]) -> bytes:
    number = sum(1 << ordinal for ordinal in ordinals)
    return zlib.compress(number.to_bytes(40_000, "little").rstrip(b"\0"))


def raw_blocks(ordinals: list[int]) -> dict[str, str]:
    blocks: dict[str, int] = defaultdict(int)
    for ordinal in ordinals:
        blocks[str(ordinal // 1024)] |= 1 << ordinal % 1024
    return {block: f"{bits:x}" for block, bits in blocks.items()}


def test_people_stored_as_raw_bits_are_kept(database_url: str) -> None:
    migrate(database_url, "0024")
    sets = {"roll": raw_blocks(PEOPLE), "account": raw_blocks(PEOPLE[:1]), "left": {}}
    sheet = {"roles": {"student": sets}, "gone": raw_blocks(PEOPLE[2:])}
    classes = [{"class_id": "7", "title": "5А", "role": "student", **sets}]
    execute(
        database_url,
        "INSERT INTO activity_bitmaps (span, begins_at, source, method, bitmap)"
        " VALUES ('day', '2026-09-01 21:00:00.000000', 'provider', :method, :bitmap)",
        {"method": "", "bitmap": raw_bits(PEOPLE)},
        {"method": "esia", "bitmap": raw_bits([])},
    )
    execute(
        database_url,
        "INSERT INTO mark_bitmaps (mark, bitmap, last_at)"
        " VALUES ('own_password', :bitmap, '2026-09-01 21:00:00.000000')",
        {"bitmap": raw_bits(PEOPLE[1:])},
    )
    execute(
        database_url,
        "INSERT INTO roll_sheets (school_code, by_role, by_class)"
        " VALUES ('78-1', :by_role, :by_class)",
        {"by_role": json.dumps(sheet), "by_class": json.dumps(classes)},
    )
    migrate(database_url)
    engine = make_engine(database_url)
    with Session(engine) as session:
        hours = session.scalars(select(ActivityBitmap).order_by(ActivityBitmap.method))
        assert [list(PeopleSet.unpacked(one.bitmap)) for one in hours] == [PEOPLE, []]
        marked = session.scalars(select(MarkBitmap.bitmap)).one()
        assert list(PeopleSet.unpacked(marked)) == PEOPLE[1:]
        stored = session.scalars(select(RollSheet)).one()
        found, in_class = rolls.by_role(stored.by_role), rolls.by_class(stored.by_class)
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
    query = (
        "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
        if url.startswith("sqlite")
        else "SELECT tgname, tgrelid::regclass::text, pg_get_triggerdef(t.oid), p.prosrc "
        "FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid WHERE NOT tgisinternal"
    )
    return {tuple(row) for row in execute(url, query)}


def test_tests_have_the_triggers_of_the_migrations(
    database_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    migrate(database_url)
    other = f"sqlite:///{tmp_path / 'other.sqlite'}"
    if not database_url.startswith("sqlite"):
        other = request.getfixturevalue("new_postgres_database")()
    engine = make_engine(other)
    make_tables(engine)
    engine.dispose()
    assert triggers(other) == triggers(database_url) != set()
