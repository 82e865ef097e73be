"""Mail to operators, through a real SMTP server: their own part, once, and what can go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from service.mailing import outbox
from service.mailing.outbox import Letter
from service.mailing.rounds import send_round
from service.models import OperatorRole, OutgoingMail, PublishedReport
from service.reports.scheduled import publish_due
from service.settings import MailSettings
from tests.service.command_line import free_port
from tests.service.console_factories import (
    ConsoleUnderTest,
    add_operator,
    add_school,
    make_console,
)
from tests.service.coverage_city import add_person, sign_in

FRIDAY = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
"""17:00 in Moscow."""


@dataclass
class Mailroom:
    """What a mail server was sent, and what it answers."""

    taken: list[EmailMessage] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    """By recipient; everything else is taken."""

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        return "250 OK"

    def of(self, recipient: str) -> list[EmailMessage]:
        return [message for message in self.taken if message["To"] == recipient]


@pytest.fixture
def mailroom() -> Mailroom:
    return Mailroom()


@pytest.fixture
def server(mailroom: Mailroom) -> Iterator[Controller]:
    controller = Controller(mailroom, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


@dataclass
class Clock:
    now: datetime = FRIDAY + timedelta(minutes=15)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def console(tmp_path: Path, server: Controller, clock: Clock) -> ConsoleUnderTest:
    settings = MailSettings(host="127.0.0.1", port=server.port, sender="bridge@school.invalid",
                            reports=("coverage", "not-there"))  # fmt: skip
    console = make_console(tmp_path, mail=settings)
    console.application.clock = clock
    fresh = FRIDAY - timedelta(days=1)
    with console.rows() as rows:
        for code, district, loaded in (
            ("own", "Невский", None), ("sister", "Невский", fresh), ("far", "Выборгский", fresh)
        ):  # fmt: skip
            add_school(rows, code, short_name=f"Школа {code}", district=district,
                       last_applied_at=loaded)  # fmt: skip
        for number in range(4):
            add_person(rows, f"pupil-{number}", "sister", family_name="Секретнова")
        sign_in(rows, "pupil-0", FRIDAY - timedelta(hours=1))
        sign_in(rows, "pupil-1", FRIDAY + timedelta(minutes=1))
        wanted = {"wants_mail": True, "active": True}
        add_operator(rows, "own", role=OperatorRole.SCHOOL, scope=["own"],
                     email="own@school.invalid", **wanted)  # fmt: skip
        add_operator(rows, "sister", role=OperatorRole.SCHOOL, scope=["sister"],
                     email="sister@school.invalid", **wanted)  # fmt: skip
        add_operator(rows, "nevsky", role=OperatorRole.DISTRICT, scope=["Невский"],
                     email="nevsky@school.invalid", **wanted)  # fmt: skip
        add_operator(rows, "silent", email="silent@school.invalid")
        add_operator(rows, "gone", email="gone@school.invalid", active=False, wants_mail=True)
    return console


def sheet_text(message: EmailMessage) -> str:
    (part,) = message.iter_attachments()
    book = openpyxl.load_workbook(BytesIO(part.get_content()))
    return " ".join(str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row)


def test_each_operator_gets_the_own_part_on_friday_at_a_quarter_past_five(
    console: ConsoleUnderTest, mailroom: Mailroom, clock: Clock
) -> None:
    clock.now = FRIDAY + timedelta(minutes=14, seconds=59)
    assert send_round(console.application) == 0
    clock.now = FRIDAY + timedelta(minutes=15)
    assert send_round(console.application) == 5
    assert {str(each["To"]) for each in mailroom.taken} == {
        "own@school.invalid", "sister@school.invalid", "nevsky@school.invalid",
    }  # fmt: skip
    report = mailroom.of("nevsky@school.invalid")[0]
    text = sheet_text(report)
    assert "Школа own" in text
    assert "Школа sister" in text
    assert "Школа far" not in text
    assert "Школа own" not in sheet_text(mailroom.of("sister@school.invalid")[0])
    assert "14.11.2026–20.11.2026" in str(report["Subject"])
    body = report.get_body(("plain",))
    assert body is not None
    assert "20.11.2026 17:00" in body.get_content()
    sheets = [sheet_text(message) for message in mailroom.taken if message.is_multipart()]
    assert "Секретнова" not in "".join([*sheets, *map(str, mailroom.taken)])


def test_figures_are_those_of_five_o_clock(console: ConsoleUnderTest, mailroom: Mailroom) -> None:
    send_round(console.application)
    (part,) = mailroom.of("sister@school.invalid")[0].iter_attachments()
    sheet = openpyxl.load_workbook(BytesIO(part.get_content())).worksheets[0]
    titles = [cell.value for cell in sheet[1]]
    place = next(i for i, title in enumerate(titles) if title == "Входили 14.11.2026–20.11.2026")
    assert sheet[2][place].value == 1


def test_a_round_twice_sends_nothing_twice(
    console: ConsoleUnderTest, mailroom: Mailroom, clock: Clock
) -> None:
    send_round(console.application)
    clock.now += timedelta(minutes=10)
    assert send_round(console.application) == 0
    assert len(mailroom.taken) == len({message["Message-ID"] for message in mailroom.taken}) == 5


def test_schools_that_are_behind_are_told_what_to_do(
    console: ConsoleUnderTest, mailroom: Mailroom
) -> None:
    send_round(console.application)
    reminders = {
        str(message["To"]): message.get_content()
        for message in mailroom.taken
        if not message.is_multipart()
    }
    assert set(reminders) == {"own@school.invalid", "sister@school.invalid"}
    assert "Загрузок ещё не было" in reminders["own@school.invalid"]
    assert "25,0 %" in reminders["sister@school.invalid"]
    assert "памятки" in reminders["sister@school.invalid"]
    assert "Загруз" not in reminders["sister@school.invalid"]


def put(console: ConsoleUnderTest, occasion: str, recipient: str) -> None:
    with console.rows() as rows:
        letter = Letter(occasion=occasion, recipient=recipient, subject="Тема", body="Текст")
        outbox.put(rows, letter, console.application.clock())


def row(console: ConsoleUnderTest, occasion: str) -> OutgoingMail:
    with console.rows() as rows:
        found: OutgoingMail = rows.query(OutgoingMail).filter_by(occasion=occasion).one()
        return found


def test_an_occasion_has_one_mail_however_often_it_is_written(console: ConsoleUnderTest) -> None:
    letter = Letter(occasion="x", recipient="a@school.invalid", subject="Тема", body="Текст")
    with console.rows() as rows:
        written = [outbox.put(rows, letter, FRIDAY) for _time in range(2)]
        assert written == [True, False]
        assert rows.query(OutgoingMail).count() == 1


def test_a_temporary_refusal_is_tried_again_and_then_delivered(
    console: ConsoleUnderTest, mailroom: Mailroom, clock: Clock
) -> None:
    mailroom.answers["busy@school.invalid"] = "451 try later"
    put(console, "x", "busy@school.invalid")
    assert outbox.send_waiting(console.application) == 0
    assert row(console, "x").problem == "451 for the recipient"
    assert outbox.send_waiting(console.application) == 0
    assert row(console, "x").tries == 1
    mailroom.answers.clear()
    clock.now += timedelta(minutes=10)
    assert outbox.send_waiting(console.application) == 1
    assert (row(console, "x").problem, row(console, "x").next_try_at) == ("", None)


def test_what_is_refused_for_good_is_given_up_and_shown_to_the_city(
    console: ConsoleUnderTest, mailroom: Mailroom
) -> None:
    mailroom.answers["nobody@school.invalid"] = "550 no such mailbox"
    put(console, "x", "nobody@school.invalid")
    put(console, "y", "somebody@school.invalid")
    assert outbox.send_waiting(console.application) == 1
    assert row(console, "x").next_try_at is None
    with console.rows() as rows:
        add_operator(rows, "city")
    assert "550 for the recipient" in console.client("city").get("/console/reports/mail").text
    assert "550" not in console.client("nevsky").get("/console/reports/mail").text


def test_a_server_that_is_down_is_asked_again_until_three_days_have_gone(
    console: ConsoleUnderTest, clock: Clock
) -> None:
    put(console, "x", "somebody@school.invalid")
    application = console.application
    nobody_there = replace(application.settings.mail, port=free_port())
    application.settings = replace(application.settings, mail=nobody_there)
    assert outbox.send_waiting(console.application) == 0
    assert row(console, "x").next_try_at == clock.now + timedelta(minutes=10)
    clock.now += timedelta(days=3, minutes=1)
    outbox.send_waiting(console.application)
    assert row(console, "x").next_try_at is None


def test_a_mail_of_a_killed_worker_is_taken_up_after_its_claim(
    console: ConsoleUnderTest, mailroom: Mailroom, clock: Clock
) -> None:
    put(console, "x", "somebody@school.invalid")
    with console.rows() as rows:
        rows.query(OutgoingMail).update({"next_try_at": clock.now + outbox.CLAIM})
    assert outbox.send_waiting(console.application) == 0
    clock.now += outbox.CLAIM
    assert outbox.send_waiting(console.application) == 1
    assert len(mailroom.taken) == 1


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"email": "кто-то", "wanted": "1"}, "не адрес"),
        ({"email": "", "wanted": "1"}, "укажите адрес"),
        ({"email": "a@b.example\nBcc: c@d.example", "wanted": "1"}, "не адрес"),
    ],
)
def test_an_address_that_is_none_is_refused(
    console: ConsoleUnderTest, typed: dict[str, str], problem: str
) -> None:
    answered = console.client("nevsky").post("/console/reports/mail", **typed)
    assert (answered.status_code, problem in answered.text) == (400, True)


def test_an_operator_stops_the_mail(console: ConsoleUnderTest, mailroom: Mailroom) -> None:
    console.client("nevsky").post("/console/reports/mail", email="nevsky@school.invalid")
    send_round(console.application)
    assert mailroom.of("nevsky@school.invalid") == []


def test_reports_are_published_on_schedule_for_city_and_districts_once(
    console: ConsoleUnderTest, clock: Clock
) -> None:
    clock.now = FRIDAY + timedelta(minutes=3)
    first = publish_due(console.application)
    assert publish_due(console.application) == 0
    with console.rows() as rows:
        found = [
            (tuple(row.part_items), row.preliminary, row.version, row.published_by, row.cut_off)
            for row in rows.query(PublishedReport).filter_by(
                report="coverage", last_day=FRIDAY.date()
            )
        ]
    assert sorted(found) == [
        (items, True, 1, "schedule", FRIDAY) for items in ((), ("Выборгский",), ("Невский",))
    ]
    clock.now = FRIDAY + timedelta(days=10)
    assert publish_due(console.application) > 3
    assert first >= 3
    with console.rows() as rows:
        final = rows.query(PublishedReport).filter_by(
            report="coverage", last_day=FRIDAY.date(), preliminary=False
        )
        assert {one.version for one in final} == {1}
        assert all("30.11.2026 17:00" in one.data["notes"][0] for one in final)
