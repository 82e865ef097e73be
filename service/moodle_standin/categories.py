"""Functions about course categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.errors import MoodleError, database_unreadable, missing_record, refused
from service.moodle_standin.schema import LONGEST
from service.moodle_standin.site import Function, Site
from service.moodle_standin.store import Row

_SORT_STEP = 10000
_SEARCH_KEYS = ("id", "ids", "name", "parent", "idnumber", "visible", "theme")


def _find(site: Site, category_id: int) -> Row | None:
    return site.store.row("SELECT * FROM category WHERE id = ?", (category_id,))


def _check_lengths(name: str | None, idnumber: str | None) -> None:
    """Raise an error that names the field, as Moodle looks at these before the database does."""
    if idnumber is not None and len(idnumber) > LONGEST["category"]["idnumber"]:
        raise refused("idnumbertoolong", "ID number is too long")
    if name is not None and len(name) > LONGEST["category"]["name"]:
        raise refused("categorytoolong", "Category name too long")


def _idnumber_taken(site: Site, idnumber: str | None, but_for: int) -> bool:
    if not idnumber:
        return False
    found = site.store.row(
        "SELECT 1 FROM category WHERE idnumber = ? AND id <> ?", (idnumber, but_for)
    )
    return found is not None


def _taken() -> MoodleError:
    return refused("categoryidnumbertaken", "ID number is already used for another category")


def _nameless() -> MoodleError:
    return refused("categorynamerequired", "Category name is required")


def _unknown(category_id: int) -> MoodleError:
    return refused("unknowncategory", f'Unknown category with category ID number "{category_id}"')


def create_categories(site: Site, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Create all or none. `parent` is an id, so each level of a tree is a call of its own."""
    return [_create_category(site, category) for category in given["categories"]]


def _create_category(site: Site, category: Mapping[str, Any]) -> dict[str, Any]:
    parent_id = category["parent"] or 0
    parent = _find(site, parent_id)
    if parent_id and parent is None:
        raise refused("unknowcategory", "Category not known!")
    name = category["name"] or ""
    if not name:
        raise _nameless()
    idnumber = category.get("idnumber")
    _check_lengths(name, idnumber)
    if _idnumber_taken(site, idnumber, 0):
        raise _taken()
    values = {
        "name": name,
        "idnumber": idnumber,
        "description": category.get("description") or "",
        "descriptionformat": category["descriptionformat"],
        "theme": category.get("theme") or "",
        "timemodified": site.now,
    }
    category_id = site.store.next_id("category")
    site.store.insert(
        "category", {"id": category_id, **values, **_place(category_id, parent_id, parent)}
    )
    return {"id": category_id, "name": name}


def _place(category_id: int, parent_id: int, parent: Row | None) -> dict[str, Any]:
    path = parent["path"] if parent is not None else ""
    depth = parent["depth"] if parent is not None else 0
    return {"parent": parent_id, "path": f"{path}/{category_id}", "depth": depth + 1}


def update_categories(site: Site, given: Mapping[str, Any]) -> None:
    """Update all or none: an exception on any of them."""
    for category in given["categories"]:
        row = _find(site, category["id"])
        if row is None:
            raise _unknown(category["id"])
        _update_category(site, row, category)


def _update_category(site: Site, row: Row, category: Mapping[str, Any]) -> None:
    values: dict[str, Any] = {
        key: category[key] or "" for key in ("name", "idnumber", "theme") if key in category
    }
    if "name" in values and not values["name"]:
        raise _nameless()
    _check_lengths(values.get("name"), values.get("idnumber"))
    if _idnumber_taken(site, values.get("idnumber"), row["id"]):
        raise _taken()
    if "description" in category:
        values["description"] = category["description"] or ""
        values["descriptionformat"] = category["descriptionformat"]
    site.store.update("category", row["id"], values | {"timemodified": site.now})
    if "parent" in category and category["parent"] != row["parent"]:
        _move(site, row, category["parent"] or 0)


def _move(site: Site, row: Row, parent_id: int) -> None:
    parent = _find(site, parent_id)
    if parent_id and parent is None:
        raise missing_record("course_categories")
    if parent is not None and f"/{row['id']}/" in f"{parent['path']}/":
        raise refused("cannotmovecategory", "Cannot move category")
    site.store.update("category", row["id"], _place(row["id"], parent_id, parent))
    moved = _find(site, row["id"])
    for child in site.store.rows("SELECT * FROM category WHERE parent = ?", (row["id"],)):
        site.store.update("category", child["id"], _place(child["id"], row["id"], moved))
        _move_below(site, child["id"])


def _move_below(site: Site, category_id: int) -> None:
    row = _find(site, category_id)
    for child in site.store.rows("SELECT id FROM category WHERE parent = ?", (category_id,)):
        site.store.update("category", child["id"], _place(child["id"], category_id, row))
        _move_below(site, child["id"])


def delete_categories(site: Site, given: Mapping[str, Any]) -> None:
    """Delete all or none. Their content is deleted too (`recursive`) or goes to `newparent`."""
    for category in given["categories"]:
        row = _find(site, category["id"])
        if row is None:
            raise _unknown(category["id"])
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
    site.store.run("DELETE FROM category WHERE id = ?", (row["id"],))


def _delete_and_move(site: Site, row: Row, new_parent: int | None) -> None:
    new_parent = new_parent if new_parent is not None else row["parent"]
    if not new_parent:
        raise refused(
            "movecatcontentstoroot",
            "Moving the category content to root is not allowed. "
            "You must move the contents to an existing category!",
        )
    target = _find(site, new_parent)
    if target is None:
        raise _unknown(new_parent)
    for child in site.store.rows("SELECT * FROM category WHERE parent = ?", (row["id"],)):
        _move(site, child, new_parent)
    site.store.run("UPDATE course SET category = ? WHERE category = ?", (new_parent, row["id"]))
    site.store.run("UPDATE cohort SET category = ? WHERE category = ?", (new_parent, row["id"]))
    site.store.run("DELETE FROM category WHERE id = ?", (row["id"],))


def remove_course(site: Site, course_id: int) -> None:
    """Delete a course with its enrolments, roles and groups."""
    store = site.store
    store.run("DELETE FROM enrolment WHERE courseid = ?", (course_id,))
    store.run(
        "DELETE FROM role_assignment WHERE contextlevel = 'course' AND instanceid = ?",
        (course_id,),
    )
    groups = "(SELECT id FROM course_group WHERE courseid = ?)"
    store.run(f"DELETE FROM group_member WHERE groupid IN {groups}", (course_id,))
    store.run(f"DELETE FROM grouping_group WHERE groupid IN {groups}", (course_id,))
    store.run("DELETE FROM course_group WHERE courseid = ?", (course_id,))
    store.run("DELETE FROM grouping WHERE courseid = ?", (course_id,))
    store.run("DELETE FROM course WHERE id = ?", (course_id,))


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
        _describe(row, order, courses.get(row["id"], 0))
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


def _describe(row: Row, sort_order: int, courses: int) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "idnumber": row["idnumber"],
        "description": row["description"],
        "descriptionformat": row["descriptionformat"],
        "parent": row["parent"],
        "sortorder": sort_order,
        "coursecount": courses,
        "visible": row["visible"],
        "visibleold": row["visible"],
        "timemodified": row["timemodified"],
        "depth": row["depth"],
        "path": row["path"],
        "theme": row["theme"],
    }


FUNCTIONS: dict[str, Function] = {
    "core_course_create_categories": create_categories,
    "core_course_update_categories": update_categories,
    "core_course_delete_categories": delete_categories,
    "core_course_get_categories": get_categories,
}
