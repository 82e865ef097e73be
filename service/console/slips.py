"""Slips to print and hand out: choose a school and a class, then a sheet of paper slips."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from sqlalchemy import select

from service.console.context import scope, the_console
from service.models import School
from service.people.slips import Group, groups, slips

blueprint = Blueprint("slips", __name__, url_prefix="/slips")


@blueprint.get("")
def index() -> str:
    """The classes of the school that the address names, or of the only one that one may see."""
    mine, code = scope(), request.args.get("school", "").strip()
    found: list[Group] = []
    with the_console().transaction() as db:
        schools = db.scalars(select(School).where(mine.schools()).order_by(School.code)).all()
        if not code and len(schools) == 1:
            code = schools[0].code
        school = next((one for one in schools if one.code == code), None)
        if school:
            found = groups(db, mine, school.code)
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
    console, code, group = the_console(), request.args.get("school", ""), request.args.get("class")
    with console.transaction() as db:
        found = slips(db, console.application, scope(), code, group)
    return render_template("console/slips_sheet.html", slips=found, code=code)
