"""Functions that write courses: create, update, delete, duplicate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.categories import remove_course
from service.moodle_standin.errors import MoodleError, invalid_parameter, missing_record, refused
from service.moodle_standin.param_types import TEXT_FORMATS
from service.moodle_standin.schema import check_lengths
from service.moodle_standin.site import SITE_COURSE_ID, Function, Site
from service.moodle_standin.store import Row

_DAY = 24 * 60 * 60
_DURATION = 365 * _DAY
_STORED_AS_SENT = (
    "fullname", "shortname", "idnumber", "summary", "summaryformat", "format", "showgrades",
    "newsitems", "startdate", "enddate", "numsections", "maxbytes", "showreports", "visible",
    "groupmode", "groupmodeforce", "defaultgroupingid", "enablecompletion", "completionnotify",
    "lang",
)  # fmt: skip
_TEXTS = frozenset({"fullname", "shortname", "idnumber", "summary", "format", "lang"})


def _shortname_taken(site: Site, shortname: str, but_for: int) -> None:
    if site.store.row("SELECT 1 FROM course WHERE shortname = ? AND id <> ?", (shortname, but_for)):
        raise refused(
            "shortnametaken", f"Short name is already used for another course ({shortname})"
        )


def _idnumber_taken(site: Site, idnumber: str, but_for: int) -> None:
    if idnumber and site.store.row(
        "SELECT 1 FROM course WHERE idnumber = ? AND id <> ?", (idnumber, but_for)
    ):
        raise refused(
            "courseidnumbertaken", f"ID number is already used for another course ({idnumber})"
        )


def _check_dates(start: int, end: int) -> None:
    if start and end and end < start:
        raise refused("enddatebeforestartdate", "The course end date must be after the start date.")
    if end and not start:
        raise refused("nostartdatenoenddate", "A course without a start date has no end date.")


def _check_format(values: Mapping[str, Any]) -> None:
    if values.get("summaryformat", 1) not in TEXT_FORMATS:
        raise refused("formatnotsupported", "webservice/formatnotsupported")


def _invalid(name: str) -> MoodleError:
    return refused("errorinvalidparam", f'The param "{name}" is invalid.')


def create_courses(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Create all or none."""
    return [_create_course(site, course) for course in given["courses"]]


def _create_course(site: Site, course: Mapping[str, Any]) -> dict[str, Any]:
    category = course["categoryid"]
    if not site.store.row("SELECT 1 FROM category WHERE id = ?", (category,)):
        raise refused(
            "errorcatcontextnotvalid",
            f"You cannot execute functions in the category context (category id:{category}). "
            "The context error message was: Invalid parameter value detected",
            module="webservice",
        )
    for name in ("fullname", "shortname"):
        if not (course[name] or "").strip():
            raise _invalid(name)
    if "lang" in course and course["lang"] not in site.settings.languages:
        raise _invalid("lang")

    values = _columns(course)
    values.setdefault("startdate", site.now - site.now % _DAY)
    values.setdefault("enddate", values["startdate"] + _DURATION if values["startdate"] else 0)
    _check_format(values)
    _check_dates(values["startdate"], values["enddate"])
    _shortname_taken(site, values["shortname"], 0)
    _idnumber_taken(site, values.get("idnumber", ""), 0)
    check_lengths("course", values)
    course_id = site.store.next_id("course")
    site.store.insert(
        "course",
        {
            "id": course_id,
            "category": category,
            **values,
            "timecreated": site.now,
            "timemodified": site.now,
        },
    )
    return {"id": course_id, "shortname": values["shortname"]}


def _columns(course: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        key: (course[key] or "") if key in _TEXTS else (course[key] or 0)
        for key in _STORED_AS_SENT
        if key in course
    }
    if "forcetheme" in course:
        values["theme"] = course["forcetheme"] or ""
    return values


def update_courses(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    """Update each course alone; a failure becomes a warning and the rest goes on."""
    warnings = []
    for course in given["courses"]:
        try:
            with site.store.savepoint():
                _update_course(site, course)
        except MoodleError as error:
            warnings.append(_warning(course["id"], error.errorcode, error.message))
    return {"warnings": warnings}


def _warning(course_id: int, code: str, message: str) -> dict[str, Any]:
    return {"item": "course", "itemid": course_id, "warningcode": code, "message": message}


def _update_course(site: Site, course: Mapping[str, Any]) -> None:
    row = site.store.row("SELECT * FROM course WHERE id = ?", (course["id"],))
    if row is None:
        raise missing_record("course")
    values = _columns(course)
    for name in ("fullname", "shortname"):
        if name in values and not values[name].strip():
            raise _invalid(name)
    if "lang" in course and course["lang"] and course["lang"] not in site.settings.languages:
        raise _invalid("lang")
    if "categoryid" in course and course["categoryid"] != row["category"]:
        if not site.store.row("SELECT 1 FROM category WHERE id = ?", (course["categoryid"],)):
            raise missing_record("course_categories")
        values["category"] = course["categoryid"]
    _check_format(values)
    _check_dates(values.get("startdate", row["startdate"]), values.get("enddate", row["enddate"]))
    if "shortname" in values:
        _shortname_taken(site, values["shortname"], row["id"])
    if "idnumber" in values:
        _idnumber_taken(site, values["idnumber"], row["id"])
    check_lengths("course", values)
    site.store.update("course", row["id"], values | {"timemodified": site.now})


def delete_courses(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    """Delete each course alone; an unknown one becomes a warning."""
    warnings = []
    for course_id in given["courseids"]:
        known = site.store.row("SELECT 1 FROM course WHERE id = ?", (course_id,))
        if known is None or course_id == SITE_COURSE_ID:
            text = f"Unknown course ID {course_id}"
            warnings.append(_warning(course_id, "unknowncourseidnumber", text))
        else:
            remove_course(site, course_id)
    return {"warnings": warnings}


def duplicate_course(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a course without people: the service account has no right to choose about people."""
    row: Row | None = site.store.row("SELECT * FROM course WHERE id = ?", (given["courseid"],))
    if row is None:
        raise invalid_parameter("Invalid course")
    if any(option["name"] == "users" for option in given["options"]):
        raise MoodleError(
            "base_setting_exception",
            "setting_locked_by_permission",
            "error/setting_locked_by_permission",
        )
    _shortname_taken(site, given["shortname"], 0)
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
    course_id = site.store.next_id("course")
    site.store.insert("course", {"id": course_id, **values})
    return {"id": course_id, "shortname": given["shortname"]}


FUNCTIONS: dict[str, Function] = {
    "core_course_create_courses": create_courses,
    "core_course_update_courses": update_courses,
    "core_course_delete_courses": delete_courses,
    "core_course_duplicate_course": duplicate_course,
}
