"""A Moodle filled from typed lists, judged by known truth; the bench has a larger one."""

from __future__ import annotations

from sqlalchemy import select

from provisioning.questions import Answer
from service.loads.planning import plan_load
from service.models import Adoption
from service.portal.adopt_rows import Shown
from service.sample import City, write_sample
from service.sample.portal import MadeAccount, portal_accounts
from tests.service.portal import adopted
from tests.service.trial import Trial, on_both_databases

CITY = City(schools=2, people_per_school=60)


def uploaded(trial: Trial) -> dict[int, MadeAccount]:
    """What a bulk upload makes of the lists, by Moodle's number."""
    made = {}
    for one in portal_accounts(CITY):
        number = trial.make_stranger(
            one.username, firstname=one.firstname, lastname=one.lastname, email=one.email,
            institution=one.institution, department=one.department,
        )  # fmt: skip
        made[number] = one
    return made


@on_both_databases
def test_nearly_everybody_is_found_nobody_wrongly_and_nobody_twice(trial: Trial) -> None:
    truth = uploaded(trial)
    write_sample(trial.folder, CITY, layout="roster-1")
    trial.load(*sorted(trial.folder.iterdir()))
    adopted.look(trial)

    owners = {
        number: trial.person_id(one.school_code, one.sourced_id) if one.human else ""
        for number, one in truth.items()
    }
    certain = trial.stored(
        select(Adoption.moodle_id, Adoption.person_id).where(Adoption.outcome == Shown.CERTAIN)
    )
    assert all(owners[number] == person_id for number, person_id in certain)
    assert len(certain) >= 0.97 * sum(bool(owner) for owner in owners.values())

    for question in adopted.seen(trial, Shown.QUESTION):
        owner = owners[question.id]
        is_there = owner in {one.person_id for one in question.people}
        adopted.answer(
            trial, question.id, Answer.SAME if is_there else Answer.DIFFERENT,
            candidate=owner if is_there else "",
        )  # fmt: skip
    again = adopted.carry_out(trial)
    assert again is not None
    plan_load(trial.application, again)
    trial.carry_out(again, over_limits=True)

    numbers = [user["idnumber"] for user in trial.moodle()["users"] if user["idnumber"]]
    assert len(numbers) == len(set(numbers))
    people = {owner for owner in owners.values() if owner}
    assert people <= set(numbers)
    strangers = {number for number, owner in owners.items() if not owner}
    touched = {user["id"] for user in trial.moodle()["users"] if user["idnumber"]}
    assert not strangers & touched
