"""Check what a person typed: the login as people type it, the password, the throttle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from auth.directory import Account, Directory
from auth.passwords import own_password_hash, verify_password
from auth.policy import Reason
from auth.settings import AuthSettings
from auth.throttle import Throttle, ThrottleKey

MAX_USERNAME_LENGTH = 100
"""Moodle's limit for user names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """The outcome of one typed login and password."""

    account: Account | None = None
    """Who it is, or would be; None when nobody has the login."""
    refused: Reason | None = None
    """None: the password is right."""
    with_first_password: bool = False


def normalise_username(typed: str) -> str:
    """The login meant: no blanks around, lower case, the Cyrillic «р» taken for the Latin ``p``.

    Logins are digits with a Latin ``p`` and people type the Russian letter of the same look
    (FORMAT-FACTS D1). Empty when it can be nobody's login.
    """
    username = typed.strip().lower().replace("р", "p")
    return username if username.isprintable() and len(username) <= MAX_USERNAME_LENGTH else ""


def throttle_keys(
    username: str, *, address: str, device: str, settings: AuthSettings
) -> tuple[ThrottleKey, ...]:
    """What a failure is counted under, and what stops one more try.

    A known browser counts for itself alone: nothing that others do keeps its person out. Unknown
    ones are counted per login and address, per login (many addresses may be one attacker), and per
    address (many logins).
    """
    if device:
        return (ThrottleKey(text=f"device {device}", limit=settings.failures_per_account),)
    return (
        ThrottleKey(text=f"account {username} {address}", limit=settings.failures_per_account),
        ThrottleKey(text=f"account {username}", limit=settings.failures_per_account_anywhere),
        ThrottleKey(text=f"address {address}", limit=settings.failures_per_address),
    )


def check(
    username: str,
    password: str,
    *,
    address: str,
    directory: Directory,
    session_factory: sessionmaker[Session],
    throttle: Throttle,
    settings: AuthSettings,
    now: datetime,
    device: str = "",
) -> Checked:
    """Say who typed this. Takes one slow hash in every case, so time does not tell who exists.

    ``address`` is the network address of the browser, ``device`` its name if this person signed
    in with it before (``Devices.recognise``). Suspension is not looked at here: it is told only to
    somebody who knows the password (``policy.decide``).
    """
    username = normalise_username(username)
    keys = throttle_keys(username, address=address, device=device, settings=settings)
    account = directory.by_username(username) if username else None
    if not throttle.allowed(*keys, now=now):
        return Checked(account=account, refused=Reason.TOO_MANY_FAILURES)
    own_hash = own_password_hash(session_factory, account.person_id) if account else None
    right = verify_password(own_hash, password)
    with_first_password = False
    if account and own_hash is None:
        right = with_first_password = directory.check_first_password(
            account.person_id, password.strip()
        )
    if right:
        return Checked(account=account, with_first_password=with_first_password)
    throttle.failed(*keys, now=now)
    reason = Reason.WRONG_PASSWORD if account else Reason.UNKNOWN_USERNAME
    return Checked(account=account, refused=reason)
