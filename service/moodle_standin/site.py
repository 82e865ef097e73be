"""What a function call sees of the site, what a client is told of it, and steps that are shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from service.moodle_standin.errors import MoodleError, invalid_user, missing_record, warning
from service.moodle_standin.settings import RELEASE, VERSION, SiteSettings
from service.moodle_standin.store import Row, Store

ADMIN_ID = 2
GUEST_ID = 1
SITE_COURSE_ID = 1

ROLES: dict[int, str] = {
    1: "manager",
    2: "coursecreator",
    3: "editingteacher",
    4: "teacher",
    5: "student",
    6: "guest",
    7: "user",
    8: "frontpage",
}
"""Moodle's roles by id; a fresh site always numbers them so."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One call's view; made anew for each call."""

    store: Store
    settings: SiteSettings
    now: int
    """Seconds since 1970, UTC."""
    caller_id: int
    functions: frozenset[str]
    """Names the caller's service holds."""
    base_url: str


Function = Callable[[Site, Mapping[str, Any]], Any]
"""A web service function: checked parameters in, answer out; raises `MoodleError`."""


_MOODLE_TABLES = {
    "category": "course_categories", "course_group": "groups", "grouping": "groupings",
}  # fmt: skip
"""Our tables whose name in Moodle is another."""
_MEMBERS = {"cohort": ("cohort_member", "cohortid"), "course_group": ("group_member", "groupid")}
"""Table -> the table of its members, and the column in it that names the whole."""


def require(site: Site, table: str, row_id: int) -> Row:
    """Return the row with this id; raises `MoodleError` (`invalidrecord`) when there is none."""
    row = site.store.find(table, id=row_id)
    if row is None:
        raise missing_record(_MOODLE_TABLES.get(table, table))
    return row


def check_user(site: Site, user_id: int) -> None:
    """Raise `MoodleError` unless the user is there and was not deleted."""
    if not site.store.find("user", id=user_id, deleted=0):
        raise invalid_user(user_id, with_deleted=False)


def read_members(table: str, site: Site, row_id: int) -> dict[str, Any]:
    """Return the users in a cohort or group."""
    members, column = _MEMBERS[table]
    require(site, table, row_id)
    query = f"SELECT userid FROM {members} WHERE {column} = ? ORDER BY userid"
    rows = site.store.rows(query, (row_id,))
    return {column: row_id, "userids": [row["userid"] for row in rows]}


def remove_member(table: str, site: Site, member: Mapping[str, int]) -> None:
    """Remove a user from a cohort or group; who is no member is passed over."""
    members, column = _MEMBERS[table]
    require(site, table, member[column])
    check_user(site, member["userid"])
    site.store.remove(members, **member)


def all_of(name: str, do: Callable[[Site, Any], Any]) -> Function:
    """Return a function that does something with each of the items given by this name, all or
    none."""
    return lambda site, given: [do(site, item) for item in given[name]]


def each_of(name: str, what: str, update: Callable[[Site, Any], None]) -> Function:
    """Return a function that updates each of the items alone; a failure becomes a warning and the
    rest goes on. An update looks at everything before it writes anything."""

    def update_each(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
        warnings = []
        for item in given[name]:
            try:
                update(site, item)
            except MoodleError as error:
                warnings.append(warning(what, item["id"], error.errorcode, error.message))
        return {"warnings": warnings}

    return update_each


def filled(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return those of the fields that were given, an empty text for each null."""
    return {name: given[name] or "" for name in names if name in given}


_FEATURES = {
    "usecomments": 1, "usetags": 1, "enablenotes": 1, "messaging": 1, "enableblogs": 1,
    "enablecompletion": 1, "enablebadges": 1, "messagingallusers": 0, "enablecustomreports": 1,
    "enableglobalsearch": 0, "mnet_dispatcher_mode": 0, "enablecompetencies": 1,
}  # fmt: skip


def get_site_info(site: Site, _given: Mapping[str, Any]) -> dict[str, Any]:
    """Tell a client where it is, who it is and what it may call."""
    row = require(site, "user", site.caller_id)
    return {
        "sitename": site.settings.site_name,
        "username": row["username"],
        "firstname": row["firstname"],
        "lastname": row["lastname"],
        "fullname": f"{row['firstname']} {row['lastname']}",
        "lang": site.settings.languages[0],
        "userid": row["id"],
        "siteurl": site.base_url,
        "userpictureurl": f"{site.base_url}/theme/image.php/boost/core/1/u/f1",
        "functions": [{"name": name, "version": VERSION} for name in sorted(site.functions)],
        "downloadfiles": 0,
        "uploadfiles": 0,
        "release": RELEASE,
        "version": VERSION,
        "mobilecssurl": "",
        "advancedfeatures": [{"name": name, "value": _FEATURES[name]} for name in _FEATURES],
        "usercanmanageownfiles": True,
        "userquota": 104857600,
        "usermaxuploadfilesize": 2097152,
        "userhomepage": 1,
        "userprivateaccesskey": "0" * 32,
        "siteid": 1,
        "sitecalendartype": "gregorian",
        "usercalendartype": "gregorian",
        "userissiteadmin": False,
        "theme": "boost",
        "limitconcurrentlogins": 0,
        "policyagreed": 0,
    }


FUNCTIONS: dict[str, Function] = {"core_webservice_get_site_info": get_site_info}
