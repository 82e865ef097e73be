"""The door to the SMTP server: one mail in, accepted or an error that says whether to try again."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from service.settings import MailSettings

_REFUSED_FOR_GOOD = 500
"""Reply codes from here on are permanent (RFC 5321 section 4.2.1)."""


class MailError(Exception):
    """The server did not take a mail. The text is code and kind only: servers quote addresses."""

    def __init__(self, what: str, *, permanent: bool) -> None:
        super().__init__(what)
        self.permanent = permanent


class MailServer:
    """A session with the server, for as many mails as there are."""

    def __init__(self, session: smtplib.SMTP) -> None:
        self._session = session

    def send(self, message: EmailMessage) -> None:
        """Raises ``MailError``."""
        try:
            self._session.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise _refused(code, "recipient") from error
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, "message") from error
        except (smtplib.SMTPException, OSError) as error:
            raise MailError(type(error).__name__, permanent=False) from error


@contextmanager
def connect(settings: MailSettings) -> Iterator[MailServer]:
    """A session with the configured server.

    Raises ``MailError``, never permanent: a server that is down or misconfigured gets better.
    """
    context = ssl.create_default_context()
    try:
        session: smtplib.SMTP
        if settings.tls == "tls":
            session = smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=settings.timeout_seconds, context=context
            )
        else:
            session = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_seconds)
        if settings.tls == "starttls":
            session.starttls(context=context)
        if settings.user:
            session.login(settings.user, settings.password)
    except smtplib.SMTPResponseException as error:
        raise MailError(f"{error.smtp_code} on connecting", permanent=False) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailError(type(error).__name__, permanent=False) from error
    try:
        yield MailServer(session)
    finally:
        session.close()


def _refused(code: int, what: str) -> MailError:
    return MailError(f"{code} for the {what}", permanent=code >= _REFUSED_FOR_GOOD)
