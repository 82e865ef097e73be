"""Tables of the running application, a file for each subject. The provider's are in auth."""

from __future__ import annotations

from service.models.operators import AuditEntry, Operator, OperatorRole
from service.models.people import Affiliation, Identity, KnownPerson, SourceKey
from service.models.phases import PhaseExemption, PhaseRule
from service.models.registry import (
    HeadCount,
    HeadCountGroup,
    ImportStatus,
    Milestone,
    PlatformFigure,
    PlatformSchool,
    PlatformWeek,
    ReferenceImport,
    RegionalTotal,
    TotalKey,
)
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
from service.models.schools import KnownEnrolment, KnownMember, KnownObject, School, SchoolType

__all__ = [
    "Affiliation",
    "AuditEntry",
    "HeadCount",
    "HeadCountGroup",
    "Identity",
    "ImportStatus",
    "KnownEnrolment",
    "KnownMember",
    "KnownObject",
    "KnownPerson",
    "Milestone",
    "Operator",
    "OperatorRole",
    "PhaseExemption",
    "PhaseRule",
    "PlanStatus",
    "PlannedChange",
    "PlannedRoll",
    "PlatformFigure",
    "PlatformSchool",
    "PlatformWeek",
    "ReferenceImport",
    "RegionalTotal",
    "RunFile",
    "RunFinding",
    "RunStatus",
    "School",
    "SchoolPlan",
    "SchoolType",
    "SourceKey",
    "SyncRun",
    "TotalKey",
]
