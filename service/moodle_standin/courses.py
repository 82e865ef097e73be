"""Functions about courses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.categories import remove_course, sort_orders
from service.moodle_standin.errors import (
    MoodleError,
    context_refused,
    invalid_parameter,
    refused,
    warning,
)
from service.moodle_standin.param_types import TEXT_FORMATS
from service.moodle_standin.schema import check_lengths
from service.moodle_standin.site import SITE_COURSE_ID, Function, Site, all_of, each_of, require
from service.moodle_standin.store import Row, marks

_DAY = 24 * 60 * 60
_DURATION = 365 * _DAY
_STORED_AS_SENT = (
    "fullname", "shortname", "idnumber", "summary", "summaryformat", "format", "showgrades",
    "newsitems", "startdate", "enddate", "numsections", "maxbytes", "showreports", "visible",
    "groupmode", "groupmodeforce", "defaultgroupingid", "enablecompletion", "completionnotify",
    "lang",
)  # fmt: skip
_FILTERS = ("displayh5p", "activitynames", "mathjaxloader", "emoticon", "urltolink", "mediaplugin")
_FIELDS = ("", "id", "ids", "shortname", "idnumber", "category")
_TEXTS = frozenset({"fullname", "shortname", "idnumber", "summary", "format", "lang"})


def _check(site: Site, values: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Raise what Moodle says of new values; `before` holds those of the course so far."""
    if values.get("summaryformat", 1) not in TEXT_FORMATS:
        raise refused("formatnotsupported", "webservice/formatnotsupported")
    start, end = (values.get(name, before.get(name)) for name in ("startdate", "enddate"))
    if start and end and end < start:
        raise refused("enddatebeforestartdate", "The course end date must be after the start date.")
    if end and not start:
        raise refused("nostartdatenoenddate", "A course without a start date has no end date.")
    known = before.get("id", 0)
    shortname, idnumber = values.get("shortname"), values.get("idnumber")
    if shortname is not None:
        _check_shortname(site, shortname, known)
    if idnumber and site.store.is_taken("course", known, idnumber=idnumber):
        text = f"ID number is already used for another course ({idnumber})"
        raise refused("courseidnumbertaken", text)
    check_lengths("course", values)


def _check_shortname(site: Site, shortname: str, but_for: int) -> None:
    if site.store.is_taken("course", but_for, shortname=shortname):
        text = f"Short name is already used for another course ({shortname})"
        raise refused("shortnametaken", text)


def _invalid(name: str) -> MoodleError:
    return refused("errorinvalidparam", f'The param "{name}" is invalid.')


def _create_course(site: Site, course: Mapping[str, Any]) -> dict[str, Any]:
    category = course["categoryid"]
    if not site.store.find("category", id=category):
        raise context_refused("errorcatcontextnotvalid", "category", category)
    for name in ("fullname", "shortname"):
        if not (course[name] or "").strip():
            raise _invalid(name)
    if "lang" in course and course["lang"] not in site.settings.languages:
        raise _invalid("lang")

    values = {"category": category, "timecreated": site.now, "timemodified": site.now}
    values |= _columns(course)
    values.setdefault("startdate", site.now - site.now % _DAY)
    values.setdefault("enddate", values["startdate"] + _DURATION if values["startdate"] else 0)
    _check(site, values, {})
    return {"id": site.store.add("course", values), "shortname": values["shortname"]}


def _columns(course: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        key: (course[key] or "") if key in _TEXTS else (course[key] or 0)
        for key in _STORED_AS_SENT
        if key in course
    }
    if "forcetheme" in course:
        values["theme"] = course["forcetheme"] or ""
    return values


def _update_course(site: Site, course: Mapping[str, Any]) -> None:
    row = require(site, "course", course["id"])
    values = _columns(course)
    for name in ("fullname", "shortname"):
        if name in values and not values[name].strip():
            raise _invalid(name)
    if "lang" in course and course["lang"] and course["lang"] not in site.settings.languages:
        raise _invalid("lang")
    if "categoryid" in course and course["categoryid"] != row["category"]:
        values["category"] = require(site, "category", course["categoryid"])["id"]
    if _is_site(row):  # after all the rest: docs/facts/moodle.md 1.6
        raise refused("invalidcourse", "Invalid course")
    _check(site, values, dict(row))
    site.store.update("course", row["id"], values | {"timemodified": site.now})


def delete_courses(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    """Delete each course alone; an unknown one becomes a warning."""
    warnings = []
    for course_id in given["courseids"]:
        if course_id == SITE_COURSE_ID or not site.store.find("course", id=course_id):
            text = f"Unknown course ID {course_id}"
            warnings.append(warning("course", course_id, "unknowncourseidnumber", text))
        else:
            remove_course(site, course_id)
    return {"warnings": warnings}


def duplicate_course(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a course without people: the service account has no right to choose about people."""
    row = site.store.find("course", id=given["courseid"])
    if row is None:
        raise invalid_parameter("Invalid course")
    if any(option["name"] == "users" for option in given["options"]):
        code = "setting_locked_by_permission"
        raise MoodleError("base_setting_exception", code, f"error/{code}")
    _check_shortname(site, given["shortname"], 0)
    values = {name: row[name] for name in _STORED_AS_SENT} | {
        "fullname": given["fullname"],
        "shortname": given["shortname"],
        "idnumber": "",
        "visible": given["visible"],
        "category": given["categoryid"],
        "timecreated": site.now,
        "timemodified": site.now,
    }
    check_lengths("course", values)
    return {"id": site.store.add("course", values), "shortname": given["shortname"]}


def _is_site(row: Row) -> bool:
    return bool(row["id"] == SITE_COURSE_ID)


def course_image(site: Site, course_id: int) -> str:
    return f"{site.base_url}/pluginfile.php/{course_id}/course/generated/course.svg"


def _describe(row: Row, sort_order: int) -> dict[str, Any]:
    options = [] if _is_site(row) else [_option("hiddensections", 1), _option("coursedisplay", 0)]
    return {
        **row,
        "displayname": row["fullname"],
        "categoryid": row["category"],
        "sortorder": sort_order,
        "showactivitydates": not _is_site(row),
        "showcompletionconditions": None if _is_site(row) else True,
        "courseformatoptions": options,
    }


def _option(name: str, value: int | str) -> dict[str, int | str]:
    return {"name": name, "value": value}


def _sort_order(categories: Mapping[int, tuple[Row, int]], row: Row) -> int:
    if row["category"] not in categories:
        return 1
    return categories[row["category"]][1] + int(row["id"])


def get_courses_by_field(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    rows = _find(site, given["field"] or "", given["value"] or "")
    categories = sort_orders(site)
    courses = []
    for row in rows:
        answer = _describe(row, _sort_order(categories, row))
        known = row["category"] in categories
        answer |= {
            "courseimage": course_image(site, row["id"]),
            "categoryname": categories[row["category"]][0]["name"] if known else "",
            "summaryfiles": [],
            "overviewfiles": [],
            "contacts": [],
            "enrollmentmethods": [] if _is_site(row) else ["manual"],
            "marker": 0,
            "legacyfiles": 0,
            "calendartype": "",
            "requested": 0,
            "cacherev": row["timemodified"],
            "filters": [
                {"filter": name, "localstate": 0, "inheritedstate": 1} for name in _FILTERS
            ],
        }
        if _is_site(row):
            del answer["courseformatoptions"]
        else:
            answer["courseformatoptions"] += [_option("indentation", "1")]
        courses.append(answer)
    return {"courses": courses, "warnings": []}


def _find(site: Site, field: str, value: str) -> list[Row]:
    if field not in _FIELDS:
        raise invalid_parameter("Invalid field name")
    if field == "":
        return site.store.rows("SELECT * FROM course ORDER BY id")
    if field in ("id", "category"):
        numbers = [int(value)] if value.isdecimal() else []
    elif field == "ids":
        numbers = [_number(part) for part in value.split(",")]
    else:
        return site.store.rows(f"SELECT * FROM course WHERE {field} = ?", (value,))
    column = "category" if field == "category" else "id"
    return site.store.rows(
        f"SELECT * FROM course WHERE {column} IN ({marks(numbers)}) ORDER BY category = 0, id",
        numbers,
    )


def _number(text: str) -> int:
    if not text.strip().isdecimal():
        raise invalid_parameter(f'the value is "{text}", the server was expecting "int" type')
    return int(text)


def get_courses(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    wanted = (given["options"] or {}).get("ids")
    rows = site.store.rows("SELECT * FROM course ORDER BY id")
    if wanted is not None:
        rows = [row for row in rows if row["id"] in set(wanted)]
    categories = sort_orders(site)
    answers = []
    for row in rows:
        order = _sort_order(categories, row)
        answer = _describe(row, order) | {
            "categorysortorder": order,
            "forcetheme": row["theme"],
        }
        if _is_site(row):
            answer["courseformatoptions"] = [_option("numsections", 1)]
        else:
            answer["hiddensections"] = 1
        answers.append(answer)
    return answers


FUNCTIONS: dict[str, Function] = {
    "core_course_create_courses": all_of("courses", _create_course),
    "core_course_update_courses": each_of("courses", "course", _update_course),
    "core_course_delete_courses": delete_courses,
    "core_course_duplicate_course": duplicate_course,
    "core_course_get_courses": get_courses,
    "core_course_get_courses_by_field": get_courses_by_field,
}
