"""Client: an application that sends people here to sign in, with its named departures."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from auth.models import ESIA_CLIENT

AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]
Algorithm = Literal["RS256", "ES256"]

MAX_ADDRESS_LENGTH = 2000
DEFAULT_SCOPES = ("openid", "profile", "email", "school")
KNOWN_SCOPES = (*DEFAULT_SCOPES, "birthdate", "offline_access")

_SECRET_HASH = re.compile(r"sha256:[0-9a-f]{64}")


def hash_secret(client_secret: str) -> str:
    """What ``client_secret_hash`` holds. A fast hash: it is meant for random secrets only."""
    return f"sha256:{hashlib.sha256(client_secret.encode()).hexdigest()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """One registered application; without a secret it is a public client and must use PKCE.

    The methods are what Authlib asks a client (its ``ClientMixin``).
    Raises ``ValueError`` for values that could never work or would be unsafe.
    """

    client_id: str
    client_secret: str = field(default="", repr=False)
    """Empty, and no hash either: a public client."""
    client_secret_hash: str = field(default="", repr=False)
    """Instead of the secret: made together with one by ``schoolbridge client-secret``."""
    redirect_uris: tuple[str, ...] = ()
    """Compared as whole strings; Moodle's is ``<Moodle>/admin/oauth2callback.php``."""
    name: str = ""
    """Shown to people on the sign-in page; empty: the client id."""
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    """The most this client may ask for. With ``offline_access`` it gets refresh tokens."""
    token_endpoint_auth_methods: tuple[AuthMethod, ...] = (
        "client_secret_basic",
        "client_secret_post",
    )
    require_pkce: bool = False
    """Also for a client with a secret. Moodle sends no challenge (Moodle notes: protocol)."""
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
    """Where people may be sent after signing out; compared as whole strings."""
    backchannel_logout_uri: str = ""
    """Where this application wants to be told that somebody signed out; empty: nowhere."""

    def __post_init__(self) -> None:
        if not self.client_id.isprintable() or not self.client_id:
            raise ValueError("client_id must be a printable text")
        if self.client_id.startswith(ESIA_CLIENT):
            raise ValueError(f"client_id may not begin with {ESIA_CLIENT}")
        if not self.redirect_uris:
            raise ValueError(f"{self.client_id}: redirect_uris must name at least one address")
        for uri in (*self.redirect_uris, *self.post_logout_redirect_uris):
            self._check_address(uri)
        if self.backchannel_logout_uri:
            self._check_address(self.backchannel_logout_uri)
            if urlsplit(self.backchannel_logout_uri).scheme not in {"https", "http"}:
                raise ValueError(f"{self.client_id}: backchannel_logout_uri must be http(s)")
        if self.client_secret and self.client_secret_hash:
            raise ValueError(f"{self.client_id}: client_secret or client_secret_hash, not both")
        if self.client_secret_hash and not _SECRET_HASH.fullmatch(self.client_secret_hash):
            raise ValueError(
                f"{self.client_id}: client_secret_hash must be sha256: and 64 hexadecimal digits"
            )
        if self.session_seconds < 0:
            raise ValueError(f"{self.client_id}: session_seconds must not be negative")
        if unknown := set(self.scopes) - set(KNOWN_SCOPES):
            raise ValueError(f"{self.client_id}: unknown scopes {sorted(unknown)}")
        if "openid" not in self.scopes:
            raise ValueError(f"{self.client_id}: scopes must include openid")

    def _check_address(self, uri: str) -> None:
        parts = urlsplit(uri)
        if not (parts.scheme and (parts.netloc or parts.path)) or parts.fragment:
            raise ValueError(f"{self.client_id}: {uri} is not an absolute address")
        if not uri.isascii() or not uri.isprintable() or len(uri) > MAX_ADDRESS_LENGTH:
            raise ValueError(f"{self.client_id}: an address must be short ASCII text")
        if parts.scheme in {"javascript", "data", "vbscript"}:
            raise ValueError(f"{self.client_id}: {uri} would run as a script")

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
        """Where people are sent back to, as sources of a content security policy."""
        parts = [urlsplit(uri) for uri in (*self.redirect_uris, *self.post_logout_redirect_uris)]
        return frozenset(
            f"{part.scheme}://{part.netloc}" if part.netloc else f"{part.scheme}:" for part in parts
        )

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: OpenID Connect Core 3.1.2.1 makes ``redirect_uri`` compulsory."""
        return

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What is granted of the asked scopes; None, a refusal, without ``openid``.

        Unknown scopes are left out silently (OpenID Connect Core 3.1.2.1).
        """
        asked = (scope or "").split()
        if "openid" not in asked:
            return None
        return " ".join(name for name in self.scopes if name in asked)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Compared as digests in constant time, which tells not even the length."""
        expected = self.client_secret_hash or hash_secret(self.client_secret)
        fits = hmac.compare_digest(expected, hash_secret(client_secret))
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
