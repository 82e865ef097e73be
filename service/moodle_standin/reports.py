"""Functions that read custom reports about users, page by page and through filters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from service.moodle_standin.errors import invalid_parameter, missing_record
from service.moodle_standin.settings import CustomReport
from service.moodle_standin.site import ADMIN_ID, Function, Site, require
from service.moodle_standin.store import Row
from service.moodle_standin.user_reading import full_name, picture_urls

_PLAIN_HEADERS = [
    "Full name", "Username", "Email address", "Username", "ID number", "Institution",
    "Department", "Last access", "Suspended", "Authentication",
]  # fmt: skip
_TOTAL_HEADERS = ["Institution", "Username", "Last access"]
_METHODS = {
    "manual": "Manual accounts",
    "nologin": "No login",
    "email": "Email-based self-registration",
    "ldap": "LDAP server",
    "oauth2": "OAuth 2",
    "webservice": "Web services authentication",
}
_DATE_RANGE = 3
_TEXT_OPERATORS = {1: "instr({}, ?) > 0", 2: "instr({}, ?) = 0", 3: "{} = ?", 4: "{} <> ?"}
"""Contains, does not contain, equals, does not equal."""


def _find(site: Site, report_id: int) -> CustomReport:
    if not 1 <= report_id <= len(site.settings.reports):
        raise missing_record("reportbuilder_report")
    return site.settings.reports[report_id - 1]


def list_reports(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    start = given["page"] * given["perpage"]
    numbered = list(enumerate(site.settings.reports, start=1))
    page = numbered[start : start + given["perpage"]]
    return {
        "reports": [_details(site, report, report_id) for report_id, report in page],
        "warnings": [],
    }


def _details(site: Site, report: CustomReport, report_id: int) -> dict[str, Any]:
    admin = require(site, "user", ADMIN_ID)
    return {
        "name": report.name,
        "source": "core_user\\reportbuilder\\datasource\\users",
        "type": 0,
        "uniquerows": False,
        "conditiondata": '{"user:suspended_operator":2}' if report.active_only else None,
        "settingsdata": None,
        "contextid": 1,
        "component": "",
        "area": "",
        "itemid": 0,
        "usercreated": ADMIN_ID,
        "id": report_id,
        "timecreated": admin["timecreated"],
        "timemodified": admin["timecreated"],
        "usermodified": ADMIN_ID,
        "sourcename": "Users",
        "tags": [],
        "modifiedby": {
            **admin,
            "fullname": full_name(admin),
            "identity": admin["email"],
            "profileurl": f"{site.base_url}/user/profile.php?id={ADMIN_ID}",
            **picture_urls(site),
        },
    }


def retrieve_report(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    report = _find(site, given["reportid"])
    people = _people(site, report, given["reportid"])
    rows = _totals(people) if report.by_institution else [_plain(row) for row in people]
    start = given["page"] * given["perpage"]
    return {
        "details": _details(site, report, given["reportid"]),
        "data": {
            "headers": _TOTAL_HEADERS if report.by_institution else _PLAIN_HEADERS,
            "rows": [{"columns": row} for row in rows[start : start + given["perpage"]]],
            "totalrowcount": len(rows),
        },
        "warnings": [],
    }


def _people(site: Site, report: CustomReport, report_id: int) -> list[Row]:
    row = site.store.find("report_filter", reportid=report_id)
    filters = json.loads(row["filters"]) if row is not None else {}
    conditions, values = ["deleted = 0", "username <> 'guest'"], []
    if report.active_only:
        conditions.append("suspended = 0")
    if filters.get("user:lastaccess_operator") == _DATE_RANGE:
        conditions.append("lastaccess BETWEEN ? AND ?")
        values += [filters["user:lastaccess_from"], filters["user:lastaccess_to"]]
    operator = _TEXT_OPERATORS.get(filters.get("user:institution_operator", 0))
    if operator is not None:
        conditions.append(operator.format("institution"))
        values.append(filters["user:institution_value"])
    where = " AND ".join(conditions)
    query = f"SELECT * FROM user WHERE {where} ORDER BY firstname, lastname, id"
    return site.store.rows(query, values)


def _plain(row: Row) -> list[Any]:
    return [
        full_name(row),
        row["username"],
        row["email"],
        row["username"],
        row["idnumber"],
        row["institution"],
        row["department"],
        _moment(row["lastaccess"]),
        "Yes" if row["suspended"] else "No",
        _METHODS.get(row["auth"], row["auth"]),
    ]


def _totals(people: list[Row]) -> list[list[Any]]:
    accesses: dict[str, list[int]] = {}
    for row in people:
        accesses.setdefault(row["institution"], []).append(row["lastaccess"])
    return [[name, len(several), _moment(max(several))] for name, several in accesses.items()]


def _moment(seconds: int) -> str:
    if not seconds:
        return ""
    moment = datetime.fromtimestamp(seconds, UTC)
    hour = moment.hour % 12 or 12
    return f"{moment:%A}, {moment.day} {moment:%B %Y}, {hour}:{moment:%M %p}"


def set_filters(site: Site, given: Mapping[str, Any]) -> bool:
    """Store filters for the caller until they are set anew or taken back."""
    _find(site, given["reportid"])
    try:
        filters = json.loads(given["values"] or "")
    except ValueError as error:
        raise invalid_parameter("The values are no JSON") from error
    stored = {"reportid": given["reportid"], "filters": json.dumps(filters)}
    site.store.insert("report_filter", stored, or_else="REPLACE")
    return True


def filters_reset(site: Site, given: Mapping[str, Any]) -> bool:
    _find(site, given["reportid"])
    site.store.remove("report_filter", reportid=given["reportid"])
    return True


FUNCTIONS: dict[str, Function] = {
    "core_reportbuilder_list_reports": list_reports,
    "core_reportbuilder_retrieve_report": retrieve_report,
    "core_reportbuilder_set_filters": set_filters,
    "core_reportbuilder_filters_reset": filters_reset,
}
