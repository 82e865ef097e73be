"""The administrator's side of links: requests answered, links ended and replaced, the history.

That nothing of another school is shown or changed is walked in ``console/test_scope_walk.py``.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from auth.linking.models import LinkRequest
from auth.models import AuthorizationCode, Grant, Method, SignIn
from service.models import Identity, KnownUser, SchoolMembership
from tests.service.console_factories import Browser, ConsoleUnderTest, shows
from tests.service.factories import (
    NOW,
    SCHOOL,
    SNILS,
    SUBJECT,
    add,
    add_known_person,
    add_request,
    link,
)
from tests.service.link_factories import OTHER_SCHOOL, history, links, make_links_console


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    return make_links_console(tmp_path)


@pytest.fixture
def anna(console: ConsoleUnderTest) -> Browser:
    return console.client("anna")


@pytest.fixture
def number(console: ConsoleUnderTest) -> int:
    """Of the request of pupil "a"."""
    with console.rows() as rows:
        return add_request(rows)


@pytest.fixture
def linked(console: ConsoleUnderTest) -> int:
    """The number of the link that pupil "a" has."""
    with console.rows() as rows:
        return link(rows, "a")


def test_the_navigation_counts_open_requests_of_the_operators_schools(
    console: ConsoleUnderTest, number: int
) -> None:
    with console.rows() as rows:
        add_request(rows, OTHER_SCHOOL, subject="2")
        add_request(rows, subject="3", answered_at=NOW, answer="нет")
        add_request(rows, subject="4", expires_at=NOW)
    for name, count in (("anna", 1), ("city", 2)):
        page = console.client(name).get("/console/").text
        assert f'class="count" title="Открытые запросы">{count}<' in page


def test_a_request_is_shown_with_its_evidence(anna: Browser, number: int) -> None:
    assert "Примеров Пример" in anna.get("/console/links").text
    page = anna.get(f"/console/links/{number}").text
    shows(page, "02.09.2012", "01.09.2012", "•••-•••-••• 95")
    assert SNILS not in page
    assert SUBJECT not in page
    assert (page.count("совпадает"), page.count("отличается")) == (2, 1)


def test_only_people_of_a_like_name_are_offered(
    console: ConsoleUnderTest, anna: Browser, number: int
) -> None:
    with console.rows() as rows:
        add_known_person(rows, "c", SCHOOL, family_name="Иванова", given_name="Анна", snils="")
    page = anna.get(f"/console/links/{number}").text
    assert "48pa" in page
    assert "48pc" not in page


def test_only_the_school_itself_reads_birth_dates(console: ConsoleUnderTest, number: int) -> None:
    for name in ("district", "city"):
        page = console.client(name).get(f"/console/links/{number}").text
        assert "Примеров Пример" in page
        assert "2012" not in page.replace("48p", "")


def test_a_granted_request_becomes_a_link_and_is_gone(
    console: ConsoleUnderTest, anna: Browser, number: int
) -> None:
    assert anna.post(f"/console/links/{number}/grant", login="48pa").status_code == 303
    assert links(console) == {"a": SUBJECT}
    assert history(console) == [("linked", "a", "school", "anna", "")]
    assert console.all(LinkRequest) == []
    assert console.acts() == [("anna", "link.grant")]


def test_a_refused_request_keeps_the_answer_and_nothing_of_the_person(
    console: ConsoleUnderTest, anna: Browser, number: int
) -> None:
    anna.post(f"/console/links/{number}/refuse", answer=" Принесите паспорт ")
    (kept,) = console.all(LinkRequest)
    assert kept.answer == "Принесите паспорт"
    assert (kept.family_name, kept.given_name, kept.snils, kept.birth_date) == ("", "", "", None)
    assert kept.expires_at == NOW + timedelta(days=14)
    assert console.acts() == [("anna", "link.refuse")]
    assert anna.get(f"/console/links/{number}").status_code == 404


def test_a_refusal_needs_words(console: ConsoleUnderTest, anna: Browser, number: int) -> None:
    answer = anna.post(f"/console/links/{number}/refuse", answer="  ")
    shows(answer, "Укажите причину", status=409)
    assert console.all(LinkRequest)[0].answered_at is None


def test_a_parent_is_never_linked_to_the_child(console: ConsoleUnderTest, anna: Browser) -> None:
    with console.rows() as rows:
        parent = add_request(rows, given_name="Отец", birth_date=date(1980, 1, 1), snils="")
        namesake = add_request(rows, subject="2", birth_date=date(1980, 1, 1), snils="")
    for number in (parent, namesake):
        shows(anna.get(f"/console/links/{number}"), "привязывать нельзя")
        answer = anna.post(f"/console/links/{number}/grant", login="48pa", relink="on", reason="да")
        shows(answer, "другой человек", status=409)
    assert links(console) == {}


@pytest.mark.parametrize("login", ["nobody", "48pb"], ids=["nobody's", "of another school"])
def test_a_login_that_nobody_of_the_school_has_leaves_the_request_open(
    console: ConsoleUnderTest, anna: Browser, number: int, login: str
) -> None:
    answer = anna.post(f"/console/links/{number}/grant", login=login, relink="on", reason="так")
    shows(answer, "В ваших школах такого логина ни у кого нет.", status=404)
    assert "Чужова" not in answer.text
    assert links(console) == {}
    assert len(console.all(LinkRequest)) == 1


def test_a_request_to_another_school_is_not_granted_to_ones_own_pupil(
    console: ConsoleUnderTest, anna: Browser
) -> None:
    with console.rows() as rows:
        foreign = add_request(rows, OTHER_SCHOOL)
    assert anna.post(f"/console/links/{foreign}/grant", login="48pa").status_code == 404
    assert (links(console), len(console.all(LinkRequest))) == ({}, 1)


def test_an_existing_link_is_replaced_only_on_purpose_and_with_a_reason(
    console: ConsoleUnderTest, anna: Browser, number: int, linked: int
) -> None:
    for form, words in (({}, "поставьте отметку"), ({"relink": "on"}, "Укажите причину")):
        answer = anna.post(f"/console/links/{number}/grant", login="48pa", **form)
        shows(answer, words, status=409)
        assert links(console) == {"a": "42"}


def test_a_relink_ends_the_old_link_and_tells_both_in_the_history(
    console: ConsoleUnderTest, anna: Browser, number: int, linked: int
) -> None:
    reason = "Ошиблись учётной записью"
    anna.post(f"/console/links/{number}/grant", login="48pa", relink="on", reason=reason)
    assert links(console) == {"a": SUBJECT}
    assert history(console)[1:] == [
        ("unlinked", "a", "snils", "anna", reason),
        ("linked", "a", "school", "anna", reason),
    ]
    assert console.acts() == [("anna", "link.replace")]


def sign_in(console: ConsoleUnderTest, method: Method, sid: str) -> None:
    """A running sign-in of "a" with a code under way and a grant for offline access."""
    with console.rows() as rows:
        add(rows, SignIn, cookie_hash=sid, sid=sid, method=method.value)
        add(rows, Grant, grant_id=sid, sid=sid, scope="openid offline_access")
        add(rows, AuthorizationCode, code_hash=sid, sid=sid)


def test_an_unlink_ends_what_began_with_the_link_and_nothing_else(
    console: ConsoleUnderTest, anna: Browser, linked: int
) -> None:
    sign_in(console, Method.ESIA, "outside")
    sign_in(console, Method.PASSWORD, "inside")
    unlink = {"login": "48pa", "link": str(linked), "reason": "Чужие Госуслуги"}
    assert "Привязка прекращена" in anna.post("/console/links/unlink", **unlink).text
    assert links(console) == {}
    for table in (SignIn, Grant, AuthorizationCode):
        assert {row.sid for row in console.all(table)} == {"inside"}
    assert history(console)[-1] == ("unlinked", "a", "snils", "anna", "Чужие Госуслуги")
    assert console.acts() == [("anna", "link.end")]


def test_an_unlink_needs_a_reason(console: ConsoleUnderTest, anna: Browser, linked: int) -> None:
    answer = anna.post("/console/links/unlink", login="48pa", link=str(linked))
    assert answer.status_code == 409
    assert links(console) == {"a": "42"}


def test_a_link_of_somebody_else_is_not_ended_through_ones_own_pupil(
    console: ConsoleUnderTest, anna: Browser
) -> None:
    with console.rows() as rows:
        foreign = link(rows, "c", "5", OTHER_SCHOOL)
    unlink = {"login": "48pa", "link": str(foreign), "reason": "так"}
    assert anna.post("/console/links/unlink", **unlink).status_code == 404
    assert links(console) == {"c": "5"}


def test_forms_need_the_token_of_the_page(
    console: ConsoleUnderTest, anna: Browser, number: int
) -> None:
    for address in (f"{number}/grant", f"{number}/refuse", "person", "unlink"):
        form = {"login": "48pa", "answer": "нет"}
        assert anna.client.post(f"/console/links/{address}", data=form).status_code == 400
    assert links(console) == {}


def test_the_page_of_a_person_leads_to_links_and_their_history(anna: Browser, linked: int) -> None:
    assert "/console/links/person" in anna.post("/console/people", login="48pa").text
    page = anna.post("/console/links/person", login="48pa")
    shows(page, "совпал СНИЛС", "сам человек при входе")


def test_the_history_outlives_the_person(
    console: ConsoleUnderTest, anna: Browser, linked: int
) -> None:
    assert "Примеров" in anna.get("/console/links/history").text
    with console.rows() as rows:
        for table in (SchoolMembership, Identity, KnownUser):
            rows.execute(delete(table).where(table.person_id == "a"))
    shows(anna.get("/console/links/history"), "совпал СНИЛС", "больше не числится")


def test_a_link_stays_through_a_transfer_and_a_suspension(
    console: ConsoleUnderTest, anna: Browser, linked: int
) -> None:
    with console.rows() as rows:
        person = rows.get_one(KnownUser, "a")
        person.suspended, person.school_code = True, OTHER_SCHOOL
        rows.execute(delete(SchoolMembership).where(SchoolMembership.person_id == "a"))
    assert links(console) == {"a": "42"}
    for operator, status in ((console.client("boris"), 200), (anna, 404)):
        answer = operator.post("/console/links/person", login="48pa")
        assert answer.status_code == status
    assert "больше не числится" in anna.get("/console/links/history").text


def test_links_of_a_person_are_found_by_login(anna: Browser) -> None:
    assert 'action="/console/links/person"' in anna.get("/console/links").text
    nobody = anna.post("/console/links/person", login="nobody")
    shows(nobody, "такого логина ни у кого нет", status=404)
