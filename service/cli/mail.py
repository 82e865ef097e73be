"""``schoolbridge mail``: who gets mail, a trial letter, and what could not be delivered."""

from __future__ import annotations

import click
from sqlalchemy import select

from service.cli.base import Context, Failure, pass_context, print_table
from service.i18n import gettext as _
from service.mailing import outbox
from service.mailing.addresses import set_mail
from service.mailing.outbox import Letter
from service.models import Operator


@click.group("mail")
def mail() -> None:
    """Group of the commands about mail."""


@mail.command("operator", help=_("Set the address of an operator and whether mail is wanted."))
@click.argument("name")
@click.option("--email", help=_("The address; an empty one removes it."))
@click.option("--on/--off", "wanted", default=True, help=_("Send reports and reminders, or not."))
@pass_context
def operator(context: Context, name: str, email: str | None, wanted: bool) -> None:
    with context.transaction() as session:
        found = session.scalar(select(Operator).where(Operator.username == name))
        if found is None:
            raise Failure(_("there is no operator with this name"))
        set_mail(session, found, email=found.email if email is None else email, wanted=wanted,
                 actor=context.scope.actor, now=context.now)  # fmt: skip


@mail.command("test", help=_("Send a trial letter to ADDRESS and say what the server answered."))
@click.argument("address")
@pass_context
def test(context: Context, address: str) -> None:
    if not context.settings.mail.host:
        raise Failure(_("no mail server is configured; see [mail] host"))
    now = context.now
    occasion = f"test:{now.isoformat()}"
    letter = Letter(
        occasion=occasion,
        recipient=address,
        subject=_("A trial letter"),
        body=_("The mail server of schoolbridge works."),
    )
    with context.transaction() as session:
        outbox.put(session, letter, now)
    outbox.send_waiting(context.application)
    with context.transaction() as session:
        problem = outbox.problem_of(session, occasion)
    if problem:
        raise Failure(_("the mail server answered: {what}", what=problem))
    click.echo(_("Sent."))


@mail.command("undelivered", help=_("List what was given up, with the answer of the server."))
@pass_context
def undelivered(context: Context) -> None:
    with context.transaction() as session:
        rows = outbox.undelivered(session)
    titles = (_("Recipient"), _("Subject"), _("Answer of the mail server"))
    print_table(titles, [(row.recipient, row.subject, row.problem) for row in rows])
