"""A Moodle with gaps: answers each function as a table says, as a real 4.5 was seen to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from provisioning.moodle import Function
from tests.provisioning.scripted_moodle import Answer, Form, answering, data

OWN_ID = 3
OWN_ADDRESS = "service@example.org"
STUDENT, TEACHER = "5", "3"


def refusal(code: str) -> dict[str, str]:
    return {"exception": "core\\exception\\moodle_exception", "errorcode": code, "message": ""}


def objection(code: str, message: str = "") -> dict[str, Any]:
    """A function that answers with warnings instead of an exception."""
    return {"warnings": [{"item": "x", "itemid": 1, "warningcode": code, "message": message}]}


LOOKED_AT_FIRST: Mapping[str, tuple[str, Any]] = {
    Function.UPDATE_USERS: ("moodle/user:update", objection("invaliduserid")),
    Function.CREATE_COHORTS: ("moodle/cohort:manage", refusal("formatnotsupported")),
    Function.CREATE_COURSES: ("moodle/course:create", refusal("errorinvalidparam")),
    Function.UNENROL_USERS: ("enrol/manual:unenrol", refusal("wsnoinstance")),
    Function.UNASSIGN_ROLES: ("moodle/role:assign", refusal("invalidparameter")),
}
"""The capability that a function asks for, and what it says to data that it always refuses."""


@dataclass(kw_only=True)
class FakeMoodle:
    """The site; tests take something away from it."""

    url: str = ""
    version: str = "2024100700.00"
    functions: set[str] = field(default_factory=lambda: {str(one) for one in Function})
    missing: set[str] = field(default_factory=set)
    """Capabilities that the role lacks."""
    assignable: set[str] = field(default_factory=lambda: {STUDENT, TEACHER})
    accepts: Callable[[Form], str] = field(default=lambda _form: "dmlwriteexception")
    """The code for an account with an overlong user name."""
    date: str | None = None
    """Replaces the Date header."""
    seen: list[str] = field(default_factory=list)

    def answer(self, form: Form) -> Any:
        name = form["wsfunction"]
        self.seen.append(name)
        if name not in self.functions:
            return refusal("accessexception")
        if name in LOOKED_AT_FIRST:
            capability, answer = LOOKED_AT_FIRST[name]
            return self._lacks(capability) or answer
        answers: Mapping[str, Callable[[Form], Any]] = {
            Function.SITE_INFO: self._site_info,
            Function.CREATE_USERS: self._create_users,
            Function.GET_USERS_BY_FIELD: self._users,
            Function.GET_CATEGORIES: self._categories,
            Function.UPDATE_COURSES: self._update_courses,
            Function.ENROL_USERS: self._enrol,
            Function.GET_ENROLLED_USERS: self._enrolled,
        }
        return answers[name](form)

    def _site_info(self, _form: Form) -> Any:
        return {
            "release": "4.5 (Build: 20241007)",
            "version": self.version,
            "userid": OWN_ID,
            "siteid": 1,
            "functions": [{"name": name} for name in sorted(self.functions)],
        }

    def _lacks(self, capability: str) -> dict[str, str] | None:
        return refusal("nopermissions") if capability in self.missing else None

    def _create_users(self, form: Form) -> Any:
        if refused := self._lacks("moodle/user:create"):
            return refused
        if not form["users[0][username]"]:
            return refusal("invalidparameter")
        assert len(form["users[0][username]"]) > 100, "this account would be made"
        return refusal(self.accepts(form))

    def _users(self, form: Form) -> Any:
        if form["values[0]"] == str(OWN_ID):
            return [{"id": OWN_ID, "email": OWN_ADDRESS}]
        if "moodle/user:viewdetails" in self.missing:
            return []
        hidden = {
            "username": "moodle/user:viewalldetails",
            "email": "moodle/site:viewuseridentity",
        }
        guest = {"id": 1, "username": "guest", "email": "root@localhost"}
        return [{k: v for k, v in guest.items() if hidden.get(k) not in self.missing}]

    def _categories(self, form: Form) -> Any:
        if form["criteria[0][key]"] == "parent":
            return [{"id": 7}]
        return refusal("criteriaerror") if "moodle/category:manage" in self.missing else []

    def _update_courses(self, form: Form) -> Any:
        # In the order in which Moodle looks. Its words are in the language of our account, and
        # nothing may rest on them.
        needed = {
            "courses[0][id]": "moodle/course:update",
            "courses[0][categoryid]": "moodle/course:changecategory",
            "courses[0][fullname]": "moodle/course:changefullname",
            "courses[0][shortname]": "moodle/course:changeshortname",
            "courses[0][visible]": "moodle/course:visibility",
        }
        names = [form[key] for key in form if key.endswith("name]")]
        assert not any(name.strip() for name in names), "this change would be made"
        for key, capability in needed.items():
            if key in form and capability in self.missing:
                return objection("nopermissions", "У вас нет прав на это действие.")
        assert form["courses[0][id]"] == "1", "this change would be made"
        return objection("errorinvalidparam" if names else "invalidcourse")

    def _enrol(self, form: Form) -> Any:
        if refused := self._lacks("enrol/manual:enrol"):
            return refused
        allowed = self.assignable if "moodle/role:assign" not in self.missing else set()
        if form["enrolments[0][roleid]"] not in allowed:
            return refusal("wsusercannotassign")
        return refusal("wsnoinstance")

    def _enrolled(self, _form: Form) -> Any:
        if "moodle/course:view" in self.missing:
            return refusal("errorcoursecontextnotvalid")
        return self._lacks("moodle/course:viewparticipants") or []


@contextmanager
def running(site: FakeMoodle) -> Iterator[FakeMoodle]:
    def answer(_path: str, form: Form) -> Answer:
        return data(site.answer(form), headers={"Date": site.date} if site.date else {})

    with answering(answer) as site.url:
        yield site
