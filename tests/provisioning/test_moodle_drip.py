"""An answer of Moodle ends, in time and size, however slowly it comes and however long it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from provisioning.moodle import MoodleClient, MoodleError, MoodleUnavailable, MoodleUncertain
from provisioning.moodle.bounded import bounded_session
from provisioning.settings import MoodleSettings

PIECES = 200
"""Without a limit of its own a call would wait for all of them, and then hear that it broke."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
def dripping() -> Iterator[Callable[[bytes, bytes], MoodleSettings]]:
    """Start a Moodle that answers with ``at_once`` and then, bit by bit, with one byte for ever."""
    over = threading.Event()
    servers: list[ThreadingHTTPServer] = []

    def start(at_once: bytes, then: bytes) -> MoodleSettings:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.close_connection = True
                with suppress(OSError):
                    self.wfile.write(at_once)
                    for _ in range(PIECES):
                        if over.wait(0.05):
                            break
                        self.wfile.write(then)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        url = f"http://127.0.0.1:{server.server_port}"
        return MoodleSettings(url=url, token="t", read_timeout_seconds=0.5)

    yield start
    over.set()
    for server in servers:
        server.shutdown()
        server.server_close()


SLOW = [
    pytest.param(b"", b"H", id="no head"),
    pytest.param(HEAD + b"X-More: ", b"x", id="a head without end"),
    pytest.param(HEAD + b"Content-Length: 100000\r\n\r\n", b" ", id="a body"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", id="in chunks"),
]


@pytest.mark.parametrize(("at_once", "then"), SLOW)
def test_an_answer_that_drips_is_no_answer(
    dripping: Callable[[bytes, bytes], MoodleSettings], at_once: bytes, then: bytes
) -> None:
    settings = dripping(at_once, then)
    with MoodleClient(settings, sleep=lambda _seconds: None) as moodle:
        with pytest.raises(MoodleUnavailable) as reading:
            moodle.users_by_field("username", ["nobody"])
        with pytest.raises(MoodleUncertain) as writing:
            moodle.create_users([{"username": "nobody"}])
    assert (reading.value.code, writing.value.code) == ("timeout", "timeout")


def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    dripping: Callable[[bytes, bytes], MoodleSettings],
) -> None:
    settings = dripping(HEAD + b"\r\n" + b" " * 5_000, b" ")
    session = bounded_session(seconds=60, most_bytes=4_000)
    with (
        MoodleClient(settings, session=session, sleep=lambda _seconds: None) as moodle,
        pytest.raises(MoodleError) as caught,
    ):
        moodle.create_users([{"username": "nobody"}])
    assert caught.value.code == "answer_too_large"
