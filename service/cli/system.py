"""Commands of the installation: init, serve, worker, moodle-standin."""

from __future__ import annotations

import os
import sys
from typing import TextIO

import click
from sqlalchemy import func, select

from auth.oidc.keys import load_keys
from service import operators
from service.application import make_secret
from service.cli.base import Context, pass_context
from service.cli.operators import read_or_made
from service.data_folder import ensure_home
from service.i18n import gettext as _
from service.logs import set_up_logging
from service.models import Operator, OperatorRole
from service.processes import check_port
from service.processes import serve as serve_all
from service.queue import Work


@click.command("init")
@click.option("--operator", default="admin", show_default=True, help=_("Name of the operator."))
@click.option(
    "--password-file",
    type=click.File(),
    help=_("Take the operator's password from this file; without it one is made and printed."),
)
@pass_context
def init(context: Context, operator: str, password_file: TextIO | None) -> None:
    ensure_home(context.settings)
    make_secret(context.settings.home)
    context.prepare()
    load_keys(context.settings.signing_keys, context.now)
    given, password = read_or_made(password_file)
    with context.transaction() as session:
        if session.scalar(select(func.count()).select_from(Operator)):
            click.echo(_("{home} is ready.", home=context.settings.home))
            return
        operators.add(
            session, actor=context.scope.actor, username=operator, password=password,
            role=OperatorRole.CITY, scope=[], now=context.now,
        )  # fmt: skip
    click.echo(_("{home} is ready.", home=context.settings.home))
    click.echo(_("Operator: {name}", name=operator))
    if not given:
        click.echo(_("Password (shown once): {password}", password=password))


@click.command("serve")
@pass_context
def serve(context: Context) -> None:
    set_up_logging()
    context.prepare().engine.dispose()

    def ready(url: str) -> None:
        click.echo(_("Ready: {url} (Ctrl-C ends it)", url=url))

    serve_all(context.settings, ready)
    click.echo(_("Ended."))


@click.command("worker")
@click.argument("kinds", nargs=-1, type=click.Choice([kind.value for kind in Work]))
@click.option("--burst", is_flag=True, help=_("End when the queue is empty."))
@pass_context
def worker(context: Context, kinds: tuple[str, ...], burst: bool) -> None:
    ensure_home(context.settings)
    # Every job would carry what the other commands have loaded, some 25 MB.
    options = [*kinds, "--burst"] if burst else kinds
    os.execv(sys.executable, [sys.executable, "-m", "service.worker", *options])  # noqa: S606


@click.command("moodle-standin")
@pass_context
def moodle_standin(context: Context) -> None:
    # The other commands here need no web framework.
    from service.moodle_standin import serve as serve_standin

    ensure_home(context.settings)
    set_up_logging()
    server = context.settings.server
    check_port("127.0.0.1", server.standin_port, "standin_port")
    storage = context.settings.home / "moodle-standin.sqlite"
    serve_standin("127.0.0.1", server.standin_port, storage)
