"""A city with known truth lives through the whole service; a judge counts what went wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bench.people.answers import answer_until_quiet, open_questions, true_answer
from bench.people.judge import Judge
from bench.people.office import Office, open_office
from bench.people.standin import standin
from bench.people.verdict import Trial, try_life
from bench.place import SCOPE
from service.models import Identity, SchoolCode, SourceKey
from service.questions import answering
from service.sample.life import Life, live
from tests.soak import SOAK, soak


def lived(home: Path, database_url: str = "", **numbers: Any) -> Trial:
    usual: dict[str, Any] = {"schools": 3, "people_per_school": 30, "months": 4, "eventful": 6}
    life = Life(**usual | {"today": date(2027, 8, 31)} | numbers)
    return try_life(home, life, database_url=database_url)


def test_everybody_of_a_small_city_keeps_the_own_account_and_no_other(tmp_path: Path) -> None:
    """So many events in so few people raise more questions than the bar of a real city allows."""
    trial = lived(tmp_path)
    assert trial.verdict.broken(questions=False) == [], list(trial.explained())
    assert trial.verdict.moves_with_number > 0
    assert trial.verdict.questions > 0


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


def test_an_answer_that_is_taken_back_leaves_every_key_as_it_was(tmp_path: Path) -> None:
    life = Life(
        schools=3, people_per_school=30, months=3, eventful=10, today=date(2027, 8, 31), seed=2
    )
    tried: set[str] = set()
    with standin() as moodle:
        office = open_office(tmp_path, moodle, now=life.exported_at(0))
        judge, application = Judge(), office.application
        where: dict[str, Any] = {"home": application.settings.home, "scope": SCOPE}
        for month in live(life):
            judge.begin_month(month)
            for school in month.exports:
                _load_id, path = office.load(school, month.number)
                judge.claims.loaded(school, month.number, path, month.class_keys)
                with application.sessions() as session:
                    judge.see_claims(judge.claims.read(session))
            for question in open_questions(office):
                before = known_keys(office)
                given, candidate = true_answer(question, judge)
                answering.answer(
                    application.sessions, question.id, given, candidate=candidate,
                    now=application.clock(), **where,
                )  # fmt: skip
                answering.undo(application.sessions, question.id, now=application.clock(), **where)
                assert known_keys(office) == before
                tried.add(f"{question.kind} {given}")
            answer_until_quiet(office, judge)
        application.engine.dispose()
    assert {"match same", "school same", "move confirm"} & tried, tried


def known_keys(office: Office) -> set[tuple[str, ...]]:
    """Whom each id of each school names, other codes of schools, and what matching compares."""
    keys = select(SourceKey.school_code, SourceKey.sourced_id, SourceKey.person_id)
    codes = select(SchoolCode.code, SchoolCode.school_code)
    people = select(Identity.person_id, Identity.username, Identity.name_key, Identity.snils)
    with office.application.sessions() as session:
        found = (session.execute(query).all() for query in (keys, codes, people))
        return {tuple(row) for rows in found for row in rows}


@soak
@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_larger_cities_live_well(tmp_path: Path, database_url: str) -> None:
    for seed in range(1, 2 + SOAK // 10):
        trial = lived(
            tmp_path / str(seed), database_url if seed == 1 else "", seed=seed,
            schools=min(8, 2 + SOAK), people_per_school=min(60, 20 + 2 * SOAK),
            months=min(10, 1 + SOAK), eventful=4,
        )  # fmt: skip
        assert trial.verdict.broken(questions=False) == [], list(trial.explained())
