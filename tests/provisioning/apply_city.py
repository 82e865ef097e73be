"""What the tests of apply share: changes in Moodle's order, a ledger, and eyes at the site."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import requests

from provisioning.apply import apply
from provisioning.changes import Action, Change, Kind, Outcome, Result
from provisioning.moodle import MoodleClient, bounded_session
from provisioning.settings import MoodleSettings
from service.moodle_standin import DEFAULT_TOKEN
from tests.factories import make_user
from tests.service.standin import call_form, running_standin


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


@dataclass(frozen=True, kw_only=True)
class Site:
    """A Moodle, a client for it, the ledger of what it answered, and eyes past both."""

    settings: MoodleSettings
    moodle: MoodleClient
    ledger: Ledger = field(default_factory=Ledger)
    sent: list[str] = field(default_factory=list)
    """The form of each request that the client sent."""

    def apply(self, changes: Iterable[Change], **options: Any) -> bool:
        options = {"role_ids": self.settings.role_ids, **options}
        return apply(changes, self.moodle, self.ledger, self.ledger.record, **options)

    def run(self, changes: Iterable[Change], **options: Any) -> None:
        """Apply the changes to their end."""
        assert self.apply(changes, **options)

    def codes(self) -> dict[str, str]:
        """Key of every change that is not simply done -> result and code."""
        return {
            outcome.change.key: f"{outcome.result}: {outcome.code}"
            for outcome in self.ledger.outcomes.values()
            if outcome.result is not Result.DONE or outcome.code
        }

    def number(self, kind: Kind, key: str) -> int:
        return self.ledger.numbers[kind, key]

    def ask(self, function: str, **arguments: Any) -> Any:
        return ask(self.settings, function, **arguments)

    def users_with(self, field: str, *values: str) -> list[dict[str, Any]]:
        found = self.ask("core_user_get_users_by_field", field=field, values=values)
        return list(found)

    def members_of(self, cohort: str) -> set[int]:
        number = self.number(Kind.COHORT, cohort)
        [row] = self.ask("core_cohort_get_cohort_members", cohortids=[number])
        return set(row["userids"])

    def roles_in(self, course: str) -> dict[int, set[str]]:
        number = self.number(Kind.COURSE, course)
        rows = self.ask("core_enrol_get_enrolled_users", courseid=number)
        return {row["id"]: {role["shortname"] for role in row["roles"]} for row in rows}


@contextmanager
def open_site(
    storage: Path | None, *, ledger: Ledger | None = None, batch_size: int = 5, **options: Any
) -> Iterator[Site]:
    """The stand-in with ``options`` over ``storage``, and a client that does not wait."""
    sent: list[str] = []
    session = bounded_session(seconds=60)
    session.hooks["response"].append(lambda got, **_: sent.append(str(got.request.body)))
    with running_standin(storage, **options) as url:
        settings = MoodleSettings(url=url, token=DEFAULT_TOKEN, batch_size=batch_size)
        with MoodleClient(settings, session=session, sleep=lambda seconds: None) as moodle:
            yield Site(settings=settings, moodle=moodle, ledger=ledger or Ledger(), sent=sent)


def take_out(settings: MoodleSettings, numbers: Mapping[str, Sequence[int]]) -> None:
    """Delete things by kind; categories come parents first."""
    for function, name, kind in (
        ("core_user_delete_users", "userids", Kind.USER),
        ("core_cohort_delete_cohorts", "cohortids", Kind.COHORT),
        ("core_course_delete_courses", "courseids", Kind.COURSE),
    ):
        ask(settings, function, **{name: numbers.get(kind, [])})
    for number in reversed(numbers.get(Kind.CATEGORY, [])):
        categories = [{"id": number, "recursive": 1}]
        ask(settings, "core_course_delete_categories", categories=categories)


def ask(settings: MoodleSettings, function: str, **arguments: Any) -> Any:
    """Call any function of the site, past the client under test."""
    form = call_form(function, **arguments) | {"wstoken": settings.token}
    address = f"{settings.url}/webservice/rest/server.php"
    return requests.post(address, data=form, timeout=60).json()


# Changes


def change(kind: Kind, action: Action, key: str, after: Mapping[str, Any]) -> Change:
    return Change(kind=kind, action=action, key=key, before={}, after=after)


def new_category(idnumber: str, parent: str = "", name: str = "Категория") -> Change:
    after = {"idnumber": idnumber, "name": name, "parent": parent}
    return change(Kind.CATEGORY, Action.CREATE, idnumber, after)


def new_cohort(idnumber: str, name: str = "8А") -> Change:
    return change(Kind.COHORT, Action.CREATE, idnumber, {"idnumber": idnumber, "name": name})


def new_course(idnumber: str, category: str, shortname: str = "") -> Change:
    after = {
        "idnumber": idnumber,
        "fullname": "8А, Школа № 243",
        "shortname": shortname or f"short {idnumber}",
        "category": category,
    }
    return change(Kind.COURSE, Action.CREATE, idnumber, after)


def new_user(person_id: str, **overrides: Any) -> Change:
    username = overrides.pop("username", person_id.lower())
    fields = {"username": username, "email": f"{username}@school.invalid"}
    after = json.dumps(asdict(make_user(person_id, **fields | overrides)), default=str)
    return change(Kind.USER, Action.CREATE, person_id, json.loads(after))


def new_member(cohort: str, person_id: str) -> Change:
    after = {"cohort": cohort, "person_id": person_id}
    return change(Kind.MEMBER, Action.ADD, f"{cohort}|{person_id}", after)


def new_enrolment(course: str, person_id: str, role: str = "student") -> Change:
    after = {"course": course, "person_id": person_id, "role": role}
    return change(Kind.ENROLMENT, Action.ADD, f"{course}|{person_id}|{role}", after)


def updated(before: Change, action: Action = Action.UPDATE, **overrides: Any) -> Change:
    """``before`` is the change after which the object is as it is known."""
    after = {**before.after, **overrides}
    return replace(before, action=action, before=before.after, after=after)


def removed(added: Change) -> Change:
    return replace(added, action=Action.REMOVE, before=added.after, after={})


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
