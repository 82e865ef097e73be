"""Functions about groups and groupings inside a course."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.errors import (
    MoodleError,
    invalid_parameter,
    invalid_user,
    missing_record,
    refused,
)
from service.moodle_standin.schema import check_lengths
from service.moodle_standin.site import Function, Site
from service.moodle_standin.store import Row

_SHOWN = (
    "id", "courseid", "name", "description", "descriptionformat", "enrolmentkey", "idnumber",
    "visibility", "participation",
)  # fmt: skip


def _check_course(site: Site, course_id: int) -> None:
    if not site.store.row("SELECT 1 FROM course WHERE id = ?", (course_id,)):
        raise refused(
            "errorcoursecontextnotvalid",
            f"You cannot execute functions in the course context (course id:{course_id}). "
            "The context error message was: Invalid parameter value detected",
            module="webservice",
        )


def _find(site: Site, table: str, row_id: int) -> Row:
    row = site.store.row(f"SELECT * FROM {table} WHERE id = ?", (row_id,))
    if row is None:
        raise missing_record("groups" if table == "course_group" else "groupings")
    return row


def _check_name(site: Site, table: str, course_id: int, name: str, but_for: int) -> None:
    what = "Group" if table == "course_group" else "Grouping"
    if not name.strip():
        raise invalid_parameter(f"Invalid {what.lower()} name")
    if site.store.row(
        f"SELECT 1 FROM {table} WHERE courseid = ? AND name = ? AND id <> ?",
        (course_id, name, but_for),
    ):
        raise invalid_parameter(f"{what} with the same name already exists in the course")


def _check_idnumber(site: Site, table: str, course_id: int, idnumber: str, but_for: int) -> None:
    if idnumber and site.store.row(
        f"SELECT 1 FROM {table} WHERE courseid = ? AND idnumber = ? AND id <> ?",
        (course_id, idnumber, but_for),
    ):
        raise refused("idnumbertaken", "This ID number is already in use")


def create_groups(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All or none."""
    return [_create_group(site, group) for group in given["groups"]]


def _create_group(site: Site, group: Mapping[str, Any]) -> dict[str, Any]:
    course_id, name = group["courseid"], group["name"] or ""
    idnumber = group.get("idnumber") or ""
    _check_name(site, "course_group", course_id, name, 0)
    _check_course(site, course_id)
    _check_idnumber(site, "course_group", course_id, idnumber, 0)
    values = {
        "courseid": course_id,
        # Trimmed only after the look for the same name, so " G " passes beside "G".
        "name": name.strip(),
        "idnumber": idnumber,
        "description": group["description"] or "",
        "descriptionformat": group["descriptionformat"],
        "enrolmentkey": group.get("enrolmentkey") or "",
        "visibility": group["visibility"],
        "participation": int(group["participation"]),
    }
    check_lengths("course_group", values)
    group_id = site.store.next_id("course_group")
    site.store.insert("course_group", {"id": group_id, **values})
    return {"id": group_id, **values}


def update_groups(site: Site, given: Mapping[str, Any]) -> None:
    """All or none."""
    for group in given["groups"]:
        row = site.store.row("SELECT * FROM course_group WHERE id = ?", (group["id"],))
        if row is None:
            raise invalid_parameter(f"Group does not exist: {group['id']}")
        values: dict[str, Any] = {"name": (group["name"] or "").strip()}
        _check_name(site, "course_group", row["courseid"], values["name"], row["id"])
        for key in ("description", "enrolmentkey", "idnumber"):
            if key in group:
                values[key] = group[key] or ""
        _check_idnumber(
            site, "course_group", row["courseid"], values.get("idnumber", ""), row["id"]
        )
        check_lengths("course_group", values)
        site.store.update("course_group", row["id"], values)


def delete_groups(site: Site, given: Mapping[str, Any]) -> None:
    """Delete groups; one that is gone already is passed over."""
    for group_id in given["groupids"]:
        for table in ("group_member", "grouping_group"):
            site.store.run(f"DELETE FROM {table} WHERE groupid = ?", (group_id,))
        site.store.run("DELETE FROM course_group WHERE id = ?", (group_id,))


def get_course_groups(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    _check_course(site, given["courseid"])
    rows = site.store.rows(
        "SELECT * FROM course_group WHERE courseid = ? ORDER BY name, id", (given["courseid"],)
    )
    return [
        {name: row[name] for name in _SHOWN} | {"enrolmentkey": row["enrolmentkey"] or None}
        for row in rows
    ]


def add_group_members(site: Site, given: Mapping[str, Any]) -> None:
    """Add all or none; a member already there is passed over."""
    for member in given["members"]:
        group = _find(site, "course_group", member["groupid"])
        _check_user(site, member["userid"])
        if not site.store.row(
            "SELECT 1 FROM enrolment WHERE courseid = ? AND userid = ?",
            (group["courseid"], member["userid"]),
        ):
            raise invalid_parameter("Only enrolled users may be members of groups")
        site.store.run(
            "INSERT OR IGNORE INTO group_member (groupid, userid) VALUES (?, ?)",
            (group["id"], member["userid"]),
        )


def _check_user(site: Site, user_id: int) -> None:
    if not site.store.row("SELECT 1 FROM user WHERE id = ? AND deleted = 0", (user_id,)):
        raise invalid_user(user_id, with_deleted=False)


def delete_group_members(site: Site, given: Mapping[str, Any]) -> None:
    """Remove all or none; someone who is no member is passed over."""
    for member in given["members"]:
        _find(site, "course_group", member["groupid"])
        _check_user(site, member["userid"])
        site.store.run(
            "DELETE FROM group_member WHERE groupid = ? AND userid = ?",
            (member["groupid"], member["userid"]),
        )


def get_group_members(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    answers = []
    for group_id in given["groupids"]:
        _find(site, "course_group", group_id)
        rows = site.store.rows(
            "SELECT userid FROM group_member WHERE groupid = ? ORDER BY userid", (group_id,)
        )
        answers.append({"groupid": group_id, "userids": [row["userid"] for row in rows]})
    return answers


def create_groupings(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Create all or none. Without an idnumber the work is done, but the answer fails its check."""
    return [_create_grouping(site, grouping) for grouping in given["groupings"]]


def _create_grouping(site: Site, grouping: Mapping[str, Any]) -> dict[str, Any]:
    course_id, name = grouping["courseid"], (grouping["name"] or "").strip()
    _check_name(site, "grouping", course_id, name, 0)
    _check_course(site, course_id)
    _check_idnumber(site, "grouping", course_id, grouping.get("idnumber") or "", 0)
    values = {
        "courseid": course_id,
        "name": name,
        "description": grouping["description"] or "",
        "descriptionformat": grouping["descriptionformat"],
    }
    if "idnumber" in grouping:
        values["idnumber"] = grouping["idnumber"] or ""
    check_lengths("grouping", values)
    grouping_id = site.store.next_id("grouping")
    site.store.insert("grouping", {"id": grouping_id, **values})
    return {"id": grouping_id, **values}


def assign_grouping(site: Site, given: Mapping[str, Any]) -> None:
    """Assign all or none; a group already in the grouping is passed over."""
    for item in given["assignments"]:
        grouping = _find(site, "grouping", item["groupingid"])
        group = _find(site, "course_group", item["groupid"])
        if grouping["courseid"] != group["courseid"]:
            raise MoodleError(
                "core\\exception\\moodle_exception", "invalidgroupingid", "Incorrect grouping"
            )
        site.store.run(
            "INSERT OR IGNORE INTO grouping_group (groupingid, groupid) VALUES (?, ?)",
            (grouping["id"], group["id"]),
        )


FUNCTIONS: dict[str, Function] = {
    "core_group_create_groups": create_groups,
    "core_group_update_groups": update_groups,
    "core_group_delete_groups": delete_groups,
    "core_group_get_course_groups": get_course_groups,
    "core_group_add_group_members": add_group_members,
    "core_group_delete_group_members": delete_group_members,
    "core_group_get_group_members": get_group_members,
    "core_group_create_groupings": create_groupings,
    "core_group_assign_grouping": assign_grouping,
}
