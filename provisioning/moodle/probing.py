"""Finds out what the service account may do at Moodle, by calls that change nothing.

No web service tells a caller its capabilities. But most functions look at the capability first and
at the data later, so a call whose data Moodle must refuse tells by its error code how far it got.
The front page of a site is a course that always exists and that nobody can be enrolled in; with it
most of the course capabilities show before there is any course (docs/facts/moodle.md 1.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provisioning.moodle.connection import Connection
from provisioning.moodle.errors import MoodleError, MoodleUnavailable
from provisioning.moodle.functions import Function

_DENIED = "nopermissions"
_NO_ROLE = 0
_NO_COURSE = 0
_UNKNOWN_FORMAT = 99
_OVERLONG_USERNAME = "schoolbridge-doctor-" + "x" * 81
"""One character more than the column holds (docs/facts/moodle.md 5.3)."""

TOO_LONG = "dmlwriteexception"
"""The answer to an account that is in order but for its overlong user name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """A capability that the work with Moodle needs."""

    capability: str
    granted: bool | None
    """None: it could not be found out."""


def permissions(
    connection: Connection, *, site_course: int, own_id: int, course: int | None
) -> list[Permission]:
    """Return every capability that we need and that shows. ``course`` is any real course, or None.

    ``site_course`` and ``own_id`` are ``siteid`` and ``userid`` of the site information. Missing
    here is moodle/course:viewhiddencourses, which shows on a hidden course only.
    Raises MoodleUnavailable.
    """
    return [
        *_system(connection),
        *_reading_users(connection, own_id),
        *_courses(connection, site_course),
        *_enrolling(connection, site_course, own_id),
        *_inside_a_course(connection, course),
    ]


def granted(
    connection: Connection, capability: str, *, site_course: int, own_id: int
) -> bool | None:
    """Tell whether our account has one capability of the site; None when it could not be found out.

    Raises MoodleUnavailable.
    """
    if capability.startswith(("moodle/user:", "moodle/category:", "moodle/cohort:")):
        found = _system(connection)
    elif capability.startswith("moodle/course:"):
        found = _courses(connection, site_course)
    else:
        found = _enrolling(connection, site_course, own_id)
    return next(one.granted for one in found if one.capability == capability)


def may_view(connection: Connection, course: int) -> bool | None:
    """Tell whether our account can see who is in a course; None when there is no such course.

    Raises MoodleUnavailable.
    """
    shown = [one.granted for one in _inside_a_course(connection, course)]
    return False if False in shown else shown[-1]


def may_assign(
    connection: Connection, role_id: int, *, site_course: int, own_id: int
) -> bool | None:
    """Tell whether the account may give the role, by the "Allow role assignments" matrix.

    Moodle looks at the matrix before it looks for the manual enrolment of the course, and the front
    page has none.
    """
    code = _code(
        connection, Function.ENROL_USERS, {"enrolments": _enrolments(role_id, site_course, own_id)}
    )
    return {"wsnoinstance": True, "wsusercannotassign": False}.get(code)


def try_account(connection: Connection, *, email: str, auth: str, password: str = "") -> str:
    """Return Moodle's code for an account that has an overlong user name and is otherwise as given.

    The address is looked at first, then the password policy, and the database comes last. It
    refuses the row, so nothing is made.
    """
    user = {
        "username": _OVERLONG_USERNAME,
        "firstname": "-",
        "lastname": "-",
        "email": email,
        "auth": auth,
    }
    if password:
        user["password"] = password
    return _code(connection, Function.CREATE_USERS, {"users": [user]})


def _system(connection: Connection) -> list[Permission]:
    def shown(capability: str, function: Function, arguments: Mapping[str, Any], code: str) -> None:
        found.append(_permission(capability, _code(connection, function, arguments), {code}))

    found: list[Permission] = []
    # The capability comes before the fields; a blank user name is never taken.
    blank = {"username": "", "firstname": "-", "lastname": "-", "email": "doctor@example.invalid"}
    shown("moodle/user:create", Function.CREATE_USERS, {"users": [blank]}, "invalidparameter")
    # The capability comes before the look-up, and there is no user 0.
    shown("moodle/user:update", Function.UPDATE_USERS, {"users": [{"id": 0}]}, "invaliduserid")
    # A reading call: to search by idnumber takes the capability.
    categories = {"criteria": [{"key": "idnumber", "value": "-"}], "addsubcategories": 0}
    code = _code(connection, Function.GET_CATEGORIES, categories)
    found.append(_permission("moodle/category:manage", code, {""}, denied="criteriaerror"))
    # The format of the description is the last thing that is looked at. Whoever may manage cohorts
    # may view them and choose their members too.
    cohort = {
        "categorytype": {"type": "system", "value": ""},
        "name": "schoolbridge doctor",
        "idnumber": "schoolbridge doctor",
        "descriptionformat": _UNKNOWN_FORMAT,
    }
    shown(
        "moodle/cohort:manage", Function.CREATE_COHORTS, {"cohorts": [cohort]}, "formatnotsupported"
    )
    return found


def _reading_users(connection: Connection, own_id: int) -> list[Permission]:
    """Moodle leaves out what the caller may not see; guest and administrator are on every site.

    A person can show the own address to everybody, so it must be there in every row.
    """
    names = (
        "moodle/user:viewdetails",
        "moodle/user:viewalldetails",
        "moodle/site:viewuseridentity",
    )
    ids = [number for number in (1, 2) if number != own_id]
    try:
        rows = connection.call(
            Function.GET_USERS_BY_FIELD, {"field": "id", "values": ids}, reads=True
        )
    except MoodleUnavailable:
        raise
    except MoodleError:
        return [Permission(capability=name, granted=None) for name in names]
    seen = (bool(rows), all("username" in row for row in rows), all("email" in row for row in rows))
    # Without a row nothing is known about its fields.
    return [
        Permission(capability=name, granted=granted if rows or name == names[0] else None)
        for name, granted in zip(names, seen, strict=True)
    ]


def _courses(connection: Connection, site_course: int) -> list[Permission]:
    top = {"criteria": [{"key": "parent", "value": 0}], "addsubcategories": 0}
    try:
        categories = connection.call(Function.GET_CATEGORIES, top, reads=True)
    except MoodleUnavailable:
        raise
    except MoodleError:
        categories = []
    category = categories[0]["id"] if categories else None
    create: bool | None = None
    if category is not None:
        # The capability comes before the names, and a course must have a full name.
        course = {"fullname": " ", "shortname": "schoolbridge doctor", "categoryid": category}
        code = _code(connection, Function.CREATE_COURSES, {"courses": [course]})
        create = _permission("", code, {"errorinvalidparam"}).granted

    def change(**fields: Any) -> tuple[bool | None, str]:
        # Each field has its capability, after moodle/course:update; then a blank name is refused.
        courses = {"courses": [{"id": site_course, **fields}]}
        code, words = _refusal(connection, Function.UPDATE_COURSES, courses)
        return _permission("", code, {"errorinvalidparam"}).granted, words

    (full, why_not_full), (short, why_not_short) = change(fullname=" "), change(shortname=" ")
    update = True if full or short else full and short
    if update is False and why_not_full != why_not_short:
        # In the reader's language the refusal names the capability: here not the same one twice,
        # so it is not moodle/course:update that is missing but what either field asks for.
        update = True
    elif update is False:
        full = short = None
    move: bool | None = None
    if category is not None and (full or short):
        name = {"fullname": " "} if full else {"shortname": " "}
        move, _words = change(**name, categoryid=category)
    found = {
        "moodle/course:create": create,
        "moodle/course:update": update,
        "moodle/course:changefullname": full,
        "moodle/course:changeshortname": short,
        "moodle/course:changecategory": move,
    }
    return [Permission(capability=name, granted=granted) for name, granted in found.items()]


def _enrolling(connection: Connection, site_course: int, own_id: int) -> list[Permission]:
    # No role has the number 0, so what comes after the capability is the refusal to assign it.
    enrolments = {"enrolments": _enrolments(_NO_ROLE, site_course, own_id)}
    enrol = _code(connection, Function.ENROL_USERS, enrolments)
    # The front page has no manual enrolment to take anybody out of.
    front_page = {"enrolments": [{"userid": own_id, "courseid": site_course}]}
    unenrol = _code(connection, Function.UNENROL_USERS, front_page)
    role = {
        "roleid": _NO_ROLE,
        "userid": own_id,
        "contextlevel": "course",
        "instanceid": site_course,
    }
    assign = _code(connection, Function.UNASSIGN_ROLES, {"unassignments": [role]})
    return [
        _permission("enrol/manual:enrol", enrol, {"wsusercannotassign"}),
        _permission("enrol/manual:unenrol", unenrol, {"wsnoinstance"}),
        _permission("moodle/role:assign", assign, {"invalidparameter"}),
    ]


def _enrolments(role_id: int, site_course: int, own_id: int) -> list[dict[str, int]]:
    """Our account into the front page and, should that ever work, into a course that is not there:
    a batch of enrolments is all or nothing."""
    return [
        {"roleid": role_id, "userid": own_id, "courseid": course}
        for course in (site_course, _NO_COURSE)
    ]


def _inside_a_course(connection: Connection, course: int | None) -> list[Permission]:
    """The front page asks for neither of these two, so they need a real course."""
    view: bool | None = None
    participants: bool | None = None
    if course is not None:
        options = [{"name": "userfields", "value": "id"}, {"name": "limitnumber", "value": "1"}]
        arguments = {"courseid": course, "options": options}
        code = _code(connection, Function.GET_ENROLLED_USERS, arguments)
        view = {"": True, _DENIED: True, "errorcoursecontextnotvalid": False}.get(code)
        participants = {"": True, _DENIED: False}.get(code)
    return [
        Permission(capability="moodle/course:view", granted=view),
        Permission(capability="moodle/course:viewparticipants", granted=participants),
    ]


def _permission(
    capability: str, code: str, granted: Iterable[str], *, denied: str = _DENIED
) -> Permission:
    known = dict.fromkeys(granted, True) | {denied: False}
    return Permission(capability=capability, granted=known.get(code))


def _code(connection: Connection, function: Function, arguments: Mapping[str, Any]) -> str:
    """The code of Moodle's refusal, or of its first warning; empty when it had no objection."""
    return _refusal(connection, function, arguments)[0]


def _refusal(
    connection: Connection, function: Function, arguments: Mapping[str, Any]
) -> tuple[str, str]:
    """The code like ``_code``, and the words of a warning."""
    try:
        answer = connection.call(function, arguments, reads=function.reads)
    except MoodleUnavailable:
        raise
    except MoodleError as error:
        return error.code, ""
    warnings = answer.get("warnings") if isinstance(answer, Mapping) else None
    if not warnings:
        return "", ""
    return str(warnings[0]["warningcode"]), str(warnings[0].get("message", ""))
