"""UpstreamError: why an outside provider signed nobody in, and what can be done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from auth.signin.policy import Reason

CODE = re.compile(r"ESIA-(\d{6})")


class Problem(StrEnum):
    """The problem that a person is told of; one text of the page each."""

    DENIED = "denied"
    """The person, or the provider for them, said no."""
    ACCOUNT = "account"
    """The person's account there is of a kind that may not enter."""
    TRY_AGAIN = "try_again"
    """This attempt is over, the next one may succeed."""
    UNAVAILABLE = "unavailable"
    """The provider is down, slow or overloaded."""
    REFUSED = "refused"
    """The provider does not accept our requests: settings, certificate or clock."""
    UNTRUSTED = "untrusted"
    """The provider's answer fails a check."""
    STALE = "stale"
    """Used before, too old, or begun in another browser."""


_ANSWERS: Mapping[Problem, tuple[int, Reason]] = {
    Problem.DENIED: (403, Reason.UPSTREAM_DENIED),
    Problem.ACCOUNT: (403, Reason.UPSTREAM_DENIED),
    Problem.TRY_AGAIN: (502, Reason.UPSTREAM_FAILED),
    Problem.UNAVAILABLE: (503, Reason.UPSTREAM_UNAVAILABLE),
    Problem.REFUSED: (502, Reason.UPSTREAM_FAILED),
    Problem.UNTRUSTED: (502, Reason.UPSTREAM_FAILED),
    Problem.STALE: (400, Reason.UPSTREAM_FAILED),
}
"""The status of the page, so that monitoring sees who is down, and the reason in login events."""

_BY_CODE: Mapping[str, tuple[Problem, str]] = {
    "007002": (Problem.REFUSED, "the certificate is not registered for this mnemonic"),
    "007003": (Problem.REFUSED, "a parameter is missing, wrong or given twice"),
    "007004": (Problem.DENIED, "the person or ЕСИА said no"),
    "007005": (
        Problem.REFUSED,
        "mnemonic unknown here, certificate not uploaded, or scopes not approved",
    ),
    "007006": (Problem.REFUSED, "a scope is unknown"),
    "007007": (Problem.UNAVAILABLE, "internal error of ЕСИА"),
    "007008": (Problem.UNAVAILABLE, "overloaded or under maintenance"),
    "007009": (Problem.REFUSED, "the response type is not supported"),
    "007011": (Problem.TRY_AGAIN, "the code is used up, too old or of another address"),
    "007012": (Problem.REFUSED, "the grant type is not supported"),
    "007013": (Problem.REFUSED, "no scope was asked for"),
    "007014": (Problem.REFUSED, "a mandatory parameter is missing"),
    "007015": (Problem.REFUSED, "the clock of this machine is wrong"),
    "007019": (Problem.REFUSED, "a scope is not approved for this mnemonic"),
    "007023": (Problem.REFUSED, "our host is not registered for this mnemonic"),
    "007038": (Problem.REFUSED, "the parameters cannot be read"),
    "007039": (Problem.REFUSED, "a code verifier without a challenge"),
    "007040": (Problem.TRY_AGAIN, "the code verifier does not fit"),
    "007046": (Problem.ACCOUNT, "no second factor"),
    "007053": (Problem.REFUSED, "signature, certificate hash or certificate do not fit"),
    "007055": (Problem.ACCOUNT, "the account is not confirmed"),
    "007060": (Problem.REFUSED, "wrong roles"),
    "007061": (Problem.REFUSED, "wrong kind of object"),
    "007062": (Problem.ACCOUNT, "an account of another kind"),
    "007194": (Problem.ACCOUNT, "not a member of the organisation"),
    "008010": (Problem.REFUSED, "our system could not be authenticated"),
    "005011": (Problem.UNTRUSTED, "ЕСИА does not know the token that it gave"),
    "005013": (Problem.UNTRUSTED, "the token ended at once: compare the clocks"),
    "005029": (Problem.REFUSED, "the person's data need a scope that is not approved"),
}
"""ЕСИА's codes (docs/facts/esia.md 4.8 to 4.29), for the person and for the log."""

_BY_ERROR: Mapping[str, Problem] = {
    "access_denied": Problem.DENIED,
    "interaction_required": Problem.DENIED,
    "login_required": Problem.DENIED,
    "consent_required": Problem.DENIED,
    "invalid_grant": Problem.TRY_AGAIN,
    "server_error": Problem.UNAVAILABLE,
    "temporarily_unavailable": Problem.UNAVAILABLE,
}
"""RFC 6749 sections 4.1.2.1 and 5.2; any other error means that our request is wrong."""


class UpstreamError(Exception):
    """Nobody is signed in. ``detail`` says why in fixed words for the log; ``code`` is ЕСИА's.

    Trying again helps with ``TRY_AGAIN`` and ``STALE`` at once, with ``UNAVAILABLE`` later, and
    with nothing else before somebody changed something.
    """

    def __init__(self, problem: Problem, detail: str, *, code: str = "") -> None:
        super().__init__(f"{problem.value}: {detail}")
        self.problem = problem
        self.detail = detail
        self.code = code
        self.status, self.reason = _ANSWERS[problem]


def refusal(error: str, description: str) -> UpstreamError:
    """Return what an OAuth error means. ЕСИА's code counts more than the name: ``access_denied``
    also stands for a wrong signature there."""
    if (found := CODE.search(description)) and (known := _BY_CODE.get(found[1])):
        return UpstreamError(known[0], known[1], code=f"ESIA-{found[1]}")
    code = found[0] if found else ""
    problem = _BY_ERROR.get(error, Problem.REFUSED)
    if found and problem is Problem.DENIED:
        problem = Problem.REFUSED
    return UpstreamError(problem, _WORDS[problem], code=code)


_WORDS = {
    Problem.DENIED: "the provider says that the person did not agree",
    Problem.TRY_AGAIN: "the provider does not take the code",
    Problem.UNAVAILABLE: "the provider reports a fault of its own",
    Problem.REFUSED: "the provider does not accept our request",
}
