"""Check what a person typed: the login as people type it, the password, the throttle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from auth.directory import Account, Directory
from auth.settings import AuthSettings
from auth.signin.passwords import own_password_hash, verify_password
from auth.signin.policy import Reason
from auth.signin.throttle import Throttle, ThrottleKey, minutes_left

MAX_USERNAME_LENGTH = 100
"""Moodle's limit for user names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """The outcome of one typed login and password."""

    account: Account | None = None
    """The person with the login; None when nobody has it."""
    refused: Reason | None = None
    """None: the password is right."""
    with_first_password: bool = False
    minutes: int = 0
    """With ``Reason.TOO_MANY_FAILURES``: to wait until the next try may be made."""
    is_repeated: bool = False
    """Refused by the throttle once more inside its window: no event is written of it. Events are
    kept for years, and whoever tries on and on must not fill them."""

    @property
    def problem(self) -> str:
        """What the page says: the same words for a wrong login and a wrong password."""
        if self.refused is None:
            return ""
        return "too_many_failures" if self.refused is Reason.TOO_MANY_FAILURES else "wrong"


def normalise_username(typed: str) -> str:
    """Return the login meant: no blanks around, lower case, the Cyrillic «р» read as Latin ``p``.

    Logins are digits with a Latin ``p`` and people type the Russian letter of the same look
    (docs/facts/paragraf.md D1). Empty when it can be nobody's login.
    """
    username = typed.strip().lower().replace("р", "p")
    return username if username.isprintable() and len(username) <= MAX_USERNAME_LENGTH else ""


def account_keys(
    username: str, *, resets: int, address: str, device: str, settings: AuthSettings
) -> tuple[ThrottleKey, ...]:
    """Return the keys that count a failure for this login and stop one more try.

    A known browser counts for itself alone: nothing that others do keeps its person out. Unknown
    ones are counted per login and address, and per login (many addresses may be one attacker).
    ``resets`` is how often the password was reset: failures before the latest do not count.
    """
    if device:
        text = f"device {device} {resets}"
        return (ThrottleKey(text=text, limit=settings.failures_per_account),)
    login = f"account {username} {resets}"
    return (
        ThrottleKey(text=f"{login} {address}", limit=settings.failures_per_account),
        ThrottleKey(text=login, limit=settings.failures_per_account_anywhere),
    )


def pause_key(username: str, resets: int) -> ThrottleKey:
    """Return the key under which a pause of this login is noted, wherever it is in force."""
    return ThrottleKey(text=f"pause {username} {resets}", limit=1)


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
    account = directory.by_username(username) if username else None
    resets = account.password_resets if account else 0
    own = account_keys(username, resets=resets, address=address, device=device, settings=settings)
    # Of an address many logins are counted, those of unknown browsers.
    shared = ThrottleKey(text=f"address {address}", limit=settings.failures_per_address)
    keys = own if device else (*own, shared)
    if until := throttle.paused_until(*keys, now=now):
        return Checked(
            account=account,
            refused=Reason.TOO_MANY_FAILURES,
            minutes=minutes_left(until, now),
            is_repeated=not _notes_refusal(throttle, keys, now),
        )
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
    # Looked at for unknown logins too: time must not tell which ones exist.
    if until := throttle.paused_until(*own, now=now):
        throttle.failed(pause_key(username, resets), now=until - throttle.window)
    reason = Reason.WRONG_PASSWORD if account else Reason.UNKNOWN_USERNAME
    return Checked(account=account, refused=reason)


def _notes_refusal(throttle: Throttle, keys: tuple[ThrottleKey, ...], now: datetime) -> bool:
    """Count a refusal of each key over its limit; tell whether it is the first in the window."""
    over = [key for key in keys if throttle.paused_until(key, now=now)]
    refusals = [ThrottleKey(text=f"refused {key.text}", limit=1) for key in over]
    is_first = throttle.paused_until(*refusals, now=now) is None
    if is_first:
        throttle.failed(*refusals, now=now)
    return is_first
