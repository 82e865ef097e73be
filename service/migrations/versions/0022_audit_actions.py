"""Actions of the audit in one grammar: subject in the singular, verb as a command."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_RENAMED = {
    "uploads.delete": "load.delete_files",
    "load.interrupted": "load.interrupt",
    "registry.applied": "registry.apply",
    "registry.rejected": "registry.reject",
    "slips.show": "slip.show",
    "link.relink": "link.replace",
    "clients.create": "client.add",
    "clients.change": "client.change",
    "clients.new_secret": "client.renew_secret",
    "clients.enable": "client.enable",
    "clients.disable": "client.disable",
    "esia_systems.create": "esia_system.add",
    "esia_systems.change": "esia_system.change",
    "esia_systems.certificate": "esia_system.set_certificate",
    "esia_systems.enable": "esia_system.enable",
    "esia_systems.disable": "esia_system.disable",
    "esia_systems.faults": "esia_system.set_faults",
    "esia_systems.new_key": "esia_system.renew_key",
    "esia_systems.revoke_key": "esia_system.revoke_key",
    "esia_systems.record": "esia_system.start_recording",
    "esia_systems.stop_recording": "esia_system.stop_recording",
    "esia_systems.export": "esia_system.export",
    "events.import": "event.import",
    "report.people": "report.show_people",
    "operator.password": "operator.set_password",
    "operator.scope": "operator.set_scope",
    "operator.mail": "operator.set_mail",
    "operator.sign_in_failed": "operator.refuse_sign_in",
}
_OF_RUNS = {
    "run.receive": "load.receive",
    "run.plan": "load.plan",
    "run.approve": "load.approve",
    "run.reject": "load.reject",
    "run.stop": "load.stop",
    "run.plan_again": "load.plan_again",
    "run.interrupted": "load.interrupt",
}
"""Stored before an upload's life was called a load; they do not get these names back."""


def upgrade() -> None:
    _rename(_RENAMED | _OF_RUNS)


def _rename(names: dict[str, str]) -> None:
    entries = sa.table("audit_entries", sa.column("action", sa.String))
    renamed = sa.case(names, value=entries.c.action)
    op.execute(entries.update().where(entries.c.action.in_(sorted(names))).values(action=renamed))
