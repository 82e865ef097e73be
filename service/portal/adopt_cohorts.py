"""Which cohorts the accounts of Moodle are in, by name: words that tell a school and a class."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provisioning.moodle import MoodleClient, MoodleMisconfigured

_COHORTS_AT_ONCE = 50
_BITS = 24
"""Of a packed number: more cohorts than any Moodle has."""


class CohortWords:
    """Names of the cohorts of each account. Eight bytes for each member: a city has a million."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._members: array[int] = array("Q")

    def add(self, name: str, user_ids: Sequence[int]) -> None:
        place = len(self._names)
        self._names.append(name)
        self._members.extend(number << _BITS | place for number in user_ids)

    def close(self) -> None:
        """Make it ready to be asked."""
        self._members = array("Q", sorted(self._members))

    def of(self, user_id: int) -> tuple[str, ...]:
        """Return the names of the cohorts of an account, in the order of Moodle's numbers."""
        first = bisect_left(self._members, user_id << _BITS)
        found = []
        for packed in self._members[first : first + 100]:
            if packed >> _BITS != user_id:
                break
            found.append(self._names[packed & ((1 << _BITS) - 1)])
        return tuple(found)


def all_cohorts(moodle: MoodleClient) -> Iterator[list[Mapping[str, Any]]]:
    """Yield all cohorts of Moodle, page by page."""
    start = 0
    while page := moodle.cohorts_from(start):
        yield page
        start += len(page)


def read_cohorts(moodle: MoodleClient) -> CohortWords:
    """Read all cohorts with their members; nothing where our account may not see members."""
    words = CohortWords()
    try:
        for page in all_cohorts(moodle):
            for start in range(0, len(page), _COHORTS_AT_ONCE):
                some = page[start : start + _COHORTS_AT_ONCE]
                members = moodle.cohort_members([one["id"] for one in some])
                for one in some:
                    words.add(str(one["name"]), sorted(members.get(one["id"], ())))
    except MoodleMisconfigured:
        words = CohortWords()
    words.close()
    return words
