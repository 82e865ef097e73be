"""Questions, decisions, the rows of plans, further codes of schools, ids of classes, states."""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

_KEYS = ("given_key", "family_key")
_ROWS = 5000
"""Filled at a time."""
_LOOK_ALIKES = str.maketrans("abekmhopctyxёë", "авекмнорстухее")
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼ`´ʹ′"))


def upgrade() -> None:
    op.create_table(
        "questions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("school_code", sa.String(64), nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("rows", sa.Text, nullable=False),
        sa.Column("candidates", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("pattern", sa.String(64), server_default="", nullable=False),
        sa.Column("part", sa.String(20), server_default="", nullable=False),
        sa.Column("load_id", sa.Integer, sa.ForeignKey("loads.id")),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("ix_questions_about", "questions", ["school_code", "kind", "key"])
    op.create_index("ix_questions_state", "questions", ["state", "school_code"])
    op.create_index("ix_questions_pattern", "questions", ["pattern"])
    is_open = sa.text("state = 'open'")
    op.create_index(
        "uq_questions_open", "questions", ["school_code", "kind", "key"], unique=True,
        sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip
    op.create_index("ix_questions_load_id", "questions", ["load_id"])
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("question_id", sa.Integer, sa.ForeignKey("questions.id"), nullable=False),
        sa.Column("school_code", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("answer", sa.String(20), nullable=False),
        sa.Column("candidate", sa.String(300), nullable=False),
        sa.Column("refused", sa.JSON, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("effects", sa.JSON, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("decided_by", sa.String(100), nullable=False),
        sa.Column("decided_role", sa.String(20), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.String(100), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_decisions_about", "decisions", ["school_code", "kind", "key"])
    op.create_index("ix_decisions_question_id", "decisions", ["question_id"])
    op.create_table(
        "planned_rosters",
        sa.Column("plan_id", sa.Integer, sa.ForeignKey("school_plans.id"), primary_key=True),
        sa.Column("school_code", sa.String(64), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("told_code", sa.String(64), nullable=False),
        sa.Column("rows", sa.Text, nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_planned_rosters_school_code", "planned_rosters", ["school_code"])
    op.create_table(
        "school_codes",
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("school_code", sa.String(64), sa.ForeignKey("schools.code"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision_id", sa.Integer, sa.ForeignKey("decisions.id")),
    )
    op.create_index("ix_school_codes_school_code", "school_codes", ["school_code"])
    op.create_table(
        "class_keys",
        sa.Column("school_code", sa.String(64), sa.ForeignKey("schools.code"), primary_key=True),
        sa.Column("school_year", sa.String(9), primary_key=True),
        sa.Column("class_id", sa.String(255), primary_key=True),
        sa.Column("class_key", sa.String(255), nullable=False),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("grade", sa.Integer),
        sa.Column("is_group", sa.Boolean, nullable=False),
        sa.Column("answered", sa.Boolean, nullable=False),
        sa.Column("in_doubt", sa.Boolean, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "planned_classes",
        sa.Column("plan_id", sa.Integer, sa.ForeignKey("school_plans.id"), primary_key=True),
        sa.Column("class_id", sa.String(255), primary_key=True),
        sa.Column("class_key", sa.String(255), nullable=False),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("grade", sa.Integer),
        sa.Column("is_group", sa.Boolean, nullable=False),
        sa.Column("answered", sa.Boolean, nullable=False),
    )
    for table, column in (
        (
            "school_memberships",
            sa.Column("confirmed", sa.Boolean, server_default=sa.true(), nullable=False),
        ),
        (
            "planned_memberships",
            sa.Column("confirmed", sa.Boolean, server_default=sa.true(), nullable=False),
        ),
        (
            "known_users",
            sa.Column("state", sa.String(20), server_default="on_roll", nullable=False),
        ),
        ("known_users", sa.Column("away_since", sa.DateTime(timezone=True))),
        ("school_memberships", sa.Column("until", sa.Date)),
        ("planned_memberships", sa.Column("until", sa.Date)),
        ("loads", sa.Column("cause", sa.String(20), server_default="file", nullable=False)),
        (
            "school_plans",
            sa.Column("keeps_roll", sa.Boolean, server_default=sa.false(), nullable=False),
        ),
        (
            "school_plans",
            sa.Column("losses", sa.JSON, server_default="{}", nullable=False),
        ),
        (
            "school_plans",
            sa.Column("figures", sa.JSON, server_default="{}", nullable=False),
        ),
        (
            "school_plans",
            sa.Column("unusual", sa.JSON, server_default="[]", nullable=False),
        ),
        ("school_plans", sa.Column("counted_at", sa.DateTime(timezone=True))),
        (
            "school_plans",
            sa.Column("city_confirmed", sa.Boolean, server_default=sa.false(), nullable=False),
        ),
        ("loads", sa.Column("operation", sa.JSON)),
    ):
        # Not in a batch: that would make the table anew, without its triggers.
        op.add_column(table, column)
    op.create_index("ix_school_plans_counted_at", "school_plans", ["counted_at"])
    op.create_index("ix_known_users_state", "known_users", ["state", "away_since"])
    for name in _KEYS:
        op.add_column(
            "identities", sa.Column(name, sa.String(255), server_default="", nullable=False)
        )
    _fill_name_keys()
    for name in _KEYS:
        op.create_index(f"ix_identities_birth_date_{name}", "identities", ["birth_date", name])
    op.execute(
        "UPDATE known_users SET state = 'suspended', away_since = updated_at"
        " WHERE suspended OR NOT in_roll"
    )


def _fill_name_keys() -> None:
    """Names are looked up by more folded letters from now on: «ё», apostrophes, Latin letters."""
    names = ("family_name", "given_name", "middle_name")
    identities = sa.table(
        "identities",
        *(sa.column(name) for name in ("person_id", *names, "name_key", *_KEYS)),
    )
    connection = op.get_bind()
    wanted = sa.select(identities.c.person_id, *(identities.c[name] for name in names))
    changed = (
        sa.update(identities)
        .where(identities.c.person_id == sa.bindparam("person"))
        .values({name: sa.bindparam(f"new_{name}") for name in ("name_key", *_KEYS)})
    )
    last = ""
    while rows := connection.execute(
        wanted.where(identities.c.person_id > last).order_by(identities.c.person_id).limit(_ROWS)
    ).all():
        connection.execute(
            changed,
            [
                {
                    "person": person,
                    "new_name_key": _words(f"{family} {given} {middle}"),
                    "new_given_key": _given_letters(given),
                    "new_family_key": _letters(family),
                }
                for person, family, given, middle in rows
            ],
        )
        last = rows[-1].person_id


def _folded(text: str) -> str:
    known = unicodedata.normalize("NFC", text).casefold()
    return known.translate(_LOOK_ALIKES).translate(_APOSTROPHES)


def _letters(name: str) -> str:
    return "".join(filter(str.isalpha, _folded(name)))


def _given_letters(name: str) -> str:
    found = _letters(name)
    return f"{found[:-2]}ья" if found.endswith("ия") else found


def _words(full: str) -> str:
    folded = _folded(full)
    return " ".join("".join(one if one.isalnum() else " " for one in folded).split())
