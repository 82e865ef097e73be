"""Requests to an outside provider always end: it drips, floods, redirects, or is not there."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from auth.upstream.errors import Problem, UpstreamError
from auth.upstream.http import (
    MAX_ANSWER_BYTES,
    MAX_OPEN_REQUESTS,
    Bearer,
    Http,
    no_answer,
    read_json,
)
from tests.waiting import WAIT_SECONDS, until
from tests.web import running_handler

PIECES = 90
"""Fewer than the headers that an answer may have."""


class Bad(BaseHTTPRequestHandler):
    """Misbehaves as its path says."""

    asked: list[str]
    held: threading.Event

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        getattr(self, f"_{self.path.strip('/')}")()

    do_POST = do_HEAD = do_GET

    def _good(self) -> None:
        self._answer(200, b'{"good": true}')

    def _busy_once(self) -> None:
        first = len(self.asked) == 1
        self._answer(503 if first else 200, b"<h1>busy</h1>" if first else b'{"good": true}')

    def _busy(self) -> None:
        self._answer(503, b"")

    def _page(self) -> None:
        self._answer(200, b"<h1>maintenance</h1>", "text/html")

    def _flood(self) -> None:
        self._answer(200, b" " * (MAX_ANSWER_BYTES + 1))

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
        self._good()

    def _release(self) -> None:
        self.held.set()
        self._good()

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


@pytest.fixture
def bad() -> Iterator[Callable[..., str]]:
    """Start the server; its address."""
    with ExitStack() as running:

        def start(context: ssl.SSLContext | None = None) -> str:
            handler = type("Handler", (Bad,), {"asked": asked, "held": threading.Event()})
            address = running.enter_context(running_handler(handler, context))
            running.callback(handler.held.set)
            return address

        asked.clear()
        yield start


asked: list[str] = []


def get(http: Http, url: str) -> requests.Response:
    with http.session() as session:
        return session.get(url)


def problem(error: Exception) -> Problem:
    return no_answer(error).problem


def test_an_answer_that_drips_ends_in_time(bad: Callable[..., str]) -> None:
    address = bad()
    http = Http(timeout_seconds=0.4)
    with pytest.raises(requests.ReadTimeout) as caught:
        get(http, f"{address}/drip")
    assert problem(caught.value) is Problem.UNAVAILABLE


def test_a_provider_that_hangs_holds_only_so_many_requests(bad: Callable[..., str]) -> None:
    address = bad()
    http = Http(timeout_seconds=2 * WAIT_SECONDS)
    with ThreadPoolExecutor(MAX_OPEN_REQUESTS) as pool:
        waiting = [pool.submit(get, http, f"{address}/hold") for _ in range(MAX_OPEN_REQUESTS)]
        try:
            until(lambda: len(asked) == MAX_OPEN_REQUESTS)
            assert not any(one.done() for one in waiting)
            with pytest.raises(requests.ConnectionError, match="too many"):
                get(http, f"{address}/hold")
        finally:
            requests.get(f"{address}/release", timeout=60)
        assert all(one.result().json() == {"good": True} for one in waiting)


def test_a_provider_that_answered_is_not_asked_again_for_a_while(bad: Callable[..., str]) -> None:
    address = bad()
    http = Http(timeout_seconds=60)
    with pytest.raises(UpstreamError, match="status 503"):
        http.require_answer(f"{address}/busy")
    assert asked == ["HEAD /busy"] * 2
    asked.clear()
    for _ in range(3):
        http.require_answer(f"{address}/redirect")
    assert asked == ["HEAD /redirect"]
    with pytest.raises(UpstreamError, match="no answer"):
        Http(timeout_seconds=60).require_answer("http://127.0.0.1:1/")


def test_an_answer_that_is_too_large_is_given_up(bad: Callable[..., str]) -> None:
    with pytest.raises(requests.RequestException) as caught:
        get(Http(timeout_seconds=60), f"{bad()}/flood")
    assert "too large" in no_answer(caught.value).detail


def test_redirects_are_not_followed(bad: Callable[..., str]) -> None:
    answer = get(Http(timeout_seconds=60), f"{bad()}/redirect")
    assert answer.status_code == 302
    with pytest.raises(UpstreamError, match="status 302"):
        read_json(answer)
    assert asked == ["GET /redirect"]


def test_a_question_is_asked_once_more_and_a_form_never(bad: Callable[..., str]) -> None:
    address = bad()
    http = Http(timeout_seconds=60)
    assert get(http, f"{address}/busy_once").json() == {"good": True}
    assert asked == ["GET /busy_once"] * 2
    asked.clear()
    with http.session() as session:
        assert session.post(f"{address}/busy_once", data={"code": "1"}).status_code == 503
    assert asked == ["POST /busy_once"]


def test_a_page_where_json_is_due_is_named(bad: Callable[..., str]) -> None:
    with pytest.raises(UpstreamError, match="no JSON but 'text/html', status 200"):
        read_json(get(Http(timeout_seconds=60), f"{bad()}/page"))


def test_a_host_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(requests.ConnectionError) as caught:
        get(Http(timeout_seconds=60), "http://127.0.0.1:1/good")
    assert problem(caught.value) is Problem.UNAVAILABLE


def test_a_netrc_file_does_not_replace_the_token(
    bad: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Http(timeout_seconds=60).session() as session:
        answer = session.get(f"{bad()}/token", auth=Bearer("mine"))
    assert answer.text == "Bearer mine"


def certificate(folder: Path) -> ssl.SSLContext:
    """Of an authority that nobody knows, in ``ca.pem``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


def test_tls_is_verified_and_another_authority_can_be_named(
    bad: Callable[..., str], tmp_path: Path
) -> None:
    address = bad(certificate(tmp_path))
    with pytest.raises(requests.exceptions.SSLError) as caught:
        get(Http(timeout_seconds=60), f"{address}/good")
    assert "ca_file" in no_answer(caught.value).detail
    trusting = Http(timeout_seconds=60, ca_file=str(tmp_path / "ca.pem"))
    assert get(trusting, f"{address}/good").json() == {"good": True}
    with pytest.raises(ValueError, match="ca_file"):
        Http(timeout_seconds=60, ca_file=str(tmp_path / "none.pem"))
