"""The stand-in as a web server: a process of its own, or a thread of a test."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from service.moodle_standin.app import create_standin
from service.moodle_standin.settings import ServiceToken

_POLL_SECONDS = 0.05
"""How soon a server notices that it is to stop."""


class _Handler(WSGIRequestHandler):
    """Keeps connections open and says nothing about each request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Head and body leave in two writes; without this each answer would wait 40 ms for the peer."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return


def _make_server(app: Flask, host: str, port: int) -> BaseWSGIServer:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Bound here, because Werkzeug ends the whole process when it finds the port taken.
    with socket.create_server((host, port), family=family, backlog=128) as listening:
        return make_server(
            host, port, app, threaded=True, request_handler=_Handler, fd=listening.fileno()
        )


def serve(
    host: str,
    port: int,
    storage: Path | None,
    *,
    tokens: Mapping[str, ServiceToken] | None = None,
    control: bool = False,
) -> None:
    """Serve until interrupted or terminated. Raises `OSError` when the port is taken."""
    app = create_standin(storage, tokens=tokens, control=control)
    server = _make_server(app, host, port)

    def stop(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.serve_forever(_POLL_SECONDS)
    app.extensions["moodle_standin"].store.close()


@contextmanager
def running_standin(storage: Path | None = None, *, port: int = 0, **options: Any) -> Iterator[str]:
    """Run a stand-in in a thread and give its address; the options are `create_standin`'s."""
    app = create_standin(storage, **options)
    server = _make_server(app, "127.0.0.1", port)
    thread = threading.Thread(
        target=server.serve_forever,
        kwargs={"poll_interval": _POLL_SECONDS},
        name="moodle-standin",
        daemon=True,
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        app.extensions["moodle_standin"].store.close()
