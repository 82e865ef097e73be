"""Codes and tokens of ЕСИА: their recorded shape, their exchange, their ends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete
from sqlalchemy.orm import Session

from auth.esia.models import EsiaCode, EsiaRequest, EsiaSession, EsiaToken
from auth.esia.people.people import Profile
from auth.esia.protocol.errors import EsiaRefused
from auth.esia.protocol.keys import StandinKeys
from auth.esia.protocol.permissions import agree, load_consents
from auth.esia.protocol.requests import Asked, check_registered, read_scope
from auth.esia.protocol.scopes import target, with_oid
from auth.esia.standin import RegisteredSystem, Standin
from auth.esia.workbench.faults import clock_shift, faults_at
from auth.models import digest

ACCESS_TOKEN_SECONDS = 3600
ID_TOKEN_SECONDS = 3 * 3600

Json = dict[str, Any]


def dump_json(document: Any) -> str:
    """Write JSON as ЕСИА does: compact, slashes escaped (docs/facts/esia.md 5.15)."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.replace("/", "\\/")


def make_jwt(header: Json, claims: Json, algorithm: str, keys: StandinKeys) -> str:
    """Make a JWT without ``kid``: clients hold the certificate."""
    parts = [header | {"alg": algorithm}, claims]
    signed = ".".join(_base64url(dump_json(part).encode()) for part in parts)
    return f"{signed}.{_base64url(keys.sign(algorithm, signed.encode()))}"


def issue_code(
    request: EsiaRequest, session: EsiaSession, user_agent: str, standin: Standin, db: Session
) -> str:
    """Make a code as long as a real one; it is stored in ``db`` and good for one exchange."""
    now = standin.clock()
    expires_at = now + timedelta(seconds=standin.settings.code_seconds)
    system = standin.systems[request.system]
    shown = now + clock_shift(faults_at(system.settings, "ac"))
    claims = {
        "auth_time": _milliseconds(session.auth_time),
        "auth_mthd": "PWD",
        "exp": _milliseconds(expires_at),
        "scope": with_oid(request.scope, session.oid),
        "iss": standin.settings.issuer,
        "nbf": _seconds(shown),
        "iat": _seconds(shown),
        "client_id": request.system,
        "urn:esia:client:state": request.state,
        "urn:esia:sid": session.sid,
        "urn:esia:sbj": {
            "urn:esia:sbj:eid": session.oid,
            "urn:esia:sbj:nam": f"OID.{session.oid}",
            "urn:esia:sbj:oid": session.oid,
            "urn:esia:sbj:typ": "P",
        },
        # The recorded one holds the address of the browser, which is nobody's business here.
        "params": {"remote_ip": "0.0.0.0", "user_agent": user_agent[:200]},  # noqa: S104
        "jti": str(uuid.uuid4()),
    }
    header = {"typ": "JWT", "sbt": "authorization_code", "ver": 1}
    code = make_jwt(header, claims, system.settings.token_algorithm, standin.keys)
    kept = ("system", "redirect_uri", "scope", "offline", "code_challenge")
    db.add(
        EsiaCode(
            code_hash=digest(code),
            **{name: getattr(request, name) for name in kept},
            permissions=agree(request.permissions, now),
            oid=session.oid,
            sid=session.sid,
            auth_time=session.auth_time,
            expires_at=expires_at,
        )
    )
    return code


def exchange_code(asked: Asked, system: RegisteredSystem) -> Json:
    """Give tokens for a code; a second try ends those of the first. Raises ``EsiaRefused``."""
    standin = asked.standin
    for name in ("code", "redirect_uri"):
        if not asked[name]:
            raise EsiaRefused("007014", parameter=name)
    code_hash = digest(asked["code"])
    with standin.session_factory() as db:
        code = db.get(EsiaCode, code_hash)
    mine = (EsiaCode.code_hash == code_hash, EsiaCode.system == system.mnemonic)
    if not _claim(EsiaCode, *mine, standin=standin):
        code = None
        begun = (EsiaToken.grant_hash == code_hash, EsiaToken.system == system.mnemonic)
        with standin.session_factory.begin() as db:
            db.execute(delete(EsiaToken).where(*begun))
    if code is None or code.expires_at <= asked.at or code.redirect_uri != asked["redirect_uri"]:
        raise EsiaRefused("007011")
    _check_verifier(code.code_challenge, asked["code_verifier"])
    return _issue(asked, system, code, grant_hash=code_hash, offline=code.offline)


def refresh(asked: Asked, system: RegisteredSystem) -> Json:
    """Give new tokens for a refresh token, which is used up. Raises ``EsiaRefused``."""
    if not asked["refresh_token"]:
        raise EsiaRefused("007014", parameter="refresh_token")
    standin = asked.standin
    token_hash = digest(asked["refresh_token"])
    mine = (
        EsiaToken.token_hash == token_hash,
        EsiaToken.kind == "refresh",
        EsiaToken.system == system.mnemonic,
    )
    with standin.session_factory() as db:
        token = db.get(EsiaToken, token_hash)
    claimed = _claim(EsiaToken, *mine, standin=standin)
    if not claimed or token is None or token.expires_at <= asked.at:
        raise EsiaRefused("007011")
    return _issue(asked, system, token, grant_hash=token.grant_hash, offline=True)


def system_token(asked: Asked, system: RegisteredSystem) -> Json:
    """Give a token of the system itself; each scope must name its oid. Raises ``EsiaRefused``."""
    scope = read_scope(asked["scope"], system)
    check_registered(scope, system)
    if any(target(one) is None for one in scope.split()):
        raise EsiaRefused("007006")
    moment, keys = _seconds(asked.at), asked.standin.keys
    claims = {"scope": scope, "jti": str(uuid.uuid4())}
    access_token = _access_token(claims, system, moment, asked.standin, keys)
    own = EsiaToken(
        system=system.mnemonic, scope=scope, permissions="", oid=0, sid="", auth_time=asked.at
    )
    _keep({"access": (access_token, ACCESS_TOKEN_SECONDS)}, own, "", asked.at, asked.standin)
    return _answer(asked, access_token=access_token)


def _access_token(
    claims: Json, system: RegisteredSystem, moment: int, standin: Standin, keys: StandinKeys
) -> str:
    return make_jwt(
        {"ver": 1, "typ": "JWT", "sbt": "access"},
        {
            "iss": standin.settings.issuer,
            "nbf": moment,
            "iat": moment,
            "exp": moment + ACCESS_TOKEN_SECONDS,
            "client_id": system.mnemonic,
            **claims,
        },
        system.settings.token_algorithm,
        keys,
    )


def _answer(asked: Asked, **tokens: str) -> Json:
    return {
        **tokens,
        "expires_in": ACCESS_TOKEN_SECONDS,
        "state": asked["state"],
        "token_type": "Bearer",
    }


def _claim(
    table: type[EsiaCode | EsiaToken], *which: ColumnElement[bool], standin: Standin
) -> bool:
    """Delete one row; return False when it is gone already, so that of two tries one wins."""
    with standin.session_factory.begin() as db:
        deleted = cast("CursorResult[Any]", db.execute(delete(table).where(*which)))
        return deleted.rowcount == 1


def _check_verifier(challenge: str, verifier: str) -> None:
    """Check PKCE with S256 (RFC 7636)."""
    if not challenge:
        if verifier:
            raise EsiaRefused("007039")
        return
    hashed = _base64url(hashlib.sha256(verifier.encode()).digest())
    if not hmac.compare_digest(hashed, challenge):
        raise EsiaRefused("007040")


def _issue(
    asked: Asked,
    system: RegisteredSystem,
    given: EsiaCode | EsiaToken,
    *,
    grant_hash: str,
    offline: bool,
) -> Json:
    """Return the answer with all three tokens for the code or refresh token that was ``given``; the
    id token always (docs/facts/esia.md 5.9)."""
    standin, settings = asked.standin, system.settings
    profile = standin.people.by_oid(given.oid, asked.at.date())
    if profile is None:
        raise EsiaRefused("007011")
    faults = faults_at(settings, "te")
    keys = standin.keys.changed() if "changed_certificate" in faults else standin.keys
    issued_at = asked.at - timedelta(days=1) if "expired_token" in faults else asked.at
    moment = _seconds(issued_at + clock_shift(faults))
    access_claims = {
        "scope": with_oid(given.scope, given.oid),
        "urn:esia:sid": given.sid,
        "urn:esia:sbj_id": given.oid,
        "jti": str(uuid.uuid4()),
        **_permission_claims(given, asked.at, standin),
    }
    auth_time = _milliseconds if settings.auth_time_milliseconds else _seconds
    id_token = make_jwt(
        {"ver": 0, "typ": "JWT", "sbt": "id"},
        {
            "iss": standin.settings.issuer,
            "aud": "ANOTHER" if "wrong_audience" in faults else system.mnemonic,
            "sub": given.oid,
            "nbf": moment,
            "iat": moment,
            "exp": moment + ID_TOKEN_SECONDS,
            "auth_time": auth_time(given.auth_time),
            "amr": "PWD",
            "urn:esia:amd": "PWD",
            "urn:esia:sid": given.sid,
            "urn:esia:sbj": _subject(profile, with_level=settings.level_claim),
        },
        settings.token_algorithm,
        keys,
    )
    access_token = _access_token(access_claims, system, moment, standin, keys)
    answer = _answer(asked, access_token=access_token, id_token=id_token)
    tokens = {"access": (access_token, ACCESS_TOKEN_SECONDS)}
    if offline:
        answer["refresh_token"] = str(uuid.uuid4())
        tokens["refresh"] = (answer["refresh_token"], standin.settings.refresh_token_seconds)
    _keep(tokens, given, grant_hash, issued_at, standin)
    return answer


def _keep(
    tokens: Mapping[str, tuple[str, int]],
    given: EsiaCode | EsiaToken,
    grant_hash: str,
    issued_at: datetime,
    standin: Standin,
) -> None:
    """Store tokens, by kind each text and its seconds, for what was ``given``."""
    kept = ("system", "scope", "permissions", "oid", "sid", "auth_time")
    with standin.session_factory.begin() as db:
        for kind, (text, seconds) in tokens.items():
            db.add(
                EsiaToken(
                    token_hash=digest(text),
                    kind=kind,
                    **{name: getattr(given, name) for name in kept},
                    grant_hash=grant_hash,
                    expires_at=issued_at + timedelta(seconds=seconds),
                )
            )


def _permission_claims(given: EsiaCode | EsiaToken, now: datetime, standin: Standin) -> Json:
    """Return the claims about consents. Their names are known (docs/facts/esia.md 5.12); what they
    hold is ours: the scopes of the consents in force, and where the consents are described."""
    consents = load_consents(given.permissions, now)
    if not consents:
        return {}
    scopes = dict.fromkeys(scope for one in consents for scope in one.scopes)
    return {
        "permissions": with_oid(" ".join(scopes), given.oid),
        "permissions_url": f"{standin.base_url}/rs/prns/{given.oid}/prmns",
    }


def _subject(profile: Profile, *, with_level: bool) -> Json:
    """Return the claims about the person; ``is_tru`` is absent, not false, when the account is not
    confirmed."""
    subject: Json = {
        "urn:esia:sbj:oid": profile.oid,
        "urn:esia:sbj:nam": f"OID.{profile.oid}",
        "urn:esia:sbj:typ": "P",
    }
    if with_level:
        subject["urn:esia:sbj:lvl"] = profile.level_code
    return subject | ({"urn:esia:sbj:is_tru": True} if profile.confirmed else {})


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
