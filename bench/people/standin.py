"""The Moodle stand-in in this process: called like a site, looked into without a request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from requests.adapters import BaseAdapter
from werkzeug.test import Client

from provisioning.moodle import MoodleClient
from provisioning.settings import MoodleSettings
from service.moodle_standin import Snapshot, create_standin
from service.moodle_standin.snapshot import read_snapshot

URL = "http://standin.invalid"


class _InProcess(BaseAdapter):
    """Hands a request to a WSGI application instead of a socket."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self._client = Client(app)

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]
        answer = self._client.open(
            urlsplit(str(request.url)).path, method=request.method, data=request.body,
            content_type=request.headers.get("Content-Type"),
        )  # fmt: skip
        response = requests.Response()
        response.status_code, response.request = answer.status_code, request
        response.url, response.raw = str(request.url), BytesIO(answer.get_data())
        response.headers.update(dict(answer.headers))
        return response

    def close(self) -> None:
        return


@dataclass(frozen=True, slots=True)
class Moodle:
    app: Flask

    def client(self, settings: MoodleSettings) -> MoodleClient:
        session = requests.Session()
        session.mount(URL, _InProcess(self.app))
        return MoodleClient(settings, session=session, sleep=partial(_no_wait))

    def holds(self) -> Snapshot:
        """Everything that the site holds."""
        return read_snapshot(self.app.extensions["moodle_standin"].store)


@contextmanager
def standin() -> Iterator[Moodle]:
    """A new, empty site in memory."""
    app = create_standin(None)
    with closing(app.extensions["moodle_standin"].store):
        yield Moodle(app)


def _no_wait(_seconds: float) -> None:
    return
