"""Give back an account that was taken over, after a person has taken that answer back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from provisioning.changes import Change
from provisioning.foreign_accounts import LETS_GO
from provisioning.moodle import MoodleClient, MoodleRefused


def let_go(moodle: MoodleClient, changes: Sequence[Change]) -> None:
    """Let the accounts be as they were found: names, address, sign-in, no idnumber and no places of
    ours.

    Only accounts that still have the idnumber of the human: doing it twice is harmless.
    """
    about = {change.key: change.after[LETS_GO] for change in changes if change.after.get(LETS_GO)}
    if not about:
        return
    rows = moodle.users_by_field("id", [one["id"] for one in about.values()])
    ours = {row["id"] for row in rows if row.get("idnumber") in about}
    for one in about.values():
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
        moodle.update_users([{"id": number, **one["fields"]}])
