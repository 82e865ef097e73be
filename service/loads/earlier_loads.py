"""Is this file new? Compares the files of an upload with those applied before."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.findings import Finding, rules
from provisioning.formats import ReadFile
from service.models import PlanStatus, RunFile, School, SchoolPlan


def compare_with_earlier(
    session: Session, school_code: str, files: Sequence[ReadFile]
) -> list[Finding]:
    """Findings about files that were loaded before, or are older than what was loaded.

    The very file that was applied last may come again: it repairs and otherwise changes nothing.
    An older one would put the school back, so it is stopped.
    """
    school = session.get(School, school_code)
    if school is None:
        return []
    applied = session.execute(
        select(RunFile.sha256, RunFile.run_id)
        .join(
            SchoolPlan,
            (SchoolPlan.run_id == RunFile.run_id) & (SchoolPlan.school_code == RunFile.school_code),
        )
        .where(
            RunFile.school_code == school_code,
            RunFile.sha256.in_([file.sha256 for file in files]),
            SchoolPlan.status == PlanStatus.APPLIED,
        )
        .order_by(RunFile.run_id)
    )
    loaded = dict(applied.all())
    newest = session.scalar(
        select(SchoolPlan.run_id)
        .where(SchoolPlan.school_code == school_code, SchoolPlan.status == PlanStatus.APPLIED)
        .order_by(SchoolPlan.applied_at.desc())
        .limit(1)
    )
    findings = []
    for file in files:
        run_id = loaded.get(file.sha256)
        if run_id is not None:
            rule = "file.loaded_last" if run_id == newest else "file.loaded_before"
            findings.append(_finding(rule, file, run=str(run_id)))
        elif school.last_exported_at and file.exported_at < school.last_exported_at:
            newer = school.last_exported_at.strftime("%d.%m.%Y %H:%M UTC")
            findings.append(_finding("file.older_export", file, newer=newer))
    return findings


def _finding(rule: str, file: ReadFile, **details: str) -> Finding:
    return Finding(
        rule=rule,
        severity=rules()[rule],
        file=file.name,
        school_code=file.school_code,
        details=details,
    )
