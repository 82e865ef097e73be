"""A server that gives prepared answers, one a request, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from provisioning.settings import MoodleSettings


@dataclass(frozen=True, kw_only=True)
class Answer:
    body: str = "null"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False
    """Close the connection without an answer, after the request was read."""
    missing_bytes: int = 0
    """Close the connection so many bytes before the end that was announced."""


def data(value: Any) -> Answer:
    return Answer(body=json.dumps(value))


def failure(errorcode: str, **more: str) -> Answer:
    return data({"exception": "core\\exception\\some_exception", "errorcode": errorcode, **more})


@dataclass
class ScriptedMoodle:
    settings: MoodleSettings
    answers: list[Answer]
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """The path with its query, and the form fields, of each request."""

    @property
    def functions(self) -> list[str]:
        return [form["wsfunction"] for _, form in self.requests]


@contextmanager
def scripted_moodle(*answers: Answer, read_timeout: float = 60.0) -> Iterator[ScriptedMoodle]:
    """A request for which no answer is left gets 599."""
    script: ScriptedMoodle

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
            script.requests.append((self.path, form))
            answer = script.answers.pop(0) if script.answers else Answer(status=599)
            if answer.silent:
                self.close_connection = True
                return
            body = answer.body.encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + answer.missing_bytes))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = answer.missing_bytes > 0

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    settings = MoodleSettings(url=url, token="t" * 32, read_timeout_seconds=read_timeout)
    script = ScriptedMoodle(settings=settings, answers=list(answers))
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
