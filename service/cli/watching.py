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
from service.loads import claims
from service.loads import operations as runs
from service.loads.failures import OVER
from service.models import RunStatus, SyncRun
from service.words.loads import problem_in_words

POLL_SECONDS = 0.2
LINE_SECONDS = 5.0
DEAD_SECONDS = 60.0
"""So long a job may be unclaimed before the watcher says that nobody works on it: by then a worker
would have gone on with what another left."""


def watch_plan(application: Application, run_id: int) -> None:
    """Wait until the run is planned or rejected."""
    _wait(application, run_id, lambda run: run.status != RunStatus.RECEIVED)


def watch_apply(application: Application, run_id: int, scope: Scope, *, err: bool) -> bool:
    """Show progress until the run is applied or stopped; whether every change was done.

    ``err``: on standard error.
    """
    bar = _Progress(err)
    try:
        _wait(application, run_id, _Finished(application, scope, bar))
    except KeyboardInterrupt:
        bar.close()
        click.echo(_("Stopping after this batch..."), err=True)
        with transaction(application.sessions) as session:
            runs.request_stop(session, run_id, scope=scope, now=application.clock())
        _wait(application, run_id, _Finished(application, scope, bar))
    bar.close()
    with application.sessions() as session:
        run = runs.find(session, run_id, scope)
        counts = runs.progress(session, run, scope)
        click.echo(
            _("Done: {done}, failed: {failed}, skipped: {skipped}, of {total} changes", **counts),
            err=err,
        )
        print_failures(runs.changes(session, run, scope, Result.FAILED), counts["failed"])
    if run.status not in OVER:
        reason = problem_in_words(run) if run.problem else _("stopped")
        click.echo(_("Not finished: {reason}", reason=reason), err=True)
        click.echo(_("To go on: schoolbridge apply {run}", run=run_id), err=True)
        return False
    if counts["failed"]:
        click.echo(_("To try again: schoolbridge retry {run}", run=run_id), err=True)
    return counts["failed"] == 0


class _Finished:
    """Whether the job is over; moves the progress on the way."""

    def __init__(self, application: Application, scope: Scope, progress: _Progress) -> None:
        self._application, self._scope, self._progress = application, scope, progress

    def __call__(self, run: SyncRun) -> bool:
        with self._application.sessions() as session:
            self._progress.show(runs.progress(session, run, self._scope))
        over = {*OVER, RunStatus.STOPPED, RunStatus.REJECTED}
        return run.status in over or (run.status == RunStatus.APPROVED and run.go_on_at is None)


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


def _wait(application: Application, run_id: int, finished: Callable[[SyncRun], bool]) -> None:
    idle_since: float | None = None
    while True:
        with application.sessions() as session:
            run = session.get_one(SyncRun, run_id)
        if finished(run):
            return
        if claims.is_live(run.claimed_by, run.claimed_at, application.clock()):
            idle_since = None
        elif idle_since is None:
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since > DEAD_SECONDS:
            click.echo(
                _("No worker is at work on run {run}; look at the log, then try again", run=run_id),
                err=True,
            )
            sys.exit(1)
        time.sleep(POLL_SECONDS)
