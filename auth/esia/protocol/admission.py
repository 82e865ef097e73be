"""Which people a request admits: ``person_filter``, ``roles``, ``obj_type``, demanding scopes."""

from __future__ import annotations

from collections.abc import Container, Sequence

from auth.esia.models import EsiaRequest
from auth.esia.people.people import Profile, made_up_organisations
from auth.esia.protocol.dialect import from_base64
from auth.esia.protocol.errors import EsiaRefused
from auth.esia.protocol.scopes import ORGANISATION_SCOPES, bare, target
from auth.settings import EsiaSystem

PERSON_FILTERS = ("conf_acc", "acc_kid", "acc_not_kid")
ROLES = ("CHIEF", "ADMIN", "EMPLOYEE")
PRIVATE = "PRIVATE"
OBJECT_TYPES = (PRIVATE, "LEGAL", "BUSINESS", "AGENCY")
"""The types of ``/roles`` (docs/facts/esia.md 6.20). Their use in ``obj_type``, like ``ROLES``, is
ours: the two parameters are known from their errors alone."""


def read_person_filter(encoded: str) -> str:
    """Read the base64 of one of ``PERSON_FILTERS`` (docs/facts/esia.md 2.11).

    Raises ``EsiaRefused``.
    """
    if not encoded:
        return ""
    try:
        name = from_base64(encoded).decode("ascii")
    except ValueError:
        name = ""
    if name not in PERSON_FILTERS:
        raise EsiaRefused("007003", parameter="person_filter")
    return name


def read_words(parameter: str, known: Sequence[str], code: str, name: str) -> str:
    """Read some of the ``known`` words, separated by blanks. Raises ``EsiaRefused``."""
    words = list(dict.fromkeys(parameter.split()))
    if set(words) - set(known) or (parameter and not words):
        raise EsiaRefused(code, parameter=name)
    return " ".join(words)


def check_person(profile: Profile, pending: EsiaRequest, system: EsiaSystem) -> EsiaRefused | None:
    """Return why this request does not admit the person, or None when it does."""
    code = (
        _filtered_out(profile, pending.person_filter)
        or _acts_otherwise(profile, pending.obj_type.split(), pending.roles.split())
        or _about_others(profile, pending.scope)
        or _second_factor(profile, pending.scope, system)
    )
    return EsiaRefused(code) if code else None


def _filtered_out(profile: Profile, person_filter: str) -> str:
    is_child = profile.level == "child"
    if person_filter == "conf_acc":
        return "" if profile.confirmed else "007055"
    unfit = {"acc_kid": not is_child, "acc_not_kid": is_child}
    return "007062" if unfit.get(person_filter) else ""


def _acts_otherwise(profile: Profile, types: Container[str], roles: list[str]) -> str:
    """Return a code when the person can act in none of these types and roles, else nothing."""
    if not types and not roles:
        return ""
    if PRIVATE in types and not roles:
        return ""
    known = made_up_organisations()
    for oid in profile.organisations:
        has = {"EMPLOYEE"}
        has |= {"CHIEF"} if oid in profile.chief_of else set()
        has |= {"ADMIN"} if oid in profile.admin_of else set()
        if (not types or known[oid].type in types) and (not roles or has & set(roles)):
            return ""
    return "007062"


def _about_others(profile: Profile, scope: str) -> str:
    for one in scope.split():
        oid = target(one)
        about = oid is not None and bare(one) in ORGANISATION_SCOPES
        if about and oid not in profile.organisations:
            return "007194"
    return ""


def _second_factor(profile: Profile, scope: str, system: EsiaSystem) -> str:
    demanded = {bare(one) for one in scope.split()} & set(system.second_factor_scopes)
    return "007046" if demanded and not profile.has_second_factor else ""
