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
from sqlalchemy import select
from sqlalchemy.orm import undefer

from service.mailing import outbox
from service.mailing.outbox import Letter
from service.mailing.rounds import send_round
from service.models import OperatorRole, OutgoingMail, PublishedReport
from service.reports.publishing import publish_due
from service.settings import MailSettings
from tests.service.command_line import free_port
from tests.service.console_factories import ConsoleUnderTest, make_console
from tests.service.factories import add_operator, add_person, add_school, sign_in

FRIDAY = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
"""17:00 in Moscow."""


@dataclass
class Mailroom:
    """A console, what its mail server was sent and what that answers, and what time it is."""

    console: ConsoleUnderTest = field(init=False)
    now: datetime = FRIDAY + timedelta(minutes=15)
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
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        return "250 OK"

    def of(self, name: str) -> list[EmailMessage]:
        return [message for message in self.taken if message["To"] == f"{name}@school.invalid"]

    def write(self, occasion: str, name: str) -> bool:
        """Put a letter into the outbox; whether it was not there yet."""
        to = f"{name}@school.invalid"
        letter = Letter(occasion=occasion, recipient=to, subject="Тема", body="Текст")
        with self.console.rows() as rows:
            return outbox.put(rows, letter, self.now)

    def row(self, occasion: str) -> OutgoingMail:
        with self.console.rows() as rows:
            return rows.query(OutgoingMail).filter_by(occasion=occasion).one()

    def send(self) -> int:
        return outbox.send_waiting(self.console.application)

    def send_round(self) -> int:
        return send_round(self.console.application)

    def published(self) -> list[PublishedReport]:
        """The coverage of the week that ends on the Friday."""
        asked = select(PublishedReport).filter_by(report="coverage", last_day=FRIDAY.date())
        asked = asked.options(undefer(PublishedReport.data))
        with self.console.rows() as rows:
            return [*rows.scalars(asked)]


@pytest.fixture
def mailroom(tmp_path: Path) -> Iterator[Mailroom]:
    mailroom = Mailroom()
    server = Controller(mailroom, hostname="127.0.0.1", port=free_port())
    server.start()
    settings = MailSettings(host="127.0.0.1", port=server.port, sender="bridge@school.invalid",
                            reports=("coverage", "not-there"))  # fmt: skip
    mailroom.console = console = make_console(tmp_path, mail=settings)
    console.application.clock = lambda: mailroom.now
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
        for name, role, scope, wish in (
            ("own", OperatorRole.SCHOOL, ["own"], {"wants_mail": True}),
            ("sister", OperatorRole.SCHOOL, ["sister"], {"wants_mail": True}),
            ("nevsky", OperatorRole.DISTRICT, ["Невский"], {"wants_mail": True}),
            ("silent", OperatorRole.CITY, [], {}),
            ("gone", OperatorRole.CITY, [], {"wants_mail": True, "active": False}),
        ):
            add_operator(rows, name, role, scope, email=f"{name}@school.invalid", **wish)
    yield mailroom
    server.stop()


def attached(message: EmailMessage) -> openpyxl.Workbook:
    (part,) = message.iter_attachments()
    return openpyxl.load_workbook(BytesIO(part.get_content()))


def sheet_text(message: EmailMessage) -> str:
    sheets = attached(message).worksheets
    return " ".join(str(cell.value) for sheet in sheets for row in sheet.rows for cell in row)


def test_each_operator_gets_the_own_part_on_friday_at_17_15(mailroom: Mailroom) -> None:
    mailroom.now = FRIDAY + timedelta(minutes=14, seconds=59)
    assert mailroom.send_round() == 0
    mailroom.now = FRIDAY + timedelta(minutes=15)
    assert mailroom.send_round() == 5
    assert {str(each["To"]) for each in mailroom.taken} == {
        "own@school.invalid", "sister@school.invalid", "nevsky@school.invalid",
    }  # fmt: skip
    report = mailroom.of("nevsky")[0]
    for name, schools in (("nevsky", ["own", "sister"]), ("sister", ["sister"])):
        text = sheet_text(mailroom.of(name)[0])
        assert [code for code in ("own", "sister", "far") if f"Школа {code}" in text] == schools
    assert "14.11.2026–20.11.2026" in str(report["Subject"])
    body = report.get_body(("plain",))
    assert body is not None
    assert "20.11.2026 17:00" in body.get_content()
    sheets = [sheet_text(message) for message in mailroom.taken if message.is_multipart()]
    assert "Секретнова" not in "".join([*sheets, *map(str, mailroom.taken)])


def test_figures_are_those_of_five_o_clock(mailroom: Mailroom) -> None:
    mailroom.send_round()
    sheet = attached(mailroom.of("sister")[0]).worksheets[0]
    titles = [cell.value for cell in sheet[1]]
    assert sheet[2][titles.index("Входили 14.11.2026–20.11.2026")].value == 1


def test_a_round_twice_sends_nothing_twice(mailroom: Mailroom) -> None:
    mailroom.send_round()
    mailroom.now += timedelta(minutes=10)
    assert mailroom.send_round() == 0
    assert len(mailroom.taken) == len({message["Message-ID"] for message in mailroom.taken}) == 5


def test_schools_that_are_behind_are_told_what_to_do(mailroom: Mailroom) -> None:
    mailroom.send_round()
    reminders = {
        str(message["To"]): message.get_content()
        for message in mailroom.taken
        if not message.is_multipart()
    }
    assert set(reminders) == {"own@school.invalid", "sister@school.invalid"}
    assert "Загрузок ещё не было" in reminders["own@school.invalid"]
    said = [text in reminders["sister@school.invalid"] for text in ("25,0 %", "памятки", "Загруз")]
    assert said == [True, True, False]


def test_an_occasion_has_one_mail_however_often_it_is_written(mailroom: Mailroom) -> None:
    assert [mailroom.write("x", "a") for _time in range(2)] == [True, False]
    assert mailroom.row("x").recipient == "a@school.invalid"


def test_a_temporary_refusal_is_tried_again_and_then_delivered(mailroom: Mailroom) -> None:
    mailroom.answers["busy@school.invalid"] = "451 try later"
    mailroom.write("x", "busy")
    assert mailroom.send() == 0
    assert mailroom.row("x").problem == "451 for the recipient"
    assert mailroom.send() == 0
    assert mailroom.row("x").tries == 1
    mailroom.answers.clear()
    mailroom.now += timedelta(minutes=10)
    assert mailroom.send() == 1
    assert (mailroom.row("x").problem, mailroom.row("x").next_try_at) == ("", None)


def test_what_is_refused_for_good_is_given_up_and_shown_to_the_city(mailroom: Mailroom) -> None:
    mailroom.answers["nobody@school.invalid"] = "550 no such mailbox"
    mailroom.write("x", "nobody")
    mailroom.write("y", "somebody")
    assert mailroom.send() == 1
    assert mailroom.row("x").next_try_at is None
    console = mailroom.console
    with console.rows() as rows:
        add_operator(rows, "city")
    assert "550 for the recipient" in console.client("city").get("/console/reports/mail").text
    assert "550" not in console.client("nevsky").get("/console/reports/mail").text


def test_a_server_that_is_down_is_asked_again_for_three_days(mailroom: Mailroom) -> None:
    mailroom.write("x", "somebody")
    application = mailroom.console.application
    nobody_there = replace(application.settings.mail, port=free_port())
    application.settings = replace(application.settings, mail=nobody_there)
    assert mailroom.send() == 0
    assert mailroom.row("x").next_try_at == mailroom.now + timedelta(minutes=10)
    mailroom.now += timedelta(days=3, minutes=1)
    mailroom.send()
    assert mailroom.row("x").next_try_at is None


def test_a_mail_of_a_killed_worker_is_taken_up_after_its_claim(mailroom: Mailroom) -> None:
    mailroom.write("x", "somebody")
    with mailroom.console.rows() as rows:
        rows.query(OutgoingMail).update({"next_try_at": mailroom.now + outbox.CLAIM})
    assert mailroom.send() == 0
    mailroom.now += outbox.CLAIM
    assert mailroom.send() == 1
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
    mailroom: Mailroom, typed: dict[str, str], problem: str
) -> None:
    answered = mailroom.console.client("nevsky").post("/console/reports/mail", **typed)
    assert (answered.status_code, problem in answered.text) == (400, True)


def test_an_operator_stops_the_mail(mailroom: Mailroom) -> None:
    mailroom.console.client("nevsky").post("/console/reports/mail", email="nevsky@school.invalid")
    mailroom.send_round()
    assert mailroom.of("nevsky") == []


def test_reports_are_published_on_schedule_for_city_and_districts_once(mailroom: Mailroom) -> None:
    mailroom.now = FRIDAY + timedelta(minutes=3)
    first = publish_due(mailroom.console.application)
    assert publish_due(mailroom.console.application) == 0
    found = [
        (tuple(one.part_items), one.preliminary, one.version, one.published_by, one.cut_off)
        for one in mailroom.published()
    ]
    parts = ((), ("Выборгский",), ("Невский",))
    assert sorted(found) == [(items, True, 1, "schedule", FRIDAY) for items in parts]
    mailroom.now = FRIDAY + timedelta(days=10)
    assert publish_due(mailroom.console.application) > 3
    assert first >= 3
    final = [one for one in mailroom.published() if not one.preliminary]
    assert {one.version for one in final} == {1}
    assert all("30.11.2026 17:00" in one.data["notes"][0] for one in final)
