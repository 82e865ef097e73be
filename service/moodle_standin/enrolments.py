"""Functions about manual enrolments, roles and the people of a course."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.courses import course_image
from service.moodle_standin.errors import (
    MoodleError,
    invalid_parameter,
    invalid_user,
    programmer_error,
    refused,
)
from service.moodle_standin.site import (
    GUEST_ID,
    ROLES,
    SITE_COURSE_ID,
    Function,
    Site,
    all_of,
    require,
)
from service.moodle_standin.store import Row, marks
from service.moodle_standin.user_reading import describe

MANAGER, COURSE_CREATOR = 1, 2
CREATES_COURSES = "moodle/course:create"
_ACTIVE = "e.suspended = 0 AND e.timestart <= ? AND (e.timeend = 0 OR e.timeend > ?)"
"""A condition on an enrolment; it takes the present time twice."""
_CONTEXT_TABLES = {"course": "course", "coursecat": "category"}
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


def _check_user(site: Site, user_id: int, deleted: MoodleError) -> None:
    row = site.store.find("user", id=user_id)
    if row is None:
        raise invalid_user(user_id)
    if row["deleted"]:
        raise deleted
    if user_id == GUEST_ID:
        raise refused("guestsarenotallowed", "The guest user is not allowed to do this")


def _no_role_for_the_deleted() -> MoodleError:
    """Return the error of a real Moodle 4.5 for a deleted user: the enrolment fails at the role."""
    return programmer_error("User ID does not exist or is deleted!")


def _no_instance(course_id: int) -> MoodleError:
    return refused(
        "wsnoinstance",
        "Manual enrolment plugin instance doesn't exist or is disabled for the course "
        f"(id = {course_id})",
        module="enrol_manual",
    )


def _enrol(site: Site, item: Mapping[str, Any]) -> None:
    """Enrol a user. Another role is added beside the first one."""
    course_id, user_id, role_id = item["courseid"], item["userid"], item["roleid"]
    if not site.store.find("course", id=course_id):
        raise invalid_parameter(f"Course does not exist: {course_id}")
    _check_user(site, user_id, deleted=_no_role_for_the_deleted())
    if role_id not in site.settings.assignable_roles:
        raise refused(
            "wsusercannotassign",
            f"You don't have the permission to assign this role ({role_id}) "
            f"to this user ({user_id}) in this course ({course_id}).",
            module="enrol_manual",
        )
    if course_id == SITE_COURSE_ID:
        raise _no_instance(course_id)
    enrolment = {
        "courseid": course_id,
        "userid": user_id,
        "suspended": int(bool(item.get("suspend"))),
        "timestart": item.get("timestart") or 0,
        "timeend": item.get("timeend") or 0,
    }
    site.store.insert("enrolment", enrolment, or_else="REPLACE")
    _assign(site, ("course", course_id), user_id, role_id)


def _unenrol(site: Site, item: Mapping[str, Any]) -> None:
    """Unenrol a user. `roleid` is ignored: the whole enrolment ends, with all its roles."""
    course_id, user_id = item["courseid"], item["userid"]
    require(site, "course", course_id)
    _check_user(site, user_id, refused("userdeleted", "The user account has been deleted"))
    if course_id == SITE_COURSE_ID:
        raise _no_instance(SITE_COURSE_ID)
    if site.store.remove("enrolment", courseid=course_id, userid=user_id):
        course = {"contextlevel": "course", "instanceid": course_id}
        site.store.remove("role_assignment", **course, userid=user_id)
        groups = "(SELECT id FROM course_group WHERE courseid = ?)"
        query = f"DELETE FROM group_member WHERE userid = ? AND groupid IN {groups}"
        site.store.run(query, (user_id, course_id))


def get_enrolled_users(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    course_id = require(site, "course", given["courseid"])["id"]
    options = {option["name"]: option["value"] or "" for option in given["options"]}
    if course_id == SITE_COURSE_ID and options.get("withcapability"):
        return _in_charge(site, options)
    sort_column = options.get("sortby", "id")
    direction = options.get("sortdirection", "ASC").upper()
    if sort_column not in _SORT_COLUMNS or direction not in ("ASC", "DESC"):
        raise invalid_parameter(f"Invalid sort: {sort_column} {direction}")
    only_active = options.get("onlyactive", "0") not in ("", "0")
    only_suspended = options.get("onlysuspended", "0") not in ("", "0")
    if only_active and only_suspended:
        raise programmer_error("onlyactive and onlysuspended exclude each other")
    conditions, values = ["e.courseid = ?", "u.deleted = 0"], [course_id]
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
    return [_describe(site, row, course_id, wanted) for row in rows]


def _in_charge(site: Site, options: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return who has a right over the whole site by a role, and the service account; a real Moodle
    4.5 leaves site administrators out. No right of a pupil or a teacher is asked for here."""
    roles = {MANAGER, *([COURSE_CREATOR] if options["withcapability"] == CREATES_COURSES else [])}
    names = [name for name, role in site.settings.site_roles.items() if role in roles]
    rows = site.store.rows(
        f"SELECT * FROM user WHERE deleted = 0 AND (id = ? OR username IN ({marks(names)}))"
        " ORDER BY id",
        (site.caller_id, *names),
    )
    wanted = {name.strip() for name in options.get("userfields", "").split(",") if name.strip()}
    return [_describe(site, row, SITE_COURSE_ID, wanted) for row in rows]


def _describe(site: Site, row: Row, course_id: int, wanted: set[str]) -> dict[str, Any]:
    def is_shown(name: str) -> bool:
        return not wanted or name in wanted

    answer = {
        name: value
        for name, value in describe(site, row).items()
        if name in ("id", "fullname") or (is_shown(name) and name not in _NOT_IN_A_COURSE)
    }
    if is_shown("lastcourseaccess"):
        answer["lastcourseaccess"] = 0
    if is_shown("roles"):
        answer["roles"] = _roles(site, course_id, row["id"])
    if is_shown("groups") and (groups := _groups(site, course_id, row["id"])):
        answer["groups"] = groups
    if is_shown("enrolledcourses") and (others := _courses_of(site, row["id"])):
        answer["enrolledcourses"] = [dict(one) for one in others]
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
    return [dict(row) for row in rows]


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
        answer = {
            **row,
            "displayname": row["fullname"],
            "courseimage": course_image(site, row["id"]),
            "completionhascriteria": False,
            "completionusertracked": False,
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
    require(site, "course", given["courseid"])
    return []


def _context(site: Site, item: Mapping[str, Any]) -> tuple[str, int]:
    level, instance = item.get("contextlevel"), item.get("instanceid")
    if level == "system":
        return "system", 0
    table = _CONTEXT_TABLES.get(level or "")
    if table is None or not site.store.find(table, id=instance):
        raise invalid_parameter("Missing parameters, please provide either context level with id")
    return str(level), int(instance or 0)


def _check_assignable(site: Site, role_id: int, level: str, verb: str) -> None:
    """Raise an error for a role above those of courses: nobody here may give one."""
    if level != "course" or role_id not in site.settings.assignable_roles:
        raise invalid_parameter(f"Can not {verb} roleid={role_id} in contextid=")


def _assign(site: Site, context: tuple[str, int], user_id: int, role_id: int) -> None:
    level, instance = context
    row = {"contextlevel": level, "instanceid": instance, "userid": user_id, "roleid": role_id}
    site.store.insert("role_assignment", row, or_else="IGNORE")


def _assign_role(site: Site, item: Mapping[str, Any]) -> None:
    """Give a role. In a course this does not enrol."""
    context = _context(site, item)
    _check_assignable(site, item["roleid"], context[0], "assign")
    if not site.store.find("user", id=item["userid"], deleted=0):
        raise _no_role_for_the_deleted()
    _assign(site, context, item["userid"], item["roleid"])


def _unassign_role(site: Site, item: Mapping[str, Any]) -> None:
    """Take a role away; one that is not there is passed over."""
    level, instance = _context(site, item)
    _check_assignable(site, item["roleid"], level, "unassign")
    who = {"userid": item["userid"], "roleid": item["roleid"]}
    site.store.remove("role_assignment", contextlevel=level, instanceid=instance, **who)


FUNCTIONS: dict[str, Function] = {
    "enrol_manual_enrol_users": all_of("enrolments", _enrol),
    "enrol_manual_unenrol_users": all_of("enrolments", _unenrol),
    "core_enrol_get_enrolled_users": get_enrolled_users,
    "core_enrol_get_users_courses": get_users_courses,
    "core_enrol_get_course_enrolment_methods": get_course_enrolment_methods,
    "core_role_assign_roles": all_of("assignments", _assign_role),
    "core_role_unassign_roles": all_of("unassignments", _unassign_role),
}
