"""Sessions whose answers end: a whole answer, with its head, has a limit of time and of size.

The time limit of ``requests`` is for each piece that arrives, so one byte a second never ends.
While an answer is awaited, somebody may be asked whether it is still wanted.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Mapping
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ReadTimeoutError

MOST_BYTES = 64 * 1024 * 1024
"""The largest answer that is read; 5,000 rows of a report take about one megabyte."""

LOOK_EVERY_SECONDS = 1.0
"""So often it is asked whether the answer is still wanted."""

_CHUNK = 64 * 1024


class AnswerTooLarge(requests.RequestException):
    """An answer is larger than ``most_bytes``."""


class Unwanted(Exception):
    """Nobody wants the answer any more. The connection is closed."""


def bounded_session(
    *,
    seconds: float,
    most_bytes: int = MOST_BYTES,
    is_unwanted: Callable[[], bool] = lambda: False,
) -> requests.Session:
    """A session all of whose answers are bounded: ``BoundedAdapter``."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        adapter = BoundedAdapter(seconds=seconds, most_bytes=most_bytes, is_unwanted=is_unwanted)
        session.mount(scheme, adapter)
    return session


class BoundedAdapter(HTTPAdapter):
    """An adapter for a session. It raises ``requests.ReadTimeout`` when an answer is not whole in
    time, ``AnswerTooLarge``, and ``Unwanted``."""

    def __init__(
        self, *, seconds: float, most_bytes: int, is_unwanted: Callable[[], bool] = lambda: False
    ) -> None:
        """``seconds`` from the moment the request is sent, ``most_bytes`` after unpacking.
        ``is_unwanted`` is asked about once a second while the answer is awaited."""
        self._seconds, self._is_unwanted = seconds, is_unwanted
        self._most_bytes = most_bytes
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._seconds, self._is_unwanted)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        answer = super().send(
            request, stream=True, timeout=timeout, verify=verify, cert=cert, proxies=proxies
        )
        body = bytearray()
        try:
            for chunk in answer.iter_content(_CHUNK):
                body += chunk
                if len(body) > self._most_bytes:
                    raise AnswerTooLarge("the answer is too large")
        except requests.ConnectionError as error:
            answer.close()
            if error.args and isinstance(error.args[0], ReadTimeoutError):
                raise requests.ReadTimeout(error.args[0], request=request) from error
            raise
        except (requests.RequestException, Unwanted):
            answer.close()
            raise
        answer._content = bytes(body)
        answer._content_consumed = True  # type: ignore[attr-defined]
        return answer


def _pools(seconds: float, is_unwanted: Callable[[], bool]) -> dict[str, type[HTTPConnectionPool]]:
    """Pools whose connections read each answer with one time limit for all of it."""

    class Response(HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
            super().__init__(sock, *args, **options)
            until = time.monotonic() + seconds
            self.fp = io.BufferedReader(_Hurried(sock, self.fp, until, is_unwanted))

    class Plain(HTTPConnection):
        response_class = Response

    class Secure(HTTPSConnection):
        response_class = Response

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class _Hurried(io.RawIOBase):
    """The bytes of one answer; raises ``TimeoutError`` when their time is over, and ``Unwanted``
    when nobody wants them any more, however they come."""

    def __init__(
        self, sock: socket.socket, file: Any, until: float, is_unwanted: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._socket, self._file, self._until = sock, file, until
        self._is_unwanted, self._look_at = is_unwanted, time.monotonic() + LOOK_EVERY_SECONDS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            now = time.monotonic()
            if now >= self._until:
                raise TimeoutError("the answer is not whole in time")
            if now >= self._look_at:
                if self._is_unwanted():
                    raise Unwanted
                self._look_at = time.monotonic() + LOOK_EVERY_SECONDS
            self._socket.settimeout(max(min(self._until, self._look_at) - now, 0.001))
            try:
                return self._socket.recv_into(buffer)
            except TimeoutError:
                continue  # looked at again above

    def close(self) -> None:
        self._file.close()
        super().close()
