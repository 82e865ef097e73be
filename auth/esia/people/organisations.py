"""Organisations in the REST service, their employees and the groups of these."""

from __future__ import annotations

from auth.esia.people.collections import Json
from auth.esia.people.people import Organisation, People, Profile
from auth.esia.people.rest import list_of, with_etag
from auth.esia.protocol.errors import RestRefused
from auth.esia.protocol.scopes import bare, target

SCHEMAS = {"emps": "Employees-1", "grps": "Groups-1"}
"""Ours, like every form here but that of the organisation: only the addresses are recorded."""
ADMINISTRATORS = {
    "grp_id": "ORG_ADMIN",
    "name": "Администраторы профиля организации",
    "itSystem": "ESIA",
    "system": True,
}


def scopes_for(scope: str, oid: int, profile: Profile | None) -> frozenset[str]:
    """Return the scopes by which a token opens one organisation.

    ``profile`` is the token's person, None for a system's own token. Raises ``RestRefused``.
    """
    if profile is None:
        scopes = frozenset(bare(one) for one in scope.split() if target(one) == oid)
        allowed = bool(scopes)
    else:
        scopes = frozenset(bare(one) for one in scope.split() if target(one) in {None, oid})
        allowed = oid in profile.organisations
    if not allowed:
        raise RestRefused("005029")
    return scopes


def organisation(one: Organisation, scopes: frozenset[str]) -> Json:
    """Return what the scopes show of an organisation."""
    shown = {
        "org_shortname": ("shortName", one.short_name),
        "org_fullname": ("fullName", one.full_name),
        "org_type": ("type", one.type),
        "org_ogrn": ("ogrn", one.ogrn),
        "org_inn": ("inn", one.inn),
        "org_kpp": ("kpp", one.kpp),
    }
    granted = dict(field for scope, field in shown.items() if scope in scopes)
    return with_etag({"stateFacts": ["EntityRoot"], "oid": one.oid, **granted})


def employees(
    url: str, oid: int, scopes: frozenset[str], people: People, *, embedded: bool
) -> Json:
    """Return everybody who works at the organisation of ``url``. Raises ``RestRefused``."""
    _demand("org_emps", scopes)
    found = people.employees(oid)
    if embedded:
        return list_of([with_etag(_employee(one, oid)) for one in found])
    return list_of([f"{url}/emps/{one.oid}" for one in found])


def employee(oid: int, person: int, scopes: frozenset[str], people: People) -> Json:
    """Raises ``RestRefused``."""
    _demand("org_emps", scopes)
    return with_etag(_employee(_find(oid, person, people), oid))


def groups(oid: int, person: int, scopes: frozenset[str], people: People) -> Json:
    """Return the groups as whole objects, as they have no addresses. Raises ``RestRefused``."""
    _demand("org_grps", scopes)
    is_administrator = oid in _find(oid, person, people).admin_of
    return list_of([with_etag(ADMINISTRATORS)] if is_administrator else [])


def _employee(profile: Profile, oid: int) -> Json:
    return {
        "stateFacts": ["Identifiable"],
        "prnOid": profile.oid,
        "orgOid": oid,
        "chief": oid in profile.chief_of,
        "admin": oid in profile.admin_of,
        "active": True,
    }


def _find(oid: int, person: int, people: People) -> Profile:
    for one in people.employees(oid):
        if one.oid == person:
            return one
    raise RestRefused("005004")


def _demand(scope: str, scopes: frozenset[str]) -> None:
    if scope not in scopes:
        raise RestRefused("005029")
