"""A city as an export shows it, month after month: Moodle holds exactly what the files say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from provisioning.roster import PersonStatus, Role
from service.models import LoadStatus, SourceKey
from service.sample import City, SampleSchool, make_city, write_sample
from service.sample.rows import Row
from tests.service.sample.truth import describe
from tests.service.trial import Trial, make_trial

CITY = City(schools=2, people_per_school=40)
ROLES = {
    Role.STUDENT: "Ученики",
    Role.TEACHER: "Учителя",
    Role.ADMINISTRATOR: "Администрация",
}


@dataclass(kw_only=True)
class Loaded:
    """What Moodle held before a month was loaded, after that, and after it was loaded again."""

    trial: Trial
    month: int
    load_id: int
    before: Mapping[str, dict[str, Any]]
    after: Mapping[str, dict[str, Any]]
    """Accounts by person id."""
    people: Mapping[tuple[str, str], str]
    """(School code, source id) -> person id."""
    repeated_writes: Mapping[str, int]
    repeated_rules: frozenset[str]
    state: Mapping[str, list[dict[str, Any]]]

    def person(self, code: str, sourced_id: str) -> dict[str, Any]:
        return self.after[self.people[code, sourced_id]]


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
    with trial.application.sessions() as session:
        rows = session.execute(
            select(SourceKey.school_code, SourceKey.sourced_id, SourceKey.person_id)
        ).all()
    return Loaded(
        trial=trial,
        month=month,
        load_id=run.id,
        before=before,
        after=accounts(state),
        people={(code, sourced_id): person_id for code, sourced_id, person_id in rows},
        repeated_writes=trial.writes(),
        repeated_rules=frozenset(trial.rules(again.id)),
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


def rolls(month: int) -> Iterator[tuple[SampleSchool, Row]]:
    """Everybody whom the files of the month list as present."""
    for school in make_city(CITY, month):
        for row in school.rows:
            if row.usable and row.person.status is not PersonStatus.LEFT:
                yield school, row


@pytest.mark.parametrize("month", [0, 1])
def test_every_person_has_the_account_that_the_file_describes(
    months: list[Loaded], month: int
) -> None:
    loaded = months[month]
    for school, row in rolls(month):
        person, titles = row.person, {one.sourced_id: one.title for one in school.classes}
        account = loaded.person(school.school.code, person.sourced_id)
        assert account["lastname"] == person.family_name
        assert account["firstname"] == f"{person.given_name} {person.middle_name}".strip()
        assert account["auth"] == "oauth2"
        assert account["email"] == f"{account['username']}@school.invalid"
        assert (account["suspended"], account["must_change_password"]) == (0, 0)
        if not in_two_schools(row, month):
            assert account["institution"] == school.school.short_name
            assert account["department"] == titles.get(row.class_id, "")
    listed = {loaded.people[s.school.code, r.person.sourced_id] for s, r in rolls(month)}
    active = {key for key, account in loaded.after.items() if not account["suspended"]}
    assert active == listed


def in_two_schools(row: Row, month: int) -> bool:
    return sum(other.human == row.human for _, other in rolls(month)) > 1


@pytest.mark.parametrize("month", [0, 1])
def test_the_cohorts_hold_exactly_the_classes_and_the_roles(
    months: list[Loaded], month: int
) -> None:
    loaded = months[month]
    expected: dict[str, set[str]] = {}
    for school, row in rolls(month):
        short = school.school.short_name
        titles = {one.sourced_id: one.title for one in school.classes}
        person_id = loaded.people[school.school.code, row.person.sourced_id]
        expected.setdefault(f"{ROLES[row.person.role]} · {short}", set()).add(person_id)
        if row.class_id:
            name = f"{titles[row.class_id]} · {short} · {CITY.school_year}"
            expected.setdefault(name, set()).add(person_id)
    state = loaded.state
    names = {one["id"]: one["name"] for one in state["cohorts"]}
    people = {user["id"]: user["idnumber"] for user in state["users"] if not user["suspended"]}
    found: dict[str, set[str]] = {}
    for member in state["members"]:
        if member["userid"] in people:
            found.setdefault(names[member["cohortid"]], set()).add(people[member["userid"]])
    assert found == expected


@pytest.mark.parametrize("month", [0, 1])
def test_the_courses_hold_the_pupils_of_their_classes(months: list[Loaded], month: int) -> None:
    loaded = months[month]
    expected = {
        (f"{one.title}, {school.school.short_name}, {CITY.school_year}", loaded.people[key])
        for school, row in rolls(month)
        for one in school.classes
        if one.sourced_id == row.class_id
        for key in [(school.school.code, row.person.sourced_id)]
    }
    state = loaded.state
    names = {one["id"]: one["fullname"] for one in state["courses"]}
    people = {user["id"]: user["idnumber"] for user in state["users"] if not user["suspended"]}
    found = {
        (names[one["courseid"]], people[one["userid"]])
        for one in state["enrolments"]
        if one["role"] == "student" and one["userid"] in people
    }
    assert found == expected


@pytest.mark.parametrize("month", [0, 1])
def test_loading_the_same_files_again_writes_nothing_and_says_so(
    months: list[Loaded], month: int
) -> None:
    assert months[month].repeated_writes == {}
    assert "file.loaded_last" in months[month].repeated_rules


def test_leavers_are_suspended_and_everybody_keeps_the_login(months: list[Loaded]) -> None:
    before, after = months[1].before, months[1].after
    left = {
        months[1].people[truth.code, one]
        for truth in describe(CITY, 1)
        for one in truth.changes.leavers | truth.changes.left_staff
    }
    assert left
    assert {key for key, account in after.items() if account["suspended"]} == left
    assert {key: one["username"] for key, one in after.items() if key in before} == {
        key: one["username"] for key, one in before.items()
    }


def test_only_those_from_outside_the_city_get_new_accounts(months: list[Loaded]) -> None:
    came = {
        months[1].people[truth.code, one]
        for truth in describe(CITY, 1)
        for one in truth.changes.arrivals | truth.changes.new_staff
    }
    assert came
    assert months[1].after.keys() - months[1].before.keys() == came


def test_transferred_pupils_keep_their_person_and_account(months: list[Loaded]) -> None:
    loaded, seen = months[1], 0
    for truth in describe(CITY, 1):
        for here, (old_school, there) in truth.changes.transfers_in.items():
            seen += 1
            assert loaded.people[truth.code, here] == loaded.people[old_school, there]
            account = loaded.person(truth.code, here)
            assert account["id"] == loaded.before[account["idnumber"]]["id"]
            assert account["suspended"] == 0
    assert seen


def test_a_renamed_class_renames_its_cohort_and_course(months: list[Loaded]) -> None:
    for kind, prefix, name in (("cohorts", "class", "name"), ("courses", "course", "fullname")):
        old = {one["idnumber"]: one for one in months[0].state[kind]}
        new = {one["idnumber"]: one for one in months[1].state[kind]}
        renamed = {key for key in old if new[key][name] != old[key][name]}
        assert renamed == {
            f"{prefix}:{truth.code}:{CITY.school_year}:{one}"
            for truth in describe(CITY, 1)
            for one in truth.changes.renamed_classes
        }
        assert all(new[key]["id"] == old[key]["id"] for key in renamed)


def test_moved_and_renamed_pupils_change_and_nobody_else_does(months: list[Loaded]) -> None:
    loaded = months[1]
    renamed, moved, others = set[str](), set[str](), set[str]()
    for truth in describe(CITY, 1):
        changes = truth.changes
        renamed |= {loaded.people[truth.code, one] for one in changes.renamed}
        moved |= {loaded.people[truth.code, one] for one in changes.moved}
        others |= {loaded.people[truth.code, one] for one in changes.transfers_in}
        others |= {
            loaded.people[truth.code, row.person.sourced_id]
            for school, row in rolls(1)
            if school.school.code == truth.code and row.class_id in changes.renamed_classes
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


def test_the_run_ends_as_applied_with_all_done(months: list[Loaded]) -> None:
    for loaded in months:
        assert loaded.trial.run(loaded.load_id).status == LoadStatus.APPLIED
        changes = loaded.trial.changes(loaded.load_id)
        assert {change.result for change in changes} == {"done"}
