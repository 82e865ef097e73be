"""Client: an application that sends people here to sign in, with its named departures."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from auth.clients.problems import FieldProblem, Flaw, WrongFields
from auth.outside import ESIA_CLIENT

AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]
Algorithm = Literal["RS256", "ES256"]

MAX_ADDRESS_LENGTH = 2000
DEFAULT_SCOPES = ("openid", "profile", "email", "school")
KNOWN_SCOPES = (*DEFAULT_SCOPES, "birthdate", "offline_access")

_PLAIN_ADDRESS = re.compile(r"[!-~]*", re.ASCII)
_HOST = re.compile(r"([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?", re.ASCII)
"""Host and port of an address. They become part of a content security policy, where a semicolon, a
comma or a blank begins something else, and ``*`` means every host."""

_SECRET_HASH = re.compile(r"sha256:[0-9a-f]{64}")


def hash_secret(client_secret: str) -> str:
    """Make a ``client_secret_hash``. A fast hash: it is meant for random secrets only."""
    return f"sha256:{hashlib.sha256(client_secret.encode()).hexdigest()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """One registered application; without a secret it is a public client and must use PKCE.

    The methods are what Authlib asks a client (its ``ClientMixin``).
    Raises ``WrongFields``, a ``ValueError``, for values that could never work or would be unsafe.
    """

    client_id: str
    client_secret: str = field(default="", repr=False)
    """Empty, and no hash either: a public client."""
    client_secret_hash: str = field(default="", repr=False)
    """Instead of the secret: made together with one by ``schoolbridge client-secret``."""
    previous_secret_hash: str = field(default="", repr=False)
    """The hash of the secret before, which counts until the application has the new one."""
    redirect_uris: tuple[str, ...] = ()
    """Compared as whole strings; Moodle's is ``<Moodle>/admin/oauth2callback.php``."""
    name: str = ""
    """Shown to people on the sign-in page; empty: the client id."""
    home_url: str = ""
    """The first page of the application, for a button on our own page; empty: no button."""
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    """The most this client may ask for. With ``offline_access`` it gets refresh tokens."""
    token_endpoint_auth_methods: tuple[AuthMethod, ...] = (
        "client_secret_basic",
        "client_secret_post",
    )
    require_pkce: bool = False
    """Also for a client with a secret. Moodle sends no challenge (docs/facts/moodle.md 7.4)."""
    roles: tuple[str, ...] = ()
    """Only people with one of these roles may sign in; empty: everyone."""
    id_token_algorithm: Algorithm = "RS256"  # noqa: S105 - the name of an algorithm
    ask_consent: bool = False
    """Show people what this application learns about them, and ask, once."""
    ask_each_time: bool = False
    """For school computers: no single sign-on, each visit needs the password."""
    session_seconds: int = 0
    """For school computers: how long a sign-in counts here; 0: as the provider's own."""
    post_logout_redirect_uris: tuple[str, ...] = ()
    """Addresses to which people may be sent after signing out; compared as whole strings."""
    backchannel_logout_uri: str = ""
    """The address at which this application hears that somebody signed out; empty: none."""

    def __post_init__(self) -> None:
        if problems := tuple(self._find_problems()):
            raise WrongFields(problems)

    def _find_problems(self) -> Iterator[FieldProblem]:
        for name in ("client_id", "name"):
            value = getattr(self, name)
            if not value.isprintable() or (name == "client_id" and not value):
                flaw = Flaw.NOT_PRINTABLE if value else Flaw.MISSING
                yield self._problem(name, flaw, f"{name} must be a printable text")
        for name in ("redirect_uris", "post_logout_redirect_uris"):
            for uri in getattr(self, name):
                yield from self._check_address(name, uri)
        for name in ("home_url", "backchannel_logout_uri"):
            if uri := getattr(self, name):
                yield from self._check_address(name, uri)
                if not uri.lower().startswith(("https://", "http://")):
                    yield self._problem(name, Flaw.NOT_HTTP, f"{name} must be http(s)", uri)
        for name in ("client_secret_hash", "previous_secret_hash"):
            if getattr(self, name) and not _SECRET_HASH.fullmatch(getattr(self, name)):
                text = f"{name} must be sha256: and 64 hexadecimal digits"
                yield self._problem(name, Flaw.NOT_A_HASH, text)
        unknown = " ".join(sorted(set(self.scopes) - set(KNOWN_SCOPES)))
        without_method = not self.is_public and not self.token_endpoint_auth_methods
        for wrong, name, flaw, text in (
            (self.client_id.startswith(ESIA_CLIENT), "client_id", Flaw.RESERVED,
             f"client_id may not begin with {ESIA_CLIENT}"),
            (not self.redirect_uris, "redirect_uris", Flaw.MISSING,
             "redirect_uris must name at least one address"),
            (self.client_secret and self.client_secret_hash, "client_secret", Flaw.NOT_BOTH,
             "client_secret or client_secret_hash, not both"),
            (without_method, "token_endpoint_auth_methods", Flaw.MISSING,
             "token_endpoint_auth_methods must name at least one"),
            (self.session_seconds < 0, "session_seconds", Flaw.NEGATIVE,
             "session_seconds must not be negative"),
            (unknown, "scopes", Flaw.UNKNOWN, f"unknown scopes {unknown}"),
            ("openid" not in self.scopes, "scopes", Flaw.WITHOUT_OPENID,
             "scopes must include openid"),
        ):  # fmt: skip
            if wrong:
                yield self._problem(name, flaw, text, unknown if flaw is Flaw.UNKNOWN else "")

    def _check_address(self, name: str, uri: str) -> Iterator[FieldProblem]:
        try:
            parts = urlsplit(uri)
        except ValueError:
            parts = urlsplit("")
        for wrong, flaw, text in (
            (not (parts.scheme and (parts.netloc or parts.path)) or parts.fragment,
             Flaw.NOT_AN_ADDRESS, f"{uri} is not an absolute address"),
            (parts.netloc and not _HOST.fullmatch(parts.netloc),
             Flaw.NOT_A_PLAIN_HOST, f"{uri} has no plain host name"),
            (not _PLAIN_ADDRESS.fullmatch(uri) or len(uri) > MAX_ADDRESS_LENGTH,
             Flaw.NOT_ASCII, "an address must be short ASCII text"),
            (parts.scheme in {"javascript", "data", "vbscript"},
             Flaw.RUNS_AS_SCRIPT, f"{uri} would run as a script"),
        ):  # fmt: skip
            if wrong:
                yield self._problem(name, flaw, text, uri)

    def _problem(self, field: str, flaw: Flaw, text: str, value: str = "") -> FieldProblem:
        where = f"{self.client_id}: " if field != "client_id" else ""
        return FieldProblem(field=field, flaw=flaw, text=where + text, value=value)

    @property
    def is_public(self) -> bool:
        return not (self.client_secret or self.client_secret_hash)

    @property
    def needs_challenge(self) -> bool:
        return self.is_public or self.require_pkce

    @property
    def title(self) -> str:
        return self.name or self.client_id

    @property
    def origins(self) -> frozenset[str]:
        """Return the sources of a content security policy to which people are sent back."""
        return frozenset(map(source_of, (*self.redirect_uris, *self.post_logout_redirect_uris)))

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """Return none: OpenID Connect Core 3.1.2.1 makes ``redirect_uri`` compulsory."""
        return

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return what is granted of the asked scopes; None, a refusal, without ``openid``.

        Unknown scopes are left out silently (OpenID Connect Core 3.1.2.1).
        """
        asked = (scope or "").split()
        if "openid" not in asked:
            return None
        return " ".join(name for name in self.scopes if name in asked)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare digests in constant time, which tells not even the length."""
        current = self.client_secret_hash or hash_secret(self.client_secret)
        sent = hash_secret(client_secret)
        fits = hmac.compare_digest(current, sent)
        fits |= hmac.compare_digest(self.previous_secret_hash or current, sent)
        return fits and not self.is_public

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        if self.is_public:
            return method == "none"
        return method != "none" and method in self.token_endpoint_auth_methods

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        if grant_type == "refresh_token":
            return "offline_access" in self.scopes
        return grant_type == "authorization_code"


def source_of(uri: str) -> str:
    """Return the origin of an address as a source of a content security policy, if it has one."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    if parts.netloc:
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:" if parts.scheme else ""
