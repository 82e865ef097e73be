"""Functions about cohorts and their members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.errors import (
    MoodleError,
    invalid_parameter,
    invalid_user,
    missing_record,
    programmer_error,
    refused,
)
from service.moodle_standin.param_types import TEXT_FORMATS, is_int
from service.moodle_standin.schema import LONGEST, check_lengths
from service.moodle_standin.site import Function, Site
from service.moodle_standin.store import Row

SYSTEM = 0
"""The place of a cohort that belongs to no category."""


def _find(site: Site, cohort_id: int) -> Row:
    row = site.store.row("SELECT * FROM cohort WHERE id = ?", (cohort_id,))
    if row is None:
        raise missing_record("cohort")
    return row


def _place(site: Site, category_type: Mapping[str, Any]) -> int:
    kind, value = category_type["type"], category_type["value"] or ""
    if kind == "system":
        return SYSTEM
    if kind not in ("id", "idnumber"):
        raise invalid_parameter("the type is not one of: id, idnumber, system")
    row = site.store.row(
        f"SELECT id FROM category WHERE {kind} = ?",
        (value,),
    )
    if row is None or not value:
        raise invalid_parameter(f"category not exists: category {kind}={value}")
    return int(row["id"])


def create_cohorts(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Create all or none."""
    return [_create_cohort(site, cohort) for cohort in given["cohorts"]]


def _create_cohort(site: Site, cohort: Mapping[str, Any]) -> dict[str, Any]:
    place = _place(site, cohort["categorytype"])
    idnumber = cohort["idnumber"] or ""
    if idnumber and site.store.row("SELECT 1 FROM cohort WHERE idnumber = ?", (idnumber,)):
        raise invalid_parameter(f"record already exists: idnumber={idnumber}")
    if cohort["descriptionformat"] not in TEXT_FORMATS:
        raise refused("formatnotsupported", "webservice/formatnotsupported")
    values = {
        "category": place,
        "name": cohort["name"] or "",
        "idnumber": idnumber,
        "description": cohort.get("description") or "",
        "descriptionformat": cohort["descriptionformat"],
        "visible": int(cohort.get("visible", True)),
        "theme": cohort.get("theme") or "",
        "timecreated": site.now,
        "timemodified": site.now,
    }
    check_lengths("cohort", values)
    cohort_id = site.store.next_id("cohort")
    site.store.insert("cohort", {"id": cohort_id, **values})
    return {"id": cohort_id, **{name: values[name] for name in _SHOWN if name != "id"}}


_SHOWN = ("id", "name", "idnumber", "description", "descriptionformat", "visible", "theme")


def update_cohorts(site: Site, given: Mapping[str, Any]) -> None:
    """Update all or none: an exception on any of them."""
    for cohort in given["cohorts"]:
        row = site.store.row("SELECT * FROM cohort WHERE id = ?", (cohort["id"],))
        if row is None:
            raise invalid_parameter(f"cohort not exists: id={cohort['id']}")
        values: dict[str, Any] = {
            "category": _place(site, cohort["categorytype"]),
            "name": cohort["name"] or "",
            "timemodified": site.now,
        }
        if "idnumber" in cohort:
            # Unlike create, update lets a taken idnumber through: a real site stored it.
            values["idnumber"] = cohort["idnumber"] or ""
        if "description" in cohort:
            values["description"] = cohort["description"] or ""
        if "visible" in cohort:
            values["visible"] = int(cohort["visible"])
        if "theme" in cohort:
            values["theme"] = cohort["theme"] or ""
        if len(values["name"]) > LONGEST["cohort"]["name"]:
            raise invalid_parameter("The name is too long")
        check_lengths("cohort", values)
        site.store.update("cohort", row["id"], values)


def delete_cohorts(site: Site, given: Mapping[str, Any]) -> None:
    for cohort_id in given["cohortids"]:
        row = _find(site, cohort_id)
        site.store.run("DELETE FROM cohort_member WHERE cohortid = ?", (row["id"],))
        site.store.run("DELETE FROM cohort WHERE id = ?", (row["id"],))


def _describe(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in _SHOWN} | {"customfields": []}


def get_cohorts(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the cohorts with these ids, without unknown ones; all when no id is given."""
    rows = site.store.rows("SELECT * FROM cohort ORDER BY id")
    wanted = set(given["cohortids"])
    return [_describe(row) for row in rows if not wanted or row["id"] in wanted]


def search_cohorts(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    """Find a part of the name, idnumber or description, in one place or in all of them."""
    place = _search_place(site, given["context"])
    includes = given["includes"] or ""
    if includes not in ("self", "parents", "all"):
        raise programmer_error("Invalid parameter value for 'includes'.")
    conditions = "TRUE" if includes == "all" else "category = ?"
    if includes == "parents":
        conditions = "category IN (0, ?)"
    pattern = f"%{_escape(given['query'] or '')}%"
    rows = site.store.rows(
        f"SELECT * FROM cohort WHERE {conditions} AND (fold(name) LIKE fold(?) ESCAPE '\\'"
        " OR fold(idnumber) LIKE fold(?) ESCAPE '\\' OR fold(description) LIKE fold(?) ESCAPE '\\')"
        " ORDER BY name, idnumber, id LIMIT ? OFFSET ?",
        (
            *(() if includes == "all" else (place,)),
            *(pattern,) * 3,
            given["limitnum"] or -1,
            given["limitfrom"],
        ),
    )
    return {"cohorts": [_describe(row) for row in rows]}


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _search_place(site: Site, context: Mapping[str, Any]) -> int:
    level, instance = context["contextlevel"], context["instanceid"]
    if level == "system" or context["contextid"]:
        return SYSTEM
    if level != "coursecat" or not site.store.row(
        "SELECT 1 FROM category WHERE id = ?", (instance,)
    ):
        raise invalid_parameter(f"Invalid context: {level} {instance}")
    return int(instance)


def add_cohort_members(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    """Add members, going on after a bad item; warnings have a code and a text, no item id."""
    warnings = []
    for member in given["members"]:
        warning = _add_member(site, member["cohorttype"], member["usertype"])
        if warning:
            code, message = warning
            warnings.append({"warningcode": code, "message": message})
    return {"warnings": warnings}


def _add_member(
    site: Site, cohort: Mapping[str, Any], user: Mapping[str, Any]
) -> tuple[str, str] | None:
    cohort_kind, cohort_value = cohort["type"], cohort["value"] or ""
    user_kind, user_value = user["type"], user["value"] or ""
    if cohort_kind not in ("id", "idnumber"):
        return "1", "invalid parameter: cohorttype=" + cohort_kind
    if user_kind not in ("id", "username"):
        return "1", "invalid parameter: usertype=" + user_kind
    if (cohort_kind == "id" and not is_int(cohort_value)) or (
        user_kind == "id" and not is_int(user_value)
    ):
        # The database chokes on a text where it wants a number, and the whole call fails.
        raise MoodleError("core\\exception\\moodle_exception", "Error", "cohort/Error")
    found = site.store.row(
        f"SELECT id FROM cohort WHERE {cohort_kind} = ?",
        (cohort_value,),
    )
    if found is None or not cohort_value:
        return "2", f"cohort {cohort_kind}={cohort_value} not exists"
    person = site.store.row(
        f"SELECT id FROM user WHERE {user_kind} = ? AND deleted = 0",
        (user_value,),
    )
    if person is None:
        return "2", f"user {user_kind}={user_value} not exists"
    added = site.store.run(
        "INSERT OR IGNORE INTO cohort_member (cohortid, userid) VALUES (?, ?)",
        (found["id"], person["id"]),
    )
    if not added:
        return "3", (
            f"record already exists: cohort({cohort_kind}={cohort_value} {user_kind}={user_value})"
        )
    return None


def delete_cohort_members(site: Site, given: Mapping[str, Any]) -> None:
    """Remove all or none; someone who is no member is passed over."""
    for member in given["members"]:
        _find(site, member["cohortid"])
        if not site.store.row(
            "SELECT 1 FROM user WHERE id = ? AND deleted = 0", (member["userid"],)
        ):
            raise invalid_user(member["userid"], with_deleted=False)
        site.store.run(
            "DELETE FROM cohort_member WHERE cohortid = ? AND userid = ?",
            (member["cohortid"], member["userid"]),
        )


def get_cohort_members(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    answers = []
    for cohort_id in given["cohortids"]:
        _find(site, cohort_id)
        rows = site.store.rows(
            "SELECT userid FROM cohort_member WHERE cohortid = ? ORDER BY userid", (cohort_id,)
        )
        answers.append({"cohortid": cohort_id, "userids": [row["userid"] for row in rows]})
    return answers


FUNCTIONS: dict[str, Function] = {
    "core_cohort_create_cohorts": create_cohorts,
    "core_cohort_update_cohorts": update_cohorts,
    "core_cohort_delete_cohorts": delete_cohorts,
    "core_cohort_get_cohorts": get_cohorts,
    "core_cohort_search_cohorts": search_cohorts,
    "core_cohort_add_cohort_members": add_cohort_members,
    "core_cohort_delete_cohort_members": delete_cohort_members,
    "core_cohort_get_cohort_members": get_cohort_members,
}
