"""Target: the Moodle that changes go to, and what is needed to speak of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from provisioning.changes import Kind
from provisioning.moodle import MoodleClient


class MoodleIds(Protocol):
    """Moodle's numbers of what is there, as recorded from outcomes."""

    def get(self, kind: Kind, keys: Sequence[str]) -> Mapping[str, int]:
        """The numbers of those ``keys`` that have one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    moodle: MoodleClient
    ids: MoodleIds
    role_ids: Mapping[str, int]
    """By ``CourseRole`` value."""
    first_password: Callable[[str], str] | None
    """By person id; for ``manual`` accounts only."""
    _deleted: dict[int, bool] = field(default_factory=dict)

    def is_deleted(self, user: int) -> bool:
        """Tell whether somebody deleted this account; Moodle is asked once for each."""
        if user not in self._deleted:
            self._deleted[user] = bool(self.moodle.deleted([user]))
        return self._deleted[user]
