"""Categories, cohorts and courses: created with what they need, adopted, changed."""

from __future__ import annotations

from provisioning.changes import Kind
from tests.provisioning.apply_city import (
    Site,
    new_category,
    new_cohort,
    new_course,
    new_user,
    updated,
)


def category(site: Site, idnumber: str) -> tuple[str, int]:
    """Its name, and the number of what it is in."""
    criteria = [{"key": "idnumber", "value": idnumber}]
    [row] = site.ask("core_course_get_categories", criteria=criteria, addsubcategories=0)
    assert row["id"] == site.number(Kind.CATEGORY, idnumber)
    return row["name"], row["parent"]


def cohort(site: Site, idnumber: str) -> str:
    number = site.number(Kind.COHORT, idnumber)
    [row] = site.ask("core_cohort_get_cohorts", cohortids=[number])
    assert row["idnumber"] == idnumber
    return str(row["name"])


def course(site: Site, idnumber: str) -> tuple[str, str, int]:
    """Its names, and the number of its category."""
    answer = site.ask("core_course_get_courses_by_field", field="idnumber", value=idnumber)
    [row] = answer["courses"]
    assert row["id"] == site.number(Kind.COURSE, idnumber)
    return row["fullname"], row["shortname"], row["categoryid"]


def test_a_tree_of_categories_hangs_together(site: Site) -> None:
    changes = [
        new_category("city"),
        new_category("district", parent="city"),
        new_category("school", parent="district"),
        new_course("course", "school"),
    ]
    site.run(changes)
    city, district, school = (site.number(Kind.CATEGORY, one.key) for one in changes[:3])
    parents = [category(site, key)[1] for key in ("city", "district", "school")]
    assert [*parents, course(site, "course")[2]] == [0, city, district, school]


def test_what_hangs_on_a_failed_category_is_skipped(site: Site) -> None:
    changes = [
        new_category("city", name=""),
        new_category("school", parent="city"),
        new_course("course", "school"),
        new_user("p-1"),
    ]
    site.run(changes)
    skipped = dict.fromkeys(("school", "course"), "skipped: dependency_failed")
    assert site.codes() == {"city": "failed: empty", **skipped}


def test_places_that_exist_are_adopted_and_put_right(site: Site) -> None:
    [elsewhere] = site.ask("core_course_create_categories", categories=[{"name": "Прочее"}])
    old = {"name": "Старая", "idnumber": "school", "parent": elsewhere["id"]}
    [school] = site.ask("core_course_create_categories", categories=[old])
    system = {"type": "system", "value": ""}
    old = {"name": "7А", "idnumber": "class", "categorytype": system}
    [class_] = site.ask("core_cohort_create_cohorts", cohorts=[old])
    old = {"fullname": "7А", "shortname": "old", "idnumber": "course"}
    courses = [old | {"categoryid": elsewhere["id"]}]
    [made] = site.ask("core_course_create_courses", courses=courses)
    changes = [
        new_category("city"),
        new_category("school", parent="city", name="Новая"),
        new_cohort("class", name="8А"),
        new_cohort("class-2"),
        new_course("course", "school"),
        new_course("course-2", "school"),
    ]
    site.run(changes)
    assert site.codes() == dict.fromkeys(("school", "class", "course"), "done: adopted")
    numbers = {
        (Kind.CATEGORY, "school"): school["id"],
        (Kind.COHORT, "class"): class_["id"],
        (Kind.COURSE, "course"): made["id"],
    }
    assert site.ledger.numbers.items() >= numbers.items()
    assert category(site, "school") == ("Новая", site.number(Kind.CATEGORY, "city"))
    assert cohort(site, "class") == "8А"
    assert course(site, "course") == ("8А, Школа № 243", "short course", school["id"])


def test_a_taken_short_name_fails_its_course_only(site: Site) -> None:
    changes = [
        new_category("city"),
        new_course("course-1", "city"),
        new_course("course-2", "city", shortname="short course-1"),
        new_course("course-3", "city"),
    ]
    site.run(changes)
    assert site.codes() == {"course-2": "failed: shortname_taken"}
    clash = updated(changes[3], shortname="short course-1")
    site.run([clash])
    assert site.ledger.of(clash).code == "shortname_taken"


def test_places_are_renamed_and_moved(site: Site) -> None:
    created = [
        new_category("city"),
        new_category("school"),
        new_cohort("class"),
        new_course("course", "city"),
    ]
    site.run(created)
    changes = [
        updated(created[1], name="Школа № 1", parent="city"),
        updated(created[2], name="9А"),
        updated(created[3], fullname="9А, Школа № 243", category="school"),
    ]
    site.run(changes)
    city, school = (site.number(Kind.CATEGORY, key) for key in ("city", "school"))
    assert category(site, "school") == ("Школа № 1", city)
    assert cohort(site, "class") == "9А"
    assert course(site, "course") == ("9А, Школа № 243", "short course", school)


def test_a_vanished_place_fails_its_change_only(site: Site) -> None:
    created = [new_cohort("class-1"), new_cohort("class-2"), new_cohort("class-3")]
    site.run(created)
    gone = site.number(Kind.COHORT, "class-2")
    site.ask("core_cohort_delete_cohorts", cohortids=[gone])
    site.run([updated(change, name="9А") for change in created])
    assert site.codes() == {"class-2": "failed: invalidparameter"}


def test_a_category_that_is_gone_fails_what_belongs_into_it(site: Site) -> None:
    site.ledger.numbers[Kind.CATEGORY, "city"] = 99_999
    site.run([new_cohort("class"), new_course("course", "city"), new_user("p-1")])
    assert site.codes() == {"course": "failed: errorcatcontextnotvalid"}
