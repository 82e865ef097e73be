"""Give back an account that was taken over, after a person has taken that answer back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from provisioning.changes import Change
from provisioning.foreign_accounts import LETS_GO
from provisioning.moodle import MoodleClient, MoodleRefused

NOT_GIVEN_BACK = "not_given_back"
"""Our code for an account that Moodle refuses to give back: it must not be taken over again."""


def let_go(moodle: MoodleClient, changes: Sequence[Change]) -> dict[str, int]:
    """Let the accounts be as they were found: names, address, sign-in, no idnumber and no places of
    ours.

    Only accounts that still have the idnumber of the human: doing it twice is harmless. What was
    given to somebody else meanwhile stays as it is. Returns, by person id, Moodle's numbers of
    those that Moodle refuses to change at all.
    """
    about = {change.key: change.after[LETS_GO] for change in changes if change.after.get(LETS_GO)}
    kept: dict[str, int] = {}
    if not about:
        return kept
    rows = moodle.users_by_field("id", [one["id"] for one in about.values()])
    ours = {row["id"] for row in rows if row.get("idnumber") in about}
    for person_id, one in about.items():
        number = one["id"]
        if number not in ours:
            continue
        for cohort in one["cohorts"]:
            with suppress(MoodleRefused):  # somebody has deleted it meanwhile
                moodle.delete_cohort_members([{"cohortid": cohort, "userid": number}])
        for course in one["courses"]:
            with suppress(MoodleRefused):
                moodle.unenrol_users([{"courseid": course, "userid": number}])
        # Last: as long as the idnumber is there, the whole is tried again.
        if all(_is_refused(moodle, {"id": number, **some}) for some in _ways(one["fields"])):
            kept[person_id] = number
    return kept


def _is_refused(moodle: MoodleClient, record: Mapping[str, Any]) -> bool:
    try:
        return bool(moodle.update_users([record]))
    except MoodleRefused:
        return True


def _ways(fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what to try one after the other: all, all but the address, what makes it nobody's."""
    ours = {"idnumber": "", **fields}
    yield ours
    yield {name: value for name, value in ours.items() if name != "email"}
    yield {name: value for name, value in ours.items() if name in ("idnumber", "suspended")}
