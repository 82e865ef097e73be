"""Nobody was found: a page that says what to check, and a request that a school answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from auth.linking.models import LinkRequest, PendingIdentity
from auth.linking.requests import refuse
from tests.auth.conftest import ON_SQLITE
from tests.auth.linking.conftest import IN, NOT_FOUND, SNILS, Door
from tests.relying_party import Page

pytestmark = ON_SQLITE

STRANGER = {"family_name": "Незнакомая", "given_name": "Проба", "middle_name": ""}
SENT = "Ваш запрос в школе"
ANSWERED = "Школа ответила"


def choose_school(door: Door, page: Page, code: str = "1001", **typed: str) -> Page:
    """Choose the district, then the school, and send."""
    chosen = door.browser.open(f"{page.url}&district=Учебный")
    return door.submit(chosen, form_to="district=", school=code, **typed)


def ask(door: Door, code: str = "1001", **typed: str) -> Page:
    """The same as somebody whom we do not know, or whom a school answered."""
    return choose_school(door, door.come(**STRANGER), code, **typed)


def answer(door: Door, text: str, age: timedelta = timedelta(days=14)) -> None:
    """As the school's administrator does; the answer is kept for ``age``."""
    with door.portal.session_factory.begin() as db:
        request = db.scalars(select(LinkRequest)).one()
        refuse(request, text, age=age, now=door.portal.clock())


def test_the_page_says_what_was_told_and_what_to_check(door: Door) -> None:
    page = door.come(**STRANGER)
    assert page.heading == NOT_FOUND
    for text in ("Незнакомая Проба", "05.03.2014", "•••-•••-••• 95", "не родителя"):
        assert text in page.text
    assert SNILS not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert door.portal.rows(LinkRequest) == []


def test_schools_are_offered_by_district(door: Door) -> None:
    page = door.come(**STRANGER)
    assert "Соседний" in page.text
    assert "Школа № 1" not in page.text
    chosen = door.browser.open(f"{page.url}&district=Учебный")
    assert "Школа № 1" in chosen.text
    assert "Лицей № 3" not in chosen.text


def test_a_request_is_sent_once_for_each_identity(door: Door, another_door: Door) -> None:
    sent = ask(door)
    assert sent.heading == SENT
    assert "Школа № 1" in sent.text
    assert another_door.come(**STRANGER).heading == SENT
    (request,) = door.portal.rows(LinkRequest)
    told = (request.school_code, request.family_name, request.snils)
    assert told == ("1001", "Незнакомая", SNILS)


def test_a_second_form_left_open_changes_nothing(door: Door) -> None:
    page = door.come(**STRANGER)
    left_open = door.browser.open(f"{page.url}&district=Учебный")
    choose_school(door, page, "1001")
    door.submit(left_open, form_to="district=", school="1002")
    assert [request.school_code for request in door.portal.rows(LinkRequest)] == ["1001"]


def test_a_request_can_be_withdrawn_for_another_school(door: Door) -> None:
    sent = ask(door)
    assert door.submit(sent, form_to="withdraw", form_token="forged").heading != NOT_FOUND
    page = door.submit(sent, form_to="withdraw")
    assert page.heading == NOT_FOUND
    choose_school(door, page, "1002")
    assert [request.school_code for request in door.portal.rows(LinkRequest)] == ["1002"]


@pytest.mark.parametrize("typed", [{"code": "9999"}, {"form_token": "forged"}])
def test_a_school_there_is_not_or_a_forged_form_sends_nothing(
    door: Door, typed: dict[str, str]
) -> None:
    assert ask(door, **typed).status == 400
    assert door.portal.rows(LinkRequest) == []


def test_requests_of_one_identity_are_limited(door: Door) -> None:
    door.configure(requests_per_identity=2)
    page = door.come(**STRANGER)
    for _ in range(2):
        page = door.submit(choose_school(door, page), form_to="withdraw")
    assert choose_school(door, page).status == 429
    assert door.portal.rows(LinkRequest) == []
    door.portal.clock.forward(15 * 60 + 1)
    assert choose_school(door, page).heading == SENT


def test_requests_from_one_address_are_limited(door: Door) -> None:
    door.configure(requests_per_address=2)
    comers = (door.come(subject=subject, given_name="Иная") for subject in "123")
    assert [choose_school(door, page).status for page in comers] == [200, 200, 429]


@pytest.mark.parametrize(
    ("kept", "read_for"),
    [(timedelta(days=14), timedelta(days=1)), (timedelta(hours=1), timedelta(hours=1))],
)
def test_an_answer_is_read_at_the_next_try_and_forgotten_soon_but_never_later_than_others(
    door: Door, kept: timedelta, read_for: timedelta
) -> None:
    ask(door)
    answer(door, "Зайдите в канцелярию с паспортом", age=kept)
    page = door.come(**STRANGER)
    assert page.heading == ANSWERED
    assert "Зайдите в канцелярию с паспортом" in page.text
    assert door.browser.open(page.url).heading == ANSWERED
    door.portal.clock.forward(read_for.total_seconds())
    assert door.come(**STRANGER).heading == NOT_FOUND


def test_the_same_subject_of_another_provider_is_somebody_else(
    door: Door, another_door: Door
) -> None:
    ask(door)
    page = another_door.come(**STRANGER, provider="gateway")
    assert page.heading == NOT_FOUND
    assert choose_school(another_door, page, "1002").heading == SENT
    asked = {(request.provider, request.school_code) for request in door.portal.rows(LinkRequest)}
    assert asked == {("esia", "1001"), ("gateway", "1002")}


def test_after_an_answer_one_may_ask_again(door: Door) -> None:
    ask(door)
    answer(door, "Это не наша школа")
    assert ask(door, "1002").heading == SENT
    (request,) = door.portal.rows(LinkRequest)
    assert (request.school_code, request.answer, request.family_name) == ("1002", "", "Незнакомая")


def test_a_request_that_nobody_answered_in_time_gives_way_to_the_next(door: Door) -> None:
    ask(door)
    door.portal.clock.forward(days=14)
    assert ask(door, "1002").heading == SENT
    assert [request.school_code for request in door.portal.rows(LinkRequest)] == ["1002"]


def test_whoever_is_found_meanwhile_gets_straight_in(door: Door) -> None:
    sent = ask(door)
    door.link(**STRANGER)
    assert door.portal.rows(LinkRequest) == []
    assert door.see(sent, "").heading == IN


def test_what_is_no_longer_needed_is_deleted(door: Door) -> None:
    door.configure(request_days=2)
    ask(door)

    for arrivals, requests in ((1, 1), (0, 1), (0, 0)):
        door.portal.clear_away()
        assert len(door.portal.rows(PendingIdentity)) == arrivals
        assert len(door.portal.rows(LinkRequest)) == requests
        door.portal.clock.forward(days=1)
