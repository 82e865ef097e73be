"""From a function's name and its fields to its answer: access, parameters, transaction, check."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from service.moodle_standin import (
    categories,
    cohorts,
    courses,
    enrolments,
    groups,
    reports,
    site,
    user_reading,
    users,
)
from service.moodle_standin.errors import (
    MoodleError,
    access_denied,
    function_not_allowed,
    invalid_parameter,
    missing_record,
    unknown_token,
)
from service.moodle_standin.faults import FaultPlan, LateCalls
from service.moodle_standin.parameters import Structure, read_answer, read_parameters
from service.moodle_standin.settings import ServiceToken, SiteSettings
from service.moodle_standin.site import Function, Site
from service.moodle_standin.store import Store

CALL_EXTERNAL = "tool_mobile_call_external_functions"

FUNCTIONS: dict[str, Function] = {
    name: function
    for subject in (
        site, users, user_reading, cohorts, categories, courses, enrolments, groups, reports,
    )
    for name, function in subject.FUNCTIONS.items()
}  # fmt: skip


_KNOWN = frozenset(FUNCTIONS) | {CALL_EXTERNAL}
_ACCOUNT = "SELECT id FROM user WHERE username = ?"


@cache
def structures() -> Mapping[str, Structure]:
    """Return what each function takes and gives, as a Moodle 4.5 describes itself."""
    text = files("service.moodle_standin").joinpath("functions-4.5.json").read_text("utf-8")
    read: dict[str, Structure] = json.loads(text)
    return read


@dataclass(kw_only=True)
class Dispatcher:
    """The running stand-in behind its protocol."""

    store: Store
    tokens: Mapping[str, ServiceToken]
    settings: SiteSettings
    clock: Callable[[], datetime]
    faults: FaultPlan
    late: LateCalls = field(default_factory=LateCalls)
    calls: Counter[str] = field(default_factory=Counter)
    """Calls by function since the start or the last reset; inner calls under their own names."""
    _spent_tokens: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def identify(self, token: str | None) -> ServiceToken:
        """Return the token of a caller. Raises `MoodleError` for one who may not come in at all."""
        known = self.tokens.get(token or "")
        if known is None or token in self._spent_tokens:
            raise unknown_token()
        if known.expired:
            # An expired token is told once and gone afterwards (docs/facts/moodle.md 2.5).
            self._spent_tokens.add(token or "")
            raise access_denied("Invalid token - token expired")
        if not known.may_use_rest:
            capability = "(missing capability: webservice/rest:use)"
            raise access_denied(f"You are not allowed to use the rest protocol {capability}")
        return known

    def call(self, token: ServiceToken, name: str, given: object, base_url: str) -> Any:
        """Answer one call; raises `MoodleError`."""
        if name not in _KNOWN:
            raise missing_record("external_functions")
        allowed = _KNOWN if token.functions is None else _KNOWN & token.functions
        if name not in allowed or not self.settings.service_enabled:
            raise function_not_allowed(name)
        structure = structures()[name]
        with self._lock:
            self.calls[name] += 1
        if fault := self.faults.refusal(name, given):
            raise MoodleError("core\\exception\\moodle_exception", fault.code, "A fault on demand")
        parameters = read_parameters(structure["parameters"], given, self.settings)
        if name == CALL_EXTERNAL:
            return {"responses": self._call_each(token, parameters["requests"], base_url)}
        with self.store.transaction():
            called = Site(
                store=self.store,
                settings=self.settings,
                now=int(self.clock().timestamp()),
                caller_id=self.store.number(_ACCOUNT, (token.username,)),
                functions=allowed,
                base_url=base_url,
            )
            answer = FUNCTIONS[name](called, parameters)
        return read_answer(structure["returns"], answer, self.settings)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of calls by function, and of those the calls that write."""
        with self._lock:
            calls = dict(sorted(self.calls.items()))
        writes = {
            name: count
            for name, count in calls.items()
            if name != CALL_EXTERNAL and structures()[name]["type"] == "write"
        }
        return {"calls": calls, "writes": writes}

    def reset_counts(self) -> None:
        with self._lock:
            self.calls.clear()

    def _call_each(
        self, token: ServiceToken, requests: list[Mapping[str, Any]], base_url: str
    ) -> list[dict[str, Any]]:
        """Make each inner call in its own transaction, up to the first that fails."""
        responses: list[dict[str, Any]] = []
        for request in requests:
            try:
                name = request["function"]
                if name not in _KNOWN:  # in here it is one that the service lacks
                    raise function_not_allowed(name)
                answer = self.call(token, name, _read_json(request["arguments"]), base_url)
            except MoodleError as error:
                failure = _describe(error, base_url, debug=self.settings.debug)
                responses.append({"error": True, "exception": write_json(failure)})
                break
            data = None if answer is None else write_json(answer)
            responses.append({"error": False, "data": data})
        return responses


def _read_json(text: str | None) -> object:
    try:
        return json.loads(text or "")
    except ValueError as error:
        raise invalid_parameter("Only arrays accepted. The bad value is: ''") from error


def _describe(error: MoodleError, base_url: str, *, debug: bool) -> dict[str, Any]:
    """Describe an inner failure, whose form differs from an outer one's."""
    if error.exception == "webservice_access_exception":
        return {"errorcode": error.errorcode, "module": "webservice"}
    described = {
        "message": error.message,
        "errorcode": error.errorcode,
        "link": f"{base_url}/",
        "moreinfourl": f"https://docs.moodle.org/405/en/error/{error.module}/{error.errorcode}",
    }
    if not error.errorcode:
        described |= {"exception": error.exception}
        del described["errorcode"]
    if debug and error.debuginfo is not None:
        described["debuginfo"] = error.debuginfo
    return described


def write_json(answer: Any) -> str:
    """Write JSON as PHP does: ASCII only and slashes escaped."""
    return json.dumps(answer, separators=(",", ":")).replace("/", "\\/")
