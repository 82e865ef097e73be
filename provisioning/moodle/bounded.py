"""Sessions whose answers end: a whole answer, with its head, has a limit of time and of size.

The time limit of ``requests`` is for each piece that arrives, so one byte a second never ends.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ReadTimeoutError

MOST_BYTES = 64 * 1024 * 1024
"""The largest answer that is read; 5,000 rows of a report take about one megabyte."""

_CHUNK = 64 * 1024


class AnswerTooLarge(requests.RequestException):
    """An answer is larger than ``most_bytes``."""


def bounded_session(*, seconds: float, most_bytes: int = MOST_BYTES) -> requests.Session:
    """A session all of whose answers are bounded: ``BoundedAdapter``."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(seconds=seconds, most_bytes=most_bytes))
    return session


class BoundedAdapter(HTTPAdapter):
    """An adapter for a session. It raises ``requests.ReadTimeout`` when an answer is not whole in
    time, and ``AnswerTooLarge``."""

    def __init__(self, *, seconds: float, most_bytes: int) -> None:
        """``seconds`` from the moment the request is sent, ``most_bytes`` after unpacking."""
        self._seconds = seconds
        self._most_bytes = most_bytes
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._seconds)

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
        except requests.RequestException:
            answer.close()
            raise
        answer._content = bytes(body)
        answer._content_consumed = True  # type: ignore[attr-defined]
        return answer


def _pools(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    """Pools whose connections read each answer with one time limit for all of it."""

    class Response(HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
            super().__init__(sock, *args, **options)
            self.fp = io.BufferedReader(_Hurried(sock, self.fp, time.monotonic() + seconds))

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
    """The bytes of one answer; raises ``TimeoutError`` when their time is over."""

    def __init__(self, sock: socket.socket, file: Any, until: float) -> None:
        super().__init__()
        self._socket, self._file, self._until = sock, file, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer is not whole in time")
        self._socket.settimeout(left)
        return self._socket.recv_into(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()
