"""What a first load should leave in Moodle, and what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from service.application import Application
from service.models import PlannedChange
from service.moodle_standin import snapshot


def planned(application: Application) -> dict[str, list[tuple[Any, ...]]]:
    """The desired state, read from the plan: every change of a first load creates or adds."""
    fields = {
        "category": ("idnumber", "name"),
        "cohort": ("idnumber", "name"),
        "course": ("idnumber", "fullname", "shortname"),
        "user": ("person_id", "username", "firstname", "lastname", "email", "auth", "institution"),
        "member": ("cohort", "person_id"),
        "enrolment": ("course", "person_id", "role"),
    }
    found: dict[str, set[tuple[Any, ...]]] = {kind: set() for kind in fields}
    with application.sessions() as session:
        for change in session.scalars(select(PlannedChange)):
            assert change.action in {"create", "add"}
            found[change.kind].add(tuple(change.after[name] for name in fields[change.kind]))
    return {kind: sorted(rows) for kind, rows in found.items()}


def in_moodle(storage: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The same of what the stand-in holds; a thing made twice would be listed twice."""
    moodle = snapshot(storage)
    person = {user["id"]: user["idnumber"] for user in moodle["users"]}
    cohort = {one["id"]: one["idnumber"] for one in moodle["cohorts"]}
    course = {one["id"]: one["idnumber"] for one in moodle["courses"]}

    def rows(kind: str, *names: str) -> list[tuple[Any, ...]]:
        return sorted(tuple(row[name] for name in names) for row in moodle[kind])

    return {
        "category": sorted(
            (row["idnumber"], row["name"]) for row in moodle["categories"] if row["idnumber"]
        ),
        "cohort": rows("cohorts", "idnumber", "name"),
        "course": rows("courses", "idnumber", "fullname", "shortname"),
        "user": rows(
            "users", "idnumber", "username", "firstname", "lastname", "email", "auth", "institution"
        ),
        "member": sorted(
            (cohort[row["cohortid"]], person[row["userid"]]) for row in moodle["members"]
        ),
        "enrolment": sorted(
            (course[row["courseid"]], person[row["userid"]], row["role"])
            for row in moodle["enrolments"]
        ),
    }
