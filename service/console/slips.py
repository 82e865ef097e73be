"""Slips to print and hand out: choose a school and a class, then a sheet of paper slips."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from service.console.context import own_schools, scope, the_console, transaction
from service.console.navigation import Part
from service.i18n import N_
from service.people.slips import Group, groups, slips

blueprint = Blueprint("slips", __name__, url_prefix="/slips")
PARTS = (Part(N_("Slips"), "console.slips.index"),)


@blueprint.get("")
def index() -> str:
    """The classes of the school that the address names, or of the only one that one may see."""
    code = request.args.get("school", "").strip()
    found: list[Group] = []
    with transaction() as db:
        schools = own_schools(db)
        if not code and len(schools) == 1:
            code = schools[0].code
        school = next((one for one in schools if one.code == code), None)
        if school:
            found = groups(db, scope(), school.code)
        return render_template(
            "console/slips.html",
            schools=schools,
            school=school,
            code=code,
            groups=found,
            people=sum(group.people for group in found),
        )


@blueprint.get("/sheet")
def sheet() -> str:
    """The slips of a class, or without ``class`` of the whole school. The look is audited."""
    code, group = request.args.get("school", ""), request.args.get("class")
    with transaction() as db:
        found = slips(db, the_console().application, scope(), code, group)
    return render_template("console/slips_sheet.html", slips=found, code=code)
