"""Commands about questions that only people can answer: questions, answer."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click

from provisioning.questions import ANSWERS, Answer, Evidence
from service.cli.base import (
    Context,
    json_option,
    pass_context,
    print_json,
)
from service.cli.loading import carry_out, plan_and_wait
from service.cli.loads import show
from service.i18n import gettext as _
from service.privacy import MASK, PRIVATE_FIELDS
from service.processes import neighbours
from service.questions import answering, listing
from service.questions.listing import SeenQuestion, Shown
from service.words import questions as wording


@click.command("questions")
@click.option("--school", default="", metavar="CODE", help=_("Of this school."))
@click.option(
    "--state", type=click.Choice([one.value for one in Shown]), default=Shown.OPEN.value,
    show_default=True, help=_("Which ones."),
)  # fmt: skip
@json_option
@pass_context
def questions(context: Context, school: str, state: str, as_json: bool) -> None:
    with context.transaction() as session:
        query = listing.query(context.scope, shown=Shown(state), school=school)
        found = listing.seen(session, context.scope, session.scalars(query).all())
    if as_json:
        print_json([_as_data(one) for one in found])
        return
    for one in found:
        _print_question(one)
    if not found:
        click.echo(_("No questions."))


def _as_data(seen: SeenQuestion) -> dict[str, Any]:
    question, people = seen.question, seen.question.kind in listing.ABOUT_PEOPLE
    return {
        "id": seen.id,
        "kind": question.kind,
        "state": seen.state,
        "school_code": question.school_code,
        "rows": [_row(one) for one in question.rows],
        "candidates": [
            {
                "candidate": one.key if one.is_visible else str(one.number),
                "person_id": one.key if people and one.is_visible else "",
                "login": one.login,
                "memberships": [_row(each) for each in one.memberships],
            }
            for one in seen.candidates
        ],
        "answers": list(ANSWERS[question.kind]),
        "evidence": [
            *_evidence(seen.evidence),
            *(
                told | {"candidate": name}
                for one in seen.candidates
                for name in [one.key if one.is_visible else str(one.number)]
                for told in _evidence(one.evidence)
            ),
        ],
    }


def _row(row: Any) -> dict[str, str]:
    return {"school_code": row.school_code, "sourced_id": row.sourced_id}


def _evidence(evidence: Iterable[Evidence]) -> list[dict[str, str]]:
    return [
        {"code": one.code, "speaks": one.speaks, "text": wording.evidence_in_words(one)}
        for one in evidence
    ]


def _print_question(seen: SeenQuestion) -> None:
    question = seen.question
    click.echo(
        _("Question {id}, school {school}: {asked}", id=seen.id, school=question.school_code,
          asked=wording.asked_in_words(question))
    )  # fmt: skip
    click.echo(f"    {_('State')}: {wording.state(seen.state)}")
    for one in seen.evidence:
        click.echo(f"    {_evidence_line(one)}")
    for candidate in seen.candidates:
        where = ", ".join(f"{row.school_code}/{row.sourced_id}" for row in candidate.memberships)
        who = ", ".join(filter(None, (candidate.name, candidate.login, where)))
        hidden = _("somebody of another school")
        click.echo(f"    {candidate.number}) {who or hidden}")
        for one in candidate.evidence:
            click.echo(f"        {_evidence_line(one)}")
    for given in seen.answers:
        click.echo(f"    {given}: {wording.effect(question, given)}")
    if seen.alike > 1 and seen.answers:
        click.echo("    " + _("{n} like this: --all-like-this answers them together", n=seen.alike))
    click.echo()


def _evidence_line(one: Evidence) -> str:
    name = one.code.partition(".")[0]
    values = [one.ours, one.theirs]
    if name in PRIVATE_FIELDS:
        values = [MASK if value else "" for value in values]
    shown = " / ".join(value or "—" for value in values) if any(values) else ""
    mark = wording.speaks(one.speaks)
    return f"[{mark}] {wording.evidence_in_words(one)}" + (f" ({shown})" if shown else "")


@click.command("answer")
@click.argument("question_id", metavar="ID", type=int)
@click.argument(
    "given", metavar="ANSWER", required=False, type=click.Choice([one.value for one in Answer])
)
@click.option("--candidate", default="", metavar="C", help=_("Who is meant, with “same”."))
@click.option("--all-like-this", is_flag=True, help=_("All questions with the same evidence."))
@click.option("--undo", is_flag=True, help=_("Take the answer back and restore what it changed."))
@click.option("--reason", default="", help=_("Why; it stays with the answer."))
@click.option("--yes", is_flag=True, help=_("Apply what is within the limits, without asking."))
@json_option
@pass_context
def answer(
    context: Context,
    question_id: int,
    given: str | None,
    candidate: str,
    all_like_this: bool,
    undo: bool,
    reason: str,
    yes: bool,
    as_json: bool,
) -> None:
    if undo == (given is not None):
        raise click.UsageError(_("name an answer, or --undo"))
    where: dict[str, Any] = {
        "home": context.settings.home, "scope": context.scope, "now": context.now,
    }  # fmt: skip
    sessions = context.application.sessions
    with neighbours(context.settings, moodle=yes):
        if given is None:
            done = answering.undo(sessions, question_id, **where)
        else:
            done = answering.answer(
                sessions, question_id, Answer(given), candidate=candidate,
                all_like_this=all_like_this, reason=reason, **where,
            )  # fmt: skip
        click.echo(_told(done, undo=undo), err=as_json)
        code = 0
        if done.load_id is not None:
            code = plan_and_wait(context, done.load_id)
            if yes:
                code = carry_out(context, done.load_id, as_json=as_json)
    if done.load_id is not None:
        show(context, done.load_id, as_json=as_json)
    elif as_json:
        print_json(None)
    sys.exit(code)


def _told(done: answering.Answered, *, undo: bool) -> str:
    said = _("The answer is taken back.") if undo else _("Answered: {n}.", n=done.questions)
    if done.load_id is None:
        return said + " " + _("It counts from the next file of the school on.")
    return said + " " + _("Planned again in load {load}.", load=done.load_id)
