"""Phases of the transition: rules, exemptions, and who would be locked out."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from typing import Any

from babel.dates import format_date
from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from auth.signin.phases import PUPIL, STAFF, Phase, Target, Who
from service import i18n
from service.access import find_school
from service.console.context import (
    now,
    own_schools,
    scope,
    settings,
    the_console,
    today,
    transaction,
)
from service.console.forms import done, file_answer, refused_on, said, typed, typed_day
from service.console.navigation import Part
from service.i18n import N_
from service.i18n import gettext as _
from service.models import PhaseExemption, PhaseRule, School
from service.ordering import natural
from service.problems import Problem
from service.signin import phase_rules
from service.signin.phase_rules import PhaseProblem, PhaseRules
from service.signin.phases import locked_out, locked_out_by_school, read_schedule
from service.spreadsheet import csv_file
from service.words import people as words

ROLES = (PUPIL, *sorted(STAFF, reverse=True))

blueprint = Blueprint("phases", __name__, url_prefix="/phases")
INDEX = "console.phases.index"
PARTS = (Part(N_("Phases"), INDEX),)


class UnknownSchool(PhaseProblem):
    """The form names a school that is not there, or not the operator's."""

    status = 404


@blueprint.app_template_filter("day")
def say_day(value: date) -> str:
    return format_date(value, "d MMMM y", locale=i18n.language())


def _rules(db: Session) -> PhaseRules:
    return PhaseRules(session=db, settings=settings(), scope=scope(), now=now(), today=today())


@blueprint.get("")
def index(problem: Problem | None = None, number: int = 0) -> str:
    """The page with its two forms; a ``problem`` is said at the one that was sent."""
    mine = scope()
    at_exemption = request.endpoint == "console.phases.add_exemption"
    with transaction() as db:
        to_rule = _rules(db)
        schedule = read_schedule(db, the_console().application)
        rules = phase_rules.rules(db, mine)
        exemptions = phase_rules.exemptions(db, mine)
        rows: list[PhaseRule | PhaseExemption] = [*rules, *(row for row, _person in exemptions)]
        editable = {(type(row).__name__, row.id) for row in rows if to_rule.may_change(row)}
        schools = own_schools(db)
        return render_template(
            "console/phases.html",
            city_phase=schedule.city_phase(today()),
            rules=rules,
            exemptions=exemptions,
            titles=phase_rules.class_titles(db, rows),
            editable=editable,
            may_edit=to_rule.may_edit,
            upstream=settings().upstream.is_used,
            schools=schools,
            districts=sorted({school.district for school in schools}),
            phases=list(Phase),
            roles=ROLES,
            who=list(Who),
            today=today(),
            rule_problem="" if at_exemption else said(problem),
            exemption_problem=said(problem) if at_exemption else "",
            form=request.form,
        )


@blueprint.post("/rules")
@refused_on(index)
def set_phase() -> Response:
    with transaction() as db:
        _rules(db).set_phase(
            target=_target(db), phase=_choice(Phase, "phase"), starts_on=_day("starts_on")
        )
    return done(_("The phase is set."), INDEX, 303)


@blueprint.post("/rules/<int:number>/move")
@refused_on(index)
def move_phase(number: int) -> Response:
    with transaction() as db:
        _rules(db).move_phase(number, starts_on=_day("starts_on"))
    return done(_("The phase is moved."), INDEX, 303)


@blueprint.post("/rules/<int:number>/remove")
def remove_phase(number: int) -> Response:
    with transaction() as db:
        _rules(db).remove_phase(number)
    return done(_("The phase is removed."), INDEX, 303)


@blueprint.post("/exemptions")
@refused_on(index, person="link.nobody")
def add_exemption() -> Response:
    """The login is posted: it tells who somebody is."""
    login = typed("login")
    with transaction() as db:
        _rules(db).add_exemption(
            target=Target() if login else _target(db),
            login=login,
            who=_choice(Who, "who"),
            until=_day("until") if request.form.get("until") else None,
            reason=request.form.get("reason", ""),
        )
    return done(_("The exemption is added."), INDEX, 303)


@blueprint.post("/exemptions/<int:number>/remove")
def remove_exemption(number: int) -> Response:
    with transaction() as db:
        _rules(db).remove_exemption(number)
    return done(_("The exemption is removed."), INDEX, 303)


@blueprint.get("/locked-out")
def locked_out_page() -> str:
    """How many there are in each school, or who they are in the school of the address."""
    day, code = _asked()
    with transaction() as db:
        default = read_schedule(db, the_console().application).default
        if not code:
            counted = db.execute(locked_out_by_school(day, default).where(scope().schools())).all()
            total = sum(count for _school, count in counted)
            return render_template("console/locked_out.html", rows=counted, total=total, day=day)
        school = find_school(db, scope(), code)
        people = [person for person, _school in db.execute(_locked_out_rows(default, day, code))]
    people.sort(key=lambda p: (p.role != PUPIL, natural(p.class_title), p.family_name))
    classes = groupby(people, key=lambda person: person.class_title)
    return render_template(
        "console/locked_out_school.html",
        school=school,
        classes=[(title, list(group)) for title, group in classes],
        total=len(people),
        day=day,
    )


@blueprint.get("/locked-out.csv")
def locked_out_file() -> Response:
    """Everybody of the scope, or of one school: for a spreadsheet in the Russian locale."""
    day, code = _asked()
    titles = (_("District"), _("School code"), _("School"), _("Class"), _("Role"),
              _("Surname"), _("Given name"), _("Patronymic"), _("Login"))  # fmt: skip
    with transaction() as db:
        default = read_schedule(db, the_console().application).default
        lines = [
            (school.district, school.code, school.short_name, person.class_title,
             words.role(person.role), person.family_name, person.given_name,
             person.middle_name, person.username)
            for person, school in db.execute(_locked_out_rows(default, day, code))
        ]  # fmt: skip
    return file_answer(csv_file(titles, lines), f"locked-out-{day}.csv")


def _asked() -> tuple[date, str]:
    """The day and the school of the address."""
    return typed_day("day", request.args) or today(), request.args.get("school", "").strip()


def _locked_out_rows(default: Phase, day: date, code: str) -> Any:
    rows = locked_out(day, default).where(scope().schools())
    return rows.where(School.code == code) if code else rows.order_by(School.code)


def _target(db: Session) -> Target:
    code, role = typed("school"), request.form.get("role", "")
    # Before its classes are looked up: which a school outside has is told to nobody.
    school = db.get(School, code)
    if code and (school is None or not scope().sees(school)):
        raise UnknownSchool("phase.no_school")
    return phase_rules.find_target(
        db,
        district=typed("district"),
        school_code=code,
        class_name=typed("class"),
        role=role if role in ROLES else "",
    )


def _choice(kind: type[Any], name: str) -> Any:
    """Raises ``PhaseProblem`` for a value that the form does not offer."""
    try:
        return kind(request.form.get(name, ""))
    except ValueError as error:
        raise PhaseProblem("phase.no_sense") from error


def _day(name: str) -> date:
    day = typed_day(name)
    if day is None:
        raise PhaseProblem("phase.past")
    return day
