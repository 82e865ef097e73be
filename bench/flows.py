"""A person with a new browser and an application, over bare sockets: cheap enough that the
provider, not this client, is what a measurement shows."""

from __future__ import annotations

import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit

import psutil

BACK = "https://moodle.example/admin/oauth2callback.php"
SCOPE = "openid profile email"

_FORM = re.compile(r"<form\b[^>]*>", re.IGNORECASE)
_INPUT = re.compile(r"<input\b[^>]*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r'([a-z_-]+)\s*=\s*"([^"]*)"', re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One provider: where it is and what its sign-in form wants."""

    port: int
    authorize: str
    token: str
    userinfo: str
    typed: dict[str, str]
    processes: tuple[psutil.Process, ...]
    """Those that answer requests."""

    def cpu_seconds(self) -> float:
        """Processor time spent so far: it tells the same on a busy machine."""
        times = [process.cpu_times() for process in self.processes]
        return sum(one.user + one.system for one in times)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    location: str
    cookies: list[tuple[str, str]]
    body: str


class Connection:
    """One kept-alive connection."""

    def __init__(self, port: int) -> None:
        self._host = f"127.0.0.1:{port}"
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, verb: str, path: str, headers: str = "", body: str = "") -> Answer:
        message = f"{verb} {path} HTTP/1.1\r\nHost: {self._host}\r\n{headers}"
        if body:
            message += (
                "Content-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(body)}\r\n"
            )
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(f"{message}\r\n{body}".encode())
        return self._read()

    def _read(self) -> Answer:
        assert self._socket
        received = b""
        while b"\r\n\r\n" not in received:
            part = self._socket.recv(65536)
            if not part:
                raise ConnectionError("the provider hung up")
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        length, location, cookies, keep = 0, "", [], True
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            if name == "content-length":
                length = int(value)
            elif name == "location":
                location = value
            elif name == "set-cookie":
                key, _, held = value.partition(";")[0].partition("=")
                cookies.append((key, held))
            elif name == "connection" and value.lower() == "close":
                keep = False
            elif name == "transfer-encoding":
                raise ValueError("this client reads no chunks")
        while len(body) < length:
            body += self._socket.recv(65536)
        if not keep:
            self.close()
        return Answer(int(lines[0].split()[1]), location, cookies, body.decode())

    def close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None


@dataclass
class Person:
    """A browser with nothing in it yet."""

    side: Side
    connection: Connection
    cookies: dict[str, str] = field(default_factory=dict)

    def sign_in(self) -> None:
        """From the application's link to what userinfo says; raises when anything is refused."""
        code = self._obtain_code()
        self._redeem(code)

    def again(self) -> None:
        """Once more in the same browser: the person is signed in already."""
        self._redeem(self._obtain_code())

    def _obtain_code(self) -> str:
        query = urlencode(
            {
                "response_type": "code", "client_id": "moodle", "redirect_uri": BACK,
                "scope": SCOPE, "state": "bench",
            },
            quote_via=quote,
        )  # fmt: skip
        url = f"{self.side.authorize}?{query}"
        answer = self._open("GET", url)
        while not answer.location.startswith(BACK):
            if answer.location:
                url = urljoin(url, answer.location)
                answer = self._open("GET", url)
            elif answer.status == 200:
                action, filled = _form(answer.body)
                url = urljoin(url, action)
                answer = self._open("POST", url, urlencode(filled | self.side.typed))
            else:
                raise RuntimeError(f"{url} answered {answer.status}")
        (code,) = parse_qs(urlsplit(answer.location).query)["code"]
        return code

    def _open(self, verb: str, url: str, body: str = "") -> Answer:
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        held = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.connection.ask(verb, path, f"Cookie: {held}\r\n" if held else "", body)
        for name, value in answer.cookies:
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return answer

    def _redeem(self, code: str) -> None:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": BACK,
            "client_id": "moodle", "client_secret": "moodle-secret",
        }  # fmt: skip
        answer = self.connection.ask("POST", self.side.token, body=urlencode(form))
        if answer.status != 200:
            raise RuntimeError(f"the token endpoint answered {answer.status}")
        tokens = json.loads(answer.body)
        if "id_token" not in tokens:
            raise RuntimeError("the token endpoint gave no ID token")
        bearer = f"Authorization: Bearer {tokens['access_token']}\r\n"
        told = self.connection.ask("GET", self.side.userinfo, bearer)
        if told.status != 200 or "sub" not in json.loads(told.body):
            raise RuntimeError(f"userinfo answered {told.status}")


def _form(page: str) -> tuple[str, dict[str, str]]:
    found = _FORM.search(page)
    if found is None:
        raise RuntimeError("the page has no form")
    attributes = dict(_ATTRIBUTE.findall(found[0]))
    filled = {}
    for tag in _INPUT.findall(page, found.end()):
        one = dict(_ATTRIBUTE.findall(tag))
        if "name" in one:
            filled[one["name"]] = one.get("value", "")
    return attributes.get("action", "").replace("&amp;", "&"), filled


def whole_sign_ins(side: Side, *, number: int, at_once: int = 8) -> float:
    """Seconds that so many new people took, so many of them at the same time."""
    return _in_parallel(side, number, at_once, again=0)


def signed_in_flows(side: Side, *, number: int, at_once: int = 8) -> float:
    """Seconds that so many code flows took of people who were signed in already."""
    return _in_parallel(side, number, at_once, again=number // at_once)


def _in_parallel(side: Side, number: int, at_once: int, *, again: int) -> float:
    connections = [Connection(side.port) for _ in range(at_once)]
    people = [Person(side, connection) for connection in connections]
    if again:
        for person in people:
            person.sign_in()

    def work(person: Person) -> None:
        for _ in range(again):
            person.again()
        if not again:
            for _ in range(number // at_once):
                Person(side, person.connection).sign_in()

    begin = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        for done in [pool.submit(work, person) for person in people]:
            done.result()
    seconds = time.perf_counter() - begin
    for connection in connections:
        connection.close()
    return seconds
