"""Requests to an outside provider that always end, in time and size, and never go astray."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from auth.upstream.errors import Problem, UpstreamError

MAX_ANSWER_BYTES = 512 * 1024
"""The longest answer; a person with every collection takes about 20,000."""
MAX_OPEN_REQUESTS = 16
"""Requests to one provider at once: while it hangs, the rest of the service must go on."""
BUSY_STATUSES = frozenset({502, 503, 504})
REPEATABLE = frozenset({"GET", "HEAD"})
ANSWER_KEPT_SECONDS = 15.0
"""The time for which a provider that answered is taken to be there."""

_CHUNK = 16 * 1024


class Http:
    """The way to one provider: TLS is always verified, redirects are not followed."""

    def __init__(self, *, timeout_seconds: float, ca_file: str = "") -> None:
        """Raises ``ValueError`` for a ``ca_file`` that is not there."""
        if ca_file and not Path(ca_file).is_file():
            raise ValueError(f"ca_file {ca_file} cannot be read")
        self._timeout = timeout_seconds
        self._ca_file = ca_file
        self._open = threading.BoundedSemaphore(MAX_OPEN_REQUESTS)
        self._answered_at: float | None = None

    def require_answer(self, address: str) -> None:
        """Check that somebody is there before a person is sent to the address: a page of ours says
        more than the browser's own. Raises ``UpstreamError``."""
        answered_at = self._answered_at
        if answered_at is not None and time.monotonic() - answered_at < ANSWER_KEPT_SECONDS:
            return
        with self.session() as session:
            try:
                status = session.head(address).status_code
            except requests.RequestException as error:
                raise no_answer(error) from error
        if status in BUSY_STATUSES:
            raise UpstreamError(Problem.UNAVAILABLE, f"status {status}")
        self._answered_at = time.monotonic()

    def session(self) -> requests.Session:
        """Open a session for the requests of one sign-in; it has to be closed."""
        return self.prepare(requests.Session())

    def prepare(self, session: requests.Session) -> requests.Session:
        """Give a session, one of a library's too, the limits of this provider."""
        adapter = _BoundedAdapter(self._timeout, self._open, self._ca_file)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        # A redirect is an answer like another, whichever way a library asks.
        session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        # Answers are short, and packed ones could grow beyond the limit in one step.
        session.headers["Accept-Encoding"] = "identity"
        return session


class Bearer(requests.auth.AuthBase):
    """A token in the header, whatever a ``.netrc`` file says."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def read_json(answer: requests.Response) -> dict[str, Any]:
    """Return the object that was answered. Raises ``UpstreamError`` for anything else."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    busy = answer.status_code >= 500
    raise UpstreamError(
        Problem.UNAVAILABLE if busy else Problem.UNTRUSTED,
        f"no JSON but {answer.headers.get('Content-Type', '')[:40]!r}, status {answer.status_code}",
    )


def no_answer(error: Exception) -> UpstreamError:
    """Return what a failure of ``requests`` means."""
    if isinstance(error, requests.exceptions.SSLError):
        return UpstreamError(Problem.UNAVAILABLE, "the TLS certificate is not trusted: see ca_file")
    if isinstance(error, _TooLarge):
        return UpstreamError(Problem.UNTRUSTED, "the answer is too large")
    return UpstreamError(Problem.UNAVAILABLE, f"no answer ({type(error).__name__})")


class _TooLarge(requests.RequestException):
    """More than ``MAX_ANSWER_BYTES``."""


class _BoundedAdapter(HTTPAdapter):
    """One request in a thread of its own, so that neither a name server nor an answer that drips
    keeps the caller; the thread ends by its socket's time limit. A question is asked once
    more when it got no answer; a code, a form, never."""

    def __init__(self, timeout: float, slots: threading.BoundedSemaphore, ca_file: str) -> None:
        super().__init__()
        self._ca_file = ca_file
        self._timeout = timeout
        self._slots = slots

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        # A session's own ``verify`` would give way to a variable of the environment.
        verify = self._ca_file or options.get("verify") or True
        ways = {"verify": verify, "proxies": options.get("proxies")}
        until = time.monotonic() + self._timeout
        repeatable = request.method in REPEATABLE
        try:
            answer = self._try(request, self._timeout, ways)
        except requests.exceptions.SSLError:
            raise
        except requests.ConnectionError:
            left = until - time.monotonic()
            if not repeatable or left <= 0:
                raise
            return self._try(request, left, ways)
        left = until - time.monotonic()
        if repeatable and answer.status_code in BUSY_STATUSES and left > 0:
            return self._try(request, left, ways)
        return answer

    def _try(
        self, request: requests.PreparedRequest, seconds: float, ways: Mapping[str, Any]
    ) -> requests.Response:
        if not self._slots.acquire(blocking=False):
            raise requests.ConnectionError("too many requests wait for this provider")
        future: Future[requests.Response] = Future()

        def run() -> None:
            try:
                future.set_result(self._ask(request, seconds, ways))
            except Exception as error:  # handed to the caller, whatever it is
                future.set_exception(error)
            finally:
                self._slots.release()

        threading.Thread(target=run, daemon=True, name="upstream request").start()
        try:
            return future.result(timeout=seconds)
        except TimeoutError as error:
            raise requests.ReadTimeout("no answer in time") from error

    def _ask(
        self, request: requests.PreparedRequest, seconds: float, ways: Mapping[str, Any]
    ) -> requests.Response:
        until = time.monotonic() + seconds
        answer = super().send(request, stream=True, timeout=seconds, **ways)
        body = BytesIO()
        try:
            for chunk in answer.iter_content(_CHUNK):
                body.write(chunk)
                if body.tell() > MAX_ANSWER_BYTES:
                    raise _TooLarge
                if time.monotonic() > until:
                    raise requests.ReadTimeout("no whole answer in time")
        finally:
            with suppress(OSError):
                answer.close()
        whole = requests.Response()
        whole.status_code, whole.reason = answer.status_code, answer.reason
        whole.headers, whole.url, whole.request = answer.headers, answer.url, request
        whole.encoding = answer.encoding
        body.seek(0)
        whole.raw = body
        return whole
