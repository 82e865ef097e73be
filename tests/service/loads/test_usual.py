"""Loads that are not as usual are told before the yes; a straight city raises no alarm."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest

from provisioning.normal import unusual
from provisioning.roster import PersonStatus, Role
from service.sample.life import Life, What, live
from service.sample.rows import SampleSchool
from service.words import loads as wording
from tests.language import in_language
from tests.service.trial import A, Trial, on_both_databases, pupils, teacher


def figures(school: SampleSchool) -> dict[str, float]:
    here = [one.person for one in school.rows if one.person.status is not PersonStatus.LEFT]
    students = sum(one.role is Role.STUDENT for one in here)
    return {
        "pupils": students,
        "staff": len(here) - students,
        "classes": len(school.classes),
        "no_snils": sum(not one.snils for one in here) / len(here),
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_a_straight_city_raises_hardly_an_alarm_in_ten_months(seed: int) -> None:
    last: dict[str, list[dict[str, float]]] = defaultdict(list)
    loads, told = 0, []
    changed: set[str] = set()
    """Schools that were merged, split or entered anew."""
    for month in live(Life(schools=12, people_per_school=120, months=10, seed=seed)):
        for event in month.events:
            if event.what in (What.MERGED, What.CLOSED):
                changed |= set(event.schools)
        now = {school.school.code: figures(school) for school in month.exports}
        for code, said in now.items():
            peers = [each[-1] for other, each in last.items() if other != code and each]
            found = unusual(said, last[code][-12:], peers)
            if code not in changed:
                loads += 1
                told += [(month.number, code, one) for one in found]
        for code, said in now.items():
            last[code].append(said)
    assert loads > 80
    assert len(told) <= loads // 100, told


@on_both_databases
def test_a_load_unlike_the_last_ones_is_told_and_not_stopped(trial: Trial) -> None:
    rows = [*pupils("a", 60), *(teacher(f"t-{each}") for each in range(12))]
    for day in range(3):
        load_id = trial.load(trial.write(A, rows, day=day))
        trial.carry_out(load_id)
        assert trial.plans(load_id)[A].unusual == []
    bare = [replace(row, person=replace(row.person, snils="")) for row in rows]
    load_id = trial.load(trial.write(A, [*bare, *pupils("n", 30)], day=4))
    plan = trial.plans(load_id)[A]
    assert {one["figure"] for one in plan.unusual} == {"pupils", "no_snils"}
    assert plan.breaches == []
    for language in ("ru", "en"):
        with in_language(language):
            said = [wording.unusual(one) for one in plan.unusual]
        assert all("{" not in one for one in said)
    assert "90" in said[0]
    assert "100%" not in said[0]
