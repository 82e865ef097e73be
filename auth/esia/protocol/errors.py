"""The errors of ЕСИА: by code, the text that a client is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CATALOGUE: Mapping[str, tuple[str, str]] = {
    "007002": ("unauthorized_client", "The certificate does not belong to this client."),
    "007003": ("invalid_request", "A parameter is missing, wrong or given more than once."),
    "007004": ("access_denied", "The resource owner or the service denied the request."),
    "007005": (
        "unauthorized_client",
        "The client is not authorized to request an access token using this method.",
    ),
    "007006": ("invalid_scope", "The requested scope is invalid, unknown or malformed."),
    "007007": ("server_error", "The service met an unexpected condition."),
    "007008": (
        "temporarily_unavailable",
        "The service is overloaded or under maintenance; try again later.",
    ),
    "007009": ("unsupported_response_type", "This response type is not supported."),
    "007011": (
        "invalid_grant",
        "The code or refresh token is invalid, expired, revoked or was issued to another client "
        "or redirect_uri.",
    ),
    "007012": ("unsupported_grant_type", "This grant type is not supported."),
    "007013": ("invalid_scope", "The request names no scope."),
    "007014": ("invalid_request", "A mandatory parameter is missing."),
    "007015": ("invalid_request", "The time of the request is wrong."),
    "007019": ("access_denied", "OAuthErrorEnum.noGrants"),
    "007023": ("invalid_request", "The redirect_uri is not among the registered ones."),
    "007038": ("invalid_request", "The parameters of the request cannot be read."),
    "007039": ("invalid_request", "No code_challenge was given for this code."),
    "007040": ("invalid_grant", "The code_verifier does not fit the code_challenge."),
    "007046": (
        "access_denied",
        "The scope demands a second factor that this user does not have.",
    ),
    "007053": ("access_denied", "OAuthErrorEnum.clientSecretWrong"),
    "007055": ("access_denied", "The account is not confirmed."),
    "007060": ("invalid_request", "The value of the parameter roles is wrong."),
    "007061": ("invalid_request", "The value of the parameter obj_type is wrong."),
    "007062": (
        "invalid_request",
        "The account is of a type, or has a role, that this request does not admit.",
    ),
    "007194": (
        "access_denied",
        "The scope is about an organisation in which this user does not work.",
    ),
    "008010": ("invalid_client", "The client could not be authenticated."),
    "036700": ("invalid_request", "The consent type is not named."),
    "036701": ("invalid_request", "There is no such consent type."),
    "036702": ("invalid_request", "A scope that the consent type demands is missing."),
    "036703": ("invalid_request", "The scopes go beyond those of the consent type."),
    "036704": ("invalid_request", "This consent type admits no scopes."),
    "036705": ("invalid_request", "The consent names no action."),
    "036706": ("invalid_request", "There is no such action."),
    "036707": ("invalid_request", "The consent names no purpose."),
    "036716": ("invalid_request", "The expiry of the consent is wrong."),
    "036726": ("invalid_request", "There is no such purpose."),
    "036727": ("invalid_request", "The consent must name one purpose only."),
}
"""Code -> OAuth error and text (docs/facts/esia.md 4.3 to 4.29). The texts are ours where none was
recorded."""

REST_CATALOGUE: Mapping[str, tuple[int, str]] = {
    "005011": (401, "SecurityErrorEnum.invalidToken"),
    "005013": (401, "SecurityErrorEnum.expiredToken"),
    "005029": (403, "SecurityErrorEnum.scopeNotAllowed"),
    "005004": (404, "SecurityErrorEnum.notFound"),
}
"""Code -> HTTP status and message of the REST service. The last one is ours: nobody has recorded
the answer to an unknown address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Return:
    """A checked address to which an error may be sent."""

    redirect_uri: str
    state: str


class EsiaRefused(Exception):
    """A request was refused; ``code`` is a key of ``CATALOGUE``. The same request is refused again.

    ``parameter`` names what is missing; ``back`` is where to tell it, None for a page of ours.
    """

    def __init__(self, code: str, *, parameter: str = "", back: Return | None = None) -> None:
        super().__init__(f"ESIA-{code}")
        self.code = code
        self.parameter = parameter
        self.back = back

    @property
    def error(self) -> str:
        return CATALOGUE[self.code][0]

    def parameters(self, state: str) -> dict[str, str]:
        """Return what the system is told."""
        return {"error": self.error, "error_description": self.description, "state": state}

    @property
    def description(self) -> str:
        tail = f" [{self.parameter}]" if self.parameter else ""
        return f"ESIA-{self.code}: {CATALOGUE[self.code][1]}{tail}"


class RestRefused(Exception):
    """The REST service does not answer this; ``code`` is a key of ``REST_CATALOGUE``."""

    def __init__(self, code: str) -> None:
        super().__init__(f"ESIA-{code}")
        self.code = code

    @property
    def status(self) -> int:
        return REST_CATALOGUE[self.code][0]

    @property
    def body(self) -> dict[str, str]:
        return {"code": f"ESIA-{self.code}", "message": REST_CATALOGUE[self.code][1]}
