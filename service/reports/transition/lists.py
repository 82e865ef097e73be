"""The lists of the transition report: phases in force and to come, and the steps of the plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy.orm import Session

from auth.signin.phases import CITY, Target
from service.i18n import gettext as _
from service.models import PhaseRule
from service.registry.lookup import Step, StepState
from service.reports.listing import column
from service.reports.question import Asked
from service.reports.report import Column, Kind, Row
from service.signin.phase_rules import class_titles
from service.words import phases as phase_wording
from service.words import registry as wording
from service.words.values import a_day


def phase_columns() -> tuple[Column, ...]:
    return (
        column("target", _("For whom"), Kind.TEXT),
        column("phase", _("Phase"), Kind.TEXT),
        column("starts_on", _("From"), Kind.TEXT),
        Column(
            key="state", title=_("State"), kind=Kind.TEXT, absent="",
            words={
                "in_force": _("in force"), "to_come": _("to come"), "replaced": _("replaced"),
                "default": _("where nothing else is ruled"),
            },
        ),
    )  # fmt: skip


def phase_lines(
    session: Session, asked: Asked, rules: Sequence[PhaseRule]
) -> Iterator[tuple[str, Row]]:
    """The phase of the settings, then every rule that concerns the reader."""
    titles = class_titles(session, rules)
    default = phase_wording.phase(asked.settings.phase)
    yield "default", (phase_wording.target(CITY), default, "", "default")
    newest = _newest_begun(rules, asked.today)
    for rule in rules:
        state = "replaced" if rule.starts_on <= asked.today else "to_come"
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
        column("number", _("No."), Kind.TEXT),
        column("title", _("Step"), Kind.TEXT),
        column("begins_on", _("Begins"), Kind.TEXT),
        column("due_on", _("Due"), Kind.TEXT),
        column("responsible", _("Responsible"), Kind.TEXT),
        column("done_on", _("Done on"), Kind.TEXT),
        column("state", _("State"), Kind.TEXT),
        column("overdue_days", _("Days overdue"), Kind.INTEGER, absent="—"),
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
