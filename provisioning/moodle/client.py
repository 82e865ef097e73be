"""MoodleClient: the web service functions we use, one method each, in Moodle's own words."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Self

import requests

from provisioning.moodle.connection import MAX_FIELDS, Connection, form_fields
from provisioning.moodle.doubts import Doubts
from provisioning.moodle.errors import (
    MoodleDoubtful,
    MoodlePaused,
    MoodleRefused,
    MoodleUnavailable,
    MoodleUncertain,
    error_in,
    safe_code,
)
from provisioning.moodle.functions import Function
from provisioning.moodle.reads import Reads, cohort_query
from provisioning.settings import MoodleSettings

Record = Mapping[str, Any]
"""One item of a call or of an answer; the keys are Moodle's."""

MOST_FIELDS_OF_A_RECORD = 13
"""The fields of the largest record: a new account with a password and a preference."""

CALLS_A_REQUEST = 100
"""The most reading calls that share a request; each takes two form fields."""

REPORT_ROWS = 5_000
"""Rows of a custom report in one answer (docs/facts/moodle.md 6.5)."""

_ALREADY_MEMBER = "3"
_GUEST_ID = 1


class MoodleClient(Reads):
    """A Moodle site as its service account sees it. Methods raise the family in ``errors.py``.

    Every method takes at most ``batch_size`` records. Not for use by several threads.
    """

    def __init__(
        self,
        settings: MoodleSettings,
        *,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = Connection(settings, session, sleep)
        self._doubts = Doubts(self._connection)
        self._batch_size = settings.batch_size
        self._calls_several: bool | None = None
        self._may_write: Callable[[], bool] = lambda: True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def ask_before_writing(self, may_write: Callable[[], bool]) -> None:
        """Let ``may_write`` be asked before each call that changes something; where it says no,
        the call raises ``MoodlePaused``."""
        self._may_write = may_write

    def stop_waiting_if(self, should_stop: Callable[[], bool]) -> None:
        """Let ``should_stop`` be asked about once a second while an answer is awaited; where it
        says yes, the call raises ``MoodleStopped``, and what it was to do may have been done."""
        self._connection.stop_waiting_if(should_stop)

    @property
    def batch_size(self) -> int:
        """The most records in a call: the setting, or fewer where every value is a form field."""
        if self._can_call_several():
            return self._batch_size
        return min(self._batch_size, MAX_FIELDS // MOST_FIELDS_OF_A_RECORD)

    def site_info(self) -> Record:
        """Return ``release``, ``version``, ``siteurl``, ``functions`` (each with ``name``) etc."""
        info: Record = self._send(Function.SITE_INFO, {}, reads=True)
        return info

    # Categories, cohorts, courses

    def create_categories(self, categories: Sequence[Record]) -> list[int]:
        """Create categories of ``name``, ``idnumber``, ``parent`` (a Moodle id or 0): all or
        none."""
        return self._create(Function.CREATE_CATEGORIES, "categories", categories)

    def update_categories(self, categories: Sequence[Record]) -> None:
        self._call(Function.UPDATE_CATEGORIES, {"categories": categories})

    def categories_by_idnumber(self, idnumbers: Iterable[str]) -> list[Record]:
        answers = self._read_each(
            Function.GET_CATEGORIES,
            [
                {"criteria": [{"key": "idnumber", "value": idnumber}], "addsubcategories": 0}
                for idnumber in idnumbers
            ],
        )
        return [row for rows in answers for row in rows]

    def create_cohorts(self, cohorts: Sequence[Record]) -> list[int]:
        """Create cohorts of ``name``, ``idnumber`` and ``categorytype``: all or none."""
        return self._create(Function.CREATE_COHORTS, "cohorts", cohorts)

    def update_cohorts(self, cohorts: Sequence[Record]) -> None:
        """Update cohorts; each needs every field of a new one beside its ``id``."""
        self._call(Function.UPDATE_COHORTS, {"cohorts": cohorts})

    def cohorts_by_idnumber(self, idnumbers: Sequence[str]) -> list[Record]:
        """Return the cohorts with these idnumbers; Moodle also finds those that fit in part."""
        answers = self._read_each(
            Function.SEARCH_COHORTS,
            [cohort_query(idnumber) for idnumber in idnumbers],
        )
        rows = {row["id"]: row for answer in answers for row in answer["cohorts"]}
        wanted = set(idnumbers)
        return [row for row in rows.values() if row["idnumber"] in wanted]

    def add_cohort_members(self, members: Sequence[Record]) -> None:
        """Add people by ``cohorttype`` and ``usertype``, each ``type`` and ``value``; members stay.

        Moodle adds those it can and does not name the others; then MoodleRefused is raised.
        """
        answer = self._call(Function.ADD_COHORT_MEMBERS, {"members": members})
        codes = {str(warning["warningcode"]) for warning in answer["warnings"]}
        if codes - {_ALREADY_MEMBER}:
            raise MoodleRefused(Function.ADD_COHORT_MEMBERS, "no_such_user_or_cohort")

    def delete_cohort_members(self, members: Sequence[Record]) -> None:
        """Remove people by ``cohortid`` and ``userid``; somebody who is no member is no error."""
        self._call(Function.DELETE_COHORT_MEMBERS, {"members": members})

    def create_courses(self, courses: Sequence[Record]) -> list[int]:
        """Create courses of ``fullname``, ``shortname``, ``idnumber``, ``categoryid``: all or
        none."""
        return self._create(Function.CREATE_COURSES, "courses", courses)

    def update_courses(self, courses: Sequence[Record]) -> dict[int, str]:
        """Each course alone: returns Moodle's code for every ``id`` that it refused."""
        return _refused_ids(self._call(Function.UPDATE_COURSES, {"courses": courses}))

    def courses_by_idnumber(self, idnumbers: Iterable[str]) -> list[Record]:
        answers = self._read_each(
            Function.GET_COURSES_BY_FIELD,
            [{"field": "idnumber", "value": idnumber} for idnumber in idnumbers],
        )
        return [row for answer in answers for row in answer["courses"]]

    # Users

    def create_users(self, users: Sequence[Record]) -> list[int]:
        """All or nothing. ``suspended`` is for ``update_users`` only."""
        return self._create(Function.CREATE_USERS, "users", users)

    def update_users(self, users: Sequence[Record]) -> dict[int, str]:
        """Each user alone: returns Moodle's code for every ``id`` that it refused.

        A weak password turns the whole answer into MoodleUncertain ``invalidresponse``; the other
        users are updated all the same.
        """
        return _refused_ids(self._call(Function.UPDATE_USERS, {"users": users}))

    def delete_users(self, user_ids: Sequence[int]) -> None:
        """Delete accounts: all or nothing. One that is deleted already is refused."""
        self._call(Function.DELETE_USERS, {"userids": user_ids})

    def users_by_field(
        self, field: Literal["id", "idnumber", "username", "email"], values: Sequence[str | int]
    ) -> list[Record]:
        """Return the users with exactly these values; several may share an ``idnumber``. Empty
        fields are left out.

        A user name that breaks Moodle's rules makes the whole call fail.
        """
        rows: list[Record] = self._call(
            Function.GET_USERS_BY_FIELD, {"field": field, "values": values}
        )
        return rows

    def deleted(self, user_ids: Sequence[int]) -> set[int]:
        """Return which of these accounts somebody deleted in Moodle; none where we cannot see that.

        Read by id, what is left of one has no address (docs/facts/moodle.md 5.8). The guest is
        on every site and shows whether we see addresses at all.
        """
        rows = {row["id"]: row for row in self.users_by_field("id", [_GUEST_ID, *user_ids])}
        if "email" not in rows.get(_GUEST_ID, {}):
            return set()
        return {
            number
            for number in user_ids
            if number not in rows or "@" not in rows[number].get("email", "@")
        }

    def report_of_last_access(
        self, report_id: int, begin: datetime, end: datetime, *, before_call: Callable[[], None]
    ) -> Iterator[list[list[str]]]:
        """The rows of a custom report about users, page by page; cells are texts for people.

        Those with their last access from ``begin`` until before ``end``, to the second. The filter
        stays set for our account, and must be among the filters of the report: Moodle ignores
        others without a word (docs/facts/moodle.md 6.6).
        """
        values = {
            "user:lastaccess_operator": 3,
            "user:lastaccess_from": math.ceil(begin.timestamp()),
            "user:lastaccess_to": math.ceil(end.timestamp()) - 1,
        }
        before_call()
        self._call(
            Function.SET_REPORT_FILTERS, {"reportid": report_id, "values": json.dumps(values)}
        )
        read, page = 0, 0
        while True:
            before_call()
            data = self._call(
                Function.RETRIEVE_REPORT,
                {"reportid": report_id, "page": page, "perpage": REPORT_ROWS},
            )["data"]
            rows = [row["columns"] for row in data["rows"]]
            if rows:
                yield rows
            read, page = read + len(rows), page + 1
            if not rows or read >= data["totalrowcount"]:
                return

    # Enrolments

    def enrol_users(self, enrolments: Sequence[Record]) -> None:
        """``roleid``, ``userid``, ``courseid``. A role is added beside those already there."""
        self._call(Function.ENROL_USERS, {"enrolments": enrolments})

    def unenrol_users(self, enrolments: Sequence[Record]) -> None:
        """``userid``, ``courseid``: the manual enrolment goes with every role of the person."""
        self._call(Function.UNENROL_USERS, {"enrolments": enrolments})

    def unassign_roles(self, unassignments: Sequence[Record]) -> None:
        """``roleid``, ``userid``, ``contextlevel``, ``instanceid``: takes one role away."""
        self._call(Function.UNASSIGN_ROLES, {"unassignments": unassignments})

    def roles_in_courses(self, courseids: Sequence[int]) -> dict[int, dict[int, set[int]]]:
        """Course id -> user id -> ids of the roles that the user has in the course."""
        # Without named fields Moodle answers ten times slower.
        options = [{"name": "userfields", "value": "id,roles"}]
        answers = self._read_each(
            Function.GET_ENROLLED_USERS,
            [{"courseid": courseid, "options": options} for courseid in courseids],
        )
        return {
            courseid: {row["id"]: {role["roleid"] for role in row["roles"]} for row in rows}
            for courseid, rows in zip(courseids, answers, strict=True)
        }

    # Calls

    def _can_call_several(self) -> bool:
        if self._calls_several is None:
            names = {function["name"] for function in self.site_info()["functions"]}
            self._calls_several = Function.CALL_SEVERAL in names
        return self._calls_several

    def _create(self, function: Function, name: str, records: Sequence[Record]) -> list[int]:
        """Create records; return their new numbers, in the order of ``records``.

        Moodle creates fewer without an error when PHP drops the tail of the form; what came back
        is counted, and fewer is MoodleUncertain.
        """
        rows = self._call(function, {name: records})
        if len(rows) != len(records):
            raise MoodleUncertain(function, "short_answer")
        return [int(row["id"]) for row in rows]

    def _call(self, function: Function, arguments: Mapping[str, Any]) -> Any:
        if len(form_fields(arguments)) > MAX_FIELDS and self._can_call_several():
            return self._call_several(function, [arguments])[0]
        return self._send(function, arguments, reads=function.reads)

    def _send(self, function: Function, arguments: Mapping[str, Any], *, reads: bool) -> Any:
        if not reads and not self._may_write():
            raise MoodlePaused(function)
        for is_last in (False, True):
            try:
                return self._connection.call(function, arguments, reads=reads)
            except MoodleDoubtful as error:
                settled = self._doubts.settled(error, [arguments], is_last=is_last)
                if settled is not None:
                    raise settled from error
        raise AssertionError("the second answer is always settled")

    def _read_each(self, function: Function, arguments: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Return the answers of a reading function that takes one value a call."""
        if len(arguments) < 2 or not self._can_call_several():
            return [self._call(function, one) for one in arguments]
        return [
            answer
            for start in range(0, len(arguments), CALLS_A_REQUEST)
            for answer in self._call_several(function, arguments[start : start + CALLS_A_REQUEST])
        ]

    def _call_several(
        self, function: Function, arguments: Sequence[Mapping[str, Any]]
    ) -> list[Any]:
        """Send one request for several calls of a function; raise the first error among them.

        Moodle stops at the first error, and the later calls are then absent from the answer.
        """
        requests_ = [
            {"function": str(function), "arguments": json.dumps(one, ensure_ascii=False)}
            for one in arguments
        ]
        answer = self._send(Function.CALL_SEVERAL, {"requests": requests_}, reads=function.reads)
        results = []
        for response in answer["responses"]:
            if response["error"]:
                error = error_in(function, json.loads(response["exception"]))
                if isinstance(error, MoodleDoubtful):
                    error = self._doubts.settled(error, arguments) or error
                raise error
            results.append(json.loads(response["data"]))
        if len(results) < len(arguments):
            lost = MoodleUnavailable if function.reads else MoodleUncertain
            raise lost(function, "short_answer")
        return results


def _refused_ids(answer: Record) -> dict[int, str]:
    return {
        int(warning["itemid"]): safe_code(warning["warningcode"]) for warning in answer["warnings"]
    }
