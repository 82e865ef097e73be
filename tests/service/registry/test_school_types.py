"""What kind of organisation a school is: from the word of its file to the indicators."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select, text

from service.calendar.period import Period
from service.db import make_engine
from service.models import KnownUser, School
from service.registry.types import school_type
from service.reports.report import Report
from service.sample import City
from service.schema import migrate
from tests.service.console_factories import Browser
from tests.service.factories import PASSWORD, add_operator, sign_in
from tests.service.installation import load
from tests.service.own_page import serving
from tests.service.report_questions import built, by_key
from tests.service.trial import A, Trial, on_both_databases, pupils


def everybody_signs_in(trial: Trial) -> None:
    with trial.rows() as session:
        for person in session.scalars(select(KnownUser)).all():
            where = {"school_code": person.school_code, "role": person.role}
            sign_in(session, person.person_id, trial.application.clock(), **where)


def report(trial: Trial, name: str, period: Period) -> Report:
    with trial.rows() as session:
        return built(session, name, now=trial.application.clock(), period=period)


def indicators(trial: Trial) -> Report:
    return report(trial, "indicators", Period(first=date(2026, 10, 1), last=date(2026, 12, 31)))


def types(trial: Trial) -> dict[str, tuple[str | None, str]]:
    rows = trial.stored(select(School.code, School.type, School.unknown_type))
    return {code: (kind, word) for code, kind, word in rows}


@on_both_databases
def test_a_loaded_city_stands_in_the_indicators_by_kind(trial: Trial) -> None:
    load_id = load(trial.application, City(schools=3, people_per_school=30))
    assert trial.carry_out(load_id, over_limits=True).status == "applied"
    everybody_signs_in(trial)
    assert [kind for kind, _word in types(trial).values()] == ["general"] * 3

    found = indicators(trial)
    lines = by_key(found)
    for key in ("E4.03", "E4.04"):
        assert lines[key]["loaded"] > 60
        assert lines[key]["numerator"] > 60, key
    assert (lines["E4.05"]["numerator"], lines["E4.05"]["loaded"]) == (3, 3)
    assert not [note for note in found.notes if "неизвестен" in note]

    week = Period(first=date(2026, 10, 3), last=date(2026, 10, 9))
    weekly = report(trial, "weekly", week)
    total = by_key(weekly)[weekly.total_keys[0]]
    assert (total["c7"], total["c7_share"]) == (3, 1.0)


@on_both_databases
def test_a_word_that_nobody_knows_is_asked_for_and_the_answer_stays(trial: Trial) -> None:
    load_id = trial.load(trial.write(A, pupils("p", 2), kind="Кванториум"))
    assert trial.rules(load_id)["school.type_unknown"] == A
    trial.carry_out(load_id, over_limits=True)
    assert types(trial)[A] == (None, "Кванториум")
    note = "Организаций, вид которых неизвестен, — 1; они не учтены. Выберите их тип в реестре."
    assert note in indicators(trial).notes

    with serving(trial) as door:
        with trial.rows() as session:
            add_operator(session)
        console = Browser(door.app.test_client())
        console.post("/console/signin", username="city", password=PASSWORD)
        assert "в файле: «Кванториум»" in console.get("/console/registry", type="unknown").text
        address = f"/console/registry/school/{A}"
        assert "назван «Кванториум»" in console.get(address).text
        assert console.post(address, type="дополнительное образование").status_code == 302
        assert "назван «Кванториум»" not in console.get(address).text

    assert types(trial)[A] == ("additional", "")
    again = trial.load(trial.write(A, pupils("p", 2), day=1, kind="Кванториум"))
    assert "school.type_unknown" not in trial.rules(again)
    assert types(trial)[A] == ("additional", "")


def test_an_unknown_word_takes_no_known_kind_away(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("p", 1), kind="СОШ"))
    words = (("Кванториум", "general"), ("ДДТ", "additional"), ("", "additional"))
    for day, (word, kind) in enumerate(words, start=1):
        trial.load(trial.write(A, pupils("p", 1), day=day, kind=word))
        assert types(trial)[A] == (kind, "")


KINDS = {
    "general": (
        "СОШ", "сош", "ГБОУ СОШ № 5", "Средняя общеобразовательная школа",
        "СОШ с углублённым изучением английского языка", "Гимназия № 1", "лицей", "ШИ",
        "С(К)ОШ", "Начальная школа – детский сад",
    ),
    "additional": ("ДДТ", "Детская музыкальная школа"),
    "vocational": ("Колледж",),
    "preschool": ("ГБДОУ детский сад № 7",),
    None: ("СШ", "№ 5", ""),  # СШ: a middle school or a sports school
}  # fmt: skip


@pytest.mark.parametrize(("word", "kind"), [(one, kind) for kind in KINDS for one in KINDS[kind]])
def test_words_of_files_are_known(word: str, kind: str | None) -> None:
    assert school_type(word) == kind


EARLIER_SCHOOL = text(
    "INSERT INTO schools (code, name, short_name, district, number, kind, type, known_version)"
    " VALUES (:code, 'n', 's', 'd', '', :kind, :known, 0)"
)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_migration_moves_what_earlier_loads_said(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    if database == "postgresql":
        url = request.getfixturevalue("fresh_postgres_url")
    migrate(url, "0015")
    engine = make_engine(url)
    with engine.begin() as connection:
        for code, kind, known in (
            ("1", "СОШ", None), ("2", "гимназия", None), ("3", "Кванториум", None),
            ("4", "Кванториум", "additional"), ("5", "", None), ("6", "Лицей", "other"),
        ):  # fmt: skip
            row = {"code": code, "kind": kind, "known": known}
            connection.execute(EARLIER_SCHOOL, row)
    migrate(url)
    kinds = select(School.__table__.c["code", "type", "unknown_type"]).order_by("code")
    with engine.connect() as connection:
        rows = connection.execute(kinds).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [
        ("1", "general", ""), ("2", "general", ""), ("3", None, "Кванториум"),
        ("4", "additional", ""), ("5", None, ""), ("6", "other", ""),
    ]  # fmt: skip
