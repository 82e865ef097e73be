"""An account of Moodle as its web services tell it, read into what is compared."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from provisioning.formats.cleaning import Unclean, clean_snils, with_lost_zeros


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileFields:
    """Short names of the profile fields that tell something; empty where there is none."""

    snils: str = ""
    birth_date: str = ""
    reads_idnumber: bool = True
    """``Account.idnumber`` may be a СНИЛС."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """An account as Moodle has it. Moodle never tells ``middlename`` (docs/facts/moodle.md)."""

    moodle_id: int
    username: str = field(repr=False)
    firstname: str = field(default="", repr=False)
    lastname: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    auth: str = ""
    idnumber: str = field(default="", repr=False)
    institution: str = ""
    department: str = ""
    suspended: bool = False
    snils: str = field(default="", repr=False)
    """A valid number of the profile field, or of ``idnumber`` or ``username`` where that is one."""
    birth_date: date | None = field(default=None, repr=False)
    cohorts: tuple[str, ...] = ()
    """Names of the cohorts that the account is a member of."""


def account_of(
    record: Mapping[str, Any], fields: ProfileFields, cohorts: Sequence[str] = ()
) -> Account | None:
    """Return the account of an answer of ``core_user_get_users_by_field``.

    None for what is left of a deleted one: read by its number, it has no address any more.
    """
    email = str(record.get("email", ""))
    if "@" not in email and "email" in record:
        return None
    profile = {
        str(one.get("shortname", "")): str(one.get("value") or "")
        for one in record.get("customfields", ())
    }
    idnumber, username = str(record.get("idnumber", "")), str(record["username"])
    firstname, lastname = _names(record)
    told = (
        profile.get(fields.snils, "") if fields.snils else "",
        idnumber if fields.reads_idnumber else "",
        username,
    )
    return Account(
        moodle_id=int(record["id"]),
        username=username,
        firstname=firstname,
        lastname=lastname,
        email=email,
        auth=str(record.get("auth", "")),
        idnumber=idnumber,
        institution=str(record.get("institution", "")),
        department=str(record.get("department", "")),
        suspended=bool(record.get("suspended")),
        snils=next(filter(None, map(valid_snils, told)), ""),
        birth_date=_birth_date(profile.get(fields.birth_date, "")) if fields.birth_date else None,
        cohorts=tuple(cohorts),
    )


def _names(record: Mapping[str, Any]) -> tuple[str, str]:
    """Return first and last name. Without ``moodle/site:viewfullnames`` Moodle tells only the whole
    name as it shows it, by default with the last name behind."""
    if "lastname" in record:
        return str(record.get("firstname", "")), str(record["lastname"])
    words = str(record.get("fullname", "")).split()
    return " ".join(words[:-1]), "".join(words[-1:])


def valid_snils(text: str) -> str:
    """Return the eleven digits of a СНИЛС in any usual spelling; empty for anything else."""
    if not text:
        return ""
    try:
        return clean_snils(text)
    except Unclean:
        return with_lost_zeros(text.strip())


_DATES = ("%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y", "%Y%m%d")


def _birth_date(text: str) -> date | None:
    """Return a date as people type it; Moodle's own date fields hold seconds since 1970."""
    for form in _DATES:
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a day, no moment
        except ValueError:
            continue
    if re.fullmatch(r"-?\d{7,10}", text.strip(), re.ASCII):
        return date.fromordinal(date(1970, 1, 1).toordinal() + round(int(text) / 86_400))
    return None
