"""Settings of the outside providers that sign people in: ЕСИА itself, or an OIDC gateway to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from auth.settings import check_unique, is_loopback

TokenAuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]

_KEY = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderSettings:
    """The settings of every outside provider. Raises ``ValueError`` for what could never work."""

    key: str
    """Names it in addresses and in the links of people's identities: never change it."""
    title: str = "Госуслуги (ЕСИА)"
    """On the button, after «Войти через»."""
    scopes: tuple[str, ...] = ()
    ca_file: str = ""
    """Path of certificates (PEM) of authorities to trust for TLS; empty: those of the system."""

    def _check(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError(f"key {self.key!r} must be small Latin letters, digits and hyphens")
        if "openid" not in self.scopes:
            raise ValueError(f"{self.key}: scopes must include openid")


@dataclass(frozen=True, kw_only=True, slots=True)
class EsiaUpstream(ProviderSettings):
    """ЕСИА asked directly, in its second dialect (``/aas/oauth2/v2/ac``, ``/v3/te``)."""

    key: str = "esia"
    mnemonic: str
    """The ``client_id`` of our information system."""
    base_url: str = "https://esia.gosuslugi.ru"
    issuer: str = "http://esia.gosuslugi.ru/"
    """``iss`` of its tokens: http and a final slash, unlike the address
    (docs/facts/esia.md 1.2)."""
    scopes: tuple[str, ...] = ("openid", "fullname", "birthdate", "snils")
    """With ``kid_snils`` and ``kid_fullname`` a parent's children are asked for too."""
    certificate: str
    """Path of our certificate, PEM or DER, as registered for the mnemonic."""
    signing_key: str = ""
    """Path of its private key (PEM). Empty: ``signing_service`` signs."""
    signing_key_password: str = field(default="", repr=False)
    signing_service: str = ""
    """Address of a service that signs (docs/upstream.md)."""
    signing_service_token: str = field(default="", repr=False)
    token_certificates: tuple[str, ...]
    """Paths of ЕСИА's own certificates. Several at once around the day of a change."""

    def __post_init__(self) -> None:
        self._check()
        check_address(self.key, "base_url", self.base_url)
        if not self.mnemonic or not self.mnemonic.isprintable():
            raise ValueError(f"{self.key}: mnemonic must be a short printable text")
        if not self.certificate or not self.token_certificates:
            raise ValueError(f"{self.key}: certificate and token_certificates must name files")
        if bool(self.signing_key) == bool(self.signing_service):
            raise ValueError(f"{self.key}: signing_key or signing_service, one of them")
        if self.signing_service:
            check_address(self.key, "signing_service", self.signing_service)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimNames:
    """The names that a gateway uses for claims of the ID token or of userinfo.

    A dot leads into an object: ``person.snils``. An empty name: the gateway does not tell.
    """

    subject: str = "sub"
    """The person's lasting identifier, best ЕСИА's oid."""
    family_name: str = "family_name"
    given_name: str = "given_name"
    middle_name: str = "middle_name"
    birth_date: str = "birthdate"
    """``2014-03-05`` or ``05.03.2014``."""
    snils: str = "snils"
    confirmed: str = "trusted"
    """True, or one of ``confirmed_values``: the state checked who the person is."""
    confirmed_values: tuple[str, ...] = ("true",)
    child: str = ""
    """True: a child's account, made by a parent."""
    children: str = ""
    """A list of objects with the two claims below."""
    child_given_name: str = "given_name"
    child_snils: str = "snils"


@dataclass(frozen=True, kw_only=True, slots=True)
class OidcUpstream(ProviderSettings):
    """An OpenID Connect provider: usually a gateway that speaks to ЕСИА for us."""

    issuer: str
    """``iss`` of its tokens, and where its discovery document is."""
    client_id: str
    client_secret: str = field(default="", repr=False)
    token_endpoint_auth_method: TokenAuthMethod = "client_secret_basic"  # noqa: S105 - a name
    scopes: tuple[str, ...] = ("openid", "profile")
    pkce: bool = True
    """False only for a gateway that refuses parameters it does not know."""
    id_token_algorithms: tuple[str, ...] = ("RS256", "ES256")
    authorization_endpoint: str = ""
    """Empty, as the four below: taken from discovery. Given: there is no discovery."""
    token_endpoint: str = ""
    jwks_uri: str = ""
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    claims: ClaimNames = field(default_factory=ClaimNames)

    def __post_init__(self) -> None:
        self._check()
        check_address(self.key, "issuer", self.issuer)
        if not self.client_id:
            raise ValueError(f"{self.key}: client_id must be given")
        if not self.client_secret and self.token_endpoint_auth_method != "none":  # noqa: S105
            raise ValueError(
                f"{self.key}: client_secret must be given, or token_endpoint_auth_method be none"
            )
        needed = (self.authorization_endpoint, self.token_endpoint, self.jwks_uri)
        if any(needed) and not all(needed):
            raise ValueError(
                f"{self.key}: authorization_endpoint, token_endpoint and jwks_uri go together"
            )
        for name in (*needed, self.userinfo_endpoint, self.end_session_endpoint):
            if name:
                check_address(self.key, "endpoints", name)
        if not self.id_token_algorithms or any(
            name[:2] not in {"RS", "ES", "PS"} for name in self.id_token_algorithms
        ):
            raise ValueError(f"{self.key}: id_token_algorithms must be of the kinds RS, ES, PS")

    @property
    def uses_discovery(self) -> bool:
        return not self.authorization_endpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamSettings:
    """The outside providers; without any there is only our own sign-in.

    Raises ``ValueError`` for a key used twice.
    """

    esia: tuple[EsiaUpstream, ...] = ()
    oidc: tuple[OidcUpstream, ...] = ()
    timeout_seconds: float = 10.0
    """The time that one whole answer may take."""
    sign_in_seconds: int = 15 * 60
    """The time that a person may take over there."""
    clock_tolerance_seconds: int = 60
    """The difference that their clock may have from ours."""

    @property
    def is_used(self) -> bool:
        return bool(self.esia or self.oidc)

    def __post_init__(self) -> None:
        check_unique("key used twice", (one.key for one in (*self.esia, *self.oidc)))
        if self.timeout_seconds <= 0 or self.sign_in_seconds <= 0:
            raise ValueError("timeout_seconds and sign_in_seconds must be above 0")


def check_address(key: str, name: str, address: str) -> None:
    """Raise ``ValueError`` for an address that is not https; http is for this very machine only."""
    parts = urlsplit(address)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not safe or not parts.hostname or parts.fragment or parts.username:
        raise ValueError(f"{key}: {name} must be an https address; http is for loopback only")
