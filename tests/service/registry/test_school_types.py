"""What kind of organisation a school is: from the word of its file to the indicators."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from provisioning.roster import School as RosterSchool
from service.calendar.period import Period
from service.db import make_engine, transaction
from service.models import KnownUser, OperatorRole, School
from service.registry.types import school_type
from service.reports.report import Report
from service.sample import City
from service.schema import migrate
from tests.service.console_factories import PASSWORD, Browser, add_operator
from tests.service.factories import sign_in
from tests.service.installation import load
from tests.service.own_page import serving
from tests.service.report_questions import built, by_key
from tests.service.trial import NOW, A, Trial, on_both_databases, pupils

TODAY = NOW.date()


def roster_school(code: str, kind: str) -> RosterSchool:
    number = code.removeprefix("SB").lstrip("0")
    return RosterSchool(
        code=code,
        name=f"Государственное учреждение школа № {number}",
        short_name=f"Школа № {number}",
        district="Невский",
        number=number,
        kind=kind,
    )


def everybody_signs_in(trial: Trial) -> None:
    with transaction(trial.application.sessions) as session:
        for person in session.scalars(select(KnownUser)).all():
            where = {"school_code": person.school_code, "role": person.role}
            sign_in(session, person.person_id, trial.application.clock(), **where)


def report(trial: Trial, name: str, period: Period) -> Report:
    with transaction(trial.application.sessions) as session:
        return built(session, name, now=trial.application.clock(), period=period)


def indicators(trial: Trial) -> tuple[dict[str, dict[str, Any]], Report]:
    quarter = Period(first=TODAY.replace(month=10, day=1), last=TODAY.replace(month=12, day=31))
    found = report(trial, "indicators", quarter)
    return by_key(found), found


def types(trial: Trial) -> dict[str, tuple[str | None, str]]:
    with trial.application.sessions() as session:
        rows = session.execute(select(School.code, School.type, School.unknown_type))
        return {code: (kind, word) for code, kind, word in rows}


@on_both_databases
def test_a_loaded_city_stands_in_the_indicators_by_kind(trial: Trial) -> None:
    load_id = load(trial.application, City(schools=3, people_per_school=30))
    assert trial.carry_out(load_id, over_limits=True).status == "applied"
    everybody_signs_in(trial)
    assert [kind for kind, _word in types(trial).values()] == ["general"] * 3

    lines, found = indicators(trial)
    for key in ("E4.03", "E4.04"):
        assert lines[key]["loaded"] > 60
        assert lines[key]["numerator"] > 60, key
    assert (lines["E4.05"]["numerator"], lines["E4.05"]["loaded"]) == (3, 3)
    assert not [note for note in found.notes if "неизвестен" in note]

    week = Period(first=datetime(2026, 10, 3, tzinfo=UTC).date(),
                  last=datetime(2026, 10, 9, tzinfo=UTC).date())  # fmt: skip
    weekly = report(trial, "weekly", week)
    total = by_key(weekly)[weekly.total_keys[0]]
    assert (total["c7"], total["c7_share"]) == (3, 1.0)


@on_both_databases
def test_a_word_that_nobody_knows_is_asked_for_and_the_answer_stays(trial: Trial) -> None:
    strange = trial.write(A, pupils("p", 2), school=roster_school(A, "Кванториум"))
    load_id = trial.load(strange)
    assert trial.rules(load_id)["school.type_unknown"] == A
    trial.carry_out(load_id, over_limits=True)
    assert types(trial)[A] == (None, "Кванториум")
    _lines, found = indicators(trial)
    assert (
        "Организаций, вид которых неизвестен, — 1; они не учтены. Выберите их тип в реестре."
        in (found.notes)
    )

    with serving(trial) as door:
        with transaction(trial.application.sessions) as session:
            add_operator(session, "city", OperatorRole.CITY)
        console = Browser(door.app.test_client())
        console.post("/console/signin", username="city", password=PASSWORD)
        assert "в файле: «Кванториум»" in console.get("/console/registry", type="unknown").text
        page = console.get(f"/console/registry/school/{A}").text
        assert "назван «Кванториум»" in page
        answer = console.post(f"/console/registry/school/{A}", type="дополнительное образование")
        assert answer.status_code == 302
        assert "назван «Кванториум»" not in console.get(f"/console/registry/school/{A}").text

    assert types(trial)[A] == ("additional", "")
    again = trial.load(trial.write(A, pupils("p", 2), day=1, school=roster_school(A, "Кванториум")))
    assert "school.type_unknown" not in trial.rules(again)
    assert types(trial)[A] == ("additional", "")


def test_an_unknown_word_takes_no_known_kind_away(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("p", 1), school=roster_school(A, "СОШ")))
    trial.load(trial.write(A, pupils("p", 1), day=1, school=roster_school(A, "Кванториум")))
    assert types(trial)[A] == ("general", "")
    trial.load(trial.write(A, pupils("p", 1), day=2, school=roster_school(A, "ДДТ")))
    assert types(trial)[A] == ("additional", "")
    trial.load(trial.write(A, pupils("p", 1), day=3, school=roster_school(A, "")))
    assert types(trial)[A] == ("additional", "")


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("СОШ", "general"),
        ("сош", "general"),
        ("ГБОУ СОШ № 5", "general"),
        ("Средняя общеобразовательная школа", "general"),
        ("СОШ с углублённым изучением английского языка", "general"),
        ("Гимназия № 1", "general"),
        ("лицей", "general"),
        ("ШИ", "general"),
        ("С(К)ОШ", "general"),
        ("Начальная школа – детский сад", "general"),
        ("ДДТ", "additional"),
        ("Детская музыкальная школа", "additional"),
        ("Колледж", "vocational"),
        ("ГБДОУ детский сад № 7", "preschool"),
        ("СШ", None),  # a middle school or a sports school
        ("№ 5", None),
        ("", None),
    ],
)
def test_words_of_files_are_known(word: str, kind: str | None) -> None:
    assert school_type(word) == kind


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
            connection.execute(
                text(
                    "INSERT INTO schools (code, name, short_name, district, number, kind, type, "
                    "known_version) VALUES (:code, 'n', 's', 'd', '', :kind, :known, 0)"
                ),
                {"code": code, "kind": kind, "known": known},
            )
    migrate(url)
    with engine.connect() as connection:
        rows = connection.execute(
            select(School.__table__.c["code", "type", "unknown_type"]).order_by("code")
        ).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [
        ("1", "general", ""), ("2", "general", ""), ("3", None, "Кванториум"),
        ("4", "additional", ""), ("5", None, ""), ("6", "other", ""),
    ]  # fmt: skip
