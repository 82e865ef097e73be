"""The tables of the service: operators, schools, runs and their plans, the known state."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_at"), "audit_entries", ["at"], unique=False)
    op.create_index(op.f("ix_audit_entries_run_id"), "audit_entries", ["run_id"], unique=False)
    op.create_table(
        "identities",
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("family_name", sa.String(length=255), nullable=False),
        sa.Column("given_name", sa.String(length=255), nullable=False),
        sa.Column("middle_name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=800), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("snils", sa.String(length=11), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("password_generation", sa.Integer(), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_identities")),
        sa.UniqueConstraint("username", name=op.f("uq_identities_username")),
    )
    op.create_index(
        "ix_identities_name_key_birth_date", "identities", ["name_key", "birth_date"], unique=False
    )
    op.create_index(op.f("ix_identities_snils"), "identities", ["snils"], unique=False)
    op.create_table(
        "known_enrolments",
        sa.Column("course", sa.String(length=100), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("course", "person_id", "role", name=op.f("pk_known_enrolments")),
    )
    op.create_index(
        op.f("ix_known_enrolments_person_id"), "known_enrolments", ["person_id"], unique=False
    )
    op.create_index("ix_known_enrolments_school", "known_enrolments", ["school_code"], unique=False)
    op.create_table(
        "known_members",
        sa.Column("cohort", sa.String(length=100), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("cohort", "person_id", name=op.f("pk_known_members")),
    )
    op.create_index(
        op.f("ix_known_members_person_id"), "known_members", ["person_id"], unique=False
    )
    op.create_index(
        "ix_known_members_school", "known_members", ["school_code", "cohort"], unique=False
    )
    op.create_table(
        "known_objects",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_known_objects")),
    )
    op.create_index(
        op.f("ix_known_objects_school_code"), "known_objects", ["school_code"], unique=False
    )
    op.create_table(
        "operators",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operators")),
        sa.UniqueConstraint("username", name=op.f("uq_operators_username")),
    )
    op.create_table(
        "schools",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("short_name", sa.String(length=255), nullable=False),
        sa.Column("district", sa.String(length=100), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("known_version", sa.Integer(), nullable=False),
        sa.Column("last_applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_exported_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_schools")),
    )
    op.create_index(op.f("ix_schools_district"), "schools", ["district"], unique=False)
    op.create_table(
        "sync_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("scope_role", sa.String(length=20), nullable=False),
        sa.Column("scope_items", sa.JSON(), nullable=False),
        sa.Column("expected_school", sa.String(length=64), nullable=False),
        sa.Column("folder", sa.String(length=500), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.String(length=100), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stop_requested", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.String(length=1000), nullable=False),
        sa.Column("claimed_by", sa.String(length=200), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_runs")),
    )
    op.create_index(op.f("ix_sync_runs_status"), "sync_runs", ["status"], unique=False)
    op.create_table(
        "affiliations",
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("class_id", sa.String(length=255), nullable=False),
        sa.Column("class_title", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_code"], ["schools.code"], name=op.f("fk_affiliations_school_code")
        ),
        sa.PrimaryKeyConstraint("school_code", "person_id", name=op.f("pk_affiliations")),
    )
    op.create_index(op.f("ix_affiliations_person_id"), "affiliations", ["person_id"], unique=False)
    op.create_table(
        "known_people",
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("moodle_id", sa.Integer(), nullable=True),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("firstname", sa.String(length=255), nullable=False),
        sa.Column("lastname", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("auth", sa.String(length=20), nullable=False),
        sa.Column("institution", sa.String(length=255), nullable=False),
        sa.Column("department", sa.String(length=255), nullable=False),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("family_name", sa.String(length=255), nullable=False),
        sa.Column("given_name", sa.String(length=255), nullable=False),
        sa.Column("middle_name", sa.String(length=255), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("class_id", sa.String(length=255), nullable=False),
        sa.Column("class_title", sa.String(length=100), nullable=False),
        sa.Column("snils", sa.String(length=11), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("sourced_id", sa.String(length=255), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("in_roll", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_code"], ["schools.code"], name=op.f("fk_known_people_school_code")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_known_people")),
        sa.UniqueConstraint("username", name=op.f("uq_known_people_username")),
    )
    op.create_index("ix_known_people_school", "known_people", ["school_code", "role"], unique=False)
    op.create_table(
        "run_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("layout", sa.String(length=100), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("exported_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["sync_runs.id"], name=op.f("fk_run_files_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_files")),
    )
    op.create_index(op.f("ix_run_files_run_id"), "run_files", ["run_id"], unique=False)
    op.create_index(op.f("ix_run_files_school_code"), "run_files", ["school_code"], unique=False)
    op.create_index("ix_run_files_sha256", "run_files", ["sha256"], unique=False)
    op.create_table(
        "run_findings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("file", sa.String(length=500), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("sourced_id", sa.String(length=255), nullable=False),
        sa.Column("person", sa.String(length=500), nullable=False),
        sa.Column("field_name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.String(length=500), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["sync_runs.id"], name=op.f("fk_run_findings_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_findings")),
    )
    op.create_index(op.f("ix_run_findings_run_id"), "run_findings", ["run_id"], unique=False)
    op.create_table(
        "school_plans",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("breaches", sa.JSON(), nullable=False),
        sa.Column("limits_confirmed", sa.Boolean(), nullable=False),
        sa.Column("known_version", sa.Integer(), nullable=False),
        sa.Column("started", sa.Boolean(), nullable=False),
        sa.Column("school_year", sa.String(length=9), nullable=False),
        sa.Column("exported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("set_aside", sa.Integer(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["sync_runs.id"], name=op.f("fk_school_plans_run_id")),
        sa.ForeignKeyConstraint(
            ["school_code"], ["schools.code"], name=op.f("fk_school_plans_school_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_plans")),
        sa.UniqueConstraint(
            "run_id", "school_code", name=op.f("uq_school_plans_run_id_school_code")
        ),
    )
    op.create_index(op.f("ix_school_plans_run_id"), "school_plans", ["run_id"], unique=False)
    op.create_index(
        op.f("ix_school_plans_school_code"), "school_plans", ["school_code"], unique=False
    )
    op.create_table(
        "source_keys",
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("school_code", sa.String(length=64), nullable=False),
        sa.Column("sourced_id", sa.String(length=255), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["identities.person_id"], name=op.f("fk_source_keys_person_id")
        ),
        sa.PrimaryKeyConstraint("source", "school_code", "sourced_id", name=op.f("pk_source_keys")),
    )
    op.create_index(op.f("ix_source_keys_person_id"), "source_keys", ["person_id"], unique=False)
    op.create_table(
        "planned_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=100), nullable=False),
        sa.Column("detail", sa.String(length=500), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["school_plans.id"], name=op.f("fk_planned_changes_plan_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_changes")),
    )
    op.create_index(
        "ix_planned_changes_open",
        "planned_changes",
        ["plan_id", "result", "position"],
        unique=False,
    )
    op.create_table(
        "planned_roll",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("class_id", sa.String(length=255), nullable=False),
        sa.Column("class_title", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["school_plans.id"], name=op.f("fk_planned_roll_plan_id")
        ),
        sa.PrimaryKeyConstraint("plan_id", "person_id", name=op.f("pk_planned_roll")),
    )
