"""Change: one step of a plan. Outcome: what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

LOGIN_TAKEN = {"username_taken", "email_taken"}
"""Our codes for a person whose login, or the address made of it, somebody else has in Moodle."""

ACCOUNT_GONE = "account_gone"
"""Somebody deleted the account in Moodle: the next plan makes it, and its places, again."""


class Kind(StrEnum):
    """What a change is about, in the order in which a plan is applied."""

    CATEGORY = "category"
    COHORT = "cohort"
    COURSE = "course"
    USER = "user"
    MEMBER = "member"
    ENROLMENT = "enrolment"


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    SUSPEND = "suspend"
    """Of users only: nobody can use the account, but it stays with its memberships and
    enrolments."""
    TRANSIT = "in_transit"
    """Of users only: no school lists the person any more. The account stays open for a time, so
    that another school finds it open."""
    GRADUATE = "graduate"
    """The same for somebody who left at the end of school."""
    ARCHIVE = "archive"
    """Of users only: suspended for so long that cohorts and places are ended."""
    RESTORE = "restore"
    """Of users only: a suspended person is back; other fields may change in the same step."""
    ADD = "add"
    """Members and enrolments."""
    REMOVE = "remove"
    """Members and enrolments."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One step. ``before`` and ``after`` are plain JSON values: a plan can be stored and compared.

    For a USER they hold every field of ``MoodleUser`` (dates as ISO text); for the other kinds the
    fields of their dataclass. ``before`` is empty for a creation; ``after`` is empty for a REMOVE.
    """

    kind: Kind
    action: Action
    key: str
    """Unique among the changes of a plan and kind: an idnumber, a person id, ``cohort|person`` or
    ``course|person|role``."""
    before: Mapping[str, Any] = field(repr=False)
    after: Mapping[str, Any] = field(repr=False)

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the fields that differ, in the order of the dataclass."""
        return tuple(
            name for name in self.after if self.before and self.after[name] != self.before.get(name)
        )

    @property
    def suspends(self) -> bool:
        """Tell whether an account that was open is closed."""
        return bool(self.after.get("suspended")) and not self.before.get("suspended", True)

    @property
    def restores(self) -> bool:
        """Tell whether an account that was closed is open again."""
        return bool(self.before.get("suspended")) and not self.after.get("suspended", True)

    @property
    def rank(self) -> int:
        """The place of this kind and action in ``APPLY_ORDER``; ``ValueError`` if it has none."""
        return APPLY_ORDER.index((self.kind, self.action))


LETTING_GO = frozenset({Action.TRANSIT, Action.GRADUATE, Action.SUSPEND})
"""What a plan does with people whom the school has lost."""
CLOSING = LETTING_GO | {Action.ARCHIVE}
"""Left out when the person has turned up on another roll before the plan was applied."""

APPLY_ORDER: tuple[tuple[Kind, Action], ...] = (
    (Kind.CATEGORY, Action.CREATE),
    (Kind.CATEGORY, Action.UPDATE),
    (Kind.COHORT, Action.CREATE),
    (Kind.COHORT, Action.UPDATE),
    (Kind.COURSE, Action.CREATE),
    (Kind.COURSE, Action.UPDATE),
    (Kind.USER, Action.CREATE),
    (Kind.USER, Action.UPDATE),
    (Kind.USER, Action.RESTORE),
    (Kind.MEMBER, Action.ADD),
    (Kind.ENROLMENT, Action.ADD),
    (Kind.MEMBER, Action.REMOVE),
    (Kind.ENROLMENT, Action.REMOVE),
    (Kind.USER, Action.TRANSIT),
    (Kind.USER, Action.GRADUATE),
    (Kind.USER, Action.SUSPEND),
    (Kind.USER, Action.ARCHIVE),
)
"""The order of a plan: what others need comes first, what takes something away comes last.

Created categories come parents first. ``apply`` refuses a plan in another order.
"""


class Result(StrEnum):
    DONE = "done"
    """Moodle holds it now (made by us, or found there and adopted)."""
    FAILED = "failed"
    """It cannot be done; ``code`` says why. The rest of the plan goes on."""
    SKIPPED = "skipped"
    """It was not tried, e.g. because something it depends on failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    change: Change
    result: Result
    moodle_id: int | None = None
    """Moodle's number of a created or adopted category, cohort, course or user."""
    code: str = ""
    """A stable word for the reason, e.g. ``adopted``, ``username_taken``, ``dependency_failed``."""
    detail: str = ""
    """Names of fields and ids for the operator, never a personal value."""
    account: Mapping[str, Any] | None = field(default=None, repr=False)
    """The account of Moodle that holds the login or the address, as Moodle tells it."""
