"""Commands that take over accounts that somebody else made in Moodle: adopt plan, show, list,
answer, apply."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Any

import click

from provisioning.questions import Answer
from service.cli.base import STOPPED, Context, json_option, pass_context, print_json
from service.cli.loading import plan_and_wait
from service.cli.loads import show as show_load
from service.i18n import gettext as _
from service.portal import adopt as adopting
from service.portal import adopt_answers, adopt_listing
from service.portal.adopt_listing import SeenAccount, SeenHuman
from service.portal.adopt_rows import Shown
from service.processes import neighbours
from service.words import adopting as wording
from service.words.questions import evidence_in_words, speaks

_PAGE = 500


@click.group("adopt", help=_("Take over accounts that somebody else made in Moodle."))
def adopt() -> None:
    pass


@adopt.command("plan", help=_("Look at all accounts of Moodle and say whose each is."))
@click.option("--anew", is_flag=True, help=_("Begin anew, though a look was broken off."))
@json_option
@pass_context
def plan(context: Context, anew: bool, as_json: bool) -> None:
    with context.transaction() as session:
        run_id = adopting.begin(session, scope=context.scope, now=context.now, anew=anew)
    application = context.application
    with neighbours(context.settings, moodle=True), application.moodle() as moodle:
        adopting.look(application, moodle, run_id)
    _show(context, school="", as_json=as_json)


@adopt.command("show", help=_("How many accounts are whose, and the digest of the list."))
@click.option("--school", default="", metavar="CODE", help=_("Of this school."))
@json_option
@pass_context
def show(context: Context, school: str, as_json: bool) -> None:
    _show(context, school=school, as_json=as_json)


def _show(context: Context, *, school: str, as_json: bool) -> None:
    with context.transaction() as session:
        run = adopt_listing.newest_run(session)
        counts = adopt_listing.counts(session, school)
        objects = adopt_listing.object_counts(session, school)
        left = adopt_listing.people_left(session)
        digest = adopt_listing.digest(session)
        state, problem = (run.state, run.problem) if run else ("", "")
    if as_json:
        print_json(
            {
                "state": state,
                "problem": problem,
                "accounts": counts,
                "people_left": left,
                "digest": digest,
                "objects": [
                    {"kind": kind, "outcome": outcome, "number": number}
                    for (kind, outcome), number in sorted(objects.items())
                ],
            }
        )
        return
    if not run:
        click.echo(_("Nobody has looked at the accounts of Moodle yet."))
        return
    click.echo(wording.state(state))
    for outcome, number in counts.items():
        click.echo(f"  {wording.outcome(outcome)}: {number}")
    for (kind, outcome), number in sorted(objects.items()):
        click.echo(f"  {wording.kind(kind)}, {wording.outcome(outcome)}: {number}")
    click.echo(_("People without an account, and none that is theirs for certain: {n}", n=left))
    if problem:
        click.echo(wording.problem(problem))
    click.echo(_("Digest of the list: {digest}", digest=digest))


@adopt.command("list", help=_("List accounts, each with whose it may be, and why."))
@click.option("--school", default="", metavar="CODE", help=_("Of this school."))
@click.option(
    "--outcome", type=click.Choice([one.value for one in Shown]), help=_("Only these."),
)  # fmt: skip
@click.option("--after", default=0, metavar="ID", help=_("Those after this account."))
@click.option("--limit", default=0, metavar="N", help=_("At most so many; 0: all."))
@json_option
@pass_context
def list_(
    context: Context, school: str, outcome: str | None, after: int, limit: int, as_json: bool
) -> None:
    found = _accounts(context, school, Shown(outcome) if outcome else None, after)
    shown = islice(found, limit or None)
    if as_json:
        print_json([_as_data(one) for one in shown])
        return
    for one in shown:
        _print(one)


def _accounts(context: Context, school: str, outcome: Shown | None, after: int) -> Any:
    """Yield accounts page by page: there may be half a million."""
    while True:
        with context.transaction() as session:
            query = adopt_listing.query(outcome=outcome, school_code=school, after=after)
            page = adopt_listing.seen(session, session.scalars(query.limit(_PAGE)).all())
        if not page:
            return
        yield from page
        after = page[-1].id


def _as_data(seen: SeenAccount) -> dict[str, Any]:
    account = seen.account
    return {
        "id": seen.id,
        "outcome": seen.outcome.value,
        "login": account.username,
        "firstname": account.firstname,
        "lastname": account.lastname,
        "idnumber": account.idnumber,
        "auth": account.auth,
        "institution": account.institution,
        "department": account.department,
        "school_code": seen.school_code,
        "why": list(seen.why),
        "decided_by": seen.decided_by,
        "candidates": [_human_as_data(one) for one in seen.people],
    }


def _human_as_data(human: SeenHuman) -> dict[str, Any]:
    return {
        "candidate": human.person_id,
        "login": human.login,
        "name": human.name,
        "school_code": human.school_code,
        "class_title": human.class_title,
        "evidence": [
            {"code": one.code, "speaks": one.speaks, "text": evidence_in_words(one)}
            for one in human.evidence
        ],
    }


def _print(seen: SeenAccount) -> None:
    account = seen.account
    words = (account.username, f"{account.lastname} {account.firstname}", account.institution,
             account.department)  # fmt: skip
    reasons = ", ".join(wording.why(one) for one in seen.why)
    click.echo(f"{seen.id}  {', '.join(filter(None, words))}")
    told = f"    {wording.outcome(seen.outcome)}"
    click.echo(told + (f": {reasons}" if reasons else ""))
    for human in seen.people:
        of = (human.name, human.school_code, human.class_title, human.login)
        click.echo(f"    {human.number}) {', '.join(filter(None, of))}")
        if seen.outcome is Shown.QUESTION:
            for one in human.evidence:
                click.echo(f"        [{speaks(one.speaks)}] {evidence_in_words(one)}")


@adopt.command("answer", help=_("Say whose an account is, or that it is none of the candidates'."))
@click.argument("account_id", metavar="ID", type=int)
@click.argument("given", metavar="ANSWER", type=click.Choice(["same", "different"]))
@click.option("--candidate", default="", metavar="C", help=_("Who is meant, with “same”."))
@pass_context
def answer(context: Context, account_id: int, given: str, candidate: str) -> None:
    with context.transaction() as session:
        adopt_answers.answer(
            session, account_id, Answer(given), candidate=candidate, scope=context.scope,
            now=context.now,
        )  # fmt: skip
    click.echo(_("Answered. Nothing is written to Moodle before the yes to the list."))


@adopt.command("apply", help=_("Say yes to the whole list and take the accounts over."))
@click.option("--digest", required=True, help=_("Of the list that was looked at (adopt show)."))
@click.option(
    "--despite-questions", is_flag=True,
    help=_("Though there are questions: who is asked about may get a second account."),
)  # fmt: skip
@json_option
@pass_context
def apply(context: Context, digest: str, despite_questions: bool, as_json: bool) -> None:
    with context.transaction() as session:
        run_id = adopting.approve(
            session, expected_digest=digest, scope=context.scope, now=context.now,
            despite_questions=despite_questions,
        )  # fmt: skip
    application = context.application
    with neighbours(context.settings, moodle=True):
        with application.moodle() as moodle:
            load_id = adopting.carry_out(application, moodle, run_id, scope=context.scope)
        code = plan_and_wait(context, load_id) if load_id is not None else 0
    if not as_json:
        _show(context, school="", as_json=False)
    if load_id is not None:
        click.echo(_("The schools are planned again in load {load}.", load=load_id), err=as_json)
        show_load(context, load_id, as_json=as_json)
    with context.transaction() as session:
        changed = adopt_listing.counts(session).get(Shown.CHANGED.value, 0)
    sys.exit(code or (STOPPED if changed else 0))
