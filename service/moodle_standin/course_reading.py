"""Functions that read courses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.categories import sort_orders
from service.moodle_standin.errors import invalid_parameter
from service.moodle_standin.site import SITE_COURSE_ID, Function, Site
from service.moodle_standin.store import Row, marks

_FILTERS = ("displayh5p", "activitynames", "mathjaxloader", "emoticon", "urltolink", "mediaplugin")
_FIELDS = ("", "id", "ids", "shortname", "idnumber", "category")
_COMMON = (
    "id", "fullname", "shortname", "idnumber", "summary", "summaryformat", "format", "showgrades",
    "newsitems", "startdate", "enddate", "maxbytes", "showreports", "visible", "groupmode",
    "groupmodeforce", "defaultgroupingid", "enablecompletion", "completionnotify", "lang",
    "timecreated", "timemodified",
)  # fmt: skip


def _is_site(row: Row) -> bool:
    return bool(row["id"] == SITE_COURSE_ID)


def course_image(site: Site, course_id: int) -> str:
    return f"{site.base_url}/pluginfile.php/{course_id}/course/generated/course.svg"


def _describe(row: Row, sort_order: int) -> dict[str, Any]:
    answer: dict[str, Any] = {name: row[name] for name in _COMMON}
    options = [] if _is_site(row) else [_option("hiddensections", 1), _option("coursedisplay", 0)]
    return answer | {
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
            "theme": row["theme"],
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
            "numsections": row["numsections"],
            "forcetheme": row["theme"],
        }
        if _is_site(row):
            answer["courseformatoptions"] = [_option("numsections", 1)]
        else:
            answer["hiddensections"] = 1
        answers.append(answer)
    return answers


FUNCTIONS: dict[str, Function] = {
    "core_course_get_courses": get_courses,
    "core_course_get_courses_by_field": get_courses_by_field,
}
