"""Applying a plan to the stand-in over HTTP, beside a bare loop that posts the very same bodies.

The ratio says what our side costs on top of Moodle's answers: reading the plan, deciding, recording
each outcome. A real Moodle is far slower than the stand-in, and the ratio nearer to one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import requests

from bench.measuring import Figure, seconds_of
from bench.place import approve, installation, load, standin, write_city
from provisioning.moodle import MoodleClient
from service.application import Application
from service.loads.applying import apply_load


class _Recorder(requests.Session):
    """Keeps what was posted."""

    def __init__(self) -> None:
        super().__init__()
        self.posted: list[tuple[str, bytes]] = []
        """Content type and body."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        self.posted.append((str(request.headers["Content-Type"]), body))
        return super().send(request, **options)


@dataclass(kw_only=True)
class _RecordingApplication(Application):
    recorder: _Recorder = field(default_factory=_Recorder)

    def moodle(self) -> MoodleClient:
        return MoodleClient(self.settings.moodle_target, session=self.recorder)


def figures(folder: Path, *, people: int, rounds: int) -> list[Figure]:
    (path,) = write_city(folder / "applying", schools=1, people=people).iterdir()
    ours, bare, changes, calls = [], [], 0, 0
    for number in range(rounds):
        with standin() as url:
            built = installation(folder / f"applying-{number}", moodle_url=url)
            application = _RecordingApplication(
                settings=built.settings, engine=built.engine, sessions=built.sessions
            )
            load_id = load(application, path)
            changes = approve(application, load_id)
            ours.append(seconds_of(partial(apply_load, application, load_id)))
            posted = application.recorder.posted
            calls = len(posted)
        with standin() as url:
            bare.append(seconds_of(partial(_post_all, url, posted)))
    seconds, reference = median(ours), median(bare)
    return [
        Figure(
            name=f"apply {changes} changes ({people} people, {calls} calls)",
            ours=f"{seconds:.1f} s, {changes / seconds:.0f} a second",
            reference=f"{reference:.1f} s, {changes / reference:.0f} a second (bare posts)",
            ratio=seconds / reference,
        )
    ]


def _post_all(url: str, posted: list[tuple[str, bytes]]) -> None:
    with requests.Session() as session:
        for content_type, body in posted:
            session.post(
                f"{url}/webservice/rest/server.php",
                data=body,
                headers={"Content-Type": content_type},
                timeout=60,
            ).raise_for_status()
