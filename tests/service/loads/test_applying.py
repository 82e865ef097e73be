"""A city as an export shows it, month after month: Moodle holds exactly what the files say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from provisioning.roster import Role
from service.models import LoadStatus, SourceKey
from service.sample import City, SampleSchool, make_city, write_sample
from service.sample.rows import Row
from tests.service.sample.truth import Truth, describe, on_roll
from tests.service.trial import Trial, make_trial

CITY = City(schools=2, people_per_school=40)
ROLES = {Role.STUDENT: "Ученики", Role.TEACHER: "Учителя", Role.ADMINISTRATOR: "Администрация"}


@dataclass(kw_only=True)
class Loaded:
    """What Moodle held before a month was loaded, after that, and after it was loaded again."""

    month: int
    status: str
    results: set[str]
    """Of all changes."""
    before: Mapping[str, dict[str, Any]]
    after: Mapping[str, dict[str, Any]]
    """Accounts by person id."""
    people: Mapping[tuple[str, str], str]
    """(School code, source id) -> person id."""
    repeated_writes: Mapping[str, int]
    repeated_rules: Mapping[str, str]
    state: Mapping[str, list[dict[str, Any]]]

    def changed(self, *kinds: str) -> set[str]:
        """The people to whom this happened since the month before."""
        return {
            self.people[truth.code, one]
            for truth in self.truths()
            for kind in kinds
            for one in getattr(truth.changes, kind)
        }

    def truths(self) -> Iterator[Truth]:
        return describe(CITY, self.month)

    def rolls(self) -> Iterator[tuple[SampleSchool, Row, str]]:
        """Everybody whom the files list as present, with the person id."""
        for school in make_city(CITY, self.month):
            for sourced_id, row in on_roll(school).items():
                yield school, row, self.people[school.school.code, sourced_id]

    def inside(self, links: str, place: str, name: str) -> dict[str, set[str]]:
        """People, but for teachers of a course, by the place in Moodle that they are in."""
        names = {one["id"]: one[name] for one in self.state[f"{place}s"]}
        people = {one["id"]: key for key, one in self.after.items()}
        found: dict[str, set[str]] = defaultdict(set)
        for link in self.state[links]:
            if link["userid"] in people and link.get("role", "student") == "student":
                found[names[link[f"{place}id"]]].add(people[link["userid"]])
        return found


def accounts(state: Mapping[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    found = {user["idnumber"]: user for user in state["users"]}
    assert len(found) == len(state["users"])
    return found


def load_month(trial: Trial, month: int) -> Loaded:
    before = accounts(trial.moodle())
    folder = trial.folder / f"month-{month}"
    write_sample(folder, CITY, layout="roster-1", month=month)
    run = trial.sync(folder)
    trial.writes()
    state = trial.moodle()
    again = trial.sync(folder)
    keys = select(SourceKey.school_code, SourceKey.sourced_id, SourceKey.person_id)
    return Loaded(
        month=month,
        status=trial.run(run.id).status,
        results={change.result for change in trial.changes(run.id)},
        before=before,
        after=accounts(state),
        people={
            (code, sourced_id): person_id for code, sourced_id, person_id in trial.stored(keys)
        },
        repeated_writes=trial.writes(),
        repeated_rules=trial.rules(again.id),
        state=state,
    )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def months(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Loaded]]:
    """Two months of the city, each loaded twice. Its tests only look."""
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("new_postgres_database")()
    with make_trial(tmp_path_factory.mktemp("months"), database_url=url) as trial:
        yield [load_month(trial, 0), load_month(trial, 1)]


@pytest.fixture(params=[0, 1])
def loaded(months: list[Loaded], request: pytest.FixtureRequest) -> Loaded:
    return months[request.param]


def test_every_person_has_the_account_that_the_file_describes(loaded: Loaded) -> None:
    places: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for school, row, person_id in loaded.rolls():
        person, account = row.person, loaded.after[person_id]
        titles = {one.sourced_id: one.title for one in school.classes}
        places[person_id].append((school.school.short_name, titles.get(row.class_id, "")))
        expected = {
            "lastname": person.family_name,
            "firstname": f"{person.given_name} {person.middle_name}".strip(),
            "auth": "oauth2",
            "email": f"{account['username']}@school.invalid",
            "suspended": 0,
            "must_change_password": 0,
        }
        assert {name: account[name] for name in expected} == expected
    for person_id, (place, *others) in places.items():
        account = loaded.after[person_id]
        assert others or (account["institution"], account["department"]) == place
    listed = set().union(*loaded.inside("members", "cohort", "name").values())
    assert listed == places.keys()


def test_the_cohorts_hold_exactly_the_classes_and_the_roles(loaded: Loaded) -> None:
    expected: dict[str, set[str]] = defaultdict(set)
    for school, row, person_id in loaded.rolls():
        short = school.school.short_name
        titles = {one.sourced_id: one.title for one in school.classes}
        expected[f"{ROLES[row.person.role]} · {short}"].add(person_id)
        if row.class_id:
            name = f"{titles[row.class_id]} · {short} · {CITY.school_year}"
            expected[name].add(person_id)
    assert loaded.inside("members", "cohort", "name") == expected


def test_the_courses_hold_the_pupils_of_their_classes(loaded: Loaded) -> None:
    expected: dict[str, set[str]] = defaultdict(set)
    for school, row, person_id in loaded.rolls():
        for one in school.classes:
            if one.sourced_id == row.class_id:
                name = f"{one.title}, {school.school.short_name}, {CITY.school_year}"
                expected[name].add(person_id)
    assert loaded.inside("enrolments", "course", "fullname") == expected


def test_the_run_ends_as_applied_with_all_done(loaded: Loaded) -> None:
    assert (loaded.status, loaded.results) == (LoadStatus.APPLIED, {"done"})


def test_loading_the_same_files_again_writes_nothing_and_says_so(loaded: Loaded) -> None:
    assert loaded.repeated_writes == {}
    assert "file.loaded_last" in loaded.repeated_rules


def test_leavers_lose_their_places_and_all_keep_an_open_account(
    months: list[Loaded],
) -> None:
    before, after = months[1].before, months[1].after
    left = months[1].changed("leavers", "left_staff")
    assert left
    assert {account["suspended"] for account in after.values()} == {0}
    listed = set().union(*months[1].inside("members", "cohort", "name").values())
    assert after.keys() - listed == left
    logins = {key: one["username"] for key, one in before.items()}
    assert {key: after[key]["username"] for key in logins} == logins


def test_only_those_from_outside_the_city_get_new_accounts(months: list[Loaded]) -> None:
    came = months[1].changed("arrivals", "new_staff")
    assert came
    assert months[1].after.keys() - months[1].before.keys() == came


def test_transferred_pupils_keep_their_person_and_account(months: list[Loaded]) -> None:
    people, before, after = months[1].people, months[1].before, months[1].after
    moves = [
        ((truth.code, here), there)
        for truth in months[1].truths()
        for here, there in truth.changes.transfers_in.items()
    ]
    assert moves
    for here, there in moves:
        key = people[here]
        assert key == people[there]
        assert (after[key]["id"], after[key]["suspended"]) == (before[key]["id"], 0)


def test_a_renamed_class_renames_its_cohort_and_course(months: list[Loaded]) -> None:
    for kind, prefix, name in (("cohorts", "class", "name"), ("courses", "course", "fullname")):
        old = {one["idnumber"]: one for one in months[0].state[kind]}
        new = {one["idnumber"]: one for one in months[1].state[kind]}
        renamed = {key for key in old if new[key][name] != old[key][name]}
        assert renamed == {
            f"{prefix}:{truth.code}:{CITY.school_year}:{one}"
            for truth in months[1].truths()
            for one in truth.changes.renamed_classes
        }
        assert all(new[key]["id"] == old[key]["id"] for key in renamed)


def test_moved_and_renamed_pupils_change_and_nobody_else_does(months: list[Loaded]) -> None:
    loaded = months[1]
    renamed, moved = loaded.changed("renamed"), loaded.changed("moved")
    new_titles = {
        (truth.code, one) for truth in loaded.truths() for one in truth.changes.renamed_classes
    }
    others = loaded.changed("transfers_in") | {
        person_id
        for school, row, person_id in loaded.rolls()
        if (school.school.code, row.class_id) in new_titles
    }
    both = loaded.before.keys() & loaded.after.keys()
    differ = {
        name: {key for key in both if loaded.before[key][name] != loaded.after[key][name]}
        for name in ("lastname", "department")
    }
    assert renamed
    assert moved
    assert differ["lastname"] == renamed
    assert moved <= differ["department"] <= moved | others
