"""A city with known truth lives through the whole service; a judge counts what went wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bench.people.verdict import Trial, try_life
from service.sample.life import Life
from tests.soak import SOAK, soak


def lived(home: Path, database_url: str = "", **numbers: Any) -> Trial:
    usual: dict[str, Any] = {"schools": 3, "people_per_school": 30, "months": 4, "eventful": 6}
    life = Life(**usual | {"today": date(2027, 8, 31)} | numbers)
    return try_life(home, life, database_url=database_url)


def test_nobody_is_shut_out_of_a_small_city(tmp_path: Path) -> None:
    trial = lived(tmp_path)
    assert trial.verdict.shut_out == 0, list(trial.explained())
    assert trial.verdict.moves_with_number > 0


def test_the_judge_sees_accounts_that_are_suspended_or_show_another_name(tmp_path: Path) -> None:
    """As if matching had mistaken people: the figures must not be blind."""
    trial = lived(tmp_path, months=1)
    judge, state = trial.judge, trial.state
    first, second = [one for one in state["users"] if one["idnumber"] in judge.owners][:2]
    first["suspended"] = 1
    second["lastname"], second["firstname"] = first["lastname"], first["firstname"]
    judge.see_moodle(state, "changed")
    assert judge.count("shut_out") == judge.count("taken_or_given") == 1
    (claim, *_) = judge.claims.history
    judge.owners[claim.person_id] = "somebody else"
    judge.see_claims([claim])
    assert judge.count("wrong_merges") == 1


@soak
@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_larger_cities_live_well(tmp_path: Path, database_url: str) -> None:
    for seed in range(1, 2 + SOAK // 10):
        trial = lived(
            tmp_path / str(seed), database_url if seed == 1 else "", seed=seed,
            schools=min(8, 2 + SOAK), people_per_school=min(60, 20 + 2 * SOAK),
            months=min(10, 1 + SOAK), eventful=4,
        )  # fmt: skip
        assert trial.verdict.shut_out == 0, list(trial.explained())
