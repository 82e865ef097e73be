"""Finds out what the service account may do at Moodle, by calls that change nothing.

No web service tells a caller its capabilities. But most functions look at the capability first and
at the data later, so a call whose data Moodle must refuse tells by its error code how far it got.
The front page of a site is a course that always exists and that nobody can be enrolled in; with it
most of the course capabilities show before there is any course (docs/facts/moodle.md 1.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from provisioning.moodle.connection import Connection
from provisioning.moodle.errors import MoodleError, MoodleUnavailable
from provisioning.moodle.functions import Function

_DENIED = "nopermissions"
_SITE_COURSE = 1
_NO_ROLE = 0
_NO_COURSE = 0
_UNKNOWN_FORMAT = 99
_OVERLONG_USERNAME = "schoolbridge-doctor-" + "x" * 81
"""One character more than the column holds (docs/facts/moodle.md 5.3)."""

TOO_LONG = "dmlwriteexception"
"""The answer to an account that is in order but for its overlong user name."""

Granted = dict[str, bool | None]
"""Whether our account has a capability, by its name; None: it could not be found out."""


@dataclass(frozen=True, slots=True)
class OurAccount:
    """The account behind a connection. Its methods raise MoodleUnavailable."""

    connection: Connection
    own_id: int
    site_course: int
    codes: dict[Function, str] = field(default_factory=dict)
    """What the last probe of each function was answered; empty: no objection."""

    @classmethod
    def of(cls, connection: Connection, info: Mapping[str, Any]) -> Self:
        """Return the account that the site information is about."""
        return cls(connection, int(info["userid"]), int(info.get("siteid") or _SITE_COURSE))

    def permissions(self, course: int | None) -> Granted:
        """Return every capability that we need and that shows. ``course`` is any real one, or None.

        Missing here is moodle/course:viewhiddencourses, which shows on a hidden course only.
        """
        seen = self._system() | self._reading_users() | self._courses() | self._enrolling()
        return seen | self._inside_a_course(course)

    def granted(self, capability: str) -> bool | None:
        """Tell whether we have one capability of the site."""
        if capability.startswith(("moodle/user:", "moodle/category:", "moodle/cohort:")):
            return self._system()[capability]
        if capability.startswith("moodle/course:"):
            return self._courses()[capability]
        return self._enrolling()[capability]

    def may_view(self, course: int) -> bool | None:
        """Tell whether we can see who is in a course; None when there is no such course."""
        shown = list(self._inside_a_course(course).values())
        return False if False in shown else shown[-1]

    def may_assign(self, role_id: int) -> bool | None:
        """Tell whether we may give the role, by the "Allow role assignments" matrix.

        Moodle looks at the matrix before it looks for the manual enrolment of the course, and the
        front page has none.
        """
        code = self._code(Function.ENROL_USERS, enrolments=self._enrolments(role_id))
        return {"wsnoinstance": True, "wsusercannotassign": False}.get(code)

    def try_account(self, *, email: str, auth: str, password: str = "") -> str:
        """Return Moodle's code for an account that has an overlong user name and is otherwise as
        given.

        The address is looked at first, then the password policy, and the database comes last. It
        refuses the row, so nothing is made.
        """
        user = {"username": _OVERLONG_USERNAME, "firstname": "-", "lastname": "-"}
        user |= {"email": email, "auth": auth}
        if password:
            user["password"] = password
        return self._code(Function.CREATE_USERS, users=[user])

    def _system(self) -> Granted:
        # The capability comes before the fields; a blank user name is never taken.
        user = {"username": "", "firstname": "-", "lastname": "-"}
        user["email"] = "doctor@example.invalid"
        create = self._code(Function.CREATE_USERS, users=[user])
        # The capability comes before the look-up, and there is no user 0.
        update = self._code(Function.UPDATE_USERS, users=[{"id": 0}])
        # A reading call: to search by idnumber takes the capability.
        criteria = [{"key": "idnumber", "value": "-"}]
        search = self._code(Function.GET_CATEGORIES, criteria=criteria, addsubcategories=0)
        # The format of the description is the last thing that is looked at. Whoever may manage
        # cohorts may view them and choose their members too.
        cohort = {
            "categorytype": {"type": "system", "value": ""},
            "name": "schoolbridge doctor",
            "idnumber": "schoolbridge doctor",
            "descriptionformat": _UNKNOWN_FORMAT,
        }
        cohorts = self._code(Function.CREATE_COHORTS, cohorts=[cohort])
        return {
            "moodle/user:create": _granted(create, "invalidparameter"),
            "moodle/user:update": _granted(update, "invaliduserid"),
            "moodle/category:manage": {"": True, "criteriaerror": False}.get(search),
            "moodle/cohort:manage": _granted(cohorts, "formatnotsupported"),
        }

    def _reading_users(self) -> Granted:
        """Moodle leaves out what the caller may not see; guest and administrator are on every site.

        A person can show the own address to everybody, so it must be there in every row.
        """
        ids = [number for number in (1, 2) if number != self.own_id]
        rows = self._rows(Function.GET_USERS_BY_FIELD, field="id", values=ids)
        # Without a row nothing is known about its fields.
        return {
            "moodle/user:viewdetails": None if rows is None else bool(rows),
            "moodle/user:viewalldetails": all("username" in row for row in rows) if rows else None,
            "moodle/site:viewuseridentity": all("email" in row for row in rows) if rows else None,
        }

    def _courses(self) -> Granted:
        top = [{"key": "parent", "value": 0}]
        categories = self._rows(Function.GET_CATEGORIES, criteria=top, addsubcategories=0)
        category = categories[0]["id"] if categories else None
        create: bool | None = None
        if category is not None:
            # The capability comes before the names, and a course must have a full name.
            course = {"fullname": " ", "shortname": "schoolbridge doctor", "categoryid": category}
            code = self._code(Function.CREATE_COURSES, courses=[course])
            create = _granted(code, "errorinvalidparam")

        def change(afterwards: str, **fields: Any) -> bool | None:
            courses = [{"id": self.site_course, **fields}]
            return _granted(self._code(Function.UPDATE_COURSES, courses=courses), afterwards)

        # Without a field to change only moodle/course:update is asked for, and then the front page
        # is refused, whatever the change. Each field has its capability; then a blank is refused.
        update = change("invalidcourse")
        full = short = move = visibility = None
        if update is not False:
            full = change("errorinvalidparam", fullname=" ")
            short = change("errorinvalidparam", shortname=" ")
            update = True if full or short else update
            # The front page is always shown. It is refused before anything is written.
            visibility = change("invalidcourse", visible=0)
        if category is not None and (full or short):
            name = {"fullname": " "} if full else {"shortname": " "}
            move = change("errorinvalidparam", **name, categoryid=category)
        return {
            "moodle/course:create": create,
            "moodle/course:update": update,
            "moodle/course:changefullname": full,
            "moodle/course:changeshortname": short,
            "moodle/course:changecategory": move,
            "moodle/course:visibility": visibility,
        }

    def _enrolling(self) -> Granted:
        # No role has the number 0, so what comes after the capability is the refusal to assign it.
        enrol = self._code(Function.ENROL_USERS, enrolments=self._enrolments(_NO_ROLE))
        # The front page has no manual enrolment to take anybody out of.
        front_page = {"userid": self.own_id, "courseid": self.site_course}
        unenrol = self._code(Function.UNENROL_USERS, enrolments=[front_page])
        course = {"contextlevel": "course", "instanceid": self.site_course}
        role = {"roleid": _NO_ROLE, "userid": self.own_id, **course}
        assign = self._code(Function.UNASSIGN_ROLES, unassignments=[role])
        return {
            "enrol/manual:enrol": _granted(enrol, "wsusercannotassign"),
            "enrol/manual:unenrol": _granted(unenrol, "wsnoinstance"),
            "moodle/role:assign": _granted(assign, "invalidparameter"),
        }

    def _enrolments(self, role_id: int) -> list[dict[str, int]]:
        """Our account into the front page and, should that ever work, into a course that is not
        there: a batch of enrolments is all or nothing."""
        return [
            {"roleid": role_id, "userid": self.own_id, "courseid": course}
            for course in (self.site_course, _NO_COURSE)
        ]

    def _inside_a_course(self, course: int | None) -> Granted:
        """The front page asks for neither of these two, so they need a real course."""
        code = "?"
        if course is not None:
            options = [{"name": "userfields", "value": "id"}, {"name": "limitnumber", "value": "1"}]
            code = self._code(Function.GET_ENROLLED_USERS, courseid=course, options=options)
        seen = {"": True, _DENIED: True, "errorcoursecontextnotvalid": False}
        return {
            "moodle/course:view": seen.get(code),
            "moodle/course:viewparticipants": _granted(code, ""),
        }

    def _rows(self, function: Function, **arguments: Any) -> list[Any] | None:
        """What a reading function gives; None when Moodle refused."""
        try:
            return list(self.connection.call(function, arguments, reads=True))
        except MoodleUnavailable:
            raise
        except MoodleError:
            return None

    def _code(self, function: Function, **arguments: Any) -> str:
        """The code of Moodle's refusal, or of its first warning; empty when it had no objection."""
        self.codes[function] = ""
        try:
            answer = self.connection.call(function, arguments, reads=function.reads)
        except MoodleUnavailable:
            raise
        except MoodleError as error:
            self.codes[function] = error.code
            return error.code
        warnings = answer.get("warnings") if isinstance(answer, Mapping) else None
        return str(warnings[0]["warningcode"]) if warnings else ""


def _granted(code: str, afterwards: str) -> bool | None:
    """Tell by a refusal how far the call got; ``afterwards`` is the code behind the capability."""
    return {afterwards: True, _DENIED: False}.get(code)
