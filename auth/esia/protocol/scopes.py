"""Scopes: which there are, what each one shows, and how tokens spell them."""

from __future__ import annotations

import re

PERSON_SCOPES = frozenset({
    "openid", "fullname", "birthdate", "birthplace", "gender", "snils", "inn", "id_doc",
    "email", "mobile", "contacts", "addresses", "vehicles", "usr_org", "usr_avt",
    "self_employed", "medical_doc", "military_doc", "foreign_passport_doc",
    "drivers_licence_doc", "birth_cert_doc", "residence_doc", "temporary_residence_doc",
    "kid_fullname", "kid_birthdate", "kid_gender", "kid_snils", "kid_inn", "kid_birth_cert_doc",
    "kid_medical_doc", "kid_mobile", "kid_email", "kid_school_data",
})  # fmt: skip
ORGANISATION_SCOPES = frozenset({
    "org_shortname", "org_fullname", "org_type", "org_ogrn", "org_inn", "org_leg", "org_kpp",
    "org_ctts", "org_addrs", "org_emps", "org_grps", "org_brhs",
})  # fmt: skip
KNOWN_SCOPES = PERSON_SCOPES | ORGANISATION_SCOPES | {"prm_chg"}
"""The scopes of docs/facts/esia.md 7.1. Others count when they are registered for a system."""

ORGANISATION_PREFIX = "http://esia.gosuslugi.ru/"
"""The prefix of organisation scopes in system tokens: the production host everywhere
(docs/facts/esia.md 5.3)."""

_WITH_TARGET = re.compile(r"([a-z_]+)\?(oid|org_oid)=(\d{1,19})")


def bare(scope: str) -> str:
    """Return a scope without prefix and target: ``org_inn`` of ``...org_inn?org_oid=1``."""
    return scope.removeprefix(ORGANISATION_PREFIX).partition("?")[0]


def target(scope: str) -> int | None:
    """Return the oid that a scope of a system token is about; None without a well-formed one."""
    found = _WITH_TARGET.fullmatch(scope.removeprefix(ORGANISATION_PREFIX))
    return int(found[3]) if found else None


def is_well_formed(scope: str) -> bool:
    """Tell whether a scope is a bare name, or one that may name the oid it is about.

    The old full form of a person's scope, ``http://esia.gosuslugi.ru/usr_inf``, is refused by the
    real one too (docs/facts/esia.md 7.5).
    """
    name = bare(scope)
    may_have_target = name in ORGANISATION_SCOPES or name == "prm_chg"
    return scope == name or (may_have_target and target(scope) is not None)


def with_oid(scope: str, oid: int) -> str:
    """Spell scopes as access tokens do: all but ``openid`` name the person
    (docs/facts/esia.md 5.10)."""
    return " ".join(
        one if one == "openid" or "?" in one else f"{one}?oid={oid}" for one in scope.split()
    )
