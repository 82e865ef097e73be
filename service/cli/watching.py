"""Watches a load from the command line: how far it is, why it waits, what failed and what helps."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import click

from provisioning.changes import Result
from service.cli.base import Context
from service.i18n import gettext as _
from service.loads import claims, operations
from service.loads.failures import OVER
from service.models import Load, LoadStatus, PlannedChange
from service.moodle_gate import GOES_ON_BY_ITSELF
from service.words import loads as wording

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

POLL_SECONDS = 0.2
LINE_SECONDS = 5.0
DEAD_SECONDS = 60.0
"""So long a job may be unclaimed before the watcher says that nobody works on it: by then a worker
would have gone on with what another left."""
SHOWN_FAILURES = 20


def watch_apply(context: Context, load_id: int, *, err: bool) -> bool:
    """Show progress until the load is applied or stopped; return whether every change was done.

    ``err``: on standard error.
    """
    progress = _Progress(context, err)
    try:
        try:
            wait(context, load_id, progress.is_over)
        except KeyboardInterrupt:
            progress.close()
            click.echo(_("Stopping after this batch..."), err=True)
            with context.transaction() as session:
                operations.request_stop(session, load_id, scope=context.scope, now=context.now)
            wait(context, load_id, progress.is_over)
    finally:
        progress.close()  # a bar hides the cursor of the terminal until it ends
    with context.transaction() as session:
        load = operations.find(session, load_id, context.scope)
        counts = operations.progress(session, load, context.scope)
        click.echo(
            _("Done: {done}, failed: {failed}, skipped: {skipped}, of {total} changes", **counts),
            err=err,
        )
        failed = operations.changes(session, load, context.scope, Result.FAILED)
        print_failures(failed, counts["failed"])
    if load.status not in OVER:
        reason = wording.problem_in_words(load) if load.problem else _("stopped")
        click.echo(_("Not finished: {reason}", reason=reason), err=True)
        click.echo(_("To go on: schoolbridge apply {load}", load=load_id), err=True)
        return False
    if counts["failed"]:
        click.echo(_("To try again: schoolbridge retry {load}", load=load_id), err=True)
    return counts["failed"] == 0


def print_failures(changes: Iterable[tuple[str, PlannedChange]], total: int) -> None:
    """What Moodle refused, and why: the first few; ``--json`` and the console give all."""
    for school, change in islice(changes, SHOWN_FAILURES):
        reason = wording.result_and_outcome(change.result, change.code)
        detail = f" ({change.detail})" if change.detail else ""
        click.echo(
            f"{school}  {wording.kind(change.kind)}  {change.key}  {reason}{detail}", err=True
        )
        click.echo(f"    → {wording.outcome_remedy(change.code)}", err=True)
    if total > SHOWN_FAILURES:
        click.echo(_("... and {n} more", n=total - SHOWN_FAILURES), err=True)


class _Progress:
    """Shows how many changes are done, as often as it is asked whether the job is over."""

    def __init__(self, context: Context, err: bool) -> None:
        self._context, self._err = context, err
        self._bar: ProgressBar[int] | None = None
        self._told_at, self._told = time.monotonic(), -1
        self._told_wait: datetime | None = None

    def is_over(self, load: Load) -> bool:
        with self._context.transaction() as session:
            counts = operations.progress(session, load, self._context.scope)
        self._show(counts["done"] + counts["failed"] + counts["skipped"], counts["total"])
        self._say_why_it_waits(load)
        over = {*OVER, LoadStatus.STOPPED, LoadStatus.REJECTED}
        waits = load.go_on_at is None or load.problem.startswith(GOES_ON_BY_ITSELF)
        return load.status in over or (load.status == LoadStatus.APPROVED and waits)

    def _say_why_it_waits(self, load: Load) -> None:
        """Say once for each pause why it is, and until when."""
        if load.waits_until is None or load.waits_until == self._told_wait:
            return
        self._told_wait = load.waits_until
        self.close()
        until = f"{load.waits_until.astimezone(self._context.zone):%H:%M:%S}"
        why = wording.what_broke(load.problem)
        click.echo(_("{why} Next try at {until}.", why=why, until=until), err=True)

    def _show(self, done: int, total: int) -> None:
        if sys.stdout.isatty() and not self._err:
            if self._bar and done < self._bar.pos:
                self._bar = None  # a plan was overtaken: its changes do not count any more
            self._bar = self._bar or click.progressbar(length=total, file=sys.stdout, show_pos=True)
            self._bar.update(done - self._bar.pos)
        elif done != self._told and (
            time.monotonic() - self._told_at > LINE_SECONDS or done == total
        ):
            click.echo(_("{done} of {total} changes", done=done, total=total), err=self._err)
            self._told_at, self._told = time.monotonic(), done

    def close(self) -> None:
        """End the line of the bar."""
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None


def wait(context: Context, load_id: int, finished: Callable[[Load], bool]) -> None:
    idle_since: float | None = None
    while True:
        with context.transaction() as session:
            load = session.get_one(Load, load_id)
        if finished(load):
            return
        if claims.is_live(load.claimed_by, load.claimed_at, context.now):
            idle_since = None
        elif idle_since is None:
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since > DEAD_SECONDS:
            text = _(
                "No worker is at work on load {load}; look at the log, then try again", load=load_id
            )
            click.echo(text, err=True)
            sys.exit(1)
        time.sleep(POLL_SECONDS)
