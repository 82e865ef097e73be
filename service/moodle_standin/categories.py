"""Functions about course categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.errors import database_unreadable, refused
from service.moodle_standin.schema import LONGEST
from service.moodle_standin.site import Function, Site, all_of, filled, require
from service.moodle_standin.store import Row

_SORT_STEP = 10000
_SEARCH_KEYS = ("id", "ids", "name", "parent", "idnumber", "visible", "theme")


def _check(site: Site, values: Mapping[str, Any], but_for: int) -> None:
    """Raise what Moodle raises before it asks its database."""
    name, idnumber = values.get("name"), values.get("idnumber")
    if name == "":
        raise refused("categorynamerequired", "Category name is required")
    if idnumber and len(idnumber) > LONGEST["category"]["idnumber"]:
        raise refused("idnumbertoolong", "ID number is too long")
    if name and len(name) > LONGEST["category"]["name"]:
        raise refused("categorytoolong", "Category name too long")
    if idnumber and site.store.is_taken("category", but_for, idnumber=idnumber):
        raise refused("categoryidnumbertaken", "ID number is already used for another category")


def _known(site: Site, category_id: int) -> Row:
    row = site.store.find("category", id=category_id)
    if row is None:
        text = f'Unknown category with category ID number "{category_id}"'
        raise refused("unknowncategory", text)
    return row


def _create_category(site: Site, category: Mapping[str, Any]) -> dict[str, Any]:
    """Create a category. `parent` is an id, so each level of a tree is a call of its own."""
    parent_id = category["parent"] or 0
    if parent_id and not site.store.find("category", id=parent_id):
        raise refused("unknowcategory", "Category not known!")
    values = filled(category, "name", "description", "theme") | {
        "idnumber": category.get("idnumber"),
        "descriptionformat": category["descriptionformat"],
        "timemodified": site.now,
    }
    _check(site, values, 0)
    category_id = site.store.add("category", values | {"depth": 0, "path": ""})
    _place(site, category_id, parent_id)
    return {"id": category_id, "name": values["name"]}


def _place(site: Site, category_id: int, parent_id: int) -> None:
    """Put a category below another; path and depth of all that lies below it follow."""
    parent = site.store.find("category", id=parent_id)
    place = {
        "parent": parent_id,
        "path": f"{parent['path'] if parent else ''}/{category_id}",
        "depth": 1 + (parent["depth"] if parent else 0),
    }
    site.store.update("category", category_id, place)
    for child in site.store.rows("SELECT id FROM category WHERE parent = ?", (category_id,)):
        _place(site, child["id"], category_id)


def _update_category(site: Site, category: Mapping[str, Any]) -> None:
    row = _known(site, category["id"])
    values = filled(category, "name", "idnumber", "theme", "description")
    if "description" in values:
        values["descriptionformat"] = category["descriptionformat"]
    _check(site, values, row["id"])
    site.store.update("category", row["id"], values | {"timemodified": site.now})
    if "parent" in category and category["parent"] != row["parent"]:
        _move(site, row, category["parent"] or 0)


def _move(site: Site, row: Row, parent_id: int) -> None:
    path = require(site, "category", parent_id)["path"] if parent_id else ""
    if f"/{row['id']}/" in f"{path}/":
        raise refused("cannotmovecategory", "Cannot move category")
    _place(site, row["id"], parent_id)


def _delete_category(site: Site, category: Mapping[str, Any]) -> None:
    """Delete a category. Its content is deleted too (`recursive`) or goes to `newparent`."""
    row = _known(site, category["id"])
    if category["recursive"]:
        delete_with_content(site, row)
    else:
        _delete_and_move(site, row, category.get("newparent"))


def delete_with_content(site: Site, row: Row) -> None:
    for child in site.store.rows("SELECT * FROM category WHERE parent = ?", (row["id"],)):
        delete_with_content(site, child)
    for course in site.store.rows("SELECT id FROM course WHERE category = ?", (row["id"],)):
        remove_course(site, course["id"])
    site.store.run("UPDATE cohort SET category = 0 WHERE category = ?", (row["id"],))
    site.store.remove("category", id=row["id"])


def _delete_and_move(site: Site, row: Row, new_parent: int | None) -> None:
    new_parent = new_parent if new_parent is not None else row["parent"]
    if not new_parent:
        raise refused(
            "movecatcontentstoroot",
            "Moving the category content to root is not allowed. "
            "You must move the contents to an existing category!",
        )
    _known(site, new_parent)
    for child in site.store.rows("SELECT * FROM category WHERE parent = ?", (row["id"],)):
        _move(site, child, new_parent)
    for table in ("course", "cohort"):
        query = f"UPDATE {table} SET category = ? WHERE category = ?"
        site.store.run(query, (new_parent, row["id"]))
    site.store.remove("category", id=row["id"])


def remove_course(site: Site, course_id: int) -> None:
    """Delete a course with its enrolments, roles and groups."""
    groups = "(SELECT id FROM course_group WHERE courseid = ?)"
    for table in ("group_member", "grouping_group"):
        site.store.run(f"DELETE FROM {table} WHERE groupid IN {groups}", (course_id,))
    for table in ("course_group", "grouping", "enrolment"):
        site.store.remove(table, courseid=course_id)
    site.store.remove("role_assignment", contextlevel="course", instanceid=course_id)
    site.store.remove("course", id=course_id)


def get_categories(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    everyone = sort_orders(site)
    criteria: dict[str, str] = {}
    for item in given["criteria"]:
        criteria.setdefault(item["key"], (item["value"] or "").strip())
    found = [row for row in everyone.values() if _fits(row[0], criteria)]
    chosen = {row["id"] for row, _order in found}
    if given["addsubcategories"]:
        chosen = {
            row["id"]
            for row, _order in everyone.values()
            if chosen & {int(step) for step in row["path"].split("/") if step}
        }
    courses = {
        row["category"]: row["total"]
        for row in site.store.rows(
            "SELECT category, COUNT(*) AS total FROM course GROUP BY category"
        )
    }
    return [
        {
            **row,
            "sortorder": order,
            "coursecount": courses.get(row["id"], 0),
            "visibleold": row["visible"],
        }
        for row, order in everyone.values()
        if row["id"] in chosen
    ]


def _fits(row: Row, criteria: Mapping[str, str]) -> bool:
    """Tell whether the category fits; of a key given twice the first value is used."""
    for key, value in criteria.items():
        if key not in _SEARCH_KEYS:
            raise refused("criteriaerror", "Missing permissions to search on a criterion.")
        if key == "ids":
            parts = value.split(",")
            if not all(part.strip().isdecimal() for part in parts):
                raise database_unreadable(f"ERROR:  invalid input syntax: {value}")
            if row["id"] not in {int(part) for part in parts}:
                return False
        elif str(row[key]) != value:
            return False
    return True


def sort_orders(site: Site) -> dict[int, tuple[Row, int]]:
    """Return every category with its sort order: the tree from the top, each level by age."""
    below: dict[int, list[Row]] = {}
    for row in site.store.rows("SELECT * FROM category ORDER BY id"):
        below.setdefault(row["parent"], []).append(row)
    ordered: dict[int, tuple[Row, int]] = {}
    waiting = list(reversed(below.get(0, [])))
    while waiting:
        row = waiting.pop()
        ordered[row["id"]] = (row, (len(ordered) + 1) * _SORT_STEP)
        waiting.extend(reversed(below.get(row["id"], [])))
    return ordered


FUNCTIONS: dict[str, Function] = {
    "core_course_create_categories": all_of("categories", _create_category),
    "core_course_update_categories": all_of("categories", _update_category),
    "core_course_delete_categories": all_of("categories", _delete_category),
    "core_course_get_categories": get_categories,
}
