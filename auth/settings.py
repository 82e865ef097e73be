"""Settings of the provider: who we are, who may send people here, ages, password rules."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from auth.clients import Client


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthSettings:
    """Raises ``ValueError`` for an issuer that is not safe and for a client registered twice."""

    issuer: str = ""
    """Our public base address without a final slash: https, or http on loopback."""
    clients: tuple[Client, ...] = ()
    phase: Literal["password_only"] = "password_only"
    """The rule of ``policy.PHASES`` in force."""
    code_seconds: int = 60
    access_token_seconds: int = 600
    """Long enough for one userinfo request: Moodle asks for a new token at each sign-in."""
    id_token_seconds: int = 600
    session_seconds: int = 4 * 60 * 60
    """A person stays signed in here so long; Moodle never tells us that somebody left."""
    password_sign_in: bool = True
    """False: passwords are kept in Moodle and our page only says so."""
    min_password_length: int = 8
    failures_per_account: int = 10
    """Wrong passwords for one login from one address inside the window, then a pause."""
    failures_per_address: int = 300
    """Wrong passwords from one address, all logins together: a whole school may share it."""
    failure_window_seconds: int = 15 * 60

    def __post_init__(self) -> None:
        if self.issuer:
            _check_issuer(self.issuer)
        names = [client.client_id for client in self.clients]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"client_id registered twice: {', '.join(sorted(twice))}")


def _check_issuer(issuer: str) -> None:
    parts = urlsplit(issuer)
    if parts.query or parts.fragment or issuer.endswith("/") or not parts.hostname:
        raise ValueError("issuer must be a base address without query and final slash")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError("issuer must be https; http is for loopback only")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class EsiaSystem:
    """An information system registered for the ESIA dialect."""

    mnemonic: str
    certificate: str = ""
    """Path of the PEM file with the one certificate whose signatures count."""
    redirect_hosts: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("openid",)
    token_algorithm: Literal["RS256", "GOST3410_2012_256"] = "RS256"  # noqa: S105


@dataclass(frozen=True, kw_only=True, slots=True)
class EsiaSettings:
    systems: tuple[EsiaSystem, ...] = ()
