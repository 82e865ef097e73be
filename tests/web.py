"""A WSGI application behind a real HTTP server in a thread of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from ssl import SSLContext
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server


class _Silent(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return


@contextmanager
def serving(server: BaseServer) -> Iterator[None]:
    """Let a server that was made answer in a thread, and close it at the end."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running_app(app: Any, *, port: int = 0, tls: tuple[str, str] | None = None) -> Iterator[str]:
    """Serve ``app`` on the loopback interface, by default on a free port; gives its address.

    ``tls`` are the files of a certificate and its key.
    """
    server = make_server(
        "127.0.0.1", port, app, threaded=True, request_handler=_Silent, ssl_context=tls
    )
    with serving(server):
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.port}"


@contextmanager
def running_handler(
    handler: type[BaseHTTPRequestHandler], tls: SSLContext | None = None
) -> Iterator[str]:
    """Serve by ``handler`` on a free port of the loopback interface; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    handler.log_message = lambda *_: None  # type: ignore[method-assign]
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
