"""Is a load like the school's last ones, and like those of other schools of its type?"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.findings import Finding
from provisioning.normal import Figure, Figures, unusual
from provisioning.roll import Roll
from provisioning.roster import ClassKind, Mode, Role, Roster
from service.models import PlanStatus, School, SchoolPlan

LAST_LOADS = 12
MOST_PEERS = 200


def figures_of(roster: Roster, roll: Roll, findings: Collection[Finding]) -> dict[str, float]:
    """Count what a file says of a school; nothing of a file that holds changes only."""
    if roster.mode is not Mode.FULL:
        return {}
    present = [roster.persons[key] for key in roll.present]
    pupils = sum(one.role is Role.STUDENT for one in present)
    homes = sum(one.kind is not ClassKind.GROUP for one in roster.classes.values())
    figures: dict[str, float] = {
        Figure.PUPILS: pupils, Figure.STAFF: len(present) - pupils, Figure.CLASSES: homes,
    }  # fmt: skip
    if present:
        nameless = sum(not one.snils for one in present)
        figures[Figure.NO_SNILS] = round(nameless / len(present), 4)
        of_rows = sum(bool(one.sourced_id) for one in findings)
        figures[Figure.FINDINGS] = round(of_rows / len(present), 4)
    return figures


def what_is_unusual(session: Session, school: School, figures: Figures) -> list[dict[str, Any]]:
    """Return the facts of what leaves the band of the school, or that of its peers."""
    if not figures:
        return []
    applied = select(SchoolPlan.figures).where(
        SchoolPlan.status == PlanStatus.APPLIED, SchoolPlan.keeps_roll.is_(False)
    )
    own = session.scalars(
        applied.where(SchoolPlan.school_code == school.code)
        .order_by(SchoolPlan.id.desc())
        .limit(LAST_LOADS)
    )
    # The newest plan of each other school made its version.
    peers = session.scalars(
        applied.join(School, School.code == SchoolPlan.school_code)
        .where(
            School.type == school.type,
            School.code != school.code,
            SchoolPlan.known_version == School.known_version,
        )
        .order_by(SchoolPlan.id.desc())
        .limit(MOST_PEERS)
    )
    found = unusual(figures, [one for one in own if one], [one for one in peers if one])
    return [one.facts for one in found]
