"""Functions that write users: create, update, delete, preferences."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from service.moodle_standin.errors import (
    MoodleError,
    database_refused,
    invalid_parameter,
    invalid_user,
    refused,
)
from service.moodle_standin.password_policy import check_password
from service.moodle_standin.schema import check_lengths
from service.moodle_standin.settings import COUNTRIES
from service.moodle_standin.site import ADMIN_ID, GUEST_ID, Function, Site
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


def create_users(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Make all users or none (docs/facts/moodle.md 4.1)."""
    return [_create_user(site, user) for user in given["users"]]


def _create_user(site: Site, user: Mapping[str, Any]) -> dict[str, Any]:
    store, settings = site.store, site.settings
    username = user["username"]
    if not username:
        raise invalid_parameter("The username field cannot be blank")
    if store.row("SELECT 1 FROM user WHERE username = ?", (username,)):
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
    if not settings.allow_accounts_same_email and _email_taken(site, email, 0):
        raise invalid_parameter(f"Email address already exists: {email}")

    internal = user["auth"] not in settings.external_auth_methods
    password = user.get("password") or ""
    made_up = bool(user.get("createpassword"))
    if internal and not made_up:
        if not password:
            raise invalid_parameter(
                "Invalid password: you must provide a password, or set createpassword."
            )
        check_password(password, settings.password_policy)

    values = _columns(user) | {
        "username": username,
        "email": email,
        "email_lower": email.lower(),
        "has_password": int(internal),
        "timecreated": site.now,
        "timemodified": site.now,
    }
    check_lengths("user", values)
    user_id = store.next_id("user")
    store.insert("user", {"id": user_id, **values})
    _save_details(site, user_id, user)
    if made_up and internal:
        _save_preference(site, user_id, "auth_forcepasswordchange", "1")
    return {"id": user_id, "username": username}


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
    found = site.store.row(
        "SELECT 1 FROM user WHERE email_lower = ? AND deleted = 0 AND id <> ?",
        (email.lower(), but_for),
    )
    return found is not None


def _save_details(site: Site, user_id: int, user: Mapping[str, Any]) -> None:
    for preference in user.get("preferences", ()):
        _save_preference(site, user_id, preference["type"], preference["value"])
    for profile_field in user.get("customfields", ()):
        if profile_field["type"] in site.settings.profile_fields:
            site.store.run(
                "INSERT OR REPLACE INTO user_profile_field (userid, shortname, value)"
                " VALUES (?, ?, ?)",
                (user_id, profile_field["type"], profile_field["value"] or ""),
            )


def _save_preference(site: Site, user_id: int, name: str, value: str | None) -> None:
    if name not in _KNOWN_PREFERENCES:
        return
    if value is None:
        site.store.run("DELETE FROM user_preference WHERE userid = ? AND name = ?", (user_id, name))
    else:
        site.store.run(
            "INSERT OR REPLACE INTO user_preference (userid, name, value) VALUES (?, ?, ?)",
            (user_id, name, value),
        )


def update_users(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    """Update each user alone; a failure becomes a warning and the rest goes on."""
    warnings = []
    for user in given["users"]:
        try:
            with site.store.savepoint():
                _update_user(site, user)
        except MoodleError as error:
            warnings.append(
                {
                    "item": "user",
                    "itemid": user["id"],
                    "warningcode": error.errorcode,
                    "message": error.message,
                }
            )
    return {"warnings": warnings}


def _update_user(site: Site, user: Mapping[str, Any]) -> None:
    store, settings = site.store, site.settings
    row = store.row("SELECT * FROM user WHERE id = ?", (user["id"],))
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
        check_password(user["password"], settings.password_policy)
        if user["password"] and auth not in settings.external_auth_methods:
            values["has_password"] = 1
    if "username" in user and user["username"] != row["username"]:
        if store.row("SELECT 1 FROM user WHERE username = ?", (user["username"],)):
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
    if not site.settings.allow_accounts_same_email and _email_taken(site, email, row["id"]):
        raise refused("useremailduplicate", "Duplicate address")


def delete_users(site: Site, given: Mapping[str, Any]) -> None:
    """Delete all or none. The row stays as a husk that can still be read by id."""
    for user_id in given["userids"]:
        row = site.store.row("SELECT * FROM user WHERE id = ? AND deleted = 0", (user_id,))
        if row is None:
            raise invalid_user(user_id, with_deleted=False)
        if user_id == ADMIN_ID:
            raise refused("useradminodelete", "Administrator accounts cannot be deleted.")
        if user_id == site.caller_id:
            raise refused("usernotdeletederror", "User not deleted - error")
        if user_id != GUEST_ID:
            _delete_user(site, row)


def _delete_user(site: Site, row: Row) -> None:
    stamp = site.now
    while site.store.row("SELECT 1 FROM user WHERE username = ?", (f"{row['email']}.{stamp}",)):
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
        site.store.run(f"DELETE FROM {table} WHERE userid = ?", (row["id"],))


def set_user_preferences(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    saved = []
    warnings = []
    for preference in given["preferences"]:
        user_id = preference["userid"] or site.caller_id
        name = preference["name"]
        if not site.store.row("SELECT 1 FROM user WHERE id = ? AND deleted = 0", (user_id,)):
            warnings.append(
                {
                    "item": "user",
                    "itemid": user_id,
                    "warningcode": "invaliduser",
                    "message": "Invalid user",
                }
            )
        elif name in _KNOWN_PREFERENCES:
            _save_preference(site, user_id, name, preference["value"])
            saved.append({"name": name, "userid": user_id})
        else:
            warnings.append(
                {
                    "item": "user",
                    "itemid": user_id,
                    "warningcode": "nopermission",
                    "message": f"You are not allowed to change the preference {name}",
                }
            )
    return {"saved": saved, "warnings": warnings}


def update_user_preferences(site: Site, given: Mapping[str, Any]) -> None:
    user_id = given["userid"] or site.caller_id
    if not site.store.row("SELECT 1 FROM user WHERE id = ? AND deleted = 0", (user_id,)):
        raise invalid_user(user_id)
    for preference in given["preferences"]:
        _save_preference(site, user_id, preference["type"], preference["value"])


FUNCTIONS: dict[str, Function] = {
    "core_user_create_users": create_users,
    "core_user_update_users": update_users,
    "core_user_delete_users": delete_users,
    "core_user_set_user_preferences": set_user_preferences,
    "core_user_update_user_preferences": update_user_preferences,
}
