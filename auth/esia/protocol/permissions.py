"""Consents of the Digital profile: the parameter ``permissions``, and what a person agreed to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from auth.clients.stored import from_json
from auth.esia.protocol.dialect import from_base64
from auth.esia.protocol.errors import EsiaRefused
from auth.settings import EsiaConsentType

MAX_CHARACTERS = 8000
"""The longest parameter: not every browser and server carries longer addresses."""
MAX_PERMISSIONS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """One consent that a system asks for."""

    sysname: str
    expire_minutes: int
    scopes: tuple[str, ...]
    actions: tuple[str, ...]
    purposes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Consent:
    """One consent that a person gave; ``expires_at`` in seconds of the epoch."""

    sysname: str
    scopes: tuple[str, ...]
    actions: tuple[str, ...]
    purposes: tuple[str, ...]
    expires_at: int


def read_permissions(
    parameter: str, consent_types: Iterable[EsiaConsentType]
) -> tuple[Permission, ...]:
    """Return the consents asked for, in order. Raises ``EsiaRefused`` (docs/facts/esia.md 4.29)."""
    if not parameter:
        return ()
    known = {one.sysname: one for one in consent_types}
    return tuple(_check(one, known) for one in _decode(parameter))


def dump_permissions(permissions: Sequence[Permission]) -> str:
    return json.dumps([asdict(one) for one in permissions]) if permissions else ""


def load_permissions(text: str) -> tuple[Permission, ...]:
    return tuple(Permission(**from_json(Permission, one)) for one in json.loads(text or "[]"))


def agree(text: str, now: datetime) -> str:
    """Return the stored permissions as consents that the person gave now, each with its end."""
    consents = []
    for one in load_permissions(text):
        given = asdict(one)
        end = now + timedelta(minutes=given.pop("expire_minutes"))
        consents.append(given | {"expires_at": int(end.timestamp())})
    return json.dumps(consents) if consents else ""


def load_consents(text: str, now: datetime) -> tuple[Consent, ...]:
    """Return the consents that have not ended."""
    consents = (Consent(**from_json(Consent, one)) for one in json.loads(text or "[]"))
    return tuple(one for one in consents if one.expires_at > now.timestamp())


def _decode(parameter: str) -> list[dict[str, Any]]:
    """Decode base64url, padded or not, of a JSON array of objects (docs/facts/esia.md 2.9)."""
    try:
        if len(parameter) > MAX_CHARACTERS:
            raise ValueError
        found = json.loads(from_base64(parameter).decode("utf-8"))
    except (ValueError, RecursionError):
        found = None
    if (
        not isinstance(found, list)
        or not 0 < len(found) <= MAX_PERMISSIONS
        or not all(isinstance(one, dict) for one in found)
    ):
        raise _refused("007038")
    return found


def _check(asked: Mapping[str, Any], known: Mapping[str, EsiaConsentType]) -> Permission:
    sysname = asked.get("sysname")
    if not sysname:
        raise _refused("036700")
    if not isinstance(sysname, str) or sysname not in known:
        raise _refused("036701")
    kind = known[sysname]
    scopes, actions, purposes = (_names(asked, part) for part in ("scopes", "actions", "purposes"))
    minutes = asked.get("expire")
    for code, is_wrong in (
        ("036704", scopes and not kind.scopes),
        ("036703", set(scopes) - set(kind.scopes)),
        ("036702", set(kind.mandatory_scopes) - set(scopes)),
        ("036705", not actions),
        ("036706", set(actions) - set(kind.actions)),
        ("036707", not purposes),
        ("036726", set(purposes) - set(kind.purposes)),
        ("036727", kind.single_purpose and len(purposes) > 1),
    ):
        if is_wrong:
            raise _refused(code)
    if type(minutes) is not int or not 0 < minutes <= kind.max_expire_minutes:
        raise _refused("036716")
    return Permission(
        sysname=sysname, expire_minutes=minutes, scopes=scopes, actions=actions, purposes=purposes
    )


def _names(asked: Mapping[str, Any], part: str) -> tuple[str, ...]:
    """Return the ``sysname`` of each item."""
    items = asked.get(part) or []
    if not isinstance(items, list):
        raise _refused("007038")
    names: list[Any] = [one.get("sysname") if isinstance(one, dict) else "" for one in items]
    if not all(isinstance(name, str) and name for name in names):
        raise _refused("007038")
    return tuple(dict.fromkeys(names))


def _refused(code: str) -> EsiaRefused:
    return EsiaRefused(code, parameter="permissions")
