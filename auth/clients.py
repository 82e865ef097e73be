"""Client: an application that sends people here to sign in, with its named departures."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]

MAX_ADDRESS_LENGTH = 2000
KNOWN_SCOPES = ("openid", "profile", "email", "school")


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """One registered application; without a secret it is a public client and must use PKCE.

    The methods are what Authlib asks a client (its ``ClientMixin``).
    Raises ``ValueError`` for values that could never work or would be unsafe.
    """

    client_id: str
    client_secret: str = field(default="", repr=False)
    """Empty: a public client."""
    redirect_uris: tuple[str, ...] = ()
    """Compared as whole strings; Moodle's is ``<Moodle>/admin/oauth2callback.php``."""
    name: str = ""
    """Shown to people on the sign-in page; empty: the client id."""
    scopes: tuple[str, ...] = KNOWN_SCOPES
    """The most this client may ask for."""
    token_endpoint_auth_methods: tuple[AuthMethod, ...] = (
        "client_secret_basic",
        "client_secret_post",
    )
    require_pkce: bool = False
    """Also for a client with a secret. Moodle sends no challenge (Moodle notes: protocol)."""
    roles: tuple[str, ...] = ()
    """Only people with one of these roles may sign in; empty: everyone."""

    def __post_init__(self) -> None:
        if not self.client_id.isprintable() or not self.client_id:
            raise ValueError("client_id must be a printable text")
        if not self.redirect_uris:
            raise ValueError(f"{self.client_id}: redirect_uris must name at least one address")
        for uri in self.redirect_uris:
            parts = urlsplit(uri)
            if not (parts.scheme and (parts.netloc or parts.path)) or parts.fragment:
                raise ValueError(f"{self.client_id}: {uri} is not an absolute address")
            if not uri.isascii() or not uri.isprintable() or len(uri) > MAX_ADDRESS_LENGTH:
                raise ValueError(f"{self.client_id}: an address must be short ASCII text")
            if parts.scheme in {"javascript", "data", "vbscript"}:
                raise ValueError(f"{self.client_id}: {uri} would run as a script")
        if unknown := set(self.scopes) - set(KNOWN_SCOPES):
            raise ValueError(f"{self.client_id}: unknown scopes {sorted(unknown)}")
        if "openid" not in self.scopes:
            raise ValueError(f"{self.client_id}: scopes must include openid")

    @property
    def is_public(self) -> bool:
        return not self.client_secret

    @property
    def needs_challenge(self) -> bool:
        return self.is_public or self.require_pkce

    @property
    def title(self) -> str:
        return self.name or self.client_id

    @property
    def origins(self) -> frozenset[str]:
        """Where people are sent back to, as sources of a content security policy."""
        parts = [urlsplit(uri) for uri in self.redirect_uris]
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
        return not self.is_public and hmac.compare_digest(
            self.client_secret.encode(), client_secret.encode()
        )

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        if self.is_public:
            return method == "none"
        return method != "none" and method in self.token_endpoint_auth_methods

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"
