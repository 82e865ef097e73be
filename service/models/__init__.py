"""Tables of the running application, a file for each subject. The provider's are in auth."""

from __future__ import annotations

from service.models.operators import AuditEntry, Operator, OperatorRole
from service.models.people import Affiliation, Identity, KnownPerson, SourceKey
from service.models.runs import (
    PlannedChange,
    PlannedRoll,
    PlanStatus,
    RunFile,
    RunFinding,
    RunStatus,
    SchoolPlan,
    SyncRun,
)
from service.models.schools import KnownEnrolment, KnownMember, KnownObject, School

__all__ = [
    "Affiliation",
    "AuditEntry",
    "Identity",
    "KnownEnrolment",
    "KnownMember",
    "KnownObject",
    "KnownPerson",
    "Operator",
    "OperatorRole",
    "PlanStatus",
    "PlannedChange",
    "PlannedRoll",
    "RunFile",
    "RunFinding",
    "RunStatus",
    "School",
    "SchoolPlan",
    "SourceKey",
    "SyncRun",
]
