"""A server that gives prepared answers, one a request, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

from provisioning.moodle import MoodleClient
from provisioning.settings import MoodleSettings
from tests.web import running_handler

Form = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Answer:
    body: str = "null"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False
    """Close the connection without an answer, after the request was read."""
    missing_bytes: int = 0
    """Close the connection so many bytes before the end that was announced."""


def data(value: Any, **more: Any) -> Answer:
    return Answer(body=json.dumps(value), **more)


def failure(errorcode: str, **more: str) -> Answer:
    return data({"exception": "core\\exception\\some_exception", "errorcode": errorcode, **more})


def answering(answer: Callable[[str, Form], Answer]) -> AbstractContextManager[str]:
    """Serve what ``answer`` makes of the path with its query and the form; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body leave in two writes; the second would wait 40 ms for the peer.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            given = answer(self.path, dict(parse_qsl(sent, keep_blank_values=True)))
            self.close_connection = given.silent or given.missing_bytes > 0
            if given.silent:
                return
            body = given.body.encode()
            length = str(len(body) + given.missing_bytes)
            self.send_response_only(given.status)
            headers = {"Date": self.date_time_string(), "Content-Length": length}
            for name, value in {**headers, **given.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return running_handler(Handler)


@dataclass
class ScriptedMoodle:
    answers: list[Answer]
    requests: list[tuple[str, Form]] = field(default_factory=list)
    """The path with its query, and the form fields, of each request."""
    pauses: list[float] = field(default_factory=list)
    """Seconds for which the client would have slept."""
    settings: MoodleSettings = field(init=False)
    moodle: MoodleClient = field(init=False)

    def answer(self, path: str, form: Form) -> Answer:
        self.requests.append((path, form))
        return self.answers.pop(0) if self.answers else Answer(status=599)

    @property
    def functions(self) -> list[str]:
        return [form["wsfunction"] for _, form in self.requests]


@contextmanager
def scripted_moodle(*answers: Answer) -> Iterator[ScriptedMoodle]:
    """The server, and a client of it; a request for which no answer is left gets 599."""
    script = ScriptedMoodle(list(answers))
    with answering(script.answer) as url:
        script.settings = MoodleSettings(url=url, token="t" * 32)
        with MoodleClient(script.settings, sleep=script.pauses.append) as script.moodle:
            yield script
