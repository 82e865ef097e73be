"""Finds out what a doubtful answer is about: a setting, which concerns every record, or the data.

Moodle says ``nopermissions`` or ``codingerror`` of what our account may do nowhere, and also of one
account that somebody deleted. The same function is therefore tried with data that changes nothing
(``probing.py``): only when it is refused there too, the setting is at fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisioning.moodle.connection import Connection
from provisioning.moodle.errors import (
    MoodleDoubtful,
    MoodleError,
    MoodleMisconfigured,
    MoodleRefused,
)
from provisioning.moodle.functions import Function
from provisioning.moodle.probing import OurAccount

TRUSTED_REFUSALS = 20
"""After a probe went well, so many doubtful answers of the function are taken to be about the data;
then it is probed again, because a capability can be taken away while a plan is applied."""

_LAST_COURSES = 5

_COHORTS = ("moodle/cohort:manage",)
_NEEDED: Mapping[Function, tuple[str, ...]] = {
    Function.CREATE_CATEGORIES: ("moodle/category:manage",),
    Function.UPDATE_CATEGORIES: ("moodle/category:manage",),
    Function.CREATE_COHORTS: _COHORTS,
    Function.UPDATE_COHORTS: _COHORTS,
    Function.ADD_COHORT_MEMBERS: _COHORTS,
    Function.DELETE_COHORT_MEMBERS: _COHORTS,
    Function.CREATE_COURSES: ("moodle/course:create",),
    Function.UPDATE_COURSES: (
        "moodle/course:update",
        "moodle/course:changefullname",
        "moodle/course:changeshortname",
        "moodle/course:changecategory",
    ),
    Function.CREATE_USERS: ("moodle/user:create",),
    Function.UPDATE_USERS: ("moodle/user:update",),
    Function.ENROL_USERS: ("enrol/manual:enrol",),
    Function.UNENROL_USERS: ("enrol/manual:unenrol",),
    Function.UNASSIGN_ROLES: ("moodle/role:assign",),
    Function.GET_ENROLLED_USERS: (),
}
"""The functions that are about single records, and what they need. Of any other function, a
doubtful answer is about a setting."""


class Doubts:
    """Settles the doubtful answers of one client, and remembers what it found out."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._trusted: dict[Function, int] = {}
        self._courses: dict[int, None] = {}
        self._account: OurAccount | None = None

    def settled(self, error: MoodleDoubtful, arguments: Iterable[Mapping[str, Any]]) -> MoodleError:
        """The error that a doubtful one turns out to be: MoodleRefused where others may go through.

        ``arguments`` are those of the call, or of the calls that shared a request.
        Raises MoodleUnavailable.
        """
        family = MoodleRefused if self._is_about_data(error, arguments) else MoodleMisconfigured
        return family(error.function, error.code)

    def _is_about_data(self, error: MoodleDoubtful, arguments: Iterable[Mapping[str, Any]]) -> bool:
        function = error.function
        if function not in _NEEDED:
            return False
        records = [record for one in arguments for record in _records(one)]
        for record in records:
            if course := record.get("courseid"):
                self._courses.pop(course, None)
                self._courses[course] = None
        self._courses = dict(list(self._courses.items())[-_LAST_COURSES:])
        left = self._trusted.get(function, 0)
        if not left and self._is_forbidden(error, records):
            return False
        self._trusted[function] = (left or TRUSTED_REFUSALS) - 1
        return True

    def _is_forbidden(self, error: MoodleDoubtful, records: list[Mapping[str, Any]]) -> bool:
        try:
            account = self._our_account()
        except MoodleDoubtful:
            return True
        if any(account.granted(capability) is False for capability in _NEEDED[error.function]):
            return True
        if error.code == "wsusercannotassign":
            roles = sorted({record["roleid"] for record in records})
            return any(account.may_assign(role) is False for role in roles)
        if error.code == "errorcoursecontextnotvalid" or error.function.reads:
            # One course may be hidden or gone; that none of several can be seen is a capability.
            seen = [account.may_view(course) for course in self._courses]
            return len(seen) > 1 and not any(one is not False for one in seen)
        return False

    def _our_account(self) -> OurAccount:
        if self._account is None:
            info = self._connection.call(Function.SITE_INFO, {}, reads=True)
            self._account = OurAccount.of(self._connection, info)
        return self._account


def _records(arguments: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The records of a call: its only list, or for a reading function the arguments themselves."""
    lists = [value for value in arguments.values() if isinstance(value, list | tuple)]
    return list(lists[0]) if lists and "courseid" not in arguments else [arguments]
