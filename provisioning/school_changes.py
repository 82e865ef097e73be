"""One school hands people and classes over to another: a merger, or a part that is split off.

The plan is the difference of two States, as for a file. Moodle can do all of it: a category gets
another parent, a course another category, cohorts and courses another idnumber. So the classes go
on as classes of the other school, with their content, and nobody gets a new account.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from provisioning.naming import ROLE_NAMES, Names
from provisioning.roll import Membership
from provisioning.state import Member, MoodleCohort, MoodleCourse, MoodleUser, State


@dataclass(frozen=True, kw_only=True, slots=True)
class SideOfChange:
    """What is known of one of the two schools."""

    names: Names
    """Of the school year that is going on."""
    known: State
    roll: Mapping[str, Membership]

    @property
    def classes(self) -> set[str]:
        """Ids of this year's classes: those that have a cohort, and those of the roll."""
        made = (self.names.class_id_in(cohort) for cohort in self.known.cohorts)
        return {one.class_id for one in self.roll.values() if one.class_id} | set(
            filter(None, made)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class HandingOver:
    known: State
    """Of both schools, under the code of the one that takes over."""
    desired: State
    roll: Mapping[str, Membership]
    """Of the school that takes over."""
    class_ids: Mapping[str, str]
    """Ids of the classes that are handed over -> their ids from now on. They are the same where the
    school that takes over has no class of that id."""


def merged(old: SideOfChange, new: SideOfChange, *, category: str) -> HandingOver:
    """Everybody and everything of a school goes to another; its category becomes a part of it.

    ``category``: the idnumber of the old school's category. Earlier years stay in it. The cohorts
    of its roles keep their members: courses may be open to them.
    """
    given = _handed_over(old, new, set(old.roll), old.classes)
    categories = dict(given.desired.categories)
    if category in categories:
        parent = new.names.school_category
        categories[category] = replace(categories[category], parent=parent)
    return replace(given, desired=replace(given.desired, categories=categories))


def split_off(old: SideOfChange, new: SideOfChange, classes: Collection[str]) -> HandingOver:
    """These classes, by id, and the pupils in them go to another school; the staff stays until a
    file says otherwise."""
    pupils = {one.person_id for one in old.roll.values() if one.class_id in classes}
    given = _handed_over(old, new, pupils, set(classes))
    left = {old.names.role_cohort(role).idnumber for role in ROLE_NAMES}
    members = {
        one
        for one in given.desired.members
        if one.person_id not in pupils or one.cohort not in left
    }
    return replace(given, desired=replace(given.desired, members=frozenset(members)))


def _handed_over(
    old: SideOfChange, new: SideOfChange, people: Collection[str], classes: Collection[str]
) -> HandingOver:
    taken = new.classes
    class_ids = {
        one: one if one not in taken else f"{one}-{old.known.school_code}"
        for one in sorted(classes)
    }
    known = _together(old.known, new.known)
    roll = dict(new.roll)
    for person_id in people:
        entry = old.roll[person_id]
        class_id = class_ids.get(entry.class_id, entry.class_id)
        roll.setdefault(person_id, replace(entry, class_id=class_id))
    desired = replace(
        known,
        categories={
            **known.categories,
            **{
                one.idnumber: one
                for one in new.names.categories()
                if one.idnumber not in known.categories
            },
        },
        cohorts=_cohorts(known, old.names, new.names, class_ids),
        courses=_courses(known, old.names, new.names, class_ids),
        users=_users(known, old, new, roll, people),
        members=known.members | _of_roles(known, new.names, roll, people),
    )
    return HandingOver(known=known, desired=desired, roll=roll, class_ids=class_ids)


def _together(old: State, new: State) -> State:
    return State(
        school_code=new.school_code,
        categories={**new.categories, **old.categories},
        cohorts={**new.cohorts, **old.cohorts},
        courses={**new.courses, **old.courses},
        users={**new.users, **old.users},
        members=new.members | old.members,
        enrolments=new.enrolments | old.enrolments,
    )


def _cohorts(
    known: State, old: Names, new: Names, class_ids: Mapping[str, str]
) -> dict[str, MoodleCohort]:
    cohorts = dict(known.cohorts)
    for role in ROLE_NAMES:
        cohort = new.role_cohort(role)
        cohorts.setdefault(cohort.idnumber, cohort)
    for before, after in class_ids.items():
        key, idnumber = old.class_cohort_id(before), new.class_cohort_id(after)
        if key in cohorts and idnumber not in cohorts:
            cohorts[key] = replace(cohorts[key], idnumber=idnumber)
    return cohorts


def _courses(
    known: State, old: Names, new: Names, class_ids: Mapping[str, str]
) -> dict[str, MoodleCourse]:
    courses = dict(known.courses)
    for before, after in class_ids.items():
        for key, idnumber in _course_ids(known, old, new, before, after).items():
            if idnumber not in known.courses:
                courses[key] = replace(courses[key], idnumber=idnumber, category=new.year_category)
    return courses


def _course_ids(known: State, old: Names, new: Names, before: str, after: str) -> dict[str, str]:
    """Return the idnumbers of the class's courses, and those that they get."""
    found = {}
    if (key := old.class_course_id(before)) in known.courses:
        found[key] = new.class_course_id(after)
    prefix, its_own = old.subject_courses_prefix(before), new.subject_courses_prefix(after)
    for key in known.courses:
        if key.startswith(prefix) and key not in found:
            found[key] = its_own + key[len(prefix) :]
    return found


def _users(
    known: State,
    old: SideOfChange,
    new: SideOfChange,
    roll: Mapping[str, Membership],
    people: Collection[str],
) -> dict[str, MoodleUser]:
    users = dict(known.users)
    for person_id in people:
        user = users.get(person_id)
        if user is not None and user.school_code == old.known.school_code:
            users[person_id] = replace(
                user,
                school_code=new.known.school_code,
                institution=new.names.institution,
                class_id=roll[person_id].class_id,
            )
    return users


def _of_roles(
    known: State, new: Names, roll: Mapping[str, Membership], people: Collection[str]
) -> set[Member]:
    cohorts = {role.value: new.role_cohort(role).idnumber for role in ROLE_NAMES}
    return {
        Member(cohort=cohorts[roll[person_id].role], person_id=person_id)
        for person_id in people
        if person_id in known.users
    }
