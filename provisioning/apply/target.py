"""Target: the Moodle that changes go to, and what is needed to speak of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
