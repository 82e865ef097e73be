"""The pages of the queue: what is told, what it takes to answer, what comes of it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from service.models import StoredDecision, StoredQuestion
from tests.service.console_factories import ConsoleUnderTest, make_console
from tests.service.factories import add_question, add_school


def console_with_questions(folder: Path, number: int = 3) -> ConsoleUnderTest:
    console = make_console(folder, operators=True)
    with console.rows() as rows:
        add_school(rows, "78-0001")
        for each in range(1, number + 1):
            add_question(rows, "78-0001", f"ряд-{each}")
    return console


def states(console: ConsoleUnderTest) -> list[str]:
    with console.rows() as rows:
        return list(rows.scalars(select(StoredQuestion.state).order_by(StoredQuestion.id)))


def test_the_page_says_what_each_answer_does_before_it_is_given(tmp_path: Path) -> None:
    console = console_with_questions(tmp_path)
    browser = console.client("city")
    assert "ряд-2" in browser.get("/console/questions").text
    page = browser.get("/console/questions/1").text
    assert "Запись получит свою учётную запись" in page
    assert "<mark>Пётр</mark>" in page
    assert "15.01.2012" not in page  # a birth date is also a first password
    assert browser.get("/console/questions/99").status_code == 404


def test_nothing_is_decided_without_a_choice_and_the_tick(tmp_path: Path) -> None:
    console = console_with_questions(tmp_path, 1)
    browser = console.client("city")
    forms: list[dict[str, str]] = [
        {},
        {"choice": "different"},
        {"looked": "1"},
        {"choice": "no", "looked": "1"},
    ]
    for form in forms:
        answer = browser.post("/console/questions/1", **form)
        assert answer.status_code == 409
        assert "выберите ответ" in answer.text.lower()
    assert states(console) == ["open"]
    looked_at = {"choice": "different", "looked": "1", "version": "another"}
    assert browser.post("/console/questions/1", **looked_at).status_code == 409
    assert states(console) == ["open"]


def test_all_like_this_are_answered_and_one_is_taken_back(tmp_path: Path) -> None:
    console = console_with_questions(tmp_path)
    browser = console.client("city")
    form = {"choice": "different", "looked": "1", "alike": "1", "reason": "Справка"}
    assert browser.post("/console/questions/2", **form).status_code == 303
    assert states(console) == ["answered"] * 3
    assert "Справка" in browser.get("/console/questions/3").text
    assert browser.post("/console/questions/2/undo").status_code == 409
    assert browser.post("/console/questions/2/undo", looked="1").status_code == 303
    assert states(console) == ["answered", "open", "answered"]
    with console.rows() as rows:
        undone = rows.scalars(
            select(StoredDecision.question_id).where(StoredDecision.undone_by != "")
        )
        assert list(undone) == [2]
