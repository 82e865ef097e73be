"""Roster -> the State that one school should have in Moodle."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache

from provisioning.evidence import is_mistyped
from provisioning.logins import placeholder_email
from provisioning.naming import ROLE_NAMES, SUBJECT_KEY_LENGTH, Names, shorten
from provisioning.person_states import LISTED, PersonState, after_leaving, grade_in
from provisioning.roll import Membership, Roll, absence_is_leaving, links_are_complete
from provisioning.roster import Part, Person, Role, Roster
from provisioning.settings import (
    CourseSettings,
    LoginSettings,
    NamingSettings,
    PasswordSettings,
    PeopleSettings,
    YearSettings,
)
from provisioning.several_schools import Elsewhere, Place, newest, speaks
from provisioning.state import CourseEnrolment, CourseRole, Member, MoodleCourse, MoodleUser, State
from provisioning.year_turn import with_last_year

_PARTS_OF_NAME = ("family_name", "given_name", "middle_name")
_PERSON_NAME_LENGTH = 100
"""Of a first or last name, in characters (docs/facts/moodle.md 5.3)."""
_DEPARTMENT_LENGTH = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class DesiredRules:
    """The settings that shape a school in Moodle."""

    naming: NamingSettings = field(default_factory=NamingSettings)
    courses: CourseSettings = field(default_factory=CourseSettings)
    logins: LoginSettings = field(default_factory=LoginSettings)
    passwords: PasswordSettings = field(default_factory=PasswordSettings)
    people: PeopleSettings = field(default_factory=PeopleSettings)
    years: YearSettings = field(default_factory=YearSettings)


def desired_users(
    roster: Roster,
    roll: Roll,
    known: State,
    *,
    usernames: Mapping[str, str],
    elsewhere: Elsewhere,
    rules: DesiredRules,
    today: date,
    turns: bool = False,
) -> dict[str, MoodleUser]:
    """The accounts that this school should have in Moodle once the file is applied.

    ``known.users`` holds everyone who has, or was just given, a key in this school and has an
    account, also when another school speaks for them. ``usernames``: person id -> login of the
    people present who have no account yet. Of a person whom other schools list too the newest
    export says name and class. Who is on no roll any more is in transit (``person_states``).
    ``turns``: it is the first roll of another school year, so the last class has left school.
    """
    names = Names(rules.naming, roster.school, roster.school_year)
    users = dict(known.users)
    for person_id in _away(roster, roll, known):
        user = known.users[person_id]
        if others := elsewhere.get(person_id):
            users[person_id] = handed_over(user, roster.school.code, others)
        else:
            users[person_id] = _let_go(user, roster, rules.people, today, turns=turns)
    numbers = {one.snils for one in roster.persons.values()}
    for sourced_id, person_id in roll.first_rows:
        old = known.users.get(person_id)
        others = elsewhere.get(person_id, {})
        if old and others and not _speaks(roster, roll.after[person_id], old, others):
            continue
        username = old.username if old else usernames[person_id]
        person = _as_known(roster.persons[sourced_id], old)
        new = _user(person, roll.after[person_id], username, roster, names, rules)
        if old and not new.snils and old.snils not in numbers:
            # A school that has not typed the number says nothing about it.
            new = replace(new, snils=old.snils)
        entry, code = roll.after[person_id], roster.school.code
        if others and not old and not speaks(code, roster.exported_at, entry, others):
            new = handed_over(new, roster.school.code, others)
        # An equal one is dropped, so that an unchanged school is not held in memory twice.
        users[person_id] = old if old and old == new else new
    return users


def desired_state(
    roster: Roster,
    roll: Roll,
    known: State,
    users: Mapping[str, MoodleUser],
    *,
    rules: DesiredRules,
) -> State:
    """What this school should have in Moodle once the file is applied: ``users`` and all around.

    ``users`` come from ``desired_users``; ``roster.persons`` is not needed any more here, so that
    a caller with a very large school can let it go before.

    Nothing is ever taken out of Moodle: categories, cohorts, courses and users stay. Who has left
    this school loses its memberships and enrolments. Last year's cohorts and courses stay as they
    are, or are hidden.
    """
    names = Names(rules.naming, roster.school, roster.school_year)
    courses = with_last_year(_courses(roster, known, names, rules.courses), names, rules.years)
    own = {category.idnumber: category for category in names.categories()}
    made = [
        *(names.role_cohort(role) for role in ROLE_NAMES),
        *(names.class_cohort(one) for one in roster.classes.values()),
    ]
    cohorts = {**known.cohorts, **{cohort.idnumber: cohort for cohort in made}}
    links = _Links(roster, roll, known, names, cohorts, courses, _away(roster, roll, known))
    return State(
        school_code=roster.school.code,
        categories=own | {key: one for key, one in known.categories.items() if key not in own},
        cohorts=cohorts,
        courses=courses,
        users=users,
        members=frozenset(links.members()),
        enrolments=frozenset(links.enrolments()),
    )


def _as_known(person: Person, old: MoodleUser | None) -> Person:
    """Return the person with the names that are known, where only letters that look alike differ:
    such a name was told with the file, and nobody is renamed to it."""
    if old is None:
        return person
    told = {
        name: getattr(old, name)
        for name in _PARTS_OF_NAME
        if is_mistyped(getattr(person, name), getattr(old, name))
    }
    return replace(person, **told) if told else person


def _away(roster: Roster, roll: Roll, known: State) -> set[str]:
    """Return the known people who have left this school's roll, with this file or before it."""
    return {
        person_id
        for person_id, user in known.users.items()
        if person_id not in roll.after
        and (person_id not in roll.untouched or person_id not in roll.before)
        and (person_id in roll.before or absence_is_leaving(roster, user.role))
    }


def _speaks(
    roster: Roster, entry: Membership, old: MoodleUser, others: Mapping[str, Place]
) -> bool:
    """Tell whether this file says the names and the class of a person whom others list too."""
    if not entry.confirmed:
        return False
    is_led_elsewhere = any(
        one.role == Role.ADMINISTRATOR and one.confirmed for one in others.values()
    )
    if is_led_elsewhere and entry.role != Role.ADMINISTRATOR:
        return False
    if old.school_code != roster.school.code and old.school_code not in others:
        return True  # Who has let go says nothing more.
    if old.suspended or old.state not in LISTED:
        return True
    return speaks(roster.school.code, roster.exported_at, entry, others)


def handed_over(user: MoodleUser, school_code: str, others: Mapping[str, Place]) -> MoodleUser:
    """Return the account of a person for whom another school speaks, with what it says.

    The names stay until the other school's next file. Who was entered by hand is listed now.
    """
    if user.school_code != school_code and user.school_code in others:
        return user
    if user.state not in LISTED:
        return user
    sure = {code: place for code, place in others.items() if place.confirmed}
    if not sure:
        return user  # Until somebody says that it is this human, nobody else speaks.
    code, place = newest(sure)
    return replace(
        user, school_code=code, institution=place.institution, role=place.role,
        class_id=place.class_id, class_title=place.class_title, in_roll=True,
        department=shorten(place.class_title, _DEPARTMENT_LENGTH),
        state=PersonState.ON_ROLL if user.state == PersonState.BY_HAND else user.state,
    )  # fmt: skip


def _let_go(
    user: MoodleUser, roster: Roster, settings: PeopleSettings, today: date, *, turns: bool
) -> MoodleUser:
    """Return the account of a person whom no school lists any more."""
    # Another year's class may have the id of the person's own.
    own = user.school_code == roster.school.code and not turns
    here = roster.classes.get(user.class_id) if own else None
    grade = here.grade if here else grade_in(user.class_title)
    state = after_leaving(user.state, grade=grade, today=today, settings=settings, turns=turns)
    # Leaving a roll opens nothing.
    if user.suspended and state == PersonState.IN_TRANSIT:
        state = PersonState.SUSPENDED
    suspended = user.suspended or state == PersonState.SUSPENDED
    if (user.in_roll, user.state, user.suspended) == (False, state, suspended):
        return user
    return replace(user, in_roll=False, state=state, suspended=suspended)


def _courses(
    roster: Roster, known: State, names: Names, settings: CourseSettings
) -> dict[str, MoodleCourse]:
    """The known courses, renamed where the file says so, and those to be made."""
    courses = dict(known.courses)
    for one in roster.classes.values():
        course = names.class_course(one)
        if settings.create == "per_class" or course.idnumber in known.courses:
            courses[course.idnumber] = course
    # Sorted, so that of two spellings of a subject always the same one names the course.
    taught = {(link.class_id, link.subject) for link in roster.enrolments if link.subject}
    for class_id, subject in sorted(taught, reverse=True):
        if class_id in roster.classes:
            course = names.subject_course(roster.classes[class_id], subject)
            if settings.create == "per_subject" or course.idnumber in known.courses:
                courses[course.idnumber] = course
    return courses


def _user(
    person: Person,
    entry: Membership,
    username: str,
    roster: Roster,
    names: Names,
    rules: DesiredRules,
) -> MoodleUser:
    first_name = f"{person.given_name} {person.middle_name}"
    return MoodleUser(
        person_id=entry.person_id,
        username=username,
        # Moodle refuses an empty name and accepts a hyphen.
        firstname=sys.intern(shorten(first_name, _PERSON_NAME_LENGTH) or "-"),
        lastname=shorten(person.family_name, _PERSON_NAME_LENGTH) or "-",
        email=placeholder_email(username, rules.logins.email_domain),
        auth=rules.passwords.moodle_auth,
        institution=names.institution,
        department=shorten(entry.class_title, _DEPARTMENT_LENGTH),
        family_name=person.family_name,
        given_name=person.given_name,
        middle_name=person.middle_name,
        birth_date=person.birth_date,
        role=entry.role,
        class_id=entry.class_id,
        class_title=entry.class_title,
        snils=person.snils,
        school_code=roster.school.code,
        sourced_id=person.sourced_id,
        source=roster.source,
    )


@dataclass
class _Links:
    """Who belongs to which cohort and course: what the rows say, and what is kept of the known."""

    _roster: Roster
    _roll: Roll
    _known: State
    _names: Names
    _cohorts: Collection[str]
    _courses: Collection[str]
    _away: set[str]

    def __post_init__(self) -> None:
        names = self._names
        self._here = set(self._roll.present.values())
        self._complete = links_are_complete(self._roster)
        # One string for each cohort and course: a school has a hundred times as many links.
        self._class_cohort_id = cache(names.class_cohort_id)
        self._class_course_id = cache(names.class_course_id)
        self._subject_course_id = cache(names.subject_course_id)
        self._subject_courses_prefix = cache(names.subject_courses_prefix)
        self._subject_courses: dict[str, list[str]] = defaultdict(list)
        for course in self._courses:
            if names.is_of_this_year(course):
                self._subject_courses[course[:-SUBJECT_KEY_LENGTH]].append(course)
        held = self._roster.held
        self._held_cohorts = {names.class_cohort_id(class_id) for class_id in held}
        self._held_courses = {one for class_id in held for one in self._courses_of(class_id)}

    def members(self) -> Iterator[Member]:
        role_cohorts = {role.value: self._names.role_cohort(role).idnumber for role in ROLE_NAMES}
        yield from (one for one in self._known.members if self._keeps_member(one, role_cohorts))
        for person_id in self._here:
            role = self._roll.after[person_id].role
            yield Member(cohort=role_cohorts[role], person_id=person_id)
        for person_id, class_id in self._student_links():
            cohort = self._class_cohort_id(class_id)
            if cohort in self._cohorts:
                yield Member(cohort=cohort, person_id=person_id)

    def enrolments(self) -> Iterator[CourseEnrolment]:
        complete = self._teaching_is_complete()
        yield from (one for one in self._known.enrolments if self._keeps_enrolment(one, complete))
        for person_id, class_id in self._student_links():
            for course in self._courses_of(class_id):
                yield CourseEnrolment(course=course, person_id=person_id, role=CourseRole.STUDENT)
        for person_id, course in self._teaching_links():
            if course in self._courses:
                role = CourseRole.EDITING_TEACHER
                yield CourseEnrolment(course=course, person_id=person_id, role=role)

    def _keeps_member(self, one: Member, role_cohorts: Mapping[str, str]) -> bool:
        if one.person_id not in self._here:
            return one.person_id not in self._away
        if one.cohort in role_cohorts.values():
            return False
        if not self._names.is_of_this_year(one.cohort) or one.cohort in self._held_cohorts:
            return True
        left = self._class_left(one.person_id)
        return not self._complete and (not left or one.cohort != self._class_cohort_id(left))

    def _keeps_enrolment(self, one: CourseEnrolment, teaching_is_complete: bool) -> bool:
        if one.person_id not in self._here:
            return one.person_id not in self._away
        if not self._names.is_of_this_year(one.course) or one.course in self._held_courses:
            return True
        if one.role is CourseRole.EDITING_TEACHER:
            return not teaching_is_complete
        left = self._class_left(one.person_id)
        return not self._complete and (not left or one.course not in self._courses_of(left))

    def _teaching_is_complete(self) -> bool:
        """Tell whether a teacher without a link to a course does not teach it.

        A school that never sends teaching links has one teacher in a course, the class teacher.
        Where there are more, links came with an earlier file and are kept until they come again.
        """
        if not self._complete or Part.TEACHING in self._roster.parts:
            return self._complete
        teachers = Counter(
            one.course
            for one in self._known.enrolments
            if one.role is CourseRole.EDITING_TEACHER and self._names.is_of_this_year(one.course)
        )
        return max(teachers.values(), default=0) <= 1

    def _class_left(self, person_id: str) -> str:
        """The home class that the person had before this file and has not now."""
        before = self._roll.before.get(person_id)
        if before is None or before.class_id == self._roll.after[person_id].class_id:
            return ""
        return before.class_id

    def _student_links(self) -> Iterator[tuple[str, str]]:
        """Yield person id and class id of each student in a class."""
        for link in self._roster.enrolments:
            person_id = self._roll.present.get(link.person_id)
            if person_id is not None and link.role is Role.STUDENT:
                yield person_id, link.class_id

    def _teaching_links(self) -> Iterator[tuple[str, str]]:
        """Yield person id and the idnumber of a course, which need not exist."""
        for one in self._roster.classes.values():
            person_id = self._roll.present.get(one.teacher_id or "")
            if person_id is not None:
                yield person_id, self._class_course_id(one.sourced_id)
        for link in self._roster.enrolments:
            person_id = self._roll.present.get(link.person_id)
            if person_id is None or link.role is Role.STUDENT:
                continue
            yield person_id, self._class_course_id(link.class_id)
            if link.subject:
                yield person_id, self._subject_course_id(link.class_id, link.subject)

    def _courses_of(self, class_id: str) -> list[str]:
        """Return every course that the class has this year, whichever setting once made it."""
        found = self._subject_courses.get(self._subject_courses_prefix(class_id), [])
        course = self._class_course_id(class_id)
        return [*found, course] if course in self._courses else found
