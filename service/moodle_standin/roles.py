"""Functions that give and take roles outside an enrolment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.errors import invalid_parameter, programmer_error
from service.moodle_standin.site import Function, Site

_TABLES = {"course": "course", "coursecat": "category"}


def _context(site: Site, item: Mapping[str, Any]) -> tuple[str, int]:
    level, instance = item.get("contextlevel"), item.get("instanceid")
    if level == "system":
        return "system", 0
    table = _TABLES.get(level or "")
    if table is None or not site.store.row(
        f"SELECT 1 FROM {table} WHERE id = ?",
        (instance,),
    ):
        raise invalid_parameter("Missing parameters, please provide either context level with id")
    return str(level), int(instance or 0)


def _check_assignable(site: Site, role_id: int, level: str, verb: str) -> None:
    """Raise an error for a role above those of courses: nobody here may give one."""
    if level != "course" or role_id not in site.settings.assignable_roles:
        raise invalid_parameter(f"Can not {verb} roleid={role_id} in contextid=")


def assign_roles(site: Site, given: Mapping[str, Any]) -> None:
    """Assign all or none. In a course this does not enrol."""
    for item in given["assignments"]:
        level, instance = _context(site, item)
        _check_assignable(site, item["roleid"], level, "assign")
        if not site.store.row("SELECT 1 FROM user WHERE id = ? AND deleted = 0", (item["userid"],)):
            raise programmer_error("User ID does not exist or is deleted!")
        site.store.run(
            "INSERT OR IGNORE INTO role_assignment (contextlevel, instanceid, userid, roleid)"
            " VALUES (?, ?, ?, ?)",
            (level, instance, item["userid"], item["roleid"]),
        )


def unassign_roles(site: Site, given: Mapping[str, Any]) -> None:
    """Take all or none away; a role that is not there is passed over."""
    for item in given["unassignments"]:
        level, instance = _context(site, item)
        _check_assignable(site, item["roleid"], level, "unassign")
        site.store.run(
            "DELETE FROM role_assignment WHERE contextlevel = ? AND instanceid = ? AND userid = ?"
            " AND roleid = ?",
            (level, instance, item["userid"], item["roleid"]),
        )


FUNCTIONS: dict[str, Function] = {
    "core_role_assign_roles": assign_roles,
    "core_role_unassign_roles": unassign_roles,
}
