"""The data folder: its parts, the place of sockets, and the locks that keep its owners apart."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.i18n import gettext as _
from service.settings import Settings

_MAX_SOCKET_PATH = 100  # sockaddr_un holds 108 bytes


class StartError(Exception):
    """A process cannot start. The text is one line for the operator."""


def ensure_home(settings: Settings) -> None:
    """Make the data folder. Raises ``StartError`` when it cannot be written."""
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in ("log", "run", "uploads"):
            (home / part).mkdir(exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise StartError(
            _("data folder {home} cannot be written: {why}", home=home, why=error.strerror)
        ) from error


def run_folder(settings: Settings) -> Path:
    """Return the folder of sockets and locks; a short one elsewhere when the path is long."""
    folder = settings.home / "run"
    if len(os.fsencode(folder)) <= _MAX_SOCKET_PATH - len("/redis.sock"):
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"schoolbridge-{os.getuid()}-{name}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.getuid():
        raise StartError(_("{folder} belongs to somebody else", folder=short))
    return short


@contextmanager
def locked(settings: Settings, name: str, *, wait: bool = False) -> Iterator[bool]:
    """Hold a lock file; yields False when another process has it. Freed by the kernel on death."""
    with (run_folder(settings) / f"{name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
