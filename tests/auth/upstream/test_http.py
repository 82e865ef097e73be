"""Requests to an outside provider always end: it drips, floods, redirects, or is not there."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests
from werkzeug.serving import make_ssl_devcert

from auth.upstream.errors import Problem, UpstreamError
from auth.upstream.http import (
    MAX_ANSWER_BYTES,
    MAX_OPEN_REQUESTS,
    Bearer,
    Http,
    no_answer,
    read_json,
)
from tests.auth.upstream.conftest import NOBODY
from tests.waiting import WAIT_SECONDS, until
from tests.web import running_handler

PIECES = 90
"""Fewer than the headers that an answer may have."""
GOOD = b'{"good": true}'
ANSWERS: dict[str, tuple[int, bytes, str]] = {
    "good": (200, GOOD, "application/json"),
    "busy": (503, b"", "application/json"),
    "page": (200, b"<h1>maintenance</h1>", "text/html"),
    "flood": (200, b" " * (MAX_ANSWER_BYTES + 1), "application/json"),
}
"""By path: status, body and its type."""


class Bad(BaseHTTPRequestHandler):
    """Misbehaves as its path says."""

    asked: list[str]
    held: threading.Event

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        name = self.path.strip("/")
        if name in ANSWERS:
            self._answer(*ANSWERS[name])
        else:
            getattr(self, f"_{name}")()

    do_POST = do_HEAD = do_GET

    def _busy_once(self) -> None:
        self._answer(*ANSWERS["busy" if len(self.asked) == 1 else "good"])

    def _redirect(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/good")
        self.end_headers()

    def _drip(self) -> None:
        """One header a moment, each in time; without an end of its own a call hears it break."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\n")
        for _ in range(PIECES):
            if self.held.wait(0.05):
                break
            self.wfile.write(b"X-Drip: 1\r\n")

    def _hold(self) -> None:
        """No answer until somebody asks for ``/release``."""
        self.held.wait()
        self._answer(*ANSWERS["good"])

    def _release(self) -> None:
        self.held.set()
        self._answer(*ANSWERS["good"])

    def _token(self) -> None:
        self._answer(200, self.headers.get("Authorization", "").encode())

    def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


asked: list[str] = []


@pytest.fixture
def handler() -> type[Bad]:
    asked.clear()
    return type("Handler", (Bad,), {"asked": asked, "held": threading.Event()})


@pytest.fixture
def bad(handler: type[Bad]) -> Iterator[str]:
    """The address of the server."""
    with running_handler(handler) as address:
        yield address
        handler.held.set()


@pytest.fixture
def http() -> Http:
    return Http(timeout_seconds=60)


def get(http: Http, url: str) -> requests.Response:
    with http.session() as session:
        return session.get(url)


def test_an_answer_that_drips_ends_in_time(bad: str) -> None:
    with pytest.raises(requests.ReadTimeout) as caught:
        get(Http(timeout_seconds=0.4), f"{bad}/drip")
    assert no_answer(caught.value).problem is Problem.UNAVAILABLE


def test_a_provider_that_hangs_holds_only_so_many_requests(bad: str) -> None:
    http = Http(timeout_seconds=2 * WAIT_SECONDS)
    with ThreadPoolExecutor(MAX_OPEN_REQUESTS) as pool:
        waiting = [pool.submit(get, http, f"{bad}/hold") for _ in range(MAX_OPEN_REQUESTS)]
        try:
            until(lambda: len(asked) == MAX_OPEN_REQUESTS)
            assert not any(one.done() for one in waiting)
            with pytest.raises(requests.ConnectionError, match="too many"):
                get(http, f"{bad}/hold")
        finally:
            requests.get(f"{bad}/release", timeout=60)
        assert all(one.result().content == GOOD for one in waiting)


def test_a_provider_that_answered_is_not_asked_again_for_a_while(http: Http, bad: str) -> None:
    with pytest.raises(UpstreamError, match="status 503"):
        http.require_answer(f"{bad}/busy")
    assert asked == ["HEAD /busy"] * 2
    asked.clear()
    for _ in range(3):
        http.require_answer(f"{bad}/redirect")
    assert asked == ["HEAD /redirect"]
    with pytest.raises(UpstreamError, match="no answer") as caught:
        Http(timeout_seconds=60).require_answer(f"{NOBODY}/")
    assert caught.value.problem is Problem.UNAVAILABLE


def test_an_answer_that_is_too_large_is_given_up(http: Http, bad: str) -> None:
    with pytest.raises(requests.RequestException) as caught:
        get(http, f"{bad}/flood")
    assert "too large" in no_answer(caught.value).detail


def test_redirects_are_not_followed(http: Http, bad: str) -> None:
    answer = get(http, f"{bad}/redirect")
    assert answer.status_code == 302
    with pytest.raises(UpstreamError, match="status 302"):
        read_json(answer)
    assert asked == ["GET /redirect"]


def test_a_question_is_asked_once_more_and_a_form_never(http: Http, bad: str) -> None:
    assert get(http, f"{bad}/busy_once").content == GOOD
    assert asked == ["GET /busy_once"] * 2
    asked.clear()
    with http.session() as session:
        assert session.post(f"{bad}/busy_once", data={"code": "1"}).status_code == 503
    assert asked == ["POST /busy_once"]


def test_a_page_where_json_is_due_is_named(http: Http, bad: str) -> None:
    with pytest.raises(UpstreamError, match="no JSON but 'text/html', status 200"):
        read_json(get(http, f"{bad}/page"))


def test_a_netrc_file_does_not_replace_the_token(
    http: Http, bad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with http.session() as session:
        assert session.get(f"{bad}/token", auth=Bearer("mine")).text == "Bearer mine"


def test_tls_is_verified_and_another_authority_can_be_named(
    http: Http, handler: type[Bad], tmp_path: Path
) -> None:
    certificate, key = make_ssl_devcert(str(tmp_path / "own"), host="localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with running_handler(handler, context) as address:
        address = address.replace("127.0.0.1", "localhost")
        with pytest.raises(requests.exceptions.SSLError) as caught:
            get(http, f"{address}/good")
        trusting = Http(timeout_seconds=60, ca_file=certificate)
        assert get(trusting, f"{address}/good").content == GOOD
    assert "ca_file" in no_answer(caught.value).detail
    with pytest.raises(ValueError, match="ca_file"):
        Http(timeout_seconds=60, ca_file=str(tmp_path / "none.pem"))
