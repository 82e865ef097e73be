"""Tables of the running application, a file for each subject. The provider's are in auth."""

from __future__ import annotations

from service.models.activity import (
    ActivityBitmap,
    ActivityCount,
    ActivityPerson,
    ActivitySource,
    EventSource,
    MoodleSnapshot,
    OutsideEvent,
    PendingEvent,
    RollChange,
    RollSheet,
    SnapshotKind,
    SnapshotStatus,
    Span,
)
from service.models.class_teachers import ClassTeacher, PlannedClassTeacher
from service.models.history import MadeSlip, RollAct, RollEvent
from service.models.operators import AuditEntry, Operator, OperatorRole
from service.models.people import Affiliation, Identity, KnownPerson, SourceKey
from service.models.phases import PhaseExemption, PhaseRule
from service.models.published import OutgoingMail, PublishedReport
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
    "ActivityBitmap",
    "ActivityCount",
    "ActivityPerson",
    "ActivitySource",
    "Affiliation",
    "AuditEntry",
    "ClassTeacher",
    "EventSource",
    "HeadCount",
    "HeadCountGroup",
    "Identity",
    "ImportStatus",
    "KnownEnrolment",
    "KnownMember",
    "KnownObject",
    "KnownPerson",
    "MadeSlip",
    "Milestone",
    "MoodleSnapshot",
    "Operator",
    "OperatorRole",
    "OutgoingMail",
    "OutsideEvent",
    "PendingEvent",
    "PhaseExemption",
    "PhaseRule",
    "PlanStatus",
    "PlannedChange",
    "PlannedClassTeacher",
    "PlannedRoll",
    "PlatformFigure",
    "PlatformSchool",
    "PlatformWeek",
    "PublishedReport",
    "ReferenceImport",
    "RegionalTotal",
    "RollAct",
    "RollChange",
    "RollEvent",
    "RollSheet",
    "RunFile",
    "RunFinding",
    "RunStatus",
    "School",
    "SchoolPlan",
    "SchoolType",
    "SnapshotKind",
    "SnapshotStatus",
    "SourceKey",
    "Span",
    "SyncRun",
    "TotalKey",
]
