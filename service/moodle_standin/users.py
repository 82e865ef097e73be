"""Functions that write users: create, update, delete, preferences."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from service.moodle_standin.errors import (
    database_refused,
    invalid_parameter,
    invalid_user,
    refused,
    warning,
)
from service.moodle_standin.schema import check_lengths
from service.moodle_standin.settings import COUNTRIES, PasswordPolicy
from service.moodle_standin.site import ADMIN_ID, GUEST_ID, Function, Site, all_of, each_of
from service.moodle_standin.store import Row

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?!\d+$){_LABEL}")
_STORED_AS_SENT = frozenset(
    {
        "auth", "firstname", "lastname", "idnumber", "institution", "department", "phone1",
        "phone2", "address", "city", "lang", "calendartype", "theme", "timezone", "mailformat",
        "maildisplay", "description", "interests", "middlename", "alternatename",
        "firstnamephonetic", "lastnamephonetic",
    }
)  # fmt: skip
_KNOWN_PREFERENCES = frozenset({"auth_forcepasswordchange", "htmleditor"})
"""Preferences that are stored; any other name is dropped without a word."""


def _create_user(site: Site, user: Mapping[str, Any]) -> dict[str, Any]:
    store, settings = site.store, site.settings
    username = user["username"]
    if not username:
        raise invalid_parameter("The username field cannot be blank")
    if store.find("user", username=username):
        raise invalid_parameter(f"Username already exists: {username}")
    if user["auth"] not in settings.auth_methods or user["auth"] == "webservice":
        raise invalid_parameter(f"Invalid authentication type: {user['auth']}")
    if user["lang"] not in settings.languages:
        raise invalid_parameter(f"Invalid language code: {user['lang']}")
    for name in ("firstname", "lastname"):
        if not (user[name] or "").strip():
            raise invalid_parameter(f"The field {name} cannot be blank")
    email = user["email"] or ""
    if not _EMAIL.fullmatch(email):
        raise invalid_parameter(f"Email address is invalid: {email}")
    if _email_taken(site, email, 0):
        raise invalid_parameter(f"Email address already exists: {email}")

    internal = user["auth"] not in settings.external_auth_methods
    password = user.get("password") or ""
    made_up = bool(user.get("createpassword"))
    if internal and not made_up:
        if not password:
            raise invalid_parameter(
                "Invalid password: you must provide a password, or set createpassword."
            )
        _check_password(password, settings.password_policy)

    values = _columns(user) | {
        "username": username,
        "email": email,
        "email_lower": email.lower(),
        "has_password": int(internal),
        "timecreated": site.now,
        "timemodified": site.now,
    }
    check_lengths("user", values)
    user_id = store.add("user", values)
    _save_details(site, user_id, user)
    if made_up and internal:
        _save_preference(site, user_id, "auth_forcepasswordchange", "1")
    return {"id": user_id, "username": username}


def _check_password(password: str, policy: PasswordPolicy) -> None:
    """Raise `MoodleError` whose code lists every broken rule (docs/facts/moodle.md 5.10)."""
    if not policy.enabled:
        return
    digits, lower, upper = (
        sum(map(kind, password)) for kind in (str.isdigit, str.islower, str.isupper)
    )
    other = len(password) - sum(map(str.isalnum, password))
    at_least = "Passwords must have at least {}"
    rules = (
        (len(password), policy.min_length, "Passwords must be at least {} characters long."),
        (digits, policy.min_digits, f"{at_least} digit(s)."),
        (lower, policy.min_lower, f"{at_least} lower case letter(s)."),
        (upper, policy.min_upper, f"{at_least} upper case letter(s)."),
        (other, policy.min_other,
         "The password must have at least {} special character(s) such as *, -, or #."),
    )  # fmt: skip
    broken = [text.format(least) for count, least, text in rules if count < least]
    if broken:
        raise refused("".join(f"<div>{text}</div>" for text in broken))


def _columns(user: Mapping[str, Any]) -> dict[str, Any]:
    values = {key: value for key, value in user.items() if key in _STORED_AS_SENT}
    empty = [key for key, value in values.items() if value is None and key != "description"]
    if empty:
        # Only a JSON argument can carry a null; the database takes none in these columns.
        raise database_refused(f"ERROR:  null value in column {empty[0]}")
    if "country" in user:
        values["country"] = user["country"] if user["country"] in COUNTRIES else ""
    return values


def _email_taken(site: Site, email: str, but_for: int) -> bool:
    if site.settings.allow_accounts_same_email:
        return False
    return site.store.is_taken("user", but_for, email_lower=email.lower(), deleted=0)


def _save_details(site: Site, user_id: int, user: Mapping[str, Any]) -> None:
    for preference in user.get("preferences", ()):
        _save_preference(site, user_id, preference["type"], preference["value"])
    for profile_field in user.get("customfields", ()):
        if profile_field["type"] in site.settings.profile_fields:
            key = {"userid": user_id, "shortname": profile_field["type"]}
            row = key | {"value": profile_field["value"] or ""}
            site.store.insert("user_profile_field", row, or_else="REPLACE")


def _save_preference(site: Site, user_id: int, name: str, value: str | None) -> None:
    if name not in _KNOWN_PREFERENCES:
        return
    key = {"userid": user_id, "name": name}
    if value is None:
        site.store.remove("user_preference", **key)
    else:
        site.store.insert("user_preference", key | {"value": value}, or_else="REPLACE")


def _update_user(site: Site, user: Mapping[str, Any]) -> None:
    store, settings = site.store, site.settings
    row = store.find("user", id=user["id"])
    if row is None:
        raise refused("invaliduserid", "Invalid user ID")
    if row["id"] == ADMIN_ID and site.caller_id != ADMIN_ID:
        raise refused("usernotupdatedadmin", "Cannot update admin accounts")
    if row["deleted"]:
        raise refused("usernotupdateddeleted")
    if row["id"] == GUEST_ID:
        raise refused("usernotupdatedguest")

    values = _columns(user) | {"timemodified": site.now}
    if "email" in user:
        _check_new_email(site, row, user["email"])
        values |= {"email": user["email"], "email_lower": user["email"].lower()}
    if "suspended" in user:
        values["suspended"] = int(bool(user["suspended"]))
    auth = user.get("auth", row["auth"])
    if "password" in user:
        # Checked even where the method keeps no password, and even when it is empty.
        _check_password(user["password"], settings.password_policy)
        if user["password"] and auth not in settings.external_auth_methods:
            values["has_password"] = 1
    if "username" in user and user["username"] != row["username"]:
        if store.find("user", username=user["username"]):
            raise database_refused('ERROR:  duplicate key value violates "mdl_user_mneuse_uix"')
        values["username"] = user["username"]
    check_lengths("user", values)
    store.update("user", row["id"], values)
    _save_details(site, row["id"], user)


def _check_new_email(site: Site, row: Row, email: str) -> None:
    if email.lower() == row["email_lower"]:
        return
    if not _EMAIL.fullmatch(email):
        raise refused("useremailinvalid")
    if _email_taken(site, email, row["id"]):
        raise refused("useremailduplicate", "Duplicate address")


def _delete_user(site: Site, user_id: int) -> None:
    """Delete a user, whose row stays as a husk that can still be read by id."""
    row = site.store.find("user", id=user_id, deleted=0)
    if row is None:
        raise invalid_user(user_id, with_deleted=False)
    if user_id == ADMIN_ID:
        raise refused("useradminodelete", "Administrator accounts cannot be deleted.")
    if user_id == site.caller_id:
        raise refused("usernotdeletederror", "User not deleted - error")
    if user_id == GUEST_ID:
        return
    stamp = site.now
    while site.store.find("user", username=f"{row['email']}.{stamp}"):
        stamp += 1
    husk = hashlib.md5(row["username"].encode(), usedforsecurity=False).hexdigest()
    site.store.update(
        "user",
        row["id"],
        {
            "username": f"{row['email']}.{stamp}"[:100],
            "email": husk,
            "email_lower": husk,
            "idnumber": "",
            "interests": "",
            "has_password": 0,
            "deleted": 1,
            "timemodified": site.now,
        },
    )
    for table in (
        "user_preference", "user_profile_field", "cohort_member", "enrolment",
        "role_assignment", "group_member",
    ):  # fmt: skip
        site.store.remove(table, userid=row["id"])


def set_user_preferences(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    saved = []
    warnings = []
    for preference in given["preferences"]:
        user_id, name = preference["userid"] or site.caller_id, preference["name"]
        if not site.store.find("user", id=user_id, deleted=0):
            warnings.append(warning("user", user_id, "invaliduser", "Invalid user"))
        elif name in _KNOWN_PREFERENCES:
            _save_preference(site, user_id, name, preference["value"])
            saved.append({"name": name, "userid": user_id})
        else:
            text = f"You are not allowed to change the preference {name}"
            warnings.append(warning("user", user_id, "nopermission", text))
    return {"saved": saved, "warnings": warnings}


def update_user_preferences(site: Site, given: Mapping[str, Any]) -> None:
    user_id = given["userid"] or site.caller_id
    if not site.store.find("user", id=user_id, deleted=0):
        raise invalid_user(user_id)
    for preference in given["preferences"]:
        _save_preference(site, user_id, preference["type"], preference["value"])


FUNCTIONS: dict[str, Function] = {
    "core_user_create_users": all_of("users", _create_user),
    "core_user_update_users": each_of("users", "user", _update_user),
    "core_user_delete_users": all_of("userids", _delete_user),
    "core_user_set_user_preferences": set_user_preferences,
    "core_user_update_user_preferences": update_user_preferences,
}
