"""Functions about manual enrolments and the people of a course."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from service.moodle_standin.course_reading import course_image
from service.moodle_standin.errors import (
    MoodleError,
    invalid_parameter,
    invalid_user,
    missing_record,
    programmer_error,
    refused,
)
from service.moodle_standin.site import GUEST_ID, ROLES, SITE_COURSE_ID, Function, Site
from service.moodle_standin.store import Row
from service.moodle_standin.user_reading import describe

_ACTIVE = "e.suspended = 0 AND e.timestart <= ? AND (e.timeend = 0 OR e.timeend > ?)"
"""A condition on an enrolment; it takes the present time twice."""
_SORT_COLUMNS = ("id", "firstname", "lastname")
_USER_FIELDS = frozenset(
    {
        "id", "username", "fullname", "firstname", "lastname", "email", "address", "phone1",
        "phone2", "department", "institution", "idnumber", "interests", "firstaccess",
        "lastaccess", "lastcourseaccess", "auth", "suspended", "confirmed", "lang", "theme",
        "timezone", "description", "descriptionformat", "city", "country", "profileimageurlsmall",
        "profileimageurl", "customfields", "groups", "roles", "preferences", "enrolledcourses",
        "mailformat",
    }
)  # fmt: skip
_NOT_IN_A_COURSE = frozenset(
    {"auth", "suspended", "confirmed", "lang", "theme", "timezone", "mailformat", "trackforums"}
)


def _course(site: Site, course_id: int) -> Row:
    row = site.store.row("SELECT * FROM course WHERE id = ?", (course_id,))
    if row is None:
        raise missing_record("course")
    return row


def _deleted() -> MoodleError:
    return refused("userdeleted", "The user account has been deleted")


def _no_role_for_the_deleted() -> MoodleError:
    """Return the error of a real Moodle 4.5 for a deleted user: the enrolment fails at the role."""
    return programmer_error("User ID does not exist or is deleted!")


def _check_user(site: Site, user_id: int, *, deleted: Callable[[], MoodleError] = _deleted) -> None:
    row = site.store.row("SELECT deleted FROM user WHERE id = ?", (user_id,))
    if row is None:
        raise invalid_user(user_id)
    if row["deleted"]:
        raise deleted()
    if user_id == GUEST_ID:
        raise refused("guestsarenotallowed", "The guest user is not allowed to do this")


def _no_instance(course_id: int) -> MoodleError:
    return refused(
        "wsnoinstance",
        "Manual enrolment plugin instance doesn't exist or is disabled for the course "
        f"(id = {course_id})",
        module="enrol_manual",
    )


def enrol_users(site: Site, given: Mapping[str, Any]) -> None:
    """Enrol all or none. Another role is added beside the first one."""
    for item in given["enrolments"]:
        course_id, user_id, role_id = item["courseid"], item["userid"], item["roleid"]
        if not site.store.row("SELECT 1 FROM course WHERE id = ?", (course_id,)):
            raise invalid_parameter(f"Course does not exist: {course_id}")
        _check_user(site, user_id, deleted=_no_role_for_the_deleted)
        if role_id not in site.settings.assignable_roles:
            raise refused(
                "wsusercannotassign",
                f"You don't have the permission to assign this role ({role_id}) "
                f"to this user ({user_id}) in this course ({course_id}).",
                module="enrol_manual",
            )
        if course_id == SITE_COURSE_ID:
            raise _no_instance(course_id)
        site.store.run(
            "INSERT INTO enrolment (courseid, userid, suspended, timestart, timeend)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (courseid, userid) DO UPDATE SET"
            " suspended = excluded.suspended, timestart = excluded.timestart,"
            " timeend = excluded.timeend",
            (
                course_id,
                user_id,
                int(bool(item.get("suspend"))),
                item.get("timestart") or 0,
                item.get("timeend") or 0,
            ),
        )
        site.store.run(
            "INSERT OR IGNORE INTO role_assignment (contextlevel, instanceid, userid, roleid)"
            " VALUES ('course', ?, ?, ?)",
            (course_id, user_id, role_id),
        )


def unenrol_users(site: Site, given: Mapping[str, Any]) -> None:
    """Unenrol all or none. `roleid` is ignored: the whole enrolment ends, with all its roles."""
    for item in given["enrolments"]:
        _course(site, item["courseid"])
        _check_user(site, item["userid"])
        key = (item["courseid"], item["userid"])
        if item["courseid"] == SITE_COURSE_ID:
            raise _no_instance(SITE_COURSE_ID)
        gone = site.store.run("DELETE FROM enrolment WHERE courseid = ? AND userid = ?", key)
        if not gone:
            continue
        site.store.run(
            "DELETE FROM role_assignment WHERE contextlevel = 'course' AND instanceid = ?"
            " AND userid = ?",
            key,
        )
        site.store.run(
            "DELETE FROM group_member WHERE userid = ? AND groupid IN"
            " (SELECT id FROM course_group WHERE courseid = ?)",
            (item["userid"], item["courseid"]),
        )


def get_enrolled_users(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    course = _course(site, given["courseid"])
    options = {option["name"]: option["value"] or "" for option in given["options"]}
    sort_column = options.get("sortby", "id")
    direction = options.get("sortdirection", "ASC").upper()
    if sort_column not in _SORT_COLUMNS or direction not in ("ASC", "DESC"):
        raise invalid_parameter(f"Invalid sort: {sort_column} {direction}")
    only_active = options.get("onlyactive", "0") not in ("", "0")
    only_suspended = options.get("onlysuspended", "0") not in ("", "0")
    if only_active and only_suspended:
        raise programmer_error("onlyactive and onlysuspended exclude each other")
    conditions, values = ["e.courseid = ?", "u.deleted = 0"], [course["id"]]
    if only_active or only_suspended:
        conditions.append(_ACTIVE if only_active else f"NOT ({_ACTIVE})")
        values += [site.now, site.now]
    if options.get("groupid", "0") not in ("", "0"):
        conditions.append("u.id IN (SELECT userid FROM group_member WHERE groupid = ?)")
        values.append(int(options["groupid"]))
    values += [int(options.get("limitnumber") or 0) or -1, int(options.get("limitfrom") or 0)]
    rows = site.store.rows(
        "SELECT u.* FROM enrolment e JOIN user u ON u.id = e.userid"
        f" WHERE {' AND '.join(conditions)} ORDER BY u.{sort_column} {direction}, u.id"
        " LIMIT ? OFFSET ?",
        values,
    )
    wanted = {name.strip() for name in options.get("userfields", "").split(",") if name.strip()}
    unknown = wanted - _USER_FIELDS
    if unknown:
        raise refused("invaliduserfield", f"Invalid user field: {min(unknown)}")
    return [_describe(site, row, course, wanted) for row in rows]


def _describe(site: Site, row: Row, course: Row, wanted: set[str]) -> dict[str, Any]:
    answer = {
        name: value
        for name, value in describe(site, row).items()
        if name not in _NOT_IN_A_COURSE and (not wanted or name in wanted)
    }
    answer |= {"id": row["id"], "fullname": f"{row['firstname']} {row['lastname']}"}
    if not wanted or "lastcourseaccess" in wanted:
        answer["lastcourseaccess"] = 0
    if not wanted or "roles" in wanted:
        answer["roles"] = _roles(site, course["id"], row["id"])
    if not wanted or "groups" in wanted:
        groups = _groups(site, course["id"], row["id"])
        if groups:
            answer["groups"] = groups
    if not wanted or "enrolledcourses" in wanted:
        others = _courses_of(site, row["id"])
        if others:
            shown = ("id", "fullname", "shortname")
            answer["enrolledcourses"] = [{name: one[name] for name in shown} for one in others]
    return answer


def _roles(site: Site, course_id: int, user_id: int) -> list[dict[str, Any]]:
    rows = site.store.rows(
        "SELECT roleid FROM role_assignment WHERE contextlevel = 'course' AND instanceid = ?"
        " AND userid = ? ORDER BY roleid",
        (course_id, user_id),
    )
    return [
        {"roleid": row["roleid"], "name": "", "shortname": ROLES[row["roleid"]], "sortorder": 0}
        for row in rows
    ]


def _groups(site: Site, course_id: int, user_id: int) -> list[dict[str, Any]]:
    rows = site.store.rows(
        "SELECT g.* FROM course_group g JOIN group_member m ON m.groupid = g.id"
        " WHERE g.courseid = ? AND m.userid = ? ORDER BY g.id",
        (course_id, user_id),
    )
    shown = ("id", "name", "description", "descriptionformat")
    return [{name: row[name] for name in shown} for row in rows]


def _courses_of(site: Site, user_id: int) -> list[Row]:
    """Return the courses that a person sees: those of active enrolments; hidden ones for
    teachers."""
    return site.store.rows(
        f"SELECT c.* FROM course c JOIN enrolment e ON e.courseid = c.id"
        f" WHERE e.userid = ? AND {_ACTIVE} AND (c.visible = 1 OR EXISTS ("
        "SELECT 1 FROM role_assignment r WHERE r.contextlevel = 'course' AND r.instanceid = c.id"
        " AND r.userid = e.userid AND r.roleid IN (3, 4))) ORDER BY c.id DESC",
        (user_id, site.now, site.now),
    )


def get_users_courses(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    answers = []
    for row in _courses_of(site, given["userid"]):
        answer: dict[str, Any] = {
            name: row[name]
            for name in (
                "id", "shortname", "fullname", "idnumber", "visible", "summary", "summaryformat",
                "format", "showgrades", "lang", "enablecompletion", "startdate", "enddate",
                "timemodified",
            )
        }  # fmt: skip
        answer |= {
            "displayname": row["fullname"],
            "courseimage": course_image(site, row["id"]),
            "completionhascriteria": False,
            "completionusertracked": False,
            "category": row["category"],
            "progress": None,
            "completed": None,
            "marker": 0,
            "lastaccess": None,
            "isfavourite": False,
            "hidden": False,
            "overviewfiles": [],
            "showactivitydates": True,
            "showcompletionconditions": True,
        }
        if given["returnusercount"]:
            answer["enrolledusercount"] = site.store.number(
                "SELECT COUNT(*) FROM enrolment WHERE courseid = ?", (row["id"],)
            )
        answers.append(answer)
    return answers


def get_course_enrolment_methods(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the methods that a person could choose: the manual one is not among them."""
    _course(site, given["courseid"])
    return []


FUNCTIONS: dict[str, Function] = {
    "enrol_manual_enrol_users": enrol_users,
    "enrol_manual_unenrol_users": unenrol_users,
    "core_enrol_get_enrolled_users": get_enrolled_users,
    "core_enrol_get_users_courses": get_users_courses,
    "core_enrol_get_course_enrolment_methods": get_course_enrolment_methods,
}
