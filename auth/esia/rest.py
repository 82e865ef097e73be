"""The REST service's documents: persons, their collections, organisations, by scope."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from auth.esia.errors import RestRefused
from auth.esia.people import Organisation, People, Profile, organisations

UPDATED_ON = 1_756_700_000
"""Made-up people never change, and of provisioned ones the moment is not known here."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Whose data is asked for, what of it was granted, and where we live."""

    profile: Profile
    scopes: frozenset[str]
    people: People
    base_url: str

    @property
    def url(self) -> str:
        return f"{self.base_url}/rs/prns/{self.profile.oid}"

    def has(self, *scopes: str) -> bool:
        return not self.scopes.isdisjoint(scopes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """One collection of a person: its names and what it holds."""

    relation: str
    """In ``Link`` headers and ``embed``."""
    schema: str
    scopes: tuple[str, ...]
    """Any of them opens it."""
    elements: Callable[[Source], list[Json]]
    inline: bool = False
    """Elements come as objects even without ``embed``."""


def person(source: Source, embedded: Iterable[str] = ()) -> Json:
    """The person; what was not granted is absent (PROTOCOL 6.1).

    ``embedded`` names relations to put in whole, as far as they were granted.
    """
    profile = source.profile
    body: Json = {
        "stateFacts": ["EntityRoot"],
        "status": "REGISTERED",
        "verifying": False,
        "containsUpCfmCode": False,
        "rfgUOperatorCheck": False,
        "kidAccCreatedByParent": profile.level == "child",
        "updatedOn": UPDATED_ON,
    }
    if profile.documents:
        body["rIdDoc"] = _element_id(profile, 0)
    if source.has("fullname"):
        body |= {
            "firstName": profile.first_name,
            "lastName": profile.last_name,
            "middleName": profile.middle_name,
            "trusted": profile.confirmed,
        }
    shown = {
        "birthdate": {"birthDate": f"{profile.birth_date:%d.%m.%Y}" if profile.birth_date else ""},
        "birthplace": {"birthPlace": profile.birth_place},
        "gender": {"gender": profile.gender},
        "id_doc": {"citizenship": profile.citizenship},
        "snils": {"snils": profile.snils},
        "inn": {"inn": profile.inn},
    }
    for scope, fields in shown.items():
        if source.has(scope):
            body |= fields
    body = {name: value for name, value in body.items() if value != ""}
    for relation in embedded:
        name = next((n for n, one in COLLECTIONS.items() if one.relation == relation), None)
        if name and source.has(*COLLECTIONS[name].scopes):
            body[relation] = collection(source, name, embedded=True)
    return _with_etag(body)


def collection(source: Source, name: str, *, embedded: bool) -> Json:
    """One collection: absolute addresses, or whole objects when ``embedded`` (PROTOCOL 6.2).

    Raises ``RestRefused``.
    """
    known = _granted(source, name)
    elements = known.elements(source)
    whole = embedded or known.inline
    body: Json = {
        "stateFacts": ["hasSize"],
        "size": len(elements),
        "elements": [_with_etag(one) if whole else _address(source, name, one) for one in elements],
    }
    return _with_etag(body)


def _address(source: Source, name: str, one: Json) -> str:
    if name == "orgs":
        return f"{source.base_url}/rs/orgs/{one['oid']}"
    return f"{source.url}/{name}/{one['id']}"


def element(source: Source, name: str, element_id: int) -> Json:
    """One element of a collection. Raises ``RestRefused``."""
    for one in _granted(source, name).elements(source):
        if one.get("id", one.get("oid")) == element_id:
            return _with_etag(one)
    raise RestRefused("005004")


def organisation(one: Organisation, scopes: frozenset[str]) -> Json:
    """What organisation scopes show of it."""
    shown = {
        "org_shortname": ("shortName", one.short_name),
        "org_fullname": ("fullName", one.full_name),
        "org_type": ("type", one.type),
        "org_ogrn": ("ogrn", one.ogrn),
        "org_inn": ("inn", one.inn),
        "org_kpp": ("kpp", one.kpp),
    }
    granted = dict(field for scope, field in shown.items() if scope in scopes)
    return _with_etag({"stateFacts": ["EntityRoot"], "oid": one.oid, **granted})


def links(source: Source, base_with_port: str) -> list[str]:
    """The ``Link`` headers of a person: one per collection, the port written out."""
    return [
        f"<{base_with_port}/rs/prns/{source.profile.oid}/{name}>;rel={known.relation};"
        f'schema="{schema_url(source.base_url, known.schema)}"'
        for name, known in COLLECTIONS.items()
    ]


def schema_url(base_url: str, name: str) -> str:
    return f"{base_url}/rs/model/prn/{name}"


def embeds(parameter: str) -> list[str]:
    """The relations of ``embed=(contacts.elements-1,...)``; ``elements`` itself for a
    collection."""
    names = (
        part.strip() for part in parameter.strip().removeprefix("(").removesuffix(")").split(",")
    )
    return [name.partition(".")[0].partition("-")[0] for name in names if name]


def _granted(source: Source, name: str) -> Collection:
    known = COLLECTIONS.get(name)
    if known is None:
        raise RestRefused("005004")
    if not source.has(*known.scopes):
        raise RestRefused("005029")
    return known


def _with_etag(body: Json) -> Json:
    """40 upper-case hex digits that change with the content."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    tag = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().upper()
    return body | {"eTag": tag}


def _element_id(profile: Profile, position: int) -> int:
    return (profile.oid % 1_000_000) * 100 + position + 1


def _identified(profile: Profile, items: Iterable[Mapping[str, Any]], first: int = 0) -> list[Json]:
    """Elements with their ids, which stay the same whatever scopes were granted."""
    return [
        {"stateFacts": ["Identifiable"], "id": _element_id(profile, first + position), **item}
        for position, item in enumerate(items)
    ]


def _contacts(source: Source) -> list[Json]:
    types = {"EML": "email", "MBT": "mobile"}
    contacts = []
    for one in _identified(source.profile, source.profile.contacts, 30):
        verified = one.pop("verified")
        if source.has("contacts") or source.has(types.get(one["type"], "contacts")):
            contacts.append(one | {"vrfStu": "VERIFIED" if verified else "NOT_VERIFIED"})
    return contacts


def _documents(source: Source) -> list[Json]:
    granted = set().union(*(_DOCUMENT_SCOPES.get(scope, set()) for scope in source.scopes))
    status = "VERIFIED" if source.profile.confirmed else "NOT_VERIFIED"
    return [
        one | {"vrfStu": status}
        for one in _identified(source.profile, source.profile.documents)
        if one["type"] in granted
    ]


def _addresses(source: Source) -> list[Json]:
    return _identified(source.profile, source.profile.addresses, 50)


def _vehicles(source: Source) -> list[Json]:
    return _identified(source.profile, source.profile.vehicles, 60)


def _kids(source: Source) -> list[Json]:
    """The parent's own record of each child: СНИЛС and no oid (PROTOCOL 6.2)."""
    kids = []
    for position, snils in enumerate(source.profile.kids):
        child = source.people.by_snils(snils)
        if child is None:
            continue
        kid: Json = {
            "stateFacts": ["Identifiable"],
            "id": _element_id(source.profile, 70 + position),
        }
        if source.has("kid_fullname"):
            kid |= {"firstName": child.first_name, "lastName": child.last_name}
            kid |= {"middleName": child.middle_name} if child.middle_name else {}
        if source.has("kid_birthdate") and child.birth_date:
            kid["birthDate"] = f"{child.birth_date:%d.%m.%Y}"
        if source.has("kid_gender"):
            kid["gender"] = child.gender
        if source.has("kid_snils"):
            kid["snils"] = child.snils
        if source.has("kid_inn") and child.inn:
            kid["inn"] = child.inn
        if source.has("kid_birth_cert_doc"):
            certificates = [one for one in child.documents if "BRTH_CERT" in one["type"]]
            kid["documents"] = {
                "stateFacts": ["hasSize"],
                "size": len(certificates),
                "elements": _identified(source.profile, certificates, 80 + position),
            }
        kids.append(kid)
    return kids


def _roles(source: Source) -> list[Json]:
    known = organisations()
    return [
        {
            "oid": one.oid,
            "prnOid": source.profile.oid,
            "fullName": one.full_name,
            "shortName": one.short_name,
            "ogrn": one.ogrn,
            "type": one.type,
            "chief": False,
            "admin": False,
            "active": True,
            "hasRightOfSubstitution": False,
            "isLiquidated": False,
        }
        for one in (known[oid] for oid in source.profile.organisations)
    ]


def _organisations(source: Source) -> list[Json]:
    known = organisations()
    return [
        {"oid": oid, "shortName": known[oid].short_name, "type": known[oid].type}
        for oid in source.profile.organisations
    ]


COLLECTIONS: Mapping[str, Collection] = {
    "addrs": Collection(
        relation="addresses",
        schema="Addresses-1",
        scopes=("addresses", "contacts"),
        elements=_addresses,
    ),
    "ctts": Collection(
        relation="contacts",
        schema="Contacts-1",
        scopes=("contacts", "email", "mobile"),
        elements=_contacts,
    ),
    "docs": Collection(
        relation="documents",
        schema="Documents-1",
        scopes=tuple(_DOCUMENT_SCOPES),
        elements=_documents,
    ),
    "kids": Collection(
        relation="kids",
        schema="Kids-1",
        scopes=(
            "kid_fullname",
            "kid_birthdate",
            "kid_gender",
            "kid_snils",
            "kid_inn",
            "kid_birth_cert_doc",
        ),
        elements=_kids,
    ),
    "vhls": Collection(
        relation="vehicles", schema="Vehicles-1", scopes=("vehicles",), elements=_vehicles
    ),
    "roles": Collection(
        relation="roles", schema="Roles-1", scopes=("usr_org",), elements=_roles, inline=True
    ),
    "orgs": Collection(
        relation="organizations",
        schema="Organizations-1",
        scopes=("usr_org",),
        elements=_organisations,
    ),
}
"""By the name in the address."""
