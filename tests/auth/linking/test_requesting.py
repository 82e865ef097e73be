"""Nobody was found: a page that says what to check, and a request that a school answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from auth.expiry import forget_expired
from auth.linking.models import LinkRequest, PendingIdentity
from auth.linking.requests import refuse
from tests.auth.linking.conftest import SNILS, Door, heading, make_identity
from tests.relying_party import Browser, Page

pytestmark = pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True)

STRANGER = make_identity(family_name="Незнакомая", given_name="Проба", middle_name="")
NOT_FOUND = "Мы не нашли вашу учётную запись"
SENT = "Ваш запрос в школе"
ANSWERED = "Школа ответила"


def choose_school(browser: Browser, page: Page, code: str = "1001", **typed: str) -> Page:
    """Choose the district, then the school, and send."""
    chosen = browser.open(f"{page.url}&district=Учебный")
    return browser.submit(chosen, form_to="district=", school=code, **typed)


def stored(door: Door) -> list[LinkRequest]:
    with door.portal.session_factory() as db:
        return list(db.scalars(select(LinkRequest)))


def answer(door: Door, text: str, age: timedelta = timedelta(days=14)) -> None:
    """As the school's administrator does; the answer is kept for ``age``."""
    with door.portal.session_factory.begin() as db:
        request = db.scalars(select(LinkRequest)).one()
        refuse(request, text, age=age, now=door.portal.clock())


def test_the_page_says_what_was_told_and_what_to_check(door: Door, browser: Browser) -> None:
    page = browser.open(door.address(STRANGER))
    assert heading(page) == NOT_FOUND
    assert "Незнакомая Проба" in page.text
    assert "05.03.2014" in page.text
    assert "•••-•••-••• 95" in page.text
    assert SNILS not in page.text
    assert "не родителя" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert stored(door) == []


def test_schools_are_offered_by_district(door: Door, browser: Browser) -> None:
    page = browser.open(door.address(STRANGER))
    assert "Соседний" in page.text
    assert "Школа № 1" not in page.text
    chosen = browser.open(f"{page.url}&district=Учебный")
    assert "Школа № 1" in chosen.text
    assert "Лицей № 3" not in chosen.text


def test_a_request_is_sent_once_for_each_identity(
    door: Door, browser: Browser, another_browser: Browser
) -> None:
    page = browser.open(door.address(STRANGER))
    sent = choose_school(browser, page)
    assert heading(sent) == SENT
    assert "Школа № 1" in sent.text
    another = another_browser.open(door.address(STRANGER))
    assert heading(another) == SENT
    choose_school(browser, page, "1002") if "district" in another.text else None
    (request,) = stored(door)
    assert (request.school_code, request.family_name, request.snils) == (
        "1001", "Незнакомая", SNILS,
    )  # fmt: skip


def test_a_second_form_left_open_changes_nothing(door: Door, browser: Browser) -> None:
    page = browser.open(door.address(STRANGER))
    left_open = browser.open(f"{page.url}&district=Учебный")
    choose_school(browser, page, "1001")
    browser.submit(left_open, form_to="district=", school="1002")
    assert [request.school_code for request in stored(door)] == ["1001"]


def test_a_request_can_be_withdrawn_for_another_school(door: Door, browser: Browser) -> None:
    sent = choose_school(browser, browser.open(door.address(STRANGER)))
    assert heading(browser.submit(sent, form_to="withdraw", form_token="forged")) != NOT_FOUND
    page = browser.submit(sent, form_to="withdraw")
    assert heading(page) == NOT_FOUND
    choose_school(browser, page, "1002")
    assert [request.school_code for request in stored(door)] == ["1002"]


@pytest.mark.parametrize(
    ("typed", "status"), [({"code": "9999"}, 400), ({"form_token": "forged"}, 400)]
)
def test_a_school_there_is_not_or_a_forged_form_sends_nothing(
    door: Door, browser: Browser, typed: dict[str, str], status: int
) -> None:
    page = choose_school(browser, browser.open(door.address(STRANGER)), **typed)
    assert page.status == status
    assert stored(door) == []


def test_requests_of_one_identity_are_limited(door: Door, browser: Browser) -> None:
    door.configure(requests_per_identity=2)
    page = browser.open(door.address(STRANGER))
    for _ in range(2):
        page = browser.submit(choose_school(browser, page), form_to="withdraw")
    assert choose_school(browser, page).status == 429
    assert stored(door) == []
    door.portal.clock.forward(15 * 60 + 1)
    assert heading(choose_school(browser, page)) == SENT


def test_requests_from_one_address_are_limited(door: Door, browser: Browser) -> None:
    door.configure(requests_per_address=2)
    statuses = [
        choose_school(
            browser, browser.open(door.address(make_identity(subject=str(n), given_name="Иная")))
        ).status
        for n in range(3)
    ]
    assert statuses == [200, 200, 429]


def test_the_answer_is_read_at_the_next_try_and_then_forgotten(
    door: Door, browser: Browser
) -> None:
    choose_school(browser, browser.open(door.address(STRANGER)))
    answer(door, "Зайдите в канцелярию с паспортом")
    page = browser.open(door.address(STRANGER))
    assert heading(page) == ANSWERED
    assert "Зайдите в канцелярию с паспортом" in page.text
    assert heading(browser.open(page.url)) == ANSWERED
    door.portal.clock.forward(timedelta(days=1).total_seconds())
    assert heading(browser.open(door.address(STRANGER))) == NOT_FOUND


def test_reading_an_answer_does_not_keep_it_longer(door: Door, browser: Browser) -> None:
    choose_school(browser, browser.open(door.address(STRANGER)))
    answer(door, "Зайдите в канцелярию с паспортом", age=timedelta(hours=1))
    assert heading(browser.open(door.address(STRANGER))) == ANSWERED
    door.portal.clock.forward(timedelta(hours=1).total_seconds())
    assert heading(browser.open(door.address(STRANGER))) == NOT_FOUND


def test_the_same_subject_of_another_provider_is_somebody_else(
    door: Door, browser: Browser, another_browser: Browser
) -> None:
    choose_school(browser, browser.open(door.address(STRANGER)))
    other = replace(STRANGER, provider="gateway")
    page = another_browser.open(door.address(other))
    assert heading(page) == NOT_FOUND
    assert heading(choose_school(another_browser, page, "1002")) == SENT
    assert {(request.provider, request.school_code) for request in stored(door)} == {
        ("esia", "1001"), ("gateway", "1002"),
    }  # fmt: skip


def test_after_an_answer_one_may_ask_again(door: Door, browser: Browser) -> None:
    choose_school(browser, browser.open(door.address(STRANGER)))
    answer(door, "Это не наша школа")
    page = browser.open(door.address(STRANGER))
    assert heading(choose_school(browser, page, "1002")) == SENT
    (request,) = stored(door)
    assert (request.school_code, request.answer, request.family_name) == ("1002", "", "Незнакомая")


def test_a_request_that_nobody_answered_in_time_gives_way_to_the_next(
    door: Door, browser: Browser
) -> None:
    choose_school(browser, browser.open(door.address(STRANGER)))
    door.portal.clock.forward(timedelta(days=14).total_seconds())
    page = browser.open(door.address(STRANGER))
    assert heading(choose_school(browser, page, "1002")) == SENT
    assert [request.school_code for request in stored(door)] == ["1002"]


def test_whoever_is_found_meanwhile_gets_straight_in(door: Door, browser: Browser) -> None:
    sent = choose_school(browser, browser.open(door.address(STRANGER)))
    door.link("6f2f2f4e-0000-4000-8000-000000000001", STRANGER)
    assert stored(door) == []
    assert heading(browser.open(sent.url.replace("/school?", "/?"))) == "Вы вошли"


def test_what_is_no_longer_needed_is_deleted(door: Door, browser: Browser) -> None:
    door.configure(request_days=2)
    choose_school(browser, browser.open(door.address(STRANGER)))

    def kept(days: float) -> tuple[int, int]:
        """Arrivals and requests."""
        factory = door.portal.session_factory
        with factory.begin() as db:
            later = door.portal.clock() + timedelta(days=days)
            forget_expired(db, later, failure_window=timedelta(days=1))
        with factory() as db:
            return len(db.scalars(select(PendingIdentity)).all()), len(
                db.scalars(select(LinkRequest)).all()
            )

    assert kept(0) == (1, 1)
    assert kept(1) == (0, 1)
    assert kept(2) == (0, 0)
