"""Taking over a Moodle that somebody else filled: how many accounts find their human, and at what
cost.

The truth is known: accounts are made of a sample city as people type lists, with mistakes at real
rates, and beside them accounts of people whom no school lists. The judge knows whose each is. What
is a question is answered as the truth says before the yes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import requests
from sqlalchemy import func, select

from bench.adoption_city import COPIES, copied_accounts, plan_straight
from bench.measuring import Figure, in_child
from bench.place import SCOPE, installation, load, standin
from provisioning.questions import Answer
from service.application import Application
from service.db import chunks, transaction
from service.loads.planning import plan_load
from service.models import Adoption, KnownUser, PlannedChange, SourceKey
from service.moodle_standin.store import Store
from service.portal import adopt, adopt_answers, adopt_listing
from service.portal.adopt_people import newest_plans
from service.portal.adopt_rows import Shown, candidates_of
from service.sample import City, make_city
from service.sample.layouts import LAYOUTS
from service.sample.portal import MadeAccount, portal_accounts

_FIRST = 10
"""Moodle's own accounts have smaller numbers."""
_GAP = 3_000
"""Numbers that belong to nobody, in the middle: accounts that were deleted."""


def figures(folder: Path, *, schools: int, people: int, straight: bool = False) -> list[Figure]:
    """``straight``: people wait in the tables without having been planned from files, and the
    accounts are looked at and not taken over; for a whole city."""
    if straight:
        return _of_a_city(folder / "adoption", schools, people)
    return [
        figure
        for with_numbers in (False, True)
        for figure in _figures(
            folder / f"adoption-{int(with_numbers)}", schools, people, with_numbers=with_numbers
        )
    ]


def _figures(folder: Path, schools: int, people: int, *, with_numbers: bool) -> list[Figure]:
    truth = prepared(folder, schools=schools, people=people, with_numbers=with_numbers)
    told = "with СНИЛС" if with_numbers else "names only"
    home = str(folder / "home")
    with standin(folder / "moodle.sqlite") as url:
        seen = in_child("bench.adoption:look", home, url)
        application = _installed(home, url)
        found = judged(application, truth)
        asked = answered(application, truth)
        taken = in_child("bench.adoption:carry_out", home, url)
        doubled = doubles(application, folder / "moodle.sqlite")
    accounts = len(truth)
    return [
        Figure(
            name=f"look at {accounts} accounts, {told}",
            ours=f"{seen.seconds:.0f} s, {seen.peak_mb:.0f} MB",
            reference=f"{found['right'] / found['on_rolls']:.3%} found, {found['wrong']} wrong, "
            f"{asked} asked",
        ),
        Figure(
            name=f"take them over, {told}",
            ours=f"{taken.seconds:.0f} s, {taken.peak_mb:.0f} MB",
            reference=f"{doubled} doubled",
        ),
    ]


def _of_a_city(folder: Path, schools: int, people: int) -> list[Figure]:
    city = City(schools=max(1, schools // COPIES), people_per_school=people)
    folder.mkdir(parents=True)
    application = installation(folder / "home")
    plan_straight(application, city)
    application.engine.dispose()
    truth = fill_moodle(folder / "moodle.sqlite", copied_accounts(city))
    home = str(folder / "home")
    with standin(folder / "moodle.sqlite") as url:
        seen = in_child("bench.adoption:look", home, url)
        application = _installed(home, url)
        found = judged(application, truth)
        with application.sessions() as session:
            asked = adopt_listing.counts(session).get(Shown.QUESTION.value, 0)
        taken = in_child("bench.adoption:adopt_only", home, url)
    return [
        Figure(
            name=f"look at {len(truth)} accounts, names only",
            ours=f"{seen.seconds:.0f} s, {seen.peak_mb:.0f} MB",
            reference=f"{found['right'] / found['on_rolls']:.3%} found, {found['wrong']} wrong, "
            f"{asked} asked",
        ),
        Figure(
            name=f"make {found['right']} of them ours",
            ours=f"{taken.seconds:.0f} s, {taken.peak_mb:.0f} MB",
        ),
    ]


def adopt_only(home: str, url: str) -> None:
    """What ``adopt apply`` does before the schools are planned again."""
    application = _installed(home, url)
    with transaction(application.sessions) as session:
        run_id = adopt.approve(
            session, expected_digest=adopt_listing.digest(session), scope=SCOPE,
            now=application.clock(), despite_questions=True,
        )  # fmt: skip
    with application.moodle() as moodle:
        adopt.carry_out(application, moodle, run_id, scope=SCOPE)


def prepared(
    folder: Path, *, schools: int, people: int, with_numbers: bool
) -> dict[int, tuple[str, str]]:
    """Fill a Moodle from lists and plan the schools' files; whose each account is, by number:
    school and sourced id, the latter empty for a stranger."""
    city = City(schools=schools, people_per_school=people)
    (folder / "files").mkdir(parents=True)
    application = installation(folder / "home")
    for school in make_city(city):
        LAYOUTS["roster-1"].write(folder / "files", school, "utf-8")
        (path,) = (folder / "files").iterdir()
        load(application, path)
        path.unlink()
    application.engine.dispose()
    accounts = portal_accounts(city, with_numbers=with_numbers)
    return fill_moodle(folder / "moodle.sqlite", accounts)


def fill_moodle(path: Path, accounts: Iterable[MadeAccount]) -> dict[int, tuple[str, str]]:
    """Make the accounts in the database of a stand-in that does not run yet."""
    store, truth = Store(path), {}
    number = _FIRST
    for some in chunks(accounts, 1_000):
        with store.transaction():
            for one in some:
                number += 1 + (_GAP if number == _FIRST + 500 else 0)
                truth[number] = (one.school_code, one.sourced_id)
                store.insert("user", {"id": number, **_columns(one)})
                if one.snils:
                    field = {"userid": number, "shortname": "snils", "value": one.snils}
                    store.insert("user_profile_field", field)
    store.run("INSERT OR REPLACE INTO sequence (name, last) VALUES ('user', ?)", (number,))
    store.close()
    return truth


def _columns(one: MadeAccount) -> dict[str, str]:
    return {
        "username": one.username, "auth": "manual", "firstname": one.firstname,
        "lastname": one.lastname, "email": one.email, "email_lower": one.email,
        "institution": one.institution, "department": one.department,
    }  # fmt: skip


def _installed(home: str, url: str) -> Application:
    requests.post(
        f"{url}/standin/settings", json={"profile_fields": {"snils": "СНИЛС"}}, timeout=60
    ).raise_for_status()
    application = installation(Path(home), moodle_url=url)
    adoption = replace(application.settings.adoption, snils_field="snils")
    application.settings = replace(application.settings, adoption=adoption)
    return application


def look(home: str, url: str) -> None:
    """What ``adopt plan`` does."""
    application = _installed(home, url)
    with transaction(application.sessions) as session:
        run_id = adopt.begin(session, scope=SCOPE, now=application.clock())
    with application.moodle() as moodle:
        adopt.look(application, moodle, run_id)


def carry_out(home: str, url: str) -> None:
    """What ``adopt apply`` does."""
    application = _installed(home, url)
    with transaction(application.sessions) as session:
        run_id = adopt.approve(
            session, expected_digest=adopt_listing.digest(session), scope=SCOPE,
            now=application.clock(),
        )  # fmt: skip
    with application.moodle() as moodle:
        load_id = adopt.carry_out(application, moodle, run_id, scope=SCOPE)
    assert load_id is not None
    plan_load(application, load_id)


def people_of(application: Application) -> dict[tuple[str, str], str]:
    query = select(SourceKey.school_code, SourceKey.sourced_id, SourceKey.person_id)
    with application.sessions() as session:
        return {(code, key): person_id for code, key, person_id in session.execute(query)}


def judged(application: Application, truth: dict[int, tuple[str, str]]) -> Counter[str]:
    """Return how many accounts of people on the rolls there are, how many have found their human
    without anybody, and how many are taken for somebody else's."""
    people, found = people_of(application), Counter[str]()
    found["on_rolls"] = sum(bool(sourced_id) for _, sourced_id in truth.values())
    query = select(Adoption.moodle_id, Adoption.person_id).where(Adoption.person_id != "")
    with application.sessions() as session:
        for number, person_id in session.execute(query):
            found["right" if people.get(truth[number]) == person_id else "wrong"] += 1
    return found


def answered(application: Application, truth: dict[int, tuple[str, str]]) -> int:
    """Answer every question as the truth says; return how many there were."""
    people = people_of(application)
    with application.sessions() as session:
        asked = session.scalars(
            select(Adoption.moodle_id).where(Adoption.outcome == Shown.QUESTION)
        ).all()
    for number in asked:
        with transaction(application.sessions) as session:
            owner = people.get(truth[number], "")
            taken = session.scalar(select(Adoption).where(Adoption.person_id == owner))
            is_there = owner in candidates_of(session.get_one(Adoption, number)) and not taken
            adopt_answers.answer(
                session, number, Answer.SAME if is_there else Answer.DIFFERENT,
                candidate=owner if is_there else "", scope=SCOPE, now=application.clock(),
            )  # fmt: skip
    return len(asked)


def doubles(application: Application, moodle: Path) -> int:
    """Return how many people have two accounts of Moodle, or would get a second one."""
    store = Store(moodle)
    same = store.number(
        "SELECT COUNT(*) - COUNT(DISTINCT idnumber) FROM user WHERE idnumber <> '' AND deleted = 0"
    )
    store.close()
    with application.sessions() as session:
        again = session.scalar(
            select(func.count())
            .select_from(PlannedChange)
            .join(KnownUser, KnownUser.person_id == PlannedChange.key)
            .where(
                PlannedChange.kind == "user", PlannedChange.action == "create",
                KnownUser.moodle_id.is_not(None),
                PlannedChange.plan_id.in_(newest_plans(session).values()),
            )
        )  # fmt: skip
    return same + (again or 0)
