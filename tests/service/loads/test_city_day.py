"""The whole city in a day: each school is within its limits, all together are not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from service.access import Scope
from service.loads import operations
from service.models import AuditEntry, LoadStatus, OperatorRole, PlanStatus, SchoolPlan
from service.sample.rows import Row
from service.words import loads as wording
from tests.language import in_language
from tests.service.installation import NOW
from tests.service.trial import Trial, on_both_databases, pupils, refusal

SCHOOLS = [f"SB{number:04d}" for number in range(1, 9)]
"""Schools of two districts by turns."""
PEOPLE = {code: pupils(f"p{code}", 50) for code in SCHOOLS}
EIGHT_GONE = {code: rows[4:] for code, rows in PEOPLE.items()}
"""Each school loses 8 %, which its own limits allow."""


def of(code: str, role: OperatorRole = OperatorRole.SCHOOL) -> Scope:
    return Scope(actor=f"of-{code}", role=role, items=frozenset({code}))


def files(trial: Trial, people: dict[str, list[Row]], codes: Sequence[str], day: int) -> list[int]:
    return [trial.load(trial.write(code, people[code], day=day)) for code in codes]


def begun(trial: Trial, *, city: int = 20, district: int = 1_000) -> None:
    trial.sync(*(trial.write(code, rows) for code, rows in PEOPLE.items()))
    trial.configure("limits", city_day_floor=city, district_day_floor=district)


def limits(trial: Trial) -> dict[str, object]:
    return {"limits": trial.application.settings.limits}


@on_both_databases
def test_a_little_from_every_school_is_too_much_for_the_city(trial: Trial) -> None:
    """Eight loads one after the other: the sixth would bring the city over 5 % (20 people)."""
    begun(trial)
    loads = files(trial, EIGHT_GONE, SCHOOLS, day=1)
    assert not any(plan.breaches for one in loads for plan in trial.plans(one).values())
    for load_id in loads[:5]:
        trial.approve(load_id, **limits(trial))
        trial.apply(load_id)
    sixth, code = loads[5], SCHOOLS[5]
    assert refusal(trial.approve, sixth, **limits(trial)) == "load.city_day"
    # Not even with a second yes of the school or the district.
    for scope in (of(code), of("Кировский", OperatorRole.DISTRICT)):
        options = {"scope": scope, "over_limits": True, **limits(trial)}
        assert refusal(trial.approve, sixth, **options) == "load.city_day"
    assert trial.decisions(sixth) == {code: "planned"}
    trial.approve(sixth, over_limits=True, **limits(trial))
    assert trial.apply(sixth).status == LoadStatus.APPLIED
    # A day later the others are allowed.
    trial.application.clock = lambda: NOW + timedelta(hours=25)
    trial.approve(loads[6], **limits(trial))
    assert trial.apply(loads[6]).status == LoadStatus.APPLIED


@on_both_databases
def test_one_load_of_all_schools_is_counted_as_a_whole(trial: Trial) -> None:
    begun(trial)
    load_id = trial.load(*(trial.write(code, EIGHT_GONE[code], day=1) for code in SCHOOLS))
    assert refusal(trial.approve, load_id, **limits(trial)) == "load.city_day"
    # Whoever adds nothing to it may go on: here nobody does.
    trial.approve(load_id, schools=SCHOOLS[:2], **limits(trial))
    rest = {"schools": SCHOOLS[2:], **limits(trial)}
    assert refusal(trial.approve, load_id, **rest) == "load.city_day"
    trial.approve(load_id, over_limits=True, **rest)
    assert trial.apply(load_id).status == LoadStatus.APPLIED


@on_both_databases
def test_each_district_has_a_limit_of_its_own(trial: Trial) -> None:
    begun(trial, city=1_000, district=8)
    odd, even = SCHOOLS[::2], SCHOOLS[1::2]
    for load_id in files(trial, EIGHT_GONE, odd[:2], day=1):
        trial.approve(load_id, **limits(trial))
    (third,) = files(trial, EIGHT_GONE, odd[2:3], day=1)
    # 12 of 200 are 6 %: the district may lose 8 %.
    trial.approve(third, **limits(trial))
    (fourth,) = files(trial, {odd[3]: PEOPLE[odd[3]][5:]}, odd[3:], day=1)
    assert refusal(trial.approve, fourth, **limits(trial)) == "load.city_day"
    (other,) = files(trial, EIGHT_GONE, even[:1], day=1)
    trial.approve(other, **limits(trial))
    with trial.rows() as session:
        plans = list(trial.plans(fourth).values())
        day = operations.day_of(session, plans, trial.application.settings.limits, NOW)
    (breach,) = day.breaches
    assert (breach.district, breach.count, breach.base, breach.schools) == ("Невский", 17, 200, 4)
    with in_language("ru"):
        said = wording.breach(breach.facts)
    assert "17 из 200" in said
    assert "«Невский»" in said
    assert "{" not in said


@on_both_databases
def test_what_was_approved_before_is_counted_again_when_it_begins(trial: Trial) -> None:
    """As when several people said yes at the same moment, or long before."""
    begun(trial)
    loads = files(trial, EIGHT_GONE, SCHOOLS[:6], day=1)
    for load_id in loads:
        trial.approve(load_id)  # by limits that allow it
    with trial.rows() as session:
        for plan in session.scalars(select(SchoolPlan)):
            plan.counted_at = None
    for load_id in loads[:5]:
        assert trial.apply(load_id).status == LoadStatus.APPLIED
    before = trial.moodle()
    trial.apply(loads[5])
    assert trial.moodle() == before
    assert trial.decisions(loads[5]) == {SCHOOLS[5]: PlanStatus.PLANNED}
    acts = trial.stored(select(AuditEntry.action).where(AuditEntry.load_id == loads[5]))
    assert "plan.hold" in acts
    trial.approve(loads[5], over_limits=True, **limits(trial))
    trial.apply(loads[5])
    assert trial.decisions(loads[5]) == {SCHOOLS[5]: PlanStatus.APPLIED}


@on_both_databases
def test_other_losses_and_harmless_plans_do_not_wait(trial: Trial) -> None:
    begun(trial)
    for load_id in files(trial, EIGHT_GONE, SCHOOLS[:5], day=1):
        trial.approve(load_id, **limits(trial))
    code = SCHOOLS[6]
    more = {code: [*PEOPLE[code], *pupils("new", 3)]}
    (harmless,) = files(trial, more, [code], day=1)
    trial.approve(harmless, **limits(trial))
    assert trial.plans(harmless)[code].losses == {}
