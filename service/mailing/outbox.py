"""The outbox: a mail is written down once for its occasion, and then sent, again if it must be."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.application import Application
from service.db import transaction
from service.mailing.smtp import MailError, MailServer, connect
from service.models import OutgoingMail

CLAIM = timedelta(minutes=10)
"""So long one worker has a mail for itself; a killed one's is taken up afterwards."""

GIVE_UP_AFTER = timedelta(days=3)
_FIRST_PAUSE = timedelta(minutes=10)
_LONGEST_PAUSE = timedelta(hours=6)

_MEDIA_TYPES = {
    "xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "pdf": ("application", "pdf"),
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """What is to be sent to one address."""

    occasion: str
    recipient: str
    subject: str
    body: str
    attachment_name: str = ""
    attachment: bytes | None = None


def put(session: Session, letter: Letter, now: datetime) -> bool:
    """Write the letter down; False when its occasion has one already."""
    try:
        with session.begin_nested():
            session.add(OutgoingMail(**asdict(letter), created_at=now, next_try_at=now))
    except IntegrityError:
        return False
    return True


def has(session: Session, occasion: str) -> bool:
    found = select(OutgoingMail.id).where(OutgoingMail.occasion == occasion)
    return session.scalar(found) is not None


def problem_of(session: Session, occasion: str) -> str:
    """What the last try to send it ended with; empty when it was sent."""
    return session.scalars(
        select(OutgoingMail.problem).where(OutgoingMail.occasion == occasion)
    ).one()


def undelivered(session: Session) -> Sequence[OutgoingMail]:
    """Mails that were given up, the newest first."""
    return session.scalars(
        select(OutgoingMail)
        .where(OutgoingMail.sent_at.is_(None), OutgoingMail.next_try_at.is_(None))
        .order_by(OutgoingMail.id.desc())
        .limit(100)
    ).all()


def send_waiting(application: Application) -> int:
    """Send what waits; return how many were sent.

    A mail that was accepted and not yet noted when the machine fell over goes out once more, with
    the same Message-ID, by which mail programs know it.
    """
    settings, now = application.settings.mail, application.clock()
    with application.sessions() as session:
        waiting = session.scalars(
            select(OutgoingMail.id).where(OutgoingMail.next_try_at <= now).order_by(OutgoingMail.id)
        ).all()
    if not waiting or not settings.host:
        return 0
    try:
        with connect(settings) as server:
            return sum(_send_one(application, server, number) for number in waiting)
    except MailError as error:
        log.warning("the mail server cannot be used: %s", error)
        with transaction(application.sessions) as session:
            rows = session.scalars(select(OutgoingMail).where(OutgoingMail.id.in_(waiting)))
            for row in rows:
                _put_off(row, error, now)
        return 0


def _send_one(application: Application, server: MailServer, number: int) -> bool:
    now = application.clock()
    with transaction(application.sessions) as session:
        claimed = session.execute(
            update(OutgoingMail)
            .where(OutgoingMail.id == number, OutgoingMail.next_try_at <= now)
            .values(next_try_at=now + CLAIM)
        )
        if not claimed.rowcount:  # type: ignore[attr-defined]
            return False
    with transaction(application.sessions) as session:
        row = session.get_one(OutgoingMail, number)
        try:
            server.send(_message(row, application.settings.mail.sender))
        except MailError as error:
            _put_off(row, error, now)
            return False
        row.sent_at, row.next_try_at, row.attachment, row.problem = now, None, None, ""
        row.tries += 1
    return True


def _put_off(row: OutgoingMail, error: MailError, now: datetime) -> None:
    row.tries += 1
    row.problem = str(error)[:200]
    if error.permanent or now - row.created_at > GIVE_UP_AFTER:
        row.next_try_at = row.attachment = None
        log.error("a mail is given up", extra={"mail": row.id, "problem": row.problem})
    else:
        row.next_try_at = now + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (row.tries - 1))


def _message(row: OutgoingMail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, row.recipient, row.subject
    message["Date"] = format_datetime(row.created_at)
    mark = hashlib.sha256(row.occasion.encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{mark}@{sender.rpartition('@')[2]}>"
    # Automatic answers, such as of people on leave, do not come back (RFC 3834 section 5).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(row.body)
    if row.attachment is not None:
        ending = row.attachment_name.rpartition(".")[2]
        main, sub = _MEDIA_TYPES[ending]
        message.add_attachment(
            row.attachment, maintype=main, subtype=sub, filename=row.attachment_name
        )
    return message
