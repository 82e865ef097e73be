"""One word for one thing: an upload's life is a load, a place on a roll a membership."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_TABLES = {
    "sync_runs": "loads",
    "run_files": "load_files",
    "run_findings": "load_findings",
    "planned_roll": "planned_memberships",
    "known_people": "known_users",
    "affiliations": "school_memberships",
    "known_members": "cohort_members",
}
_WITH_LOAD = ("load_files", "load_findings", "school_plans", "audit_entries")
"""Tables, by their new names, whose column ``run_id`` becomes ``load_id``."""

_NOTED = ("affiliations", "known_people")
_ACTS = (("INSERT", "NEW"), ("UPDATE", "OLD"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
_NOTE = (
    "INSERT INTO roll_changes (school_code) SELECT school_code FROM {rows} "
    "UNION SELECT other.school_code FROM {other} AS other JOIN {rows} AS here "
    "ON other.person_id = here.person_id"
)


def upgrade() -> None:
    _rename(_TABLES, "run_id", "load_id")


def _rename(tables: dict[str, str], old_column: str, new_column: str) -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    noted = [name for name in tables if name in _NOTED or tables[name] in _NOTED]
    for table in noted:
        _drop_triggers(table, is_postgresql=is_postgresql)
    for old, new in tables.items():
        op.rename_table(old, new)
    with_load = [
        table if new_column == "load_id" else tables.get(table, table) for table in _WITH_LOAD
    ]
    for table in with_load:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old_column} TO {new_column}")
    for table in dict.fromkeys([*tables.values(), *with_load]):
        _rename_indexes(table, tables, old_column, new_column, is_postgresql=is_postgresql)
    if is_postgresql:
        _rename_constraints(tables, with_load, old_column, new_column)
    else:
        _name_unique_constraints(tables, with_load, old_column, new_column)
    _rename_detail(old_column.removesuffix("_id"), new_column.removesuffix("_id"))
    first, second = (tables[table] for table in noted)
    _add_triggers(first, second, is_postgresql=is_postgresql)
    _add_triggers(second, first, is_postgresql=is_postgresql)


def _rename_detail(old: str, new: str) -> None:
    """The number of an earlier load, in the details of the findings that name one."""
    findings = sa.table(
        "load_findings" if new == "load" else "run_findings",
        sa.column("id", sa.Integer), sa.column("rule", sa.String), sa.column("details", sa.JSON),
    )  # fmt: skip
    named = findings.c.rule.in_(["file.loaded_before", "file.loaded_last"])
    rows = op.get_bind().execute(sa.select(findings.c.id, findings.c.details).where(named)).all()
    for number, details in rows:
        if old in details:
            renamed = {new if key == old else key: value for key, value in details.items()}
            op.execute(findings.update().where(findings.c.id == number).values(details=renamed))


def _new_name(name: str, tables: dict[str, str], old_column: str, new_column: str) -> str:
    for old, new in tables.items():
        name = name.replace(old, new)
    return name.replace(old_column, new_column)


def _rename_indexes(
    table: str, tables: dict[str, str], old_column: str, new_column: str, *, is_postgresql: bool
) -> None:
    for index in sa.inspect(op.get_bind()).get_indexes(table):
        name = index["name"] or ""
        new = _new_name(name, tables, old_column, new_column)
        if new == name or index.get("duplicates_constraint"):
            continue
        if is_postgresql:
            op.execute(f"ALTER INDEX {name} RENAME TO {new}")
        else:
            op.drop_index(name, table)
            columns = [column for column in index["column_names"] if column]
            op.create_index(new, table, columns, unique=bool(index["unique"]))


def _rename_constraints(
    tables: dict[str, str], with_load: list[str], old_column: str, new_column: str
) -> None:
    """Only PostgreSQL can, and shows the names where something fails."""
    rows = op.get_bind().execute(
        sa.text(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint "
            "WHERE contype IN ('p', 'f', 'u', 'c') AND connamespace = "
            "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
        )
    )
    for table, name in rows.all():
        new = _new_name(name, tables, old_column, new_column)
        if new != name:
            op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {name} TO {new}")


def _name_unique_constraints(
    tables: dict[str, str], with_load: list[str], old_column: str, new_column: str
) -> None:
    """SQLite keeps their names in the text of the table, so such a table is made anew."""
    for table in dict.fromkeys([*tables.values(), *with_load]):
        renamed = [
            (one["name"] or "", _new_name(one["name"] or "", tables, old_column, new_column), one)
            for one in sa.inspect(op.get_bind()).get_unique_constraints(table)
        ]
        for name, new, constraint in renamed:
            if new == name:
                continue
            with op.batch_alter_table(table, recreate="always") as batch:
                batch.drop_constraint(name, type_="unique")
                batch.create_unique_constraint(new, constraint["column_names"])


def _trigger(table: str, act: str, side: str) -> str:
    return f"note_{table}_{act.lower()}_{side.lower()}"


def _drop_triggers(table: str, *, is_postgresql: bool) -> None:
    if is_postgresql:
        op.execute(f"DROP FUNCTION note_{table}() CASCADE")
        return
    for act, side in _ACTS:
        op.execute(f"DROP TRIGGER {_trigger(table, act, side)}")


def _add_triggers(table: str, other: str, *, is_postgresql: bool) -> None:
    if is_postgresql:
        note = _NOTE.format(rows="changed", other=other)
        op.execute(
            f"CREATE OR REPLACE FUNCTION note_{table}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {note}; RETURN NULL; END $$"
        )
    for act, side in _ACTS:
        name = _trigger(table, act, side)
        if is_postgresql:
            op.execute(
                f"CREATE OR REPLACE TRIGGER {name} AFTER {act} ON {table} REFERENCING {side} TABLE "
                f"AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_{table}()"
            )
        else:
            row = f"(SELECT {side}.school_code AS school_code, {side}.person_id AS person_id)"
            note = _NOTE.format(rows=row, other=other)
            op.execute(
                f"CREATE TRIGGER IF NOT EXISTS {name} AFTER {act} ON {table} BEGIN {note}; END"
            )
