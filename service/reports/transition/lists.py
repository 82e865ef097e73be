"""The lists of the transition report: phases in force and to come, and the steps of the plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy.orm import Session

from auth.signin.phases import CITY, Target
from service.i18n import gettext as _
from service.models import PhaseRule
from service.registry.lookup import Step, StepState
from service.reports.question import Question
from service.reports.report import Column, Kind, Row
from service.signin.phase_rules import class_titles
from service.words import phases as phase_wording
from service.words import registry as wording
from service.words.values import a_day


def phase_columns() -> tuple[Column, ...]:
    return (
        Column("target", _("For whom")),
        Column("phase", _("Phase")),
        Column("starts_on", _("From")),
        Column(
            "state", _("State"), absent="",
            words={
                "in_force": _("in force"), "to_come": _("to come"), "replaced": _("replaced"),
                "default": _("where nothing else is ruled"),
            },
        ),
    )  # fmt: skip


def phase_lines(
    session: Session, question: Question, rules: Sequence[PhaseRule]
) -> Iterator[tuple[str, Row]]:
    """The phase of the settings, then every rule that concerns the reader."""
    titles = class_titles(session, rules)
    default = phase_wording.phase(question.settings.phase)
    yield "default", (phase_wording.target(CITY), default, "", "default")
    newest = _newest_begun(rules, question.today)
    for rule in rules:
        state = "replaced" if rule.starts_on <= question.today else "to_come"
        if newest.get(rule.target) == rule.starts_on:
            state = "in_force"
        target = rule.target
        key = f"{target.district}|{target.school_code}|{target.class_id}|{target.role}"
        yield (
            f"{key}|{rule.starts_on}",
            (
                phase_wording.target(target, titles), phase_wording.phase(rule.phase),
                a_day(rule.starts_on), state,
            ),
        )  # fmt: skip


def _newest_begun(rules: Sequence[PhaseRule], today: date) -> dict[Target, date]:
    begun: dict[Target, date] = {}
    for rule in rules:
        if rule.starts_on <= today:
            begun[rule.target] = max(rule.starts_on, begun.get(rule.target, rule.starts_on))
    return begun


def step_columns() -> tuple[Column, ...]:
    return (
        Column("number", _("No.")),
        Column("title", _("Step")),
        Column("begins_on", _("Begins")),
        Column("due_on", _("Due")),
        Column("responsible", _("Responsible")),
        Column("done_on", _("Done on")),
        Column("state", _("State")),
        Column("overdue_days", _("Days overdue"), Kind.INTEGER, absent="—"),
    )


def step_lines(steps: Sequence[Step], today: date) -> Iterator[tuple[str, Row]]:
    for step in steps:
        overdue = step.state is StepState.OVERDUE and step.due_on is not None
        yield (
            f"step|{step.number}",
            (
                step.number, step.title, a_day(step.begins_on), a_day(step.due_on),
                ", ".join(step.responsible), a_day(step.done_on),
                wording.step_state(step.state),
                (today - step.due_on).days if overdue and step.due_on else None,
            ),
        )  # fmt: skip
