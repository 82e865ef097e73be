"""Watch a job from the command line: a progress bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import NoReturn

import click
from tqdm import tqdm

from provisioning.changes import Result
from service.access import Scope
from service.application import Application
from service.cli.base import on_terminal
from service.cli.printing import print_failures
from service.db import transaction
from service.i18n import gettext as _
from service.loads import claims, operations
from service.loads.failures import OVER
from service.models import Load, LoadStatus
from service.words.loads import problem_in_words

POLL_SECONDS = 0.2
LINE_SECONDS = 5.0
DEAD_SECONDS = 60.0
"""So long a job may be unclaimed before the watcher says that nobody works on it: by then a worker
would have gone on with what another left."""


def watch_plan(application: Application, load_id: int) -> None:
    """Wait until the load is planned or rejected."""
    _wait(application, load_id, lambda load: load.status != LoadStatus.RECEIVED)


def watch_apply(application: Application, load_id: int, scope: Scope, *, err: bool) -> bool:
    """Show progress until the load is applied or stopped; whether every change was done.

    ``err``: on standard error.
    """
    bar = _Progress(err)
    try:
        _wait(application, load_id, _Finished(application, scope, bar))
    except KeyboardInterrupt:
        bar.close()
        click.echo(_("Stopping after this batch..."), err=True)
        with transaction(application.sessions) as session:
            operations.request_stop(session, load_id, scope=scope, now=application.clock())
        _wait(application, load_id, _Finished(application, scope, bar))
    bar.close()
    with application.sessions() as session:
        load = operations.find(session, load_id, scope)
        counts = operations.progress(session, load, scope)
        click.echo(
            _("Done: {done}, failed: {failed}, skipped: {skipped}, of {total} changes", **counts),
            err=err,
        )
        print_failures(operations.changes(session, load, scope, Result.FAILED), counts["failed"])
    if load.status not in OVER:
        reason = problem_in_words(load) if load.problem else _("stopped")
        click.echo(_("Not finished: {reason}", reason=reason), err=True)
        click.echo(_("To go on: schoolbridge apply {load}", load=load_id), err=True)
        return False
    if counts["failed"]:
        click.echo(_("To try again: schoolbridge retry {load}", load=load_id), err=True)
    return counts["failed"] == 0


class _Finished:
    """Whether the job is over; moves the progress on the way."""

    def __init__(self, application: Application, scope: Scope, progress: _Progress) -> None:
        self._application, self._scope, self._progress = application, scope, progress

    def __call__(self, load: Load) -> bool:
        with self._application.sessions() as session:
            self._progress.show(operations.progress(session, load, self._scope))
        over = {*OVER, LoadStatus.STOPPED, LoadStatus.REJECTED}
        return load.status in over or (load.status == LoadStatus.APPROVED and load.go_on_at is None)


class _Progress:
    def __init__(self, err: bool) -> None:
        self._err = err
        self._bar: tqdm[NoReturn] | None = None
        self._last_line = time.monotonic()
        self._last_done = -1

    def show(self, counts: dict[str, int]) -> None:
        done = counts["done"] + counts["failed"] + counts["skipped"]
        if on_terminal() and not self._err:
            if self._bar is None:
                self._bar = tqdm(total=counts["total"], unit="", file=sys.stdout)
            self._bar.update(done - self._bar.n)
        elif done != self._last_done and (
            time.monotonic() - self._last_line > LINE_SECONDS or done == counts["total"]
        ):
            text = _("{done} of {total} changes", done=done, total=counts["total"])
            click.echo(text, err=self._err)
            self._last_line, self._last_done = time.monotonic(), done

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _wait(application: Application, load_id: int, finished: Callable[[Load], bool]) -> None:
    idle_since: float | None = None
    while True:
        with application.sessions() as session:
            load = session.get_one(Load, load_id)
        if finished(load):
            return
        if claims.is_live(load.claimed_by, load.claimed_at, application.clock()):
            idle_since = None
        elif idle_since is None:
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since > DEAD_SECONDS:
            click.echo(
                _(
                    "No worker is at work on load {load}; look at the log, then try again",
                    load=load_id,
                ),
                err=True,
            )
            sys.exit(1)
        time.sleep(POLL_SECONDS)
