"""Phases of the transition: rules, exemptions, and who would be locked out."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from typing import Any

from babel.dates import format_date
from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from auth.signin.phases import PUPIL, STAFF, Phase, Target, Who
from service import i18n
from service.access import Forbidden
from service.console.context import scope, the_console
from service.console.pages import sentence
from service.i18n import gettext as _
from service.models import PhaseExemption, PhaseRule, School
from service.ordering import natural
from service.signin import phase_rules
from service.signin.phase_rules import PhaseProblem, PhaseRules, Why
from service.signin.phases import locked_out, locked_out_by_school, read_schedule
from service.spreadsheet import csv_file
from service.words import people as words
from service.words import phases as phase_wording

ROLES = (PUPIL, *sorted(STAFF, reverse=True))

blueprint = Blueprint("phases", __name__, url_prefix="/phases")


@blueprint.app_template_filter("day")
def say_day(value: date) -> str:
    return format_date(value, "d MMMM y", locale=i18n.language())


@blueprint.get("")
def index() -> str:
    return _page()


@blueprint.post("/rules")
def set_phase() -> AnyResponse | tuple[str, int]:
    try:
        with the_console().transaction() as db:
            _rules(db).set_phase(
                target=_target(db), phase=_choice(Phase, "phase"), starts_on=_day("starts_on")
            )
    except PhaseProblem as error:
        return _page(rule_problem=phase_wording.problem(error)), _status(error)
    return _done(_("The phase is set."))


@blueprint.post("/rules/<int:number>/move")
def move_phase(number: int) -> AnyResponse | tuple[str, int]:
    try:
        with the_console().transaction() as db:
            _rules(db).move_phase(number, starts_on=_day("starts_on"))
    except PhaseProblem as error:
        return _page(rule_problem=phase_wording.problem(error)), 409
    return _done(_("The phase is moved."))


@blueprint.post("/rules/<int:number>/remove")
def remove_phase(number: int) -> AnyResponse:
    with the_console().transaction() as db:
        _rules(db).remove_phase(number)
    return _done(_("The phase is removed."))


@blueprint.post("/exemptions")
def add_exemption() -> AnyResponse | tuple[str, int]:
    """The login is posted: it tells who somebody is."""
    try:
        with the_console().transaction() as db:
            login = request.form.get("login", "").strip()
            _rules(db).add_exemption(
                target=Target() if login else _target(db),
                login=login,
                who=_choice(Who, "who"),
                until=_day("until") if request.form.get("until") else None,
                reason=request.form.get("reason", ""),
            )
    except PhaseProblem as error:
        return _page(exemption_problem=phase_wording.problem(error)), _status(error)
    except Forbidden as error:
        if error.what != "person":
            raise
        return _page(exemption_problem=_("Nobody of your schools has this login.")), 404
    return _done(_("The exemption is added."))


@blueprint.post("/exemptions/<int:number>/remove")
def remove_exemption(number: int) -> AnyResponse:
    with the_console().transaction() as db:
        _rules(db).remove_exemption(number)
    return _done(_("The exemption is removed."))


@blueprint.get("/locked-out")
def locked_out_page() -> str:
    """How many there are in each school, or who they are in the school of the address."""
    console, day, code = the_console(), _asked_day(), request.args.get("school", "").strip()
    mine = scope()
    with console.transaction() as db:
        default = read_schedule(db, console.application).default
        if code:
            school = db.get(School, code)
            if school is None or not mine.sees(school):
                raise Forbidden("school")
            people = [
                person for person, _school in db.execute(_locked_out_rows(default, day, code))
            ]
            people.sort(key=lambda p: (p.role != PUPIL, natural(p.class_title), p.family_name))
            classes = groupby(people, key=lambda person: person.class_title)
            return render_template(
                "console/locked_out_school.html",
                school=school,
                classes=[(title, list(group)) for title, group in classes],
                total=len(people),
                day=day,
            )
        counted = db.execute(locked_out_by_school(day, default).where(mine.schools())).all()
    return render_template(
        "console/locked_out.html",
        rows=counted,
        total=sum(count for _school, count in counted),
        day=day,
    )


@blueprint.get("/locked-out.csv")
def locked_out_file() -> Response:
    """Everybody of the scope, or of one school: for a spreadsheet in the Russian locale."""
    console, day, code = the_console(), _asked_day(), request.args.get("school", "").strip()
    titles = (_("District"), _("School code"), _("School"), _("Class"), _("Role"),
              _("Surname"), _("Given name"), _("Patronymic"), _("Login"))  # fmt: skip
    with console.transaction() as db:
        default = read_schedule(db, console.application).default
        lines = [
            (school.district, school.code, school.short_name, person.class_title,
             words.role(person.role), person.family_name, person.given_name,
             person.middle_name, person.username)
            for person, school in db.execute(_locked_out_rows(default, day, code))
        ]  # fmt: skip
    response = Response(csv_file(titles, lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="locked-out-{day}.csv"'
    return response


def _locked_out_rows(default: Phase, day: date, code: str) -> Any:
    rows = locked_out(day, default).where(scope().schools())
    return rows.where(School.code == code) if code else rows.order_by(School.code)


def _page(*, rule_problem: str = "", exemption_problem: str = "") -> str:
    console, mine = the_console(), scope()
    with console.transaction() as db:
        mine_to_rule = _rules(db)
        schedule = read_schedule(db, console.application)
        rules = phase_rules.rules(db, mine)
        exemptions = phase_rules.exemptions(db, mine)
        rows: list[PhaseRule | PhaseExemption] = [*rules, *(row for row, _person in exemptions)]
        editable = {(type(row).__name__, row.id) for row in rows if mine_to_rule.may_change(row)}
        schools = db.scalars(select(School).where(mine.schools()).order_by(School.code)).all()
        return render_template(
            "console/phases.html",
            city_phase=schedule.city_phase(_today()),
            rules=rules,
            exemptions=exemptions,
            titles=phase_rules.class_titles(db, rows),
            editable=editable,
            may_edit=mine_to_rule.may_edit,
            upstream=console.application.settings.upstream.is_used,
            schools=schools,
            districts=sorted({school.district for school in schools}),
            phases=list(Phase),
            roles=ROLES,
            who=list(Who),
            today=_today(),
            rule_problem=sentence(rule_problem),
            exemption_problem=sentence(exemption_problem),
            form=request.form,
        )


def _rules(db: Session) -> PhaseRules:
    console = the_console()
    return PhaseRules(
        session=db,
        settings=console.application.settings,
        scope=scope(),
        now=console.now(),
        today=_today(),
    )


def _status(error: PhaseProblem) -> int:
    return 404 if error.why is Why.NO_SCHOOL else 409


def _done(text: str) -> AnyResponse:
    flash(text)
    return redirect(url_for("console.phases.index"), 303)


def _target(db: Session) -> Target:
    form = {name: request.form.get(name, "").strip() for name in ("district", "school", "class")}
    role = request.form.get("role", "")
    # Before its classes are looked up: which a school outside has is told to nobody.
    school = db.get(School, form["school"])
    if form["school"] and (school is None or not scope().sees(school)):
        raise PhaseProblem(Why.NO_SCHOOL)
    return phase_rules.find_target(
        db,
        district=form["district"],
        school_code=form["school"],
        class_name=form["class"],
        role=role if role in ROLES else "",
    )


def _choice(kind: type[Any], name: str) -> Any:
    """Raises ``PhaseProblem`` for a value that the form does not offer."""
    try:
        return kind(request.form.get(name, ""))
    except ValueError as error:
        raise PhaseProblem(Why.NO_SENSE) from error


def _day(name: str) -> date:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError as error:
        raise PhaseProblem(Why.PAST) from error


def _today() -> date:
    console = the_console()
    return console.now().astimezone(console.application.zone).date()


def _asked_day() -> date:
    try:
        return date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return _today()
