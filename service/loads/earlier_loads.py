"""Is this file new? Compares the files of an upload with those applied before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.findings import Finding, rules
from provisioning.formats import ReadFile
from service.models import Load, LoadCause, LoadFile, PlanStatus, School, SchoolPlan


def compare_with_earlier(
    session: Session, school_code: str, files: Sequence[ReadFile], now: datetime
) -> list[Finding]:
    """Return findings about files that were loaded before, or are older than what was loaded.

    The very file that was applied last may come again: it repairs and otherwise changes nothing.
    An older one would put the school back, so it is stopped. Nothing is older than an export from
    the future: the clock that it came from was wrong.
    """
    school = session.get(School, school_code)
    if school is None:
        return []
    applied = (
        select(LoadFile.sha256, LoadFile.load_id)
        .join(
            SchoolPlan,
            (SchoolPlan.load_id == LoadFile.load_id)
            & (SchoolPlan.school_code == LoadFile.school_code),
        )
        .where(SchoolPlan.school_code == school_code, SchoolPlan.status == PlanStatus.APPLIED)
    )
    known = LoadFile.sha256.in_([file.sha256 for file in files])
    loaded = dict(session.execute(applied.where(known).order_by(LoadFile.load_id)).all())
    newest = session.scalar(
        select(SchoolPlan.load_id)
        .join(Load)
        .where(
            SchoolPlan.school_code == school_code,
            SchoolPlan.status == PlanStatus.APPLIED,
            # One from kept rows was made of the rows of that file again.
            Load.cause == LoadCause.FILE,
        )
        .order_by(SchoolPlan.applied_at.desc())
        .limit(1)
    )
    last = school.last_exported_at
    findings = []
    for file in files:
        load_id = loaded.get(file.sha256)
        if load_id is not None:
            rule = "file.loaded_last" if load_id == newest else "file.loaded_before"
            findings.append(_finding(rule, file, load=str(load_id)))
        elif last and file.exported_at < last <= now:
            newer = last.strftime("%d.%m.%Y %H:%M UTC")
            findings.append(_finding("file.older_export", file, newer=newer))
    return findings


def _finding(rule: str, file: ReadFile, **details: str) -> Finding:
    return Finding(
        rule=rule, severity=rules()[rule], file=file.name, school_code=file.school_code,
        details=details,
    )  # fmt: skip
