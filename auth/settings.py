"""Settings of the provider: who we are, who may send people here, ages, password rules."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from auth.clients.client import Client
from auth.clients.problems import FieldProblem, Flaw, WrongFields

MAX_NAME_LENGTH = 100
"""The limit for a mnemonic and for a name that people are shown."""


_BARE_HOST = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
"""It becomes part of an address and of rules for browsers; one in Cyrillic is written xn--."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthSettings:
    """Raises ``ValueError`` for an issuer that is not safe and for a client registered twice."""

    issuer: str = ""
    """Our public base address without a final slash: https, or http on loopback."""
    clients: tuple[Client, ...] = ()
    phase: Literal["password_only", "both", "esia_only"] = "password_only"
    """The phase (``auth.signin.phases.Phase``) before any rule begins."""
    schools_set_phases: bool = False
    """True: a school's operators set phases for their classes and roles, and exempt people."""
    phase_notice_days: int = 30
    """The number of days that the pages count down before passwords end."""
    code_seconds: int = 60
    access_token_seconds: int = 600
    """Long enough for one userinfo request: Moodle asks for a new token at each sign-in."""
    id_token_seconds: int = 600
    refresh_token_seconds: int = 14 * 24 * 60 * 60
    """The time after a sign-in in which an application may refresh (``offline_access``)."""
    session_seconds: int = 4 * 60 * 60
    """The time a person stays signed in here; Moodle never tells us that somebody left."""
    password_sign_in: bool = True
    """False: passwords are kept in Moodle and our page only says so."""
    min_password_length: int = 8
    failures_per_account: int = 10
    """Wrong passwords for one login from one address inside the window, then a pause; also in one
    browser that the person signed in with before."""
    failures_per_account_anywhere: int = 100
    """Wrong passwords for one login from all addresses inside the window; then it is paused in
    browsers that the person never signed in with."""
    failures_per_address: int = 300
    """Wrong passwords from one address, all logins together: a whole school may share it."""
    failure_window_seconds: int = 15 * 60
    class_teacher_resets: bool = False
    """True: class teachers reset the passwords of the pupils of their own class."""
    keep_login_events_days: int = 3 * 366
    """Login events are deleted after this time; 0 keeps them. Reports have older figures of their
    own."""

    def __post_init__(self) -> None:
        if self.issuer:
            _check_issuer(self.issuer)
        _check_positive(
            self,
            "failures_per_account",
            "failures_per_account_anywhere",
            "failures_per_address",
            "failure_window_seconds",
        )
        check_unique("client_id registered twice", (one.client_id for one in self.clients))

    def grant_age(self, scope: str) -> timedelta:
        """Return the longest time for which a grant is remembered."""
        seconds = max(self.session_seconds, self.access_token_seconds)
        if "offline_access" in scope.split():
            seconds = max(seconds, self.refresh_token_seconds)
        return timedelta(seconds=seconds)

    @property
    def signature_age(self) -> timedelta:
        """Return the time after its signing in which an ID token may be shown or checked."""
        return timedelta(seconds=max(self.session_seconds, self.id_token_seconds))


def _check_issuer(issuer: str) -> None:
    parts = urlsplit(issuer)
    if parts.query or parts.fragment or issuer.endswith("/") or not parts.hostname:
        raise ValueError("issuer must be a base address without query and final slash")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("issuer must be https; http is for loopback only")


def check_unique(problem: str, names: Iterable[str]) -> None:
    """Raise ``ValueError`` that tells the problem of names that come twice."""
    if twice := sorted(name for name, times in Counter(names).items() if times > 1):
        raise ValueError(f"{problem}: {', '.join(twice)}")


def _check_positive(settings: object, *names: str) -> None:
    for name in names:
        if getattr(settings, name) < 1:
            raise ValueError(f"{name} must be at least 1")


def is_loopback(host: str) -> bool:
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
    """Its ``client_id``."""
    name: str = ""
    """Shown to people who are asked for their consent; empty: the mnemonic."""
    certificate: str = ""
    """Path of the PEM file with the certificate whose signatures count, between its dates."""
    next_certificate: str = ""
    """Path of the certificate that comes after it: while both are valid, both count."""
    redirect_hosts: tuple[str, ...] = ()
    """Host names, without port and path, that people may be sent back to."""
    scopes: tuple[str, ...] = ("openid",)
    token_algorithm: Literal["RS256", "GOST3410_2012_256"] = "RS256"  # noqa: S105
    """The algorithm of our tokens for it, whatever it signs with itself."""
    faults: tuple[str, ...] = ()
    """Faults that it meets on purpose: ``te:html``, ``ac:007007`` (docs/esia.md)."""
    accept_v1_order: bool = False
    """Also accept the first dialect's order of the signed values at the newer addresses, and its
    container."""
    check_after_sign_in: bool = False
    """Refuse a wrong signature, or scopes that are not registered, only after the person signed
    in, as ЕСИА was seen to do at times."""
    auth_time_milliseconds: bool = False
    """``auth_time`` of the id token in its old form; seconds otherwise."""
    level_claim: bool = True
    """True: tokens carry ``urn:esia:sbj:lvl``, which older ones did not."""
    second_factor_scopes: tuple[str, ...] = ()
    """Scopes that are given only to people who can confirm by a second factor."""

    def __post_init__(self) -> None:
        if problems := tuple(self._find_problems()):
            raise WrongFields(problems)

    def _find_problems(self) -> Iterator[FieldProblem]:
        for name in ("mnemonic", "name"):
            value = getattr(self, name)
            text = f"{name} must be a short printable text"
            if name == "mnemonic" and not value:
                yield FieldProblem(field=name, flaw=Flaw.MISSING, text=text)
            elif not value.isprintable():
                yield FieldProblem(field=name, flaw=Flaw.NOT_PRINTABLE, text=text)
            elif len(value) > MAX_NAME_LENGTH:
                yield FieldProblem(field=name, flaw=Flaw.TOO_LONG, text=text)
        for host in self.redirect_hosts:
            if not _BARE_HOST.fullmatch(host):
                text = f"{self.mnemonic}: redirect_hosts are bare host names"
                yield FieldProblem(
                    field="redirect_hosts", flaw=Flaw.NOT_A_HOST, text=text, value=host
                )

    @property
    def title(self) -> str:
        return self.name or self.mnemonic


@dataclass(frozen=True, kw_only=True, slots=True)
class EsiaConsentType:
    """A kind of Digital profile consent that systems may ask for with ``permissions``."""

    sysname: str
    """Its mnemonic."""
    name: str = ""
    """Shown to people; empty: the mnemonic."""
    scopes: tuple[str, ...] = ()
    """The most it may cover; empty: the request may name none."""
    mandatory_scopes: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    """Things that may be done with the data."""
    purposes: tuple[str, ...] = ()
    single_purpose: bool = False
    max_expire_minutes: int = 365 * 24 * 60

    def __post_init__(self) -> None:
        if not self.sysname:
            raise ValueError("a consent type needs a sysname")
        if not set(self.mandatory_scopes) <= set(self.scopes):
            raise ValueError(f"{self.sysname}: mandatory_scopes must be among scopes")

    @property
    def title(self) -> str:
        return self.name or self.sysname


@dataclass(frozen=True, kw_only=True, slots=True)
class EsiaSettings:
    """The ЕСИА stand-in. Raises ``ValueError`` for a mnemonic registered twice."""

    serve: bool = False
    """Answer although no system stands in the file: systems are registered in the console."""
    systems: tuple[EsiaSystem, ...] = ()
    consent_types: tuple[EsiaConsentType, ...] = ()
    """Without any, each ``permissions`` is refused."""
    issuer: str = "http://esia.gosuslugi.ru/"
    """``iss`` of the tokens. Several clients compare it with this very text."""
    timestamp_tolerance_seconds: int = 300
    """The difference that the client's clock may have from ours."""
    session_seconds: int = 3 * 60 * 60
    """The time in which one sign-in opens every system."""
    code_seconds: int = 60
    refresh_token_seconds: int = 30 * 24 * 60 * 60
    test_people: bool = False
    """Offer the made-up people, who are entered without a password or with a public one: for
    trying systems out, never where a system holds anything real."""

    def __post_init__(self) -> None:
        check_unique("mnemonic registered twice", (one.mnemonic for one in self.systems))

    def consent_type(self, sysname: str) -> EsiaConsentType | None:
        return next((one for one in self.consent_types if one.sysname == sysname), None)

    @property
    def is_served(self) -> bool:
        return self.serve or bool(self.systems)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkingSettings:
    """Who confirms a likely link, how long a request to a school waits, what parents see. Raises
    ``ValueError`` for a number that makes no sense."""

    confirm: Literal["login", "school", "either"] = "either"
    """Who confirms a link that name and birth date suggest: the person by school login and
    password, the school's administrator, or whoever comes first. Where passwords are kept in
    Moodle nobody can type one here, and it is the school in any case."""
    request_days: int = 14
    """A request that the school does not answer is forgotten after this time; so is an answer that
    nobody came to read."""
    requests_per_identity: int = 3
    """Requests to schools that one person may send inside ``[auth] failure_window_seconds``."""
    requests_per_address: int = 60
    """The same for one network address: a whole school may share it."""
    parents_see: tuple[Literal["school", "class", "login", "last_sign_in"], ...] = (
        "school",
        "class",
        "login",
    )
    """Data of a child who is our pupil that a parent is shown; empty: the given name alone."""

    def __post_init__(self) -> None:
        _check_positive(self, "request_days", "requests_per_identity", "requests_per_address")
