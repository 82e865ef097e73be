"""Claims: what an application learns about a person, by scope; the least by default."""

from __future__ import annotations

from auth.directory import Account

CLAIMS_SUPPORTED = (
    "sub",
    "preferred_username",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "birthdate",
    "email",
    "email_verified",
    "school",
    "school_code",
    "district",
    "class",
    "roles",
)

Claims = dict[str, str | bool | list[str]]


def make_claims(account: Account, scope: str) -> Claims:
    """The claims of OpenID Connect Core 5.1 and 5.4, and our own scope ``school``.

    What is empty is left out. ``email`` is the very address Moodle holds, a placeholder that
    receives no mail, hence never verified. Names keep the order family, given, patronymic.
    ``birthdate`` has a scope of its own instead of coming with ``profile``: hardly an application
    needs it, and for many children it is the first password.
    """
    scopes = set(scope.split())
    claims: Claims = {"sub": account.person_id}
    if "profile" in scopes:
        names = (account.family_name, account.given_name, account.middle_name)
        claims |= {
            "preferred_username": account.username,
            "name": " ".join(name for name in names if name),
            "given_name": account.given_name,
            "family_name": account.family_name,
            "middle_name": account.middle_name,
        }
    if "birthdate" in scopes and account.birth_date:
        claims["birthdate"] = account.birth_date.isoformat()
    if "email" in scopes:
        claims |= {"email": account.email, "email_verified": False}
    if "school" in scopes:
        claims |= {
            "school": account.school_name,
            "school_code": account.school_code,
            "district": account.district,
            "class": account.class_title,
            "roles": list(account.roles),
        }
    return {name: value for name, value in claims.items() if value not in ("", [])}
