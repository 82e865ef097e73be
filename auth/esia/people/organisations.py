"""Organisations in the REST service, their employees and the groups of these.

Only the addresses and the form of the organisation are recorded; every other form is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from auth.esia.people.collections import Json
from auth.esia.people.people import Organisation, People, Profile
from auth.esia.people.rest import list_of, with_etag
from auth.esia.protocol.errors import RestRefused
from auth.esia.protocol.scopes import bare, target

ADMINISTRATORS = {
    "grp_id": "ORG_ADMIN",
    "name": "Администраторы профиля организации",
    "itSystem": "ESIA",
    "system": True,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Office:
    """The organisation whose data is asked for, the granted scopes, and its address here."""

    organisation: Organisation
    scopes: frozenset[str]
    people: People
    url: str
    embedded: bool
    """Employees are asked for as whole objects."""

    def demand(self, scope: str) -> None:
        """Raises ``RestRefused``."""
        if scope not in self.scopes:
            raise RestRefused("005029")

    def find(self, person: int) -> Profile:
        """Return an employee. Raises ``RestRefused``."""
        for one in self.people.employees(self.organisation.oid):
            if one.oid == person:
                return one
        raise RestRefused("005004")


def scopes_for(scope: str, oid: int, profile: Profile | None) -> frozenset[str]:
    """Return the scopes by which a token opens one organisation.

    ``profile`` is the token's person, None for a system's own token. Raises ``RestRefused``.
    """
    about = {None, oid} if profile else {oid}
    scopes = frozenset(bare(one) for one in scope.split() if target(one) in about)
    allowed = oid in profile.organisations if profile else bool(scopes)
    if not allowed:
        raise RestRefused("005029")
    return scopes


def organisation(office: Office) -> Json:
    """Return what the scopes show of an organisation; its form is the recorded one."""
    one = office.organisation
    shown = {
        "org_shortname": ("shortName", one.short_name),
        "org_fullname": ("fullName", one.full_name),
        "org_type": ("type", one.type),
        "org_ogrn": ("ogrn", one.ogrn),
        "org_inn": ("inn", one.inn),
        "org_kpp": ("kpp", one.kpp),
    }
    granted = dict(field for scope, field in shown.items() if scope in office.scopes)
    return with_etag({"stateFacts": ["EntityRoot"], "oid": one.oid, **granted})


def employees(office: Office) -> Json:
    """Return everybody who works at the organisation. Raises ``RestRefused``."""
    office.demand("org_emps")
    found = office.people.employees(office.organisation.oid)
    if office.embedded:
        return list_of([_employee(one, office) for one in found])
    return list_of([f"{office.url}/emps/{one.oid}" for one in found])


def employee(office: Office, person: int) -> Json:
    """Raises ``RestRefused``."""
    office.demand("org_emps")
    return _employee(office.find(person), office)


def groups(office: Office, person: int) -> Json:
    """Return the groups as whole objects, as they have no addresses. Raises ``RestRefused``."""
    office.demand("org_grps")
    is_administrator = office.organisation.oid in office.find(person).admin_of
    return list_of([with_etag(ADMINISTRATORS)] if is_administrator else [])


def _employee(profile: Profile, office: Office) -> Json:
    oid = office.organisation.oid
    return with_etag(
        {
            "stateFacts": ["Identifiable"],
            "prnOid": profile.oid,
            "orgOid": oid,
            "chief": oid in profile.chief_of,
            "admin": oid in profile.admin_of,
            "active": True,
        }
    )
