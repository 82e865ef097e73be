"""An operator of another school finds no request, link or history, by whatever address or form."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from auth.linking.models import LinkRequest
from tests.service.console_factories import ConsoleUnderTest
from tests.service.link_factories import (
    OTHER_SCHOOL,
    SUBJECT,
    add_request,
    history,
    link,
    links,
    make_links_console,
    requests,
)

NUMBER = 7777
"""Of the foreign request."""
FOREIGN = ("Чужова", "Проба", "48pb", "Школа № 500", OTHER_SCHOOL, "Невский", "…4242")
"""What nobody outside the school may read anywhere."""


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    """The foreign teacher "b" has a link, and somebody asks the foreign school."""
    console = make_links_console(tmp_path)
    with console.rows() as rows:
        add_request(
            rows, OTHER_SCHOOL, id=NUMBER, family_name="Чужова", given_name="Проба", subject="2"
        )
        link(rows, "b", "11114242", OTHER_SCHOOL)
    return console


def test_every_address_of_the_pages_of_links_is_walked(console: ConsoleUnderTest) -> None:
    rules = {
        (rule.rule, method)
        for rule in console.app.url_map.iter_rules()
        if rule.endpoint.startswith("console.links.")
        for method in {"GET", "POST"} & (rule.methods or set())
    }
    assert rules == {
        ("/console/links", "GET"),
        ("/console/links/history", "GET"),
        ("/console/links/<int:request_id>", "GET"),
        ("/console/links/<int:request_id>/grant", "POST"),
        ("/console/links/<int:request_id>/refuse", "POST"),
        ("/console/links/person", "POST"),
        ("/console/links/unlink", "POST"),
    }


@pytest.mark.parametrize("operator", ["anna", "district"])
def test_what_is_of_another_school_does_not_exist(console: ConsoleUnderTest, operator: str) -> None:
    with console.rows() as rows:
        link_id = link(rows, "a")
    before = (links(console), history(console))
    browser = console.client(operator)
    answers = {
        "list": browser.get("/console/links"),
        "history": browser.get("/console/links/history"),
        "request": browser.get(f"/console/links/{NUMBER}"),
        "grant": browser.post(
            f"/console/links/{NUMBER}/grant", login="48pa", relink="on", reason="так"
        ),
        "refuse": browser.post(f"/console/links/{NUMBER}/refuse", answer="нет"),
        "person": browser.post("/console/links/person", login="48pb"),
        "unlink": browser.post(
            "/console/links/unlink", login="48pb", link=str(link_id), reason="так"
        ),
    }
    found = {name for name, answer in answers.items() if answer.status_code != 404}
    assert found == {"list", "history"}
    for name, answer in answers.items():
        assert [word for word in FOREIGN if word in answer.text] == [], name
    assert (links(console), history(console)) == before
    assert console.acts() == []
    with console.rows() as rows:
        assert rows.scalars(select(LinkRequest.answered_at)).all() == [None]


def test_the_city_finds_all_of_it(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    pages = [
        browser.get("/console/links").text,
        browser.get("/console/links/history").text,
        browser.get(f"/console/links/{NUMBER}").text,
        browser.post("/console/links/person", login="48pb").text,
    ]
    for word in set(FOREIGN) - {OTHER_SCHOOL, "Невский"}:
        assert any(word in page for page in pages), word


def test_a_request_is_not_linked_to_somebody_of_another_school(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        number = add_request(rows)
    answer = console.client("anna").post(
        f"/console/links/{number}/grant", login="48pb", relink="on", reason="так"
    )
    assert answer.status_code == 404
    assert "Чужова" not in answer.text
    assert links(console) == {"b": "11114242"}
    assert {request.subject for request in requests(console)} == {SUBJECT, "2"}


def test_a_link_of_somebody_else_is_not_ended_through_ones_own_pupil(
    console: ConsoleUnderTest,
) -> None:
    with console.rows() as rows:
        foreign = link(rows, "c", "5", OTHER_SCHOOL)
    answer = console.client("anna").post(
        "/console/links/unlink", login="48pa", link=str(foreign), reason="так"
    )
    assert answer.status_code == 404
    assert links(console) == {"b": "11114242", "c": "5"}


def test_forms_need_the_token_of_the_page(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        number = add_request(rows)
    anna = console.client("anna")
    for address in (f"{number}/grant", f"{number}/refuse", "person", "unlink"):
        answer = anna.client.post(
            f"/console/links/{address}", data={"login": "48pa", "answer": "нет"}
        )
        assert answer.status_code == 400
    assert "a" not in links(console)


def test_nobody_signed_in_sees_nothing(console: ConsoleUnderTest) -> None:
    answer = console.client().get(f"/console/links/{NUMBER}")
    assert answer.status_code == 302
    assert "Чужова" not in answer.text
