"""What our account needs at Moodle: the one list of capabilities and functions.

The doctor names it before anything is set up, the script for Moodle's side is made from it, and
the documents hold the same (a test compares them). A new member of ``Function`` gets its row here.
Seen on a real Moodle, with a role that had nothing else (docs/facts/moodle.md 1.2 to 1.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioning.moodle.functions import Function

ALWAYS = "webservice/rest:use"
"""What every call asks for, whatever its function."""

CAPABILITIES_OF: Mapping[Function, tuple[str, ...]] = {
    Function.SITE_INFO: (),
    Function.CALL_SEVERAL: (),
    Function.CREATE_CATEGORIES: ("moodle/category:manage",),
    Function.UPDATE_CATEGORIES: ("moodle/category:manage",),
    Function.GET_CATEGORIES: ("moodle/category:manage",),
    # Whoever may manage cohorts may see them and choose their members too.
    Function.CREATE_COHORTS: ("moodle/cohort:manage",),
    Function.UPDATE_COHORTS: ("moodle/cohort:manage",),
    Function.SEARCH_COHORTS: ("moodle/cohort:manage",),
    Function.GET_COHORT_MEMBERS: ("moodle/cohort:manage",),
    Function.ADD_COHORT_MEMBERS: ("moodle/cohort:manage",),
    Function.DELETE_COHORT_MEMBERS: ("moodle/cohort:manage",),
    Function.CREATE_COURSES: ("moodle/course:create",),
    Function.UPDATE_COURSES: (
        "moodle/course:view", "moodle/course:update", "moodle/course:changefullname",
        "moodle/course:changeshortname", "moodle/course:changecategory",
        "moodle/course:visibility",
    ),
    Function.GET_COURSES_BY_FIELD: ("moodle/course:view", "moodle/course:viewhiddencourses"),
    Function.CREATE_USERS: ("moodle/user:create",),
    Function.UPDATE_USERS: ("moodle/user:update",),
    Function.GET_USERS_BY_FIELD: (
        "moodle/user:viewdetails", "moodle/user:viewalldetails", "moodle/site:viewuseridentity",
    ),
    Function.DELETE_USERS: ("moodle/user:delete",),
    Function.ENROL_USERS: ("moodle/course:view", "enrol/manual:enrol", "moodle/role:assign"),
    Function.UNENROL_USERS: ("moodle/course:view", "enrol/manual:unenrol"),
    Function.GET_ENROLLED_USERS: ("moodle/course:view", "moodle/course:viewparticipants"),
    Function.UNASSIGN_ROLES: ("moodle/course:view", "moodle/role:assign"),
    Function.SET_REPORT_FILTERS: ("moodle/reportbuilder:viewall",),
    Function.RETRIEVE_REPORT: ("moodle/reportbuilder:viewall",),
}  # fmt: skip
"""The capabilities at system level that each function asks for, as we call it."""

FOR_LOOKS = {
    "moodle/site:viewfullnames": "first and last names apart, in looks into Moodle and when "
    "accounts are taken over",
    "moodle/site:viewparticipants": "who is in charge of the site, when accounts are taken over; "
    "with `moodle/role:review`",
    "moodle/role:review": "who is in charge of the site, when accounts are taken over; "
    "with `moodle/site:viewparticipants`",
}
"""Capabilities without which everything works, and what they let us see (docs/adopting.md)."""

OF_REPORTS = {Function.SET_REPORT_FILTERS, Function.RETRIEVE_REPORT}
"""Called only where the settings name a custom report; its capability opens all reports."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A capability of our role."""

    capability: str
    functions: tuple[Function, ...]
    """Those that ask for it; empty, without a ``purpose``: every call does."""
    optional: bool
    """Only functions ask for it without which loads work all the same."""
    purpose: str = ""
    """What it lets us see, where no function asks for it."""


def required_functions(*, reports: bool = True) -> list[Function]:
    """Return what an administrator adds to the service. ``reports``: a custom report is read.

    Not what deletes accounts: that is allowed for the day on which somebody wants it.
    """
    left_out = {Function.DELETE_USERS} | (set() if reports else OF_REPORTS)
    return [one for one in Function if one not in left_out]


def required_capabilities(*, reports: bool = True) -> list[Requirement]:
    """Return what an administrator allows in our role, in the order of the functions."""
    asking: dict[str, list[Function]] = {ALWAYS: []}
    for function in required_functions(reports=reports):
        for capability in CAPABILITIES_OF[function]:
            asking.setdefault(capability, []).append(function)
    asked = [
        Requirement(
            capability,
            tuple(functions),
            optional=bool(functions) and all(function.optional for function in functions),
        )
        for capability, functions in asking.items()
    ]
    seeing = [
        Requirement(capability, (), optional=True, purpose=purpose)
        for capability, purpose in FOR_LOOKS.items()
    ]
    return asked + seeing
