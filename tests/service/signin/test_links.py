"""The administrator's side of links: requests answered, links ended and replaced, the history."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from auth.models import AuthorizationCode, Grant, Method, SignIn
from service.models import Identity, KnownUser, SchoolMembership
from tests.service.console_factories import NOW, ConsoleUnderTest
from tests.service.factories import add
from tests.service.link_factories import (
    OTHER_SCHOOL,
    SCHOOL,
    SNILS,
    SUBJECT,
    add_request,
    history,
    link,
    links,
    make_links_console,
    requests,
)
from tests.service.slip_factories import add_person


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    return make_links_console(tmp_path)


@pytest.fixture
def number(console: ConsoleUnderTest) -> int:
    """Of the request of pupil "a"."""
    with console.rows() as rows:
        return add_request(rows)


def test_the_navigation_counts_open_requests_of_the_operators_schools(
    console: ConsoleUnderTest, number: int
) -> None:
    with console.rows() as rows:
        add_request(rows, OTHER_SCHOOL, subject="2")
        add_request(rows, subject="3", answered_at=NOW, answer="нет")
        add_request(rows, subject="4", expires_at=NOW)
    assert (
        'class="count" title="Открытые запросы">1<' in console.client("anna").get("/console/").text
    )
    assert (
        'class="count" title="Открытые запросы">2<' in console.client("city").get("/console/").text
    )


def test_a_request_is_shown_with_its_evidence(console: ConsoleUnderTest, number: int) -> None:
    anna = console.client("anna")
    assert "Примеров Пример" in anna.get("/console/links").text
    page = anna.get(f"/console/links/{number}").text
    assert "02.09.2012" in page
    assert "01.09.2012" in page
    assert "•••-•••-••• 95" in page
    assert SNILS not in page
    assert SUBJECT not in page
    assert page.count("совпадает") == 2
    assert page.count("отличается") == 1


def test_only_people_of_a_like_name_are_offered(console: ConsoleUnderTest, number: int) -> None:
    with console.rows() as rows:
        add_person(rows, "c", SCHOOL, family_name="Иванова", given_name="Анна", snils="")
    page = console.client("anna").get(f"/console/links/{number}").text
    assert "48pa" in page
    assert "48pc" not in page


def test_only_the_school_itself_reads_birth_dates(console: ConsoleUnderTest, number: int) -> None:
    for name in ("district", "city"):
        page = console.client(name).get(f"/console/links/{number}").text
        assert "Примеров Пример" in page
        assert "2012" not in page.replace("48p", "")


def test_a_granted_request_becomes_a_link_and_is_gone(
    console: ConsoleUnderTest, number: int
) -> None:
    answer = console.client("anna").post(f"/console/links/{number}/grant", login="48pa")
    assert answer.status_code == 303
    assert links(console) == {"a": SUBJECT}
    assert history(console) == [("linked", "a", "school", "anna", "")]
    assert requests(console) == []
    assert console.acts() == [("anna", "link.grant")]


def test_a_refused_request_keeps_the_answer_and_nothing_of_the_person(
    console: ConsoleUnderTest, number: int
) -> None:
    console.client("anna").post(f"/console/links/{number}/refuse", answer=" Принесите паспорт ")
    (kept,) = requests(console)
    assert kept.answer == "Принесите паспорт"
    assert (kept.family_name, kept.given_name, kept.snils, kept.birth_date) == ("", "", "", None)
    assert kept.expires_at == NOW + timedelta(days=14)
    assert console.acts() == [("anna", "link.refuse")]
    assert console.client("anna").get(f"/console/links/{number}").status_code == 404


def test_a_refusal_needs_words(console: ConsoleUnderTest, number: int) -> None:
    answer = console.client("anna").post(f"/console/links/{number}/refuse", answer="  ")
    assert answer.status_code == 409
    assert "Укажите причину" in answer.text
    assert requests(console)[0].answered_at is None


def test_a_parent_is_never_linked_to_the_child(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        parent = add_request(rows, given_name="Отец", birth_date=date(1980, 1, 1), snils="")
        namesake = add_request(rows, subject="2", birth_date=date(1980, 1, 1), snils="")
    anna = console.client("anna")
    for number in (parent, namesake):
        assert "привязывать нельзя" in anna.get(f"/console/links/{number}").text
        answer = anna.post(f"/console/links/{number}/grant", login="48pa", relink="on", reason="да")
        assert answer.status_code == 409
        assert "другой человек" in answer.text
    assert links(console) == {}


def test_a_login_nobody_has_leaves_the_request_open(console: ConsoleUnderTest, number: int) -> None:
    answer = console.client("anna").post(f"/console/links/{number}/grant", login="nobody")
    assert answer.status_code == 404
    assert "В ваших школах такого логина ни у кого нет." in answer.text
    assert links(console) == {}
    assert len(requests(console)) == 1


@pytest.mark.parametrize(
    ("form", "words"),
    [({}, "поставьте отметку"), ({"relink": "on"}, "Укажите причину")],
)
def test_an_existing_link_is_replaced_only_on_purpose_and_with_a_reason(
    console: ConsoleUnderTest, number: int, form: dict[str, str], words: str
) -> None:
    with console.rows() as rows:
        link(rows, "a")
    answer = console.client("anna").post(f"/console/links/{number}/grant", login="48pa", **form)
    assert answer.status_code == 409
    assert words in answer.text
    assert links(console) == {"a": "42"}


def test_a_relink_ends_the_old_link_and_tells_both_in_the_history(
    console: ConsoleUnderTest, number: int
) -> None:
    with console.rows() as rows:
        link(rows, "a")
    console.client("anna").post(
        f"/console/links/{number}/grant",
        login="48pa",
        relink="on",
        reason="Ошиблись учётной записью",
    )
    assert links(console) == {"a": SUBJECT}
    assert history(console)[1:] == [
        ("unlinked", "a", "snils", "anna", "Ошиблись учётной записью"),
        ("linked", "a", "school", "anna", "Ошиблись учётной записью"),
    ]
    assert console.acts() == [("anna", "link.replace")]


def sign_in(console: ConsoleUnderTest, method: Method, sid: str) -> None:
    """A running sign-in of "a" with a code under way and a grant for offline access."""
    with console.rows() as rows:
        add(rows, SignIn, cookie_hash=sid, sid=sid, method=method.value)
        add(rows, Grant, grant_id=sid, sid=sid, scope="openid offline_access")
        add(rows, AuthorizationCode, code_hash=sid, sid=sid)


def running(console: ConsoleUnderTest) -> set[str]:
    with console.rows() as rows:
        found = [
            set(rows.scalars(select(table.sid))) for table in (SignIn, Grant, AuthorizationCode)
        ]
    assert found[0] == found[1] == found[2]
    return found[0]


def test_an_unlink_ends_what_began_with_the_link_and_nothing_else(
    console: ConsoleUnderTest,
) -> None:
    with console.rows() as rows:
        number = link(rows, "a")
    sign_in(console, Method.ESIA, "outside")
    sign_in(console, Method.PASSWORD, "inside")
    answer = console.client("anna").post(
        "/console/links/unlink", login="48pa", link=str(number), reason="Чужие Госуслуги"
    )
    assert "Привязка прекращена" in answer.text
    assert links(console) == {}
    assert running(console) == {"inside"}
    assert history(console)[-1] == ("unlinked", "a", "snils", "anna", "Чужие Госуслуги")
    assert console.acts() == [("anna", "link.end")]


def test_an_unlink_needs_a_reason(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        number = link(rows, "a")
    answer = console.client("anna").post("/console/links/unlink", login="48pa", link=str(number))
    assert answer.status_code == 409
    assert links(console) == {"a": "42"}


def test_the_page_of_a_person_leads_to_links_and_their_history(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        link(rows, "a")
    anna = console.client("anna")
    assert "/console/links/person" in anna.post("/console/people", login="48pa").text
    page = anna.post("/console/links/person", login="48pa").text
    assert "совпал СНИЛС" in page
    assert "сам человек при входе" in page


def test_the_history_outlives_the_person(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        link(rows, "a")
    assert "Примеров" in console.client("anna").get("/console/links/history").text
    with console.rows() as rows:
        for table in (SchoolMembership, Identity, KnownUser):
            rows.execute(delete(table).where(table.person_id == "a"))
    page = console.client("anna").get("/console/links/history").text
    assert "совпал СНИЛС" in page
    assert "больше не числится" in page


def test_a_link_stays_through_a_transfer_and_a_suspension(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        link(rows, "a")
        person = rows.get_one(KnownUser, "a")
        person.suspended, person.school_code = True, OTHER_SCHOOL
        rows.execute(delete(SchoolMembership).where(SchoolMembership.person_id == "a"))
    assert links(console) == {"a": "42"}
    page = console.client("boris").post("/console/links/person", login="48pa")
    assert page.status_code == 200
    assert console.client("anna").post("/console/links/person", login="48pa").status_code == 404
    assert "больше не числится" in console.client("anna").get("/console/links/history").text


def test_links_of_a_person_are_found_by_login(console: ConsoleUnderTest) -> None:
    anna = console.client("anna")
    assert 'action="/console/links/person"' in anna.get("/console/links").text
    nobody = anna.post("/console/links/person", login="nobody")
    assert nobody.status_code == 404
    assert "такого логина ни у кого нет" in nobody.text
