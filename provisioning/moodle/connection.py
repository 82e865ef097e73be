"""One request to Moodle's REST server, and what its answer means."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from provisioning.moodle.bounded import (
    LOOK_EVERY_SECONDS,
    AnswerTooLarge,
    Unwanted,
    bounded_session,
)
from provisioning.moodle.errors import (
    MoodleError,
    MoodleMisconfigured,
    MoodleRefused,
    MoodleStopped,
    MoodleUnavailable,
    MoodleUncertain,
    error_in,
)
from provisioning.moodle.functions import Function
from provisioning.settings import MoodleSettings

MAX_FIELDS = 900
"""PHP reads 1,000 form fields by default and drops the rest without a word
(docs/facts/moodle.md 4.6)."""

REPEAT_AFTER_SECONDS = (1.0, 5.0, 15.0)
"""Pauses before a call that surely was not done is repeated; then it is the caller's turn."""

LAST_SECONDS = 3.0
"""Once we are to stop, the answer of a call that changes something is awaited for so long."""

TOKEN_FILE_UNREADABLE = "token_file_unreadable"  # noqa: S105 (a code, not a secret)
"""Our code when the file that the settings name for the token cannot be read."""

_log = logging.getLogger(__name__)


class Connection:
    """Sends calls, repeats those that surely were not done, and turns every failure into an error.

    The token travels in the body only: addresses end up in logs.
    """

    def __init__(
        self,
        settings: MoodleSettings,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = settings.url.rstrip("/") + "/webservice/rest/server.php"
        self._settings = settings
        self._timeout = (settings.connect_timeout_seconds, settings.read_timeout_seconds)
        self._session = session or bounded_session(
            seconds=settings.read_timeout_seconds, is_unwanted=self._is_unwanted
        )
        self._sleep = sleep
        self._should_stop: Callable[[], bool] | None = None
        self._reads, self._told_to_stop = True, 0.0

    def close(self) -> None:
        self._session.close()

    def stop_waiting_if(self, should_stop: Callable[[], bool]) -> None:
        """Let ``should_stop`` be asked about once a second while an answer is awaited, and in
        pauses: where it says yes, the call raises ``MoodleStopped``."""
        self._should_stop = should_stop

    def _is_to_stop(self) -> bool:
        return self._should_stop is not None and self._should_stop()

    def _is_unwanted(self) -> bool:
        """Tell whether to give up the answer that is awaited: one of a call that changes something
        is given some more seconds, because without it nobody knows what was done."""
        if not self._is_to_stop():
            return False
        now = time.monotonic()
        self._told_to_stop = self._told_to_stop or now
        return self._reads or now - self._told_to_stop >= LAST_SECONDS

    def _pause(self, function: Function, seconds: float) -> None:
        if self._should_stop is None:
            self._sleep(seconds)
            return
        while seconds > 0:
            if self._is_to_stop():
                raise MoodleStopped(function)
            self._sleep(min(seconds, LOOK_EVERY_SECONDS))
            seconds -= LOOK_EVERY_SECONDS

    def call(self, function: Function, arguments: Mapping[str, Any], *, reads: bool) -> Any:
        """Call once, and again while Moodle is unavailable and asks for no longer pause than ours.

        A page of somebody in between (302, 401, 403, 404) is tried again like that before it
        counts as a wrong setting: one such answer is an accident.
        ``reads``: the call changes nothing, so whatever breaks, nothing is uncertain.
        Raises MoodleError.
        """
        pauses = iter(REPEAT_AFTER_SECONDS)
        while True:
            try:
                return self._call_once(function, arguments, reads)
            except (MoodleUnavailable, MoodleMisconfigured) as error:
                pause, asked = next(pauses, None), 0.0
                if isinstance(error, MoodleUnavailable):
                    asked = error.retry_after_seconds or 0.0
                is_page = error.code.startswith("http_")
                if pause is None or asked > REPEAT_AFTER_SECONDS[-1]:
                    raise
                if isinstance(error, MoodleMisconfigured) and not is_page:
                    raise
                _log.warning("moodle is unavailable: %s; again in %s s", error, max(pause, asked))
            self._pause(function, max(pause, asked))

    def _call_once(self, function: Function, arguments: Mapping[str, Any], reads: bool) -> Any:
        try:
            token = self._settings.read_token()
        except (OSError, UnicodeError) as error:
            raise MoodleMisconfigured(function, TOKEN_FILE_UNREADABLE) from error
        fields = form_fields(arguments)
        if len(fields) > MAX_FIELDS:
            raise ValueError(f"{function}: {len(fields)} fields are too many for one call")
        # Ours first: whatever PHP drops, it drops from the end.
        form = [
            ("wstoken", token),
            ("wsfunction", str(function)),
            ("moodlewsrestformat", "json"),
            *fields,
        ]
        lost: type[MoodleError] = MoodleUnavailable if reads else MoodleUncertain
        self._reads, self._told_to_stop = reads, 0.0
        try:
            response = self._session.post(
                self._url, data=form, timeout=self._timeout, allow_redirects=False
            )
        except Unwanted:
            raise MoodleStopped(function) from None
        except requests.exceptions.SSLError as error:
            raise MoodleMisconfigured(function, "certificate_not_accepted") from error
        except requests.exceptions.ConnectionError as error:
            if _never_connected(error):
                raise MoodleUnavailable(function, "no_connection") from error
            raise lost(function, "connection_broken") from error
        except AnswerTooLarge as error:
            raise lost(function, "answer_too_large") from error
        except requests.exceptions.Timeout as error:
            raise lost(function, "timeout") from error
        except requests.exceptions.RequestException as error:
            raise lost(function, "connection_broken") from error
        _check_status(function, response, lost)
        return _result(function, response.content, lost)


def form_fields(arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Nested arguments the way PHP reads them: ``users[0][preferences][1][type]``.

    An empty list cannot be said in form fields and is left out.
    """
    found: list[tuple[str, str]] = []

    def walk(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(f"{name}[{key}]", inner)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for position, inner in enumerate(value):
                walk(f"{name}[{position}]", inner)
        else:
            found.append((name, str(int(value)) if isinstance(value, bool) else str(value)))

    for key, value in arguments.items():
        walk(key, value)
    return found


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    cause = error.args[0] if error.args else None
    refused = isinstance(getattr(cause, "reason", None), NewConnectionError)
    return refused or isinstance(error, requests.exceptions.ConnectTimeout)


def _check_status(function: Function, response: requests.Response, lost: type[MoodleError]) -> None:
    """Moodle itself says 200 for success and failure; the rest comes from what stands before it."""
    status = response.status_code
    code = f"http_{status}"
    if status in (429, 503):
        seconds = response.headers.get("Retry-After", "")
        raise MoodleUnavailable(function, code, float(seconds) if seconds.isdigit() else None)
    if status >= 500:
        # A gateway may answer so for a Moodle that did the work.
        raise lost(function, code)
    if status == 413:
        raise MoodleRefused(function, "body_too_large")
    if status != 200:
        # 403: web services or REST are off. 3xx: Moodle has another address. 404: it is not there.
        raise MoodleMisconfigured(function, code)


def _result(function: Function, content: bytes, lost: type[MoodleError]) -> Any:
    """The one place that looks into the body of an answer."""
    if content.startswith(b"<?xml"):
        # Moodle lost every field, the one that asks for JSON too: the body was over post_max_size.
        raise MoodleRefused(function, "body_too_large")
    try:
        body = json.loads(content)
    except ValueError as error:
        raise lost(function, "not_json") from error
    if isinstance(body, dict) and ("errorcode" in body or "exception" in body):
        raise error_in(function, body)
    return body
