"""The registry of schools: list, one school, a new one, closing, a district's name, files."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from service import audit
from service.access import find_school, need_city
from service.audit import AuditAction
from service.console.context import now, scope, settings, today, transaction
from service.console.forms import back_to, done, file_answer, filters, refused_on, typed, typed_day
from service.console.navigation import Part
from service.console.paging import page_of_list
from service.i18n import N_, ngettext
from service.i18n import gettext as _
from service.loads import school_changes
from service.models import SchoolType
from service.registry import editing
from service.registry.columns import Problem, plain
from service.registry.lookup import RegistrySchool, registry_schools
from service.registry.schools import COLUMNS, GROUPS
from service.registry.template import FORMS, registry_file, template
from service.registry.types import TYPES
from service.words import registry as wording

blueprint = Blueprint("registry", __name__, url_prefix="/registry")
PARTS = (Part(N_("Schools"), "console.registry.index"),)
SHOW = "console.registry.show"

SYSTEMS = ("state", "other", "unknown")
"""The filter ``other`` gives the list of docs/facts/indicators.md A3."""

STATES = ("open", "closed", "not_loaded")


@blueprint.get("")
def index() -> str:
    """Filters are in the address: ``district``, ``type``, ``system``, ``state``, ``text``."""
    wanted = filters("district", "type", "system", "state", "text")
    with transaction() as db:
        schools = registry_schools(db, scope(), at=today())
    return render_template(
        "console/registry.html",
        page=page_of_list([one for one in schools if _fits(one, wanted)], size=100),
        wanted=wanted,
        districts=list(dict.fromkeys(one.district for one in schools)),
        types=[*SchoolType, wording.UNKNOWN_TYPE],
        systems=SYSTEMS,
        states=STATES,
        all_schools=len(schools),
        forms=FORMS,
    )


def _fits(school: RegistrySchool, wanted: dict[str, str]) -> bool:
    system = {True: "state", False: "other", None: "unknown"}[school.state_system]
    states = {
        "open": school.is_open,
        "closed": not school.is_open,
        "not_loaded": school.is_open and school.last_applied_at is None,
        "": True,
    }
    searched = plain(f"{school.code} {school.short_name} {school.name} {school.source_system}")
    return (
        wanted["district"] in ("", school.district)
        and wanted["type"] in ("", school.type or wording.UNKNOWN_TYPE)
        and wanted["system"] in ("", system)
        and states.get(wanted["state"], False)
        and plain(wanted["text"]) in searched
    )


@blueprint.get("/schools.<any(xlsx, csv):form>")
def download(form: str) -> Response:
    """The schools inside, with the columns of the template. Each download is audited."""
    with transaction() as db:
        content = registry_file(db, scope(), form, at=today())
        audit.record(db, AuditAction.REGISTRY_EXPORT, at=now(), actor=scope().actor, format=form)
    return file_answer(content, f"registry-{today():%Y-%m-%d}.{form}")


@blueprint.get(
    "/template/<any(schools, platform, totals, milestones):subject>.<any(xlsx, csv):form>"
)
def empty_file(subject: str, form: str) -> Response:
    return file_answer(template(subject, form), f"{subject}.{form}")


@blueprint.get("/school/<path:code>")
def show(code: str, problems: tuple[Problem, ...] = ()) -> str:
    mine = scope()
    with transaction() as db:
        find_school(db, mine, code)
        everything = registry_schools(db, mine, at=today())
        history = editing.history(db, mine, code)
    return render_template(
        "console/registry_school.html",
        school=next(one for one in everything if one.code == code),
        allowed=editing.may_change(mine),
        typed=request.form,
        problems=[wording.problem(one) for one in problems],
        columns={column.key: column for column in COLUMNS},
        groups=GROUPS,
        types=dict.fromkeys(TYPES.values()),
        history=history,
        others=[one for one in everything if one.code != code and one.is_open],
    )


@blueprint.post("/school/<path:code>")
def edit(code: str) -> Response | tuple[str, int]:
    with transaction() as db:
        problems = editing.edit(db, scope(), code, _form(), now())
    if problems:
        return show(code, problems), 400
    return done(_("Saved."), SHOW)


@blueprint.post("/close/<path:code>")
@refused_on(back_to(SHOW))
def close(code: str) -> Response:
    """Close, or merge into ``merged_into``."""
    on = typed_day("on")
    if on is None:
        return done(_("Give the last day of the school."), SHOW)
    with transaction() as db:
        editing.close(db, scope(), code, on=on, merged_into=typed("merged_into"), now=now())
    return done(_("Saved."), SHOW)


@blueprint.post("/change/<path:code>")
@refused_on(back_to(SHOW))
def change(code: str) -> Response:
    """Order what concerns the whole school: ``what`` is merge, split, close or code.

    All but another code becomes a planned load, whose page is the answer.
    """
    other = typed("into")
    with transaction() as db:
        given = (db, settings(), scope(), code)
        if typed("what") == "code":
            school_changes.change_code(db, scope(), code, other, now())
            return done(_("Saved."), SHOW)
        if typed("what") == "close":
            load = school_changes.plan_closing(*given, now(), today())
        elif typed("what") == "split":
            names = [one.strip() for one in typed("classes").split(",")]
            load = school_changes.plan_split(*given, other, names, now())
        else:
            load = school_changes.plan_merger(*given, other, now())
    return done(_("Planned: look at it and approve it."), "console.loads.show", load_id=load.id)


def _form() -> dict[str, str]:
    return {name: value for name, value in request.form.items() if name != "form_token"}


@blueprint.get("/new")
def new(problems: tuple[Problem, ...] = ()) -> str:
    need_city(scope())
    return render_template(
        "console/registry_new.html",
        typed=request.form,
        problems=[wording.problem(one) for one in problems],
        types=dict.fromkeys(TYPES.values()),
    )


@blueprint.post("/new")
def add() -> Response | tuple[str, int]:
    with transaction() as db:
        problems = editing.add(db, scope(), _form(), now())
    if problems:
        return new(problems), 400
    return done(_("Saved."), SHOW, code=typed("code"))


@blueprint.post("/district")
@refused_on(back_to("console.registry.index"))
def rename_district() -> Response:
    old, name = request.form.get("old", ""), request.form.get("name", "")
    with transaction() as db:
        schools, _operators = editing.rename_district(db, scope(), old, name, now())
    text = ngettext("{n} school is renamed into the district.",
                    "{n} schools are renamed into the district.", schools)  # fmt: skip
    return done(text, "console.registry.index")
