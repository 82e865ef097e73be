"""Functions that read users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.errors import (
    invalid_user,
    missing_capability,
    programmer_error,
    refused,
    unfit_value,
)
from service.moodle_standin.param_types import clean_username, username_allowed
from service.moodle_standin.site import Function, Site
from service.moodle_standin.store import Row, marks

_MAX_IDENTITIES = 100
_ALWAYS = (
    "id", "username", "firstname", "lastname", "email", "department", "firstaccess", "lastaccess",
    "auth", "suspended", "lang", "theme", "timezone", "mailformat",
)  # fmt: skip
_ONLY_WHEN_FILLED = ("address", "institution", "idnumber", "interests", "city", "country")
"""The fields of an answer. No telephone is among them: a service account never got one back."""
_SEARCH_KEYS = ("id", "lastname", "firstname", "idnumber", "username", "email", "auth")
_WILDCARD_KEYS = ("lastname", "firstname", "email")


def full_name(row: Row) -> str:
    return f"{row['firstname']} {row['lastname']}"


def picture_urls(site: Site) -> dict[str, str]:
    theme = f"{site.base_url}/theme/image.php/boost/core/1/u"
    return {"profileimageurlsmall": f"{theme}/f2", "profileimageurl": f"{theme}/f1"}


def describe(site: Site, row: Row) -> dict[str, Any]:
    """Return a user as the reading functions give it; empty fields are left out."""
    answer: dict[str, Any] = {name: row[name] for name in _ALWAYS} | {
        "fullname": full_name(row),
        "confirmed": 1,
        "trackforums": 0,
        **picture_urls(site),
    }
    answer |= {name: row[name] for name in _ONLY_WHEN_FILLED if row[name]}
    if fields := _profile_fields(site, row["id"]):
        answer["customfields"] = fields
    if row["id"] == site.caller_id:
        answer["preferences"] = _own_preferences(site)
    return answer


def _own_preferences(site: Site) -> list[dict[str, Any]]:
    """Return the caller's own preferences; the last two are Moodle's bookkeeping of a session."""
    query = "SELECT name, value FROM user_preference WHERE userid = ? ORDER BY name"
    rows = site.store.rows(query, (site.caller_id,))
    return [
        *(dict(row) for row in rows),
        {"name": "last_time_enrolments_synced", "value": str(site.now)},
        {"name": "_lastloaded", "value": site.now},
    ]


def _profile_fields(site: Site, user_id: int) -> list[dict[str, Any]]:
    names = site.settings.profile_fields
    if not names:
        return []
    query = "SELECT * FROM user_profile_field WHERE userid = ? ORDER BY shortname"
    return [
        {
            **row,
            "type": "text",
            "displayvalue": row["value"],
            "name": names[row["shortname"]],
        }
        for row in site.store.rows(query, (user_id,))
        if row["shortname"] in names
    ]


def get_users_by_field(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the users with exactly these values; unknown values are just missing."""
    field = given["field"]
    if field not in ("id", "idnumber", "username", "email"):
        raise programmer_error("invalid field parameter")
    for value in given["values"]:
        _check_value(site, field, value)
    values = list(dict.fromkeys(value for value in given["values"] if value != ""))
    rows: list[Row] = []
    for start in range(0, len(values), 500):
        part = values[start : start + 500]
        deleted = "" if field == "id" else "AND deleted = 0"
        query = f"SELECT * FROM user WHERE {field} IN ({marks(part)}) {deleted} ORDER BY id"
        rows += site.store.rows(query, part)
    return [describe(site, row) for row in sorted(rows, key=lambda row: int(row["id"]))]


def _check_value(site: Site, field: str, value: str) -> None:
    fits = {
        "id": value.removeprefix("-").isdecimal(),
        "idnumber": True,
        "username": username_allowed(value, site.settings),
        "email": value == value.strip(),
    }
    if not fits[field]:
        raise unfit_value(value, "int" if field == "id" else field)


def get_users(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return who fits all criteria. An unknown key is ignored with a warning, so all may be
    listed."""
    conditions = ["deleted = 0"]
    values: list[str] = []
    warnings = []
    seen: set[str] = set()
    for criterion in given["criteria"]:
        key, value = criterion["key"], criterion["value"] or ""
        if key in seen:
            raise refused("keyalreadyset")
        seen.add(key)
        if key not in _SEARCH_KEYS:
            text = f"The search key '{key}' is not supported, look at the web service documentation"
            warnings.append({"item": key, "warningcode": "invalidfieldparameter", "message": text})
        elif key in _WILDCARD_KEYS:
            conditions.append(f"fold({key}) LIKE fold(?)")
            values.append(value)
        else:
            conditions.append(f"{key} = ?")
            values.append(clean_username(value, site.settings) if key == "username" else value)
    query = f"SELECT * FROM user WHERE {' AND '.join(conditions)} ORDER BY id"
    rows = site.store.rows(query, values)
    return {"users": [describe(site, row) for row in rows], "warnings": warnings}


def search_identity(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    """Search as the people picker does: by a part of the full name or of the e-mail."""
    pattern = f"%{given['query'] or ''}%"
    rows = site.store.rows(
        "SELECT * FROM user WHERE deleted = 0 AND username <> 'guest'"
        " AND (fold(firstname || ' ' || lastname) LIKE fold(?) OR email_lower LIKE fold(?))"
        " ORDER BY lastname, firstname, id LIMIT ?",
        (pattern, pattern, _MAX_IDENTITIES + 1),
    )
    return {
        "list": [
            {
                "id": row["id"],
                "fullname": full_name(row),
                "extrafields": [{"name": "email", "value": row["email"]}],
            }
            for row in rows[:_MAX_IDENTITIES]
        ],
        "maxusersperpage": _MAX_IDENTITIES,
        "overflow": len(rows) > _MAX_IDENTITIES,
    }


def get_user_preferences(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the caller's own; others' need a right that a service account does not have."""
    user_id = given["userid"] or site.caller_id
    if user_id != site.caller_id:
        if not site.store.find("user", id=user_id):
            raise invalid_user(user_id)
        raise missing_capability("Change site configuration")
    wanted = given["name"]
    own = [one for one in _own_preferences(site) if not wanted or one["name"] == wanted]
    return {"preferences": own, "warnings": []}


FUNCTIONS: dict[str, Function] = {
    "core_user_get_users": get_users,
    "core_user_get_users_by_field": get_users_by_field,
    "core_user_search_identity": search_identity,
    "core_user_get_user_preferences": get_user_preferences,
}
