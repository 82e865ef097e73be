"""Collections of a person: which there are, who may see them, and their elements by scope."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from auth.esia.people.people import People, Profile, made_up_organisations
from auth.esia.protocol.errors import RestRefused
from auth.esia.protocol.permissions import Consent

Json = dict[str, Any]

_DOCUMENT_SCOPES = {
    "id_doc": {"RF_PASSPORT", "FID_DOC"},
    "foreign_passport_doc": {"FRGN_PASS"},
    "military_doc": {"MLTR_ID"},
    "medical_doc": {"MDCL_PLCY"},
    "drivers_licence_doc": {"RF_DRIVING_LICENSE"},
    "birth_cert_doc": {"BRTH_CERT", "RF_BRTH_CERT", "FID_BRTH_CERT", "OLD_BRTH_CERT"},
    "residence_doc": {"RSDNC_PERMIT", "CERT_REG_IMM"},
    "temporary_residence_doc": {"RSDNC_PERMIT", "CERT_REG_IMM"},
}


_KID_SCOPES = ("kid_fullname", "kid_birthdate", "kid_gender", "kid_snils", "kid_inn")
_KID_DOCUMENT_SCOPES = {
    "kid_birth_cert_doc": _DOCUMENT_SCOPES["birth_cert_doc"],
    "kid_medical_doc": _DOCUMENT_SCOPES["medical_doc"],
}

CONTACT_POSITION, ADDRESS_POSITION, VEHICLE_POSITION, PERMISSION_POSITION = 30, 50, 60, 65
KID_POSITION, KID_DOCUMENT_POSITION, KID_DOCUMENTS = 70, 80, 4
"""Where the ids of each kind begin: 100 of them for one person, 4 documents for a child."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The person whose data is asked for, the granted scopes, and our own address."""

    profile: Profile
    scopes: frozenset[str]
    """The granted scopes, with those of the consents that are in force."""
    consents: tuple[Consent, ...]
    people: People
    base_url: str
    today: date
    embedded: bool
    """Elements are asked for as whole objects."""

    @property
    def url(self) -> str:
        return f"{self.base_url}/rs/prns/{self.profile.oid}"

    def has(self, *scopes: str) -> bool:
        return not self.scopes.isdisjoint(scopes)

    def granted(self, shown: Mapping[str, Json]) -> Json:
        """Return the fields of the granted scopes, without empty ones."""
        fields = [fields for scope, fields in shown.items() if self.has(scope)]
        return {name: value for one in fields for name, value in one.items() if value != ""}


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """One collection of a person: its names and what it holds."""

    relation: str
    """The name in ``Link`` headers and ``embed``."""
    scopes: tuple[str, ...] = ()
    """Scopes of which any opens the collection."""
    elements: Callable[[Source], list[Json]] = lambda _source: []
    inline: bool = False
    """Elements come as objects even without ``embed``."""

    @property
    def schema(self) -> str:
        """Return the name of its schema; empty where none was recorded."""
        return f"{self.relation.capitalize()}-1" if self.scopes else ""


def id_of(profile: Profile, position: int) -> int:
    return (profile.oid % 1_000_000) * 100 + position + 1


def identified(profile: Profile, items: Iterable[Mapping[str, Any]], first: int = 0) -> list[Json]:
    """Return elements with their ids, which are the same whatever scopes were granted."""
    return [
        {"stateFacts": ["Identifiable"], "id": id_of(profile, first + position), **item}
        for position, item in enumerate(items)
    ]


def fields_of(profile: Profile, prefix: str = "") -> dict[str, Json]:
    """Return the fields that each scope opens, for a child the scopes that begin with ``kid_``."""
    return {
        f"{prefix}fullname": {
            "firstName": profile.first_name,
            "lastName": profile.last_name,
            "middleName": profile.middle_name,
        },
        f"{prefix}birthdate": {"birthDate": profile.shown_birth_date},
        f"{prefix}gender": {"gender": profile.gender},
        f"{prefix}snils": {"snils": profile.snils},
        f"{prefix}inn": {"inn": profile.inn},
    }


def _contacts(source: Source) -> list[Json]:
    types = {"EML": "email", "MBT": "mobile"}
    contacts = []
    for one in identified(source.profile, source.profile.contacts, CONTACT_POSITION):
        verified = one.pop("verified")
        if source.has("contacts") or source.has(types.get(one["type"], "contacts")):
            contacts.append(one | {"vrfStu": "VERIFIED" if verified else "NOT_VERIFIED"})
    return contacts


def _documents(source: Source) -> list[Json]:
    status = "VERIFIED" if source.profile.confirmed else "NOT_VERIFIED"
    return _granted(source, _DOCUMENT_SCOPES, source.profile.documents, 0, status)


def _granted(
    source: Source,
    scopes: Mapping[str, set[str]],
    documents: Iterable[Mapping[str, Any]],
    first: int,
    status: str,
) -> list[Json]:
    """Return the documents of the types that the granted of these scopes open."""
    types = set().union(*(types for scope, types in scopes.items() if source.has(scope)))
    return [
        one | {"vrfStu": status}
        for one in identified(source.profile, documents, first)
        if one["type"] in types
    ]


def _addresses(source: Source) -> list[Json]:
    return identified(source.profile, source.profile.addresses, ADDRESS_POSITION)


def _vehicles(source: Source) -> list[Json]:
    return identified(source.profile, source.profile.vehicles, VEHICLE_POSITION)


def _kids(source: Source) -> list[Json]:
    """Return the parent's own record of each child: СНИЛС and no oid (docs/facts/esia.md 6.17)."""
    kids = []
    for position, child in _children(source):
        kid_id = id_of(source.profile, KID_POSITION + position)
        shown = source.granted(fields_of(child, "kid_"))
        kids.append({"stateFacts": ["Identifiable"], "id": kid_id, **shown})
    return kids


def kid_documents(source: Source, kid: int) -> list[Json]:
    """Return the granted documents of one child. Raises ``RestRefused``."""
    if not source.has(*_KID_DOCUMENT_SCOPES):
        raise RestRefused("005029")
    for position, child in _children(source):
        if id_of(source.profile, KID_POSITION + position) == kid:
            first = KID_DOCUMENT_POSITION + KID_DOCUMENTS * position
            return _granted(source, _KID_DOCUMENT_SCOPES, child.documents, first, "VERIFIED")
    raise RestRefused("005004")


def _children(source: Source) -> list[tuple[int, Profile]]:
    """Return the children of whom anything is known, with their places in the parent's list."""
    found = (source.people.by_snils(snils, source.today) for snils in source.profile.kids)
    return [(position, child) for position, child in enumerate(found) if child]


def _roles(source: Source) -> list[Json]:
    known = made_up_organisations()
    return [
        {
            "oid": one.oid,
            "prnOid": source.profile.oid,
            "fullName": one.full_name,
            "shortName": one.short_name,
            "ogrn": one.ogrn,
            "type": one.type,
            "chief": one.oid in source.profile.chief_of,
            "admin": one.oid in source.profile.admin_of,
            "active": True,
            "phone": one.phone,
            "email": one.email,
            "hasRightOfSubstitution": False,
            "isLiquidated": False,
        }
        for one in (known[oid] for oid in source.profile.organisations)
    ]


def _organisations(source: Source) -> list[Json]:
    known = made_up_organisations()
    return [
        {"oid": oid, "shortName": known[oid].short_name, "type": known[oid].type}
        for oid in source.profile.organisations
    ]


def _permissions(source: Source) -> list[Json]:
    """Return the consents that the person gave to this system; their form is ours."""
    return identified(
        source.profile,
        (
            {
                "sysname": one.sysname,
                "scopes": list(one.scopes),
                "actions": list(one.actions),
                "purposes": list(one.purposes),
                "expiredOn": one.expires_at,
            }
            for one in source.consents
        ),
        PERMISSION_POSITION,
    )


COLLECTIONS: Mapping[str, Collection] = {
    "prmns": Collection(relation="permissions", elements=_permissions),
    "ctx": Collection(relation="context"),
    "events": Collection(relation="events"),
    "reqs": Collection(relation="requests"),
    "sec": Collection(relation="sec"),
    "addrs": Collection(
        relation="addresses", scopes=("addresses", "contacts"), elements=_addresses
    ),
    "roles": Collection(relation="roles", scopes=("usr_org",), elements=_roles, inline=True),
    "ctts": Collection(
        relation="contacts", scopes=("contacts", "email", "mobile"), elements=_contacts
    ),
    "docs": Collection(relation="documents", scopes=(*_DOCUMENT_SCOPES,), elements=_documents),
    "vhls": Collection(relation="vehicles", scopes=("vehicles",), elements=_vehicles),
    "kids": Collection(
        relation="kids", scopes=(*_KID_SCOPES, *_KID_DOCUMENT_SCOPES), elements=_kids
    ),
    "trmnls": Collection(relation="terminals"),
    "orgs": Collection(relation="organizations", scopes=("usr_org",), elements=_organisations),
}
"""Collections by their name in the address, in the order of the recorded ``Link`` headers. A
collection without scopes is linked and never opened."""
