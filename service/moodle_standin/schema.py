"""Tables of the stand-in and the longest text each column takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.errors import database_refused

SCHEMA = """
CREATE TABLE IF NOT EXISTS sequence (name TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS user (
    id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, auth TEXT NOT NULL,
    has_password INTEGER NOT NULL DEFAULT 0, firstname TEXT NOT NULL DEFAULT '',
    lastname TEXT NOT NULL DEFAULT '', email TEXT NOT NULL DEFAULT '',
    email_lower TEXT NOT NULL DEFAULT '', idnumber TEXT NOT NULL DEFAULT '',
    institution TEXT NOT NULL DEFAULT '', department TEXT NOT NULL DEFAULT '',
    phone1 TEXT NOT NULL DEFAULT '', phone2 TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '', city TEXT NOT NULL DEFAULT '',
    country TEXT NOT NULL DEFAULT '', lang TEXT NOT NULL DEFAULT 'en',
    calendartype TEXT NOT NULL DEFAULT 'gregorian', theme TEXT NOT NULL DEFAULT '',
    timezone TEXT NOT NULL DEFAULT '99', mailformat INTEGER NOT NULL DEFAULT 1,
    maildisplay INTEGER NOT NULL DEFAULT 2, description TEXT, interests TEXT NOT NULL DEFAULT '',
    middlename TEXT NOT NULL DEFAULT '', alternatename TEXT NOT NULL DEFAULT '',
    firstnamephonetic TEXT NOT NULL DEFAULT '', lastnamephonetic TEXT NOT NULL DEFAULT '',
    suspended INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0,
    firstaccess INTEGER NOT NULL DEFAULT 0, lastaccess INTEGER NOT NULL DEFAULT 0,
    timecreated INTEGER NOT NULL DEFAULT 0, timemodified INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS user_email ON user (email_lower);
CREATE INDEX IF NOT EXISTS user_idnumber ON user (idnumber);
CREATE TABLE IF NOT EXISTS user_preference (
    userid INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (userid, name));
CREATE TABLE IF NOT EXISTS user_profile_field (
    userid INTEGER NOT NULL, shortname TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (userid, shortname));
CREATE TABLE IF NOT EXISTS category (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, idnumber TEXT,
    description TEXT NOT NULL DEFAULT '', descriptionformat INTEGER NOT NULL DEFAULT 1,
    parent INTEGER NOT NULL DEFAULT 0, visible INTEGER NOT NULL DEFAULT 1,
    timemodified INTEGER NOT NULL, depth INTEGER NOT NULL, path TEXT NOT NULL,
    theme TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS category_idnumber ON category (idnumber);
CREATE INDEX IF NOT EXISTS category_parent ON category (parent);
CREATE TABLE IF NOT EXISTS course (
    id INTEGER PRIMARY KEY, category INTEGER NOT NULL, fullname TEXT NOT NULL,
    shortname TEXT NOT NULL, idnumber TEXT NOT NULL DEFAULT '',
    summary TEXT NOT NULL DEFAULT '', summaryformat INTEGER NOT NULL DEFAULT 1,
    format TEXT NOT NULL, showgrades INTEGER NOT NULL DEFAULT 1,
    newsitems INTEGER NOT NULL DEFAULT 5, startdate INTEGER NOT NULL, enddate INTEGER NOT NULL,
    numsections INTEGER NOT NULL DEFAULT 0, maxbytes INTEGER NOT NULL DEFAULT 0,
    showreports INTEGER NOT NULL DEFAULT 0, visible INTEGER NOT NULL DEFAULT 1,
    groupmode INTEGER NOT NULL DEFAULT 0, groupmodeforce INTEGER NOT NULL DEFAULT 0,
    defaultgroupingid INTEGER NOT NULL DEFAULT 0, enablecompletion INTEGER NOT NULL DEFAULT 1,
    completionnotify INTEGER NOT NULL DEFAULT 0, lang TEXT NOT NULL DEFAULT '',
    theme TEXT NOT NULL DEFAULT '', timecreated INTEGER NOT NULL, timemodified INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS course_idnumber ON course (idnumber);
CREATE INDEX IF NOT EXISTS course_shortname ON course (shortname);
CREATE INDEX IF NOT EXISTS course_category ON course (category);
CREATE TABLE IF NOT EXISTS cohort (
    id INTEGER PRIMARY KEY, category INTEGER NOT NULL, name TEXT NOT NULL,
    idnumber TEXT NOT NULL DEFAULT '', description TEXT NOT NULL DEFAULT '',
    descriptionformat INTEGER NOT NULL DEFAULT 1, visible INTEGER NOT NULL DEFAULT 1,
    theme TEXT NOT NULL DEFAULT '', timecreated INTEGER NOT NULL, timemodified INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS cohort_idnumber ON cohort (idnumber);
CREATE TABLE IF NOT EXISTS cohort_member (
    cohortid INTEGER NOT NULL, userid INTEGER NOT NULL, PRIMARY KEY (cohortid, userid));
CREATE INDEX IF NOT EXISTS cohort_member_user ON cohort_member (userid);
CREATE TABLE IF NOT EXISTS enrolment (
    courseid INTEGER NOT NULL, userid INTEGER NOT NULL, suspended INTEGER NOT NULL DEFAULT 0,
    timestart INTEGER NOT NULL DEFAULT 0, timeend INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (courseid, userid));
CREATE INDEX IF NOT EXISTS enrolment_user ON enrolment (userid);
CREATE TABLE IF NOT EXISTS role_assignment (
    contextlevel TEXT NOT NULL, instanceid INTEGER NOT NULL, userid INTEGER NOT NULL,
    roleid INTEGER NOT NULL, PRIMARY KEY (contextlevel, instanceid, userid, roleid));
CREATE INDEX IF NOT EXISTS role_assignment_user ON role_assignment (userid);
CREATE TABLE IF NOT EXISTS course_group (
    id INTEGER PRIMARY KEY, courseid INTEGER NOT NULL, name TEXT NOT NULL,
    idnumber TEXT NOT NULL DEFAULT '', description TEXT NOT NULL DEFAULT '',
    descriptionformat INTEGER NOT NULL DEFAULT 1, enrolmentkey TEXT NOT NULL DEFAULT '',
    visibility INTEGER NOT NULL DEFAULT 0, participation INTEGER NOT NULL DEFAULT 1);
CREATE INDEX IF NOT EXISTS course_group_course ON course_group (courseid);
CREATE TABLE IF NOT EXISTS group_member (
    groupid INTEGER NOT NULL, userid INTEGER NOT NULL, PRIMARY KEY (groupid, userid));
CREATE TABLE IF NOT EXISTS grouping (
    id INTEGER PRIMARY KEY, courseid INTEGER NOT NULL, name TEXT NOT NULL,
    idnumber TEXT NOT NULL DEFAULT '', description TEXT NOT NULL DEFAULT '',
    descriptionformat INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS grouping_group (
    groupingid INTEGER NOT NULL, groupid INTEGER NOT NULL, PRIMARY KEY (groupingid, groupid));
CREATE TABLE IF NOT EXISTS report_filter (reportid INTEGER PRIMARY KEY, filters TEXT NOT NULL);
"""

_USER_TEXTS = (
    "middlename", "alternatename", "firstnamephonetic", "lastnamephonetic", "idnumber",
    "institution", "department", "address",
)  # fmt: skip

LONGEST: dict[str, dict[str, int]] = {
    "user": {
        **dict.fromkeys(("username", "firstname", "lastname", "email", "timezone"), 100),
        **dict.fromkeys(_USER_TEXTS, 255),
        "city": 120,
        "phone1": 20,
        "phone2": 20,
        "calendartype": 30,
    },
    "course": {"fullname": 254, "shortname": 255, "idnumber": 100, "format": 21},
    "cohort": {"name": 254, "idnumber": 100},
    "category": {"name": 255, "idnumber": 100},
    "course_group": {"name": 254, "idnumber": 100, "enrolmentkey": 50},
    "grouping": {"name": 255, "idnumber": 100},
}
"""Characters, by table and column (docs/facts/moodle.md 5.3)."""


def check_lengths(table: str, values: Mapping[str, Any]) -> None:
    """Raise `MoodleError` (`dmlwriteexception`) when the database would refuse a value."""
    for column, limit in LONGEST[table].items():
        value = values.get(column)
        if value is not None and len(value) > limit:
            raise database_refused(
                f"ERROR:  value too long for type character varying({limit}) in {column}"
            )
