"""Finds out what a doubtful answer is about: a setting, which concerns every record, or the data.

Moodle says ``nopermissions`` or ``codingerror`` of what our account may do nowhere, and also of one
account that somebody deleted. The same function is therefore tried with data that changes nothing
(``probing.py``): only when it is refused there too, the setting is at fault. What is said of the
access as a whole (``ABOUT_ACCESS``) may also be one accident, so the call is made once more first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisioning.moodle.connection import Connection
from provisioning.moodle.errors import (
    ABOUT_ACCESS,
    MoodleDoubtful,
    MoodleError,
    MoodleMisconfigured,
    MoodleRefused,
    MoodleUnavailable,
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
        "moodle/course:visibility",
    ),
    Function.CREATE_USERS: ("moodle/user:create",),
    Function.UPDATE_USERS: ("moodle/user:update",),
    Function.DELETE_USERS: ("moodle/user:delete",),
    Function.ENROL_USERS: ("enrol/manual:enrol",),
    Function.UNENROL_USERS: ("enrol/manual:unenrol",),
    Function.UNASSIGN_ROLES: ("moodle/role:assign",),
    Function.GET_ENROLLED_USERS: (),
}
"""The functions that are about single records, and what they need."""

_ALWAYS_ANSWERED: Mapping[Function, Mapping[str, Any]] = {
    Function.GET_USERS_BY_FIELD: {"field": "id", "values": [1]},
    Function.GET_CATEGORIES: {
        "criteria": [{"key": "parent", "value": 0}], "addsubcategories": 0,
    },
    Function.GET_COURSES_BY_FIELD: {"field": "id", "value": 1},
    Function.SEARCH_COHORTS: {
        "query": "-", "context": {"contextlevel": "system", "instanceid": 0},
        "includes": "all", "limitfrom": 0, "limitnum": 1,
    },
}  # fmt: skip
"""Reading functions, each with a question that every site answers. Of any further function, a
doubtful answer is about a setting."""


class Doubts:
    """Settles the doubtful answers of one client, and remembers what it found out."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._trusted: dict[Function, int] = {}
        self._courses: dict[int, None] = {}
        self._account: OurAccount | None = None
        self._listed: set[str] | None = None
        """The functions of our service; None while it is not known."""

    def settled(
        self,
        error: MoodleDoubtful,
        arguments: Iterable[Mapping[str, Any]],
        *,
        is_last: bool = True,
    ) -> MoodleError | None:
        """The error that a doubtful one turns out to be: MoodleRefused where others may go through.

        None: make the same call once more; never when this ``is_last``. ``arguments`` are those of
        the call, or of the calls that shared a request. Raises MoodleUnavailable.
        """
        about_access = error.code in ABOUT_ACCESS
        is_known = error.function in _NEEDED or error.function in _ALWAYS_ANSWERED
        if about_access and not is_last and not is_known:
            return None
        if not self._is_about_data(error, arguments):
            return MoodleMisconfigured(error.function, error.code)
        if about_access and not is_last:
            return None
        return MoodleRefused(error.function, error.code)

    def _is_about_data(self, error: MoodleDoubtful, arguments: Iterable[Mapping[str, Any]]) -> bool:
        function = error.function
        if function not in _NEEDED and function not in _ALWAYS_ANSWERED:
            return False
        records = [record for one in arguments for record in _records(one)]
        for record in records:
            if course := record.get("courseid"):
                self._courses.pop(course, None)
                self._courses[course] = None
        self._courses = dict(list(self._courses.items())[-_LAST_COURSES:])
        left = 0 if error.code in ABOUT_ACCESS else self._trusted.get(function, 0)
        if not left and self._is_forbidden(error, records):
            return False
        self._trusted[function] = (left or TRUSTED_REFUSALS) - 1
        return True

    def _is_forbidden(self, error: MoodleDoubtful, records: list[Mapping[str, Any]]) -> bool:
        if error.function in _ALWAYS_ANSWERED:
            return self._refuses(error.function, _ALWAYS_ANSWERED[error.function])
        try:
            account = self._our_account(anew=error.code in ABOUT_ACCESS)
        except MoodleDoubtful:
            return True
        if error.code in ABOUT_ACCESS:
            if self._listed is not None and error.function not in self._listed:
                return True
            if error.function.reads:
                return False
        if any(account.granted(capability) is False for capability in _NEEDED[error.function]):
            return True
        if account.codes.get(error.function) in ABOUT_ACCESS:
            return True
        if error.code == "wsusercannotassign":
            roles = sorted({record["roleid"] for record in records})
            return any(account.may_assign(role) is False for role in roles)
        if error.code == "errorcoursecontextnotvalid" or error.function.reads:
            # One course may be hidden or gone; that none of several can be seen is a capability.
            seen = [account.may_view(course) for course in self._courses]
            return len(seen) > 1 and not any(one is not False for one in seen)
        return False

    def _refuses(self, function: Function, arguments: Mapping[str, Any]) -> bool:
        try:
            self._connection.call(function, arguments, reads=True)
        except MoodleUnavailable:
            raise
        except MoodleError:
            return True
        return False

    def _our_account(self, *, anew: bool) -> OurAccount:
        if self._account is None or anew:
            info = self._connection.call(Function.SITE_INFO, {}, reads=True)
            self._account = OurAccount.of(self._connection, info)
            if "functions" in info:
                self._listed = {function["name"] for function in info["functions"]}
        return self._account


def _records(arguments: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The records of a call: its only list, or for a reading function the arguments themselves."""
    lists = [value for value in arguments.values() if isinstance(value, list | tuple)]
    if not lists or "courseid" in arguments:
        return [arguments]
    return [record for record in lists[0] if isinstance(record, Mapping)]
