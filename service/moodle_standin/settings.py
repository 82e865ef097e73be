"""What a site administrator sets: the switches of the stand-in that change its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from babel import Locale

RELEASE = "4.5.5+ (Build: 20250613)"
VERSION = "2024100705.01"

_NO_COUNTRY = frozenset(
    ["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"]
)
"""Two-letter codes of the locale data that are no ISO 3166-1 country."""


COUNTRIES = frozenset(
    code for code in map(str, Locale("en").territories) if len(code) == 2 and code.isalpha()
).difference(_NO_COUNTRY)
"""ISO 3166-1 codes; Moodle stores any other country as an empty string."""


@dataclass(frozen=True, kw_only=True)
class PasswordPolicy:
    """Moodle's site policy; the defaults are those of a fresh 4.5 (docs/facts/moodle.md 5.10)."""

    enabled: bool = True
    min_length: int = 8
    min_digits: int = 1
    min_lower: int = 1
    min_upper: int = 1
    min_other: int = 1
    """Characters that are neither letters nor digits."""


@dataclass(frozen=True, kw_only=True)
class CustomReport:
    """A report about users that an administrator has put together in Moodle's report builder."""

    name: str
    by_institution: bool = False
    """One row per institution with counts, instead of one per user."""
    active_only: bool = False


@dataclass(frozen=True, kw_only=True)
class SiteSettings:
    """One configuration of the site; replaced as a whole when a test or an operator changes it."""

    site_name: str = "Moodle stand-in"
    webservices_enabled: bool = True
    rest_enabled: bool = True
    service_enabled: bool = True
    maintenance: bool = False
    database_reachable: bool = True
    debug: bool = False
    """Developer debugging: errors carry `debuginfo`."""
    allow_accounts_same_email: bool = False
    extended_username_chars: bool = False
    password_policy: PasswordPolicy = PasswordPolicy()
    max_input_vars: int = 5000
    post_max_bytes: int = 8 * 1024 * 1024
    languages: tuple[str, ...] = ("en",)
    """Installed language packs; the first is the site's own."""
    auth_methods: tuple[str, ...] = ("manual", "nologin", "email", "ldap", "oauth2", "webservice")
    """Installed, not necessarily enabled: Moodle accepts an account of a method that is off."""
    external_auth_methods: tuple[str, ...] = ("ldap", "oauth2")
    """Methods that keep no password in Moodle."""
    themes: tuple[str, ...] = ("boost", "classic")
    assignable_roles: tuple[int, ...] = (3, 4, 5)
    """What the service account may assign: the ticks in Moodle's "Allow role assignments"."""
    site_roles: Mapping[str, int] = field(default_factory=dict)
    """User name -> role over the whole site, which only an administrator gives in the browser."""
    profile_fields: Mapping[str, str] = field(default_factory=dict)
    """Custom profile fields: short name to name."""
    reports: tuple[CustomReport, ...] = ()
    """Custom reports; their ids are their places, from 1."""


@dataclass(frozen=True, kw_only=True)
class ServiceToken:
    """An access token: whose it is and what its service holds."""

    username: str = "svc_provision"
    functions: frozenset[str] | None = None
    """Functions of the external service; None means every function the stand-in knows."""
    may_use_rest: bool = True
    """The capability webservice/rest:use."""
    expired: bool = False
