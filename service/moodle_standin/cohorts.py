"""Functions about cohorts and their members."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from service.moodle_standin.errors import (
    MoodleError,
    invalid_parameter,
    programmer_error,
    refused,
)
from service.moodle_standin.param_types import TEXT_FORMATS, is_int
from service.moodle_standin.schema import LONGEST, check_lengths
from service.moodle_standin.site import (
    Function,
    Site,
    all_of,
    filled,
    read_members,
    remove_member,
    require,
)
from service.moodle_standin.store import Row

SYSTEM = 0
"""The place of a cohort that belongs to no category."""
_PLACES = {"self": "category = :place", "parents": "category IN (0, :place)", "all": "TRUE"}
"""`includes` of a search -> where it looks."""


def _place(site: Site, category_type: Mapping[str, Any]) -> int:
    kind, value = category_type["type"], category_type["value"] or ""
    if kind == "system":
        return SYSTEM
    if kind not in ("id", "idnumber"):
        raise invalid_parameter("the type is not one of: id, idnumber, system")
    row = site.store.find("category", **{kind: value})
    if row is None or not value:
        raise invalid_parameter(f"category not exists: category {kind}={value}")
    return int(row["id"])


def _create_cohort(site: Site, cohort: Mapping[str, Any]) -> dict[str, Any]:
    place = _place(site, cohort["categorytype"])
    idnumber = cohort["idnumber"] or ""
    if idnumber and site.store.is_taken("cohort", 0, idnumber=idnumber):
        raise invalid_parameter(f"record already exists: idnumber={idnumber}")
    if cohort["descriptionformat"] not in TEXT_FORMATS:
        raise refused("formatnotsupported", "webservice/formatnotsupported")
    values = filled(cohort, "name", "idnumber", "description", "theme") | {
        "category": place,
        "descriptionformat": cohort["descriptionformat"],
        "visible": int(cohort.get("visible", True)),
        "timecreated": site.now,
        "timemodified": site.now,
    }
    check_lengths("cohort", values)
    return dict(require(site, "cohort", site.store.add("cohort", values)))


def _update_cohort(site: Site, cohort: Mapping[str, Any]) -> None:
    if not site.store.find("cohort", id=cohort["id"]):
        raise invalid_parameter(f"cohort not exists: id={cohort['id']}")
    place = _place(site, cohort["categorytype"])
    # Unlike create, update lets a taken idnumber through: a real site stored it.
    values = filled(cohort, "name", "idnumber", "description", "theme")
    if len(values["name"]) > LONGEST["cohort"]["name"]:
        raise invalid_parameter("The name is too long")
    if "visible" in cohort:
        values["visible"] = int(cohort["visible"])
    check_lengths("cohort", values)
    site.store.update(
        "cohort", cohort["id"], values | {"category": place, "timemodified": site.now}
    )


def _delete_cohort(site: Site, cohort_id: int) -> None:
    require(site, "cohort", cohort_id)
    site.store.remove("cohort_member", cohortid=cohort_id)
    site.store.remove("cohort", id=cohort_id)


def _describe(row: Row) -> dict[str, Any]:
    return {**row, "customfields": []}


def get_cohorts(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the cohorts with these ids, without unknown ones; all when no id is given."""
    rows = site.store.rows("SELECT * FROM cohort ORDER BY id")
    wanted = set(given["cohortids"])
    return [_describe(row) for row in rows if not wanted or row["id"] in wanted]


def search_cohorts(site: Site, given: Mapping[str, Any]) -> dict[str, Any]:
    """Find a part of the name, idnumber or description, in one place or in all of them."""
    place = _search_place(site, given["context"])
    condition = _PLACES.get(given["includes"] or "")
    if condition is None:
        raise programmer_error("Invalid parameter value for 'includes'.")
    rows = site.store.rows(
        f"SELECT * FROM cohort WHERE {condition} AND (fold(name) LIKE fold(:part) ESCAPE '\\'"
        " OR fold(idnumber) LIKE fold(:part) ESCAPE '\\'"
        " OR fold(description) LIKE fold(:part) ESCAPE '\\')"
        " ORDER BY name, idnumber, id LIMIT :limit OFFSET :offset",
        {
            "place": place,
            "part": f"%{_escape(given['query'] or '')}%",
            "limit": given["limitnum"] or -1,
            "offset": given["limitfrom"],
        },
    )
    return {"cohorts": [_describe(row) for row in rows]}


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _search_place(site: Site, context: Mapping[str, Any]) -> int:
    level, instance = context["contextlevel"], context["instanceid"]
    if level == "system" or context["contextid"]:
        return SYSTEM
    if level != "coursecat" or not site.store.find("category", id=instance):
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
    found = site.store.find("cohort", **{cohort_kind: cohort_value})
    if found is None or not cohort_value:
        return "2", f"cohort {cohort_kind}={cohort_value} not exists"
    person = site.store.find("user", **{user_kind: user_value}, deleted=0)
    if person is None:
        return "2", f"user {user_kind}={user_value} not exists"
    member = {"cohortid": found["id"], "userid": person["id"]}
    if not site.store.insert("cohort_member", member, or_else="IGNORE"):
        return "3", (
            f"record already exists: cohort({cohort_kind}={cohort_value} {user_kind}={user_value})"
        )
    return None


FUNCTIONS: dict[str, Function] = {
    "core_cohort_create_cohorts": all_of("cohorts", _create_cohort),
    "core_cohort_update_cohorts": all_of("cohorts", _update_cohort),
    "core_cohort_delete_cohorts": all_of("cohortids", _delete_cohort),
    "core_cohort_get_cohorts": get_cohorts,
    "core_cohort_search_cohorts": search_cohorts,
    "core_cohort_add_cohort_members": add_cohort_members,
    "core_cohort_delete_cohort_members": all_of("members", partial(remove_member, "cohort")),
    "core_cohort_get_cohort_members": all_of("cohortids", partial(read_members, "cohort")),
}
