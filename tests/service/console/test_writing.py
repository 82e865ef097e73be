"""The city's switch: pause all writing to Moodle, said wherever somebody waits for it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from service.models import LoadStatus, WritingPause
from tests.service.console_factories import Browser, ConsoleUnderTest, shows
from tests.service.factories import add_load

ADDRESS = "/console/writing"
REASON = "Переезд сервера"


def test_the_city_pauses_and_lets_it_go_on(console: ConsoleUnderTest, city: Browser) -> None:
    shows(city.get(ADDRESS), "Запись в Moodle открыта", "Тихое время")
    answer = city.post(f"{ADDRESS}/pause", reason=REASON, until="2026-10-06T20:00")
    assert answer.status_code == 302
    (made,) = console.all(WritingPause)
    assert (made.made_by, made.reason, made.until.isoformat()) == (
        "city", REASON, "2026-10-06T17:00:00+00:00",
    )  # fmt: skip
    with console.rows() as rows:
        stored = rows.execute(text("SELECT reason FROM writing_pauses")).scalar_one()
    assert REASON not in stored
    shows(city.get(ADDRESS), "приостановлена до 6 окт. 2026, 20:00", REASON, "Снять паузу")
    assert city.post(f"{ADDRESS}/resume").status_code == 302
    shows(city.get(ADDRESS), "Запись в Moodle открыта", REASON)
    assert console.acts() == [("city", "writing.pause"), ("city", "writing.resume")]


def test_it_is_said_on_the_first_page_the_list_and_the_load(
    console: ConsoleUnderTest, city: Browser
) -> None:
    with console.rows() as rows:
        load = add_load(rows, status=LoadStatus.APPROVED, problem="writing_closed.switch: ")
        number = load.id
    said = "Запись в Moodle приостановлена, пока паузу не снимут", REASON, 'href="/console/writing"'
    pages = ("/console/", "/console/loads", f"/console/loads/{number}")
    assert not any(said[0] in city.get(page).text for page in pages)
    city.post(f"{ADDRESS}/pause", reason=REASON)
    for page in pages:
        shows(city.get(page), *said)
    school = console.client("school")
    page = school.get("/console/").text
    assert said[0] in page
    assert said[2] not in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reason": ""}, "Укажите причину"),
        ({"reason": REASON, "until": "2026-10-02T10:00"}, "Это время уже прошло"),
        ({"reason": REASON, "until": "завтра"}, "Это не день со временем"),
    ],
    ids=["no reason", "past", "no moment"],
)
def test_what_is_wrong_is_said_and_nothing_is_paused(
    console: ConsoleUnderTest, city: Browser, fields: dict[str, str], said: str
) -> None:
    answer = city.post(f"{ADDRESS}/pause", **fields)
    assert answer.status_code == 409
    shows(answer.text, said, fields["reason"])
    assert console.all(WritingPause) == []
    assert "не приостановлена" in city.post(f"{ADDRESS}/resume").text


def test_nobody_but_the_city_sees_or_touches_the_switch(console: ConsoleUnderTest) -> None:
    school = console.client("school")
    assert school.get(ADDRESS).status_code == 404
    assert school.post(f"{ADDRESS}/pause", reason=REASON).status_code == 404
    assert school.post(f"{ADDRESS}/resume").status_code == 404
    assert console.all(WritingPause) == []
