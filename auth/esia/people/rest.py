"""The REST service's documents: persons, their collections and elements, as recorded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from auth.esia.people.collections import (
    COLLECTIONS,
    Collection,
    Json,
    Source,
    fields_of,
    id_of,
    kid_documents,
)
from auth.esia.protocol.errors import RestRefused

UPDATED_ON = 1_756_700_000
"""The same for all: made-up people never change, and when others did is not known here."""


def person(source: Source, embedded: Iterable[str] = ()) -> Json:
    """Return the person without what was not granted (docs/facts/esia.md 6.5).

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
        body["rIdDoc"] = id_of(profile, 0)
    shown = fields_of(profile) | {
        "birthplace": {"birthPlace": profile.birth_place},
        "id_doc": {"citizenship": profile.citizenship},
        "self_employed": {"selfEmployed": profile.self_employed},
    }
    shown["fullname"]["trusted"] = profile.confirmed
    body |= source.granted(shown)
    for relation in embedded:
        name = next((n for n, one in COLLECTIONS.items() if one.relation == relation), None)
        if name and is_granted(source, name):
            body[relation] = collection(replace(source, embedded=True), name)
    return with_etag(body)


def collection(source: Source, name: str) -> Json:
    """Return a collection of addresses, or of objects when they are asked for
    (docs/facts/esia.md 6.11).

    Raises ``RestRefused``.
    """
    known = _granted(source, name)
    elements = known.elements(source)
    if source.embedded or known.inline:
        return list_of([_whole(source, name, one) for one in elements])
    return list_of([_address(source, name, one) for one in elements])


def list_of(elements: Sequence[Json | str]) -> Json:
    """Return a collection as it is answered, of addresses or of whole objects."""
    return with_etag({"stateFacts": ["hasSize"], "size": len(elements), "elements": elements})


def _whole(source: Source, name: str, one: Json) -> Json:
    """Return an element; a child holds its documents (docs/facts/esia.md 6.17)."""
    if name == "kids" and source.has("kid_birth_cert_doc", "kid_medical_doc"):
        one = one | {"documents": documents_of_kid(replace(source, embedded=True), one["id"])}
    return with_etag(one)


def _address(source: Source, name: str, one: Json) -> str:
    if name == "orgs":
        return f"{source.base_url}/rs/orgs/{one['oid']}"
    return f"{source.url}/{name}/{one['id']}"


def element(source: Source, name: str, element_id: int) -> Json:
    """Return one element of a collection. Raises ``RestRefused``."""
    for one in _granted(source, name).elements(source):
        if one.get("id", one.get("oid")) == element_id:
            return _whole(source, name, one)
    raise RestRefused("005004")


def documents_of_kid(source: Source, kid: int) -> Json:
    """Answer ``/kids/{id}/docs``: only the address is recorded, the form is that of ``/docs``.

    Raises ``RestRefused``.
    """
    documents = kid_documents(source, kid)
    if source.embedded:
        return list_of([with_etag(one) for one in documents])
    return list_of([f"{source.url}/kids/{kid}/docs/{one['id']}" for one in documents])


def document_of_kid(source: Source, kid: int, document: int) -> Json:
    """Return one document of a child. Raises ``RestRefused``."""
    for one in kid_documents(source, kid):
        if one["id"] == document:
            return with_etag(one)
    raise RestRefused("005004")


def links(source: Source, base_with_port: str) -> list[str]:
    """Return the ``Link`` headers of a person: one per collection, the port written out."""
    url = f"{base_with_port}/rs/prns"
    found = [f"<{url}>;rel=parent"]
    for name, known in COLLECTIONS.items():
        schema = f';schema="{schema_url(source.base_url, known.schema)}"' if known.schema else ""
        found.append(f"<{url}/{source.profile.oid}/{name}>;rel={known.relation}{schema}")
    return found


def schema_url(base_url: str, name: str) -> str:
    return f"{base_url}/rs/model/prn/{name}"


def embeds(parameter: str) -> list[str]:
    """Return the relations of ``embed=(contacts.elements-1,...)``; ``elements`` for a
    collection."""
    names = (
        part.strip() for part in parameter.strip().removeprefix("(").removesuffix(")").split(",")
    )
    return [name.partition(".")[0].partition("-")[0] for name in names if name]


def is_granted(source: Source, name: str) -> bool:
    """Tell whether a collection is open: consents open their own list, others need a scope."""
    if name == "prmns":
        return bool(source.consents)
    return source.has(*COLLECTIONS[name].scopes)


def _granted(source: Source, name: str) -> Collection:
    if name not in COLLECTIONS:
        raise RestRefused("005004")
    if not is_granted(source, name):
        raise RestRefused("005029")
    return COLLECTIONS[name]


def with_etag(body: Json) -> Json:
    """Return the body with its ``eTag``: 40 upper-case hex digits that change with the content."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    tag = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().upper()
    return body | {"eTag": tag}
