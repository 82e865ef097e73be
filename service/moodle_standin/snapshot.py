"""The content of a stand-in as plain data, to compare with what it should hold."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from service.moodle_standin.site import ROLES
from service.moodle_standin.store import Store

Snapshot = dict[str, list[dict[str, Any]]]

_QUERIES = {
    "users": (
        "SELECT id, username, auth, idnumber, email, firstname, lastname, middlename, institution,"
        " department, lang, suspended, has_password,"
        " COALESCE((SELECT value FROM user_preference WHERE userid = user.id"
        " AND name = 'auth_forcepasswordchange'), '0') = '1' AS must_change_password"
        " FROM user WHERE deleted = 0 AND id > 2 AND auth <> 'webservice' ORDER BY id"
    ),
    "categories": "SELECT id, idnumber, name, parent FROM category ORDER BY id",
    "cohorts": "SELECT id, idnumber, name, category, visible FROM cohort ORDER BY id",
    "members": "SELECT cohortid, userid FROM cohort_member ORDER BY cohortid, userid",
    "courses": (
        "SELECT id, idnumber, shortname, fullname, category, visible, startdate, enddate"
        " FROM course WHERE category <> 0 ORDER BY id"
    ),
    "enrolments": (
        "SELECT e.courseid, e.userid, r.roleid, e.suspended FROM enrolment e"
        " LEFT JOIN role_assignment r ON r.contextlevel = 'course' AND r.instanceid = e.courseid"
        " AND r.userid = e.userid ORDER BY e.courseid, e.userid, r.roleid"
    ),
}


def read_snapshot(store: Store) -> Snapshot:
    """Return the rows by table, without the accounts of the site itself."""
    found = {name: [dict(row) for row in store.rows(query)] for name, query in _QUERIES.items()}
    for enrolment in found["enrolments"]:
        enrolment["role"] = ROLES.get(enrolment["roleid"])
    return found


def snapshot(storage: Path) -> Snapshot:
    """Return the same from the file of a stand-in, running or not."""
    with closing(Store(storage)) as store:
        return read_snapshot(store)
