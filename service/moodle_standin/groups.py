"""Functions about groups and groupings inside a course."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from service.moodle_standin.errors import (
    MoodleError,
    context_refused,
    invalid_parameter,
    refused,
)
from service.moodle_standin.schema import check_lengths
from service.moodle_standin.site import (
    Function,
    Site,
    all_of,
    check_user,
    filled,
    read_members,
    remove_member,
    require,
)


def _check_course(site: Site, course_id: int) -> None:
    if not site.store.find("course", id=course_id):
        raise context_refused("errorcoursecontextnotvalid", "course", course_id)


def _check_name(site: Site, table: str, course_id: int, name: str, but_for: int) -> None:
    what = "Group" if table == "course_group" else "Grouping"
    if not name.strip():
        raise invalid_parameter(f"Invalid {what.lower()} name")
    if site.store.is_taken(table, but_for, courseid=course_id, name=name):
        raise invalid_parameter(f"{what} with the same name already exists in the course")


def _check_idnumber(
    site: Site, table: str, course_id: int, values: Mapping[str, Any], but_for: int
) -> None:
    idnumber = values.get("idnumber")
    if idnumber and site.store.is_taken(table, but_for, courseid=course_id, idnumber=idnumber):
        raise refused("idnumbertaken", "This ID number is already in use")


def _create(site: Site, table: str, course_id: int, values: dict[str, Any]) -> dict[str, Any]:
    _check_name(site, table, course_id, values["name"], 0)
    _check_course(site, course_id)
    _check_idnumber(site, table, course_id, values, 0)
    values |= {"courseid": course_id, "name": values["name"].strip()}
    check_lengths(table, values)
    return {"id": site.store.add(table, values), **values}


def _create_group(site: Site, group: Mapping[str, Any]) -> dict[str, Any]:
    """Create a group. Its name is trimmed after the look for the same one, so " G " passes beside
    "G"."""
    values = {
        "idnumber": "",
        "enrolmentkey": "",
        **filled(group, "name", "idnumber", "description", "enrolmentkey"),
        "descriptionformat": group["descriptionformat"],
        "visibility": group["visibility"],
        "participation": int(group["participation"]),
    }
    return _create(site, "course_group", group["courseid"], values)


def _update_group(site: Site, group: Mapping[str, Any]) -> None:
    row = site.store.find("course_group", id=group["id"])
    if row is None:
        raise invalid_parameter(f"Group does not exist: {group['id']}")
    values = filled(group, "name", "description", "enrolmentkey", "idnumber")
    values["name"] = values["name"].strip()
    _check_name(site, "course_group", row["courseid"], values["name"], row["id"])
    _check_idnumber(site, "course_group", row["courseid"], values, row["id"])
    check_lengths("course_group", values)
    site.store.update("course_group", row["id"], values)


def _delete_group(site: Site, group_id: int) -> None:
    """Delete a group; one that is gone already is passed over."""
    for table in ("group_member", "grouping_group"):
        site.store.remove(table, groupid=group_id)
    site.store.remove("course_group", id=group_id)


def get_course_groups(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    _check_course(site, given["courseid"])
    rows = site.store.rows(
        "SELECT * FROM course_group WHERE courseid = ? ORDER BY name, id", (given["courseid"],)
    )
    return [{**row, "enrolmentkey": row["enrolmentkey"] or None} for row in rows]


def _add_member(site: Site, member: Mapping[str, int]) -> None:
    """Add a member; one already there is passed over."""
    group = require(site, "course_group", member["groupid"])
    check_user(site, member["userid"])
    if not site.store.find("enrolment", courseid=group["courseid"], userid=member["userid"]):
        raise invalid_parameter("Only enrolled users may be members of groups")
    site.store.insert("group_member", member, or_else="IGNORE")


def _create_grouping(site: Site, grouping: Mapping[str, Any]) -> dict[str, Any]:
    """Create a grouping. Without an idnumber the work is done, but the answer fails its check."""
    values = filled(grouping, "name", "idnumber", "description")
    values["name"] = values["name"].strip()
    values["descriptionformat"] = grouping["descriptionformat"]
    return _create(site, "grouping", grouping["courseid"], values)


def _assign_grouping(site: Site, item: Mapping[str, int]) -> None:
    """Put a group into a grouping; one already there is passed over."""
    grouping = require(site, "grouping", item["groupingid"])
    group = require(site, "course_group", item["groupid"])
    if grouping["courseid"] != group["courseid"]:
        exception = "core\\exception\\moodle_exception"
        raise MoodleError(exception, "invalidgroupingid", "Incorrect grouping")
    site.store.insert("grouping_group", item, or_else="IGNORE")


FUNCTIONS: dict[str, Function] = {
    "core_group_create_groups": all_of("groups", _create_group),
    "core_group_update_groups": all_of("groups", _update_group),
    "core_group_delete_groups": all_of("groupids", _delete_group),
    "core_group_get_course_groups": get_course_groups,
    "core_group_add_group_members": all_of("members", _add_member),
    "core_group_delete_group_members": all_of("members", partial(remove_member, "course_group")),
    "core_group_get_group_members": all_of("groupids", partial(read_members, "course_group")),
    "core_group_create_groupings": all_of("groupings", _create_grouping),
    "core_group_assign_grouping": all_of("assignments", _assign_grouping),
}
