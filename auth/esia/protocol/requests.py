"""What registered systems ask: authorization and token requests, checked as ЕСИА checks them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_to_bytes, urlsplit

from sqlalchemy.exc import IntegrityError
from werkzeug.datastructures import MultiDict

from auth.esia.models import EsiaRequest, EsiaSeen, forget_expired
from auth.esia.protocol.admission import OBJECT_TYPES, ROLES, read_person_filter, read_words
from auth.esia.protocol.dialect import TIMESTAMP_FORMAT, Dialect, text_to_sign
from auth.esia.protocol.errors import EsiaRefused, Return
from auth.esia.protocol.gost import GostError
from auth.esia.protocol.permissions import dump_permissions, read_permissions
from auth.esia.protocol.scopes import KNOWN_SCOPES, bare, is_well_formed
from auth.esia.protocol.signatures import (
    Certificate,
    Flaw,
    SignatureRefused,
    certificate_meant,
    check_cms,
    check_raw,
)
from auth.esia.standin import RegisteredSystem, Standin
from auth.models import digest

GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
MAX_ADDRESS_LENGTH = 2000
MAX_SCOPE_LENGTH = 1000
"""The longest ``scope``: in a code's row each scope may grow by its person's oid."""

_TIMESTAMP_FORM = re.compile(r"\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d [+-]\d{4}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request as it came: each parameter once, empty when absent."""

    values: Mapping[str, str]
    repeated: tuple[str, ...]
    """The names of parameters that were given more than once."""
    dialect: Dialect
    address: str
    at: datetime
    system: RegisteredSystem | None
    standin: Standin
    readable: bool = True
    """False when it is no text in UTF-8, or no form where one is due."""
    with_other_credentials: bool = False
    """An ``Authorization`` header came along."""

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def for_tokens(self) -> bool:
        return self.address.endswith("/te")

    @property
    def timestamp(self) -> datetime | None:
        """Return the time; None unless in the one form that ЕСИА reads
        (docs/facts/esia.md 2.17)."""
        if not _TIMESTAMP_FORM.fullmatch(self["timestamp"]):
            return None
        try:
            return datetime.strptime(self["timestamp"], TIMESTAMP_FORMAT)  # noqa: DTZ007 - has %z
        except ValueError:
            return None


class SignatureMismatch(EsiaRefused):
    """A refusal because of the signature, with the flaw for the diagnostics."""

    def __init__(self, code: str, flaw: Flaw) -> None:
        super().__init__(code)
        self.flaw = flaw


def signed_text(asked: Asked, dialect: Dialect | None = None) -> str:
    """Return the text that the client must have signed (docs/facts/esia.md 3.1 to 3.3)."""
    with_code = asked.for_tokens and asked["grant_type"] == "authorization_code"
    return text_to_sign(asked.values, dialect or asked.dialect, with_code=with_code)


def is_text(encoded: bytes) -> bool:
    """Tell whether percent-encoded parameters are UTF-8."""
    try:
        unquote_to_bytes(encoded).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def read_request(
    parameters: MultiDict[str, str],
    dialect: Dialect,
    address: str,
    standin: Standin,
    *,
    readable: bool = True,
    with_other_credentials: bool = False,
) -> Asked:
    """Take the first value of each parameter; whether there are more is checked later."""
    values = {name: parameters.get(name, "") for name in parameters}
    return Asked(
        values=values,
        repeated=tuple(name for name, several in parameters.lists() if len(several) > 1),
        dialect=dialect,
        address=address,
        at=standin.clock(),
        system=standin.systems.get(values.get("client_id", "")),
        standin=standin,
        readable=readable,
        with_other_credentials=with_other_credentials,
    )


def check_authorization(asked: Asked, browser_hash: str) -> tuple[EsiaRequest, EsiaRefused | None]:
    """Check an authorization request and return what is to be kept of it. Raises ``EsiaRefused``.

    Nothing is sent to an address that was not checked (RFC 6749 section 4.1.2.1), everything
    else goes back with ``state``. All is checked before the person sees a page, unless the
    system wants its signature and rights checked after the sign-in
    (``EsiaSystem.check_after_sign_in``): then their refusal is returned, to be told later.
    """
    system = _system_of(asked)
    redirect_uri = asked["redirect_uri"]
    if not redirect_uri:
        raise EsiaRefused("007014", parameter="redirect_uri")
    if "redirect_uri" in asked.repeated or not may_return(redirect_uri, system):
        raise EsiaRefused("007023")
    state = "" if "state" in asked.repeated else asked["state"]
    try:
        if not asked.readable:
            raise EsiaRefused("007038")
        _check_single(asked)
        if not asked["response_type"]:
            raise EsiaRefused("007014", parameter="response_type")
        if asked["response_type"] != "code":
            raise EsiaRefused("007009")
        _check_signed_parameters(asked)
        scope = read_scope(f"{asked['scope']} {asked['scope_org']}", system)
        if asked["access_type"] not in {"", "online", "offline"}:
            raise EsiaRefused("007003", parameter="access_type")
        challenge = asked["code_challenge"]
        if challenge and (
            asked["code_challenge_method"] not in {"", "S256"}
            or not _CHALLENGE.fullmatch(challenge)
        ):
            raise EsiaRefused("007003", parameter="code_challenge")
        pending = EsiaRequest(
            browser_hash=browser_hash,
            system=system.mnemonic,
            redirect_uri=redirect_uri,
            scope=scope,
            state=state,
            offline=asked["access_type"] == "offline",
            person_filter=read_person_filter(asked["person_filter"]),
            roles=read_words(asked["roles"], ROLES, "007060", "roles"),
            obj_type=read_words(asked["obj_type"], OBJECT_TYPES, "007061", "obj_type"),
            permissions=dump_permissions(
                read_permissions(asked["permissions"], asked.standin.settings.consent_types)
            ),
            code_challenge=challenge,
        )
        late = None
        try:
            check_registered(scope, system)
            check_signature(asked, system)
        except EsiaRefused as refused:
            if not system.settings.check_after_sign_in:
                raise
            late = refused
        else:
            _remember(asked, browser_hash)
    except EsiaRefused as refused:
        refused.back = Return(redirect_uri=redirect_uri, state=state)
        raise
    pending.refused = late.code if late else ""
    return pending, late


def check_token_request(asked: Asked) -> RegisteredSystem:
    """Return the system that asks for tokens and has signed it. Raises ``EsiaRefused``."""
    if not asked.readable:
        raise EsiaRefused("007038")
    if asked.with_other_credentials and not (asked["client_id"] and asked["client_secret"]):
        raise EsiaRefused("008010", parameter="client_secret")
    system = _system_of(asked)
    _check_single(asked)
    if not asked["grant_type"]:
        raise EsiaRefused("007014", parameter="grant_type")
    if asked["grant_type"] not in GRANT_TYPES:
        raise EsiaRefused("007012")
    if asked["token_type"] not in {"", "Bearer"}:
        raise EsiaRefused("007003", parameter="token_type")
    _check_signed_parameters(asked)
    check_signature(asked, system)
    _remember(asked, "")
    return system


def read_scope(scope: str, system: RegisteredSystem) -> str:
    """Return the scopes, each once. Raises ``EsiaRefused`` for an unknown one."""
    asked = list(dict.fromkeys(scope.split()))
    if not asked:
        raise EsiaRefused("007013")
    known = KNOWN_SCOPES | set(system.settings.scopes)
    if (
        len(scope) > MAX_SCOPE_LENGTH
        or {bare(one) for one in asked} - known
        or not all(is_well_formed(one) for one in asked)
    ):
        raise EsiaRefused("007006")
    return " ".join(asked)


def check_registered(scope: str, system: RegisteredSystem) -> None:
    """Raises ``EsiaRefused`` when the system may not ask for one of the scopes."""
    if {bare(one) for one in scope.split()} - set(system.settings.scopes):
        raise EsiaRefused("007019")


def check_signature(asked: Asked, system: RegisteredSystem) -> None:
    """Raises ``SignatureMismatch``, and ``EsiaRefused`` when it cannot be checked now."""
    try:
        flaw = _flaw_in_any_order(asked, system)
    except GostError as error:
        raise EsiaRefused("007008") from error
    if flaw:
        foreign = flaw in {Flaw.NO_CERTIFICATE, Flaw.FOREIGN_CERTIFICATE}
        raise SignatureMismatch("007002" if foreign else "007053", flaw)


def _flaw_in_any_order(asked: Asked, system: RegisteredSystem) -> Flaw | None:
    """Return the flaw of the signature.

    At the newer addresses a system with ``accept_v1_order`` may sign as in the first dialect: in
    its order of the values a bare signature, or in its container over either order. The
    certificate is the one of ``client_certificate_hash`` all the same.
    """
    if not system.certificates:
        return Flaw.NO_CERTIFICATE
    flaw = _flaw(asked, system, asked.dialect, asked.dialect)
    if asked.dialect is Dialect.V1 or not system.settings.accept_v1_order:
        return flaw
    if flaw not in {Flaw.NOT_RAW, Flaw.WRONG}:
        return flaw
    form = Dialect.V1 if flaw is Flaw.NOT_RAW else Dialect.V2
    fits = any(_flaw(asked, system, order, form) is None for order in Dialect)
    return None if fits else flaw


def _flaw(asked: Asked, system: RegisteredSystem, order: Dialect, form: Dialect) -> Flaw | None:
    """Check a signature over the values in an ``order``, made as the dialect ``form`` makes it: a
    container, or a bare signature."""
    secret, text = asked["client_secret"], signed_text(asked, order)
    hashed, gost, now = asked["client_certificate_hash"], asked.standin.gost, asked.at
    known: Sequence[Certificate] = system.certificates
    try:
        if form is Dialect.V2:
            check_raw(secret, text, certificate_hash=hashed, certificates=known, gost=gost, now=now)
        else:
            if asked.dialect is Dialect.V2:
                known = [certificate_meant(hashed, known)]
            check_cms(secret, text, certificates=known, gost=gost, now=now)
    except SignatureRefused as refused:
        return refused.flaw
    return None


def _system_of(asked: Asked) -> RegisteredSystem:
    if not asked["client_id"]:
        raise EsiaRefused("007014", parameter="client_id")
    if asked.system is None:
        raise EsiaRefused("007005")
    return asked.system


def _check_single(asked: Asked) -> None:
    if asked.repeated:
        name = asked.repeated[0]
        raise EsiaRefused("007003", parameter=name if name.isidentifier() else "")


def _check_signed_parameters(asked: Asked) -> None:
    """Check each part of the signed text on its own, as the text has no separators."""
    if not asked["scope"].strip() and not asked["scope_org"].strip():
        raise EsiaRefused("007013")
    mandatory = ["timestamp", "state", "client_secret"]
    if asked.dialect is Dialect.V2:
        mandatory.append("client_certificate_hash")
    for name in mandatory:
        if not asked[name]:
            raise EsiaRefused("007014", parameter=name)
    if not _UUID.fullmatch(asked["state"]):
        raise EsiaRefused("007003", parameter="state")
    if asked.timestamp is None or abs(asked.timestamp - asked.at) > asked.standin.tolerance:
        raise EsiaRefused("007015")


def may_return(redirect_uri: str, system: RegisteredSystem) -> bool:
    """Tell whether the host is registered; any port and path of it will do
    (docs/facts/esia.md 2.3)."""
    if len(redirect_uri) > MAX_ADDRESS_LENGTH or "\\" in redirect_uri:
        return False
    if not redirect_uri.isascii() or not redirect_uri.isprintable() or " " in redirect_uri:
        return False
    try:
        parts = urlsplit(redirect_uri)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    hosts = {name.lower() for name in system.settings.redirect_hosts}
    return (
        parts.scheme in {"https", "http"}
        and "@" not in parts.netloc
        and not parts.fragment
        and host in hosts
    )


def _remember(asked: Asked, browser_hash: str) -> None:
    """Accept a signed request once; again only from the browser that brought it first.

    A person who goes back from the sign-in page shows the same request again. Raises
    ``EsiaRefused``.
    """
    key = digest("\n".join((asked.address, asked["client_id"], asked["state"], asked["timestamp"])))
    seen = EsiaSeen(
        request_hash=key,
        browser_hash=browser_hash,
        expires_at=asked.at + 2 * asked.standin.tolerance,
    )
    try:
        with asked.standin.session_factory.begin() as db:
            forget_expired(db, asked.at)
            db.add(seen)
    except IntegrityError:
        with asked.standin.session_factory() as db:
            first = db.get(EsiaSeen, key)
        if not browser_hash or first is None or first.browser_hash != browser_hash:
            raise EsiaRefused("007003", parameter="state") from None
