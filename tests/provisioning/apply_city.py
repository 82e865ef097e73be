"""What the tests of apply share: changes in Moodle's order, a ledger, and eyes at the site."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import requests

from provisioning.apply import apply
from provisioning.changes import Action, Change, Kind, Outcome, Result
from provisioning.moodle import MoodleClient
from provisioning.moodle.connection import form_fields
from provisioning.settings import MoodleSettings
from provisioning.state import MoodleUser
from tests.factories import make_user

ROLE_IDS = MoodleSettings().role_ids


class Ledger:
    """Outcomes and Moodle's numbers, as the database of the service keeps them."""

    def __init__(self) -> None:
        self.outcomes: dict[tuple[Kind, Action, str], Outcome] = {}
        self.numbers: dict[tuple[Kind, str], int] = {}

    def record(self, outcomes: Sequence[Outcome]) -> None:
        assert outcomes
        for outcome in outcomes:
            change = outcome.change
            slot = (change.kind, change.action, change.key)
            assert slot not in self.outcomes, f"recorded twice: {slot}"
            self.outcomes[slot] = outcome
            if outcome.moodle_id is not None:
                self.numbers[change.kind, change.key] = outcome.moodle_id

    def get(self, kind: Kind, keys: Sequence[str]) -> Mapping[str, int]:
        return {key: self.numbers[kind, key] for key in keys if (kind, key) in self.numbers}

    def unrecorded(self, changes: Sequence[Change]) -> list[Change]:
        return [c for c in changes if (c.kind, c.action, c.key) not in self.outcomes]

    def of(self, change: Change) -> Outcome:
        return self.outcomes[change.kind, change.action, change.key]

    def codes(self) -> dict[str, str]:
        """Key of every change that is not simply done -> result and code."""
        return {
            outcome.change.key: f"{outcome.result}: {outcome.code}"
            for outcome in self.outcomes.values()
            if outcome.result is not Result.DONE or outcome.code
        }


def run(changes: Iterable[Change], moodle: MoodleClient, ledger: Ledger, **options: Any) -> bool:
    return apply(changes, moodle, ledger, ledger.record, **{"role_ids": ROLE_IDS, **options})


@dataclass(frozen=True, kw_only=True)
class Site:
    """A Moodle stand-in, a client for it, and the ledger of what it answered."""

    settings: MoodleSettings
    moodle: MoodleClient
    ledger: Ledger

    def run(self, changes: Iterable[Change], **options: Any) -> None:
        """Apply the changes to their end."""
        assert run(changes, self.moodle, self.ledger, **options)

    def codes(self) -> dict[str, str]:
        return self.ledger.codes()

    def number(self, kind: Kind, key: str) -> int:
        return self.ledger.numbers[kind, key]

    def ask(self, function: str, **arguments: Any) -> Any:
        return ask(self.settings, function, **arguments)

    def users_with(self, field: str, *values: str) -> list[dict[str, Any]]:
        return users_with(self.settings, field, values)

    def members_of(self, cohort: str) -> set[int]:
        return members_of(self.settings, self.number(Kind.COHORT, cohort))

    def roles_in(self, course: str) -> dict[int, set[str]]:
        return roles_in(self.settings, self.number(Kind.COURSE, course))


def in_order(changes: Sequence[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: change.rank)


# Changes


def new_category(idnumber: str, parent: str = "", name: str = "Категория") -> Change:
    return _created(Kind.CATEGORY, idnumber, {"name": name, "parent": parent})


def new_cohort(idnumber: str, name: str = "8А") -> Change:
    return _created(Kind.COHORT, idnumber, {"name": name})


def new_course(idnumber: str, category: str, **overrides: str) -> Change:
    fields = {"fullname": "8А, Школа № 243", "shortname": f"short {idnumber}", "category": category}
    return _created(Kind.COURSE, idnumber, fields | overrides)


def new_user(person_id: str, **overrides: Any) -> Change:
    return Change(
        kind=Kind.USER,
        action=Action.CREATE,
        key=person_id,
        before={},
        after=_json(make_person_user(person_id, **overrides)),
    )


def changed_user(action: Action, before: Change, **overrides: Any) -> Change:
    """``before`` is the change after which the user is as it is known."""
    return Change(
        kind=Kind.USER,
        action=action,
        key=before.key,
        before=before.after,
        after={**before.after, **overrides},
    )


def new_member(cohort: str, person_id: str) -> Change:
    after = {"cohort": cohort, "person_id": person_id}
    return _link(Kind.MEMBER, f"{cohort}|{person_id}", after)


def new_enrolment(course: str, person_id: str, role: str = "student") -> Change:
    after = {"course": course, "person_id": person_id, "role": role}
    return _link(Kind.ENROLMENT, f"{course}|{person_id}|{role}", after)


def removed(added: Change) -> Change:
    return replace(added, action=Action.REMOVE, before=added.after, after={})


def updated(created: Change, **overrides: Any) -> Change:
    after = {**created.after, **overrides}
    return replace(created, action=Action.UPDATE, before=created.after, after=after)


def make_person_user(person_id: str, **overrides: Any) -> MoodleUser:
    username = overrides.pop("username", person_id.lower())
    fields = {"username": username, "email": f"{username}@school.invalid"}
    return make_user(person_id, **fields | overrides)


def small_city(prefix: str, people: int) -> list[Change]:
    """A city with a school, a class and its course, a teacher and so many pupils."""
    city, school = f"{prefix}-city", f"{prefix}-school"
    cohort, course = f"{prefix}-class", f"{prefix}-course"
    pupils = [f"{prefix}-p{number}" for number in range(people)]
    teacher = f"{prefix}-t0"
    return [
        new_category(city, name="Город"),
        new_category(school, parent=city, name="Школа № 243"),
        new_cohort(cohort),
        new_course(course, school),
        *(new_user(person_id) for person_id in [*pupils, teacher]),
        *(new_member(cohort, person_id) for person_id in pupils),
        *(new_enrolment(course, person_id) for person_id in pupils),
        new_enrolment(course, teacher, role="editingteacher"),
    ]


def _created(kind: Kind, idnumber: str, fields: dict[str, Any]) -> Change:
    after = {"idnumber": idnumber, **fields}
    return Change(kind=kind, action=Action.CREATE, key=idnumber, before={}, after=after)


def _link(kind: Kind, key: str, after: dict[str, Any]) -> Change:
    return Change(kind=kind, action=Action.ADD, key=key, before={}, after=after)


def _json(user: MoodleUser) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(json.dumps(asdict(user), default=str))
    return fields


# Eyes


def ask(settings: MoodleSettings, function: str, **arguments: Any) -> Any:
    """Call any function of the site, past the client under test."""
    form = [
        ("wstoken", settings.token),
        ("wsfunction", function),
        ("moodlewsrestformat", "json"),
        *form_fields(arguments),
    ]
    address = f"{settings.url}/webservice/rest/server.php"
    return requests.post(address, data=form, timeout=60).json()


def users_with(settings: MoodleSettings, field: str, values: Sequence[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ask(
        settings, "core_user_get_users_by_field", field=field, values=values
    )
    return rows


def members_of(settings: MoodleSettings, cohort_id: int) -> set[int]:
    [row] = ask(settings, "core_cohort_get_cohort_members", cohortids=[cohort_id])
    return set(row["userids"])


def roles_in(settings: MoodleSettings, course_id: int) -> dict[int, set[str]]:
    rows = ask(settings, "core_enrol_get_enrolled_users", courseid=course_id)
    return {row["id"]: {role["shortname"] for role in row["roles"]} for row in rows}
