"""The changes of a load's plans: to browse, filter and search; before and after of each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, render_template
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from provisioning.changes import Action, Kind, Result
from provisioning.foreign_accounts import ADOPTS, LETS_GO
from service.console.context import scope, transaction
from service.console.forms import filters, typed
from service.console.paging import page_of
from service.loads import operations
from service.loads.plan_work import as_change
from service.loads.recording import LINKS
from service.models import KnownObject, KnownUser, PlannedChange
from service.privacy import masked

blueprint = Blueprint("changes", __name__, url_prefix="/loads/<int:load_id>/changes")

PAGE_SIZE = 100
SHOWN_OF_NEW = {
    Kind.USER: ("username", "class_title", "birth_date"),
    Kind.COURSE: ("shortname",),
    Kind.CATEGORY: ("parent",),
}
"""The fields shown of something new; its name is the title of the row."""

SEARCHED = ("lastname", "firstname", "username", "sourced_id", "class_title", "name", "fullname")


@blueprint.route("", methods=["GET", "POST"])
def index(load_id: int) -> str:
    """Filters are in the address. The searched text is posted: it may be somebody's name."""
    mine = scope()
    wanted, text = filters("school", "kind", "action", "result"), typed("text")
    with transaction() as db:
        load = operations.find(db, load_id, mine)
        plans = {plan.id: plan.school_code for plan in operations.plans(db, load, mine)}
        page = page_of(db, _query(plans, wanted, text), size=PAGE_SIZE)
        names = _names(db, page.items)
        return render_template(
            "console/changes.html",
            load=load,
            page=page,
            changes=[_shown(row, plans[row.plan_id], names) for row in page.items],
            wanted=wanted,
            text=text,
            schools=sorted(plans.values()),
            kinds=list(Kind),
            actions=list(Action),
            results=["open", *Result],
        )


def _query(plans: Mapping[int, str], wanted: Mapping[str, str], text: str) -> Select[PlannedChange]:
    inside = [plan_id for plan_id, code in plans.items() if wanted["school"] in ("", code)]
    query = select(PlannedChange).where(PlannedChange.plan_id.in_(inside))
    for name in ("kind", "action"):
        if wanted[name]:
            query = query.where(getattr(PlannedChange, name) == wanted[name])
    if wanted["result"]:
        result = "" if wanted["result"] == "open" else wanted["result"]
        query = query.where(PlannedChange.result == result)
    if text:
        query = query.where(_mentions(text))
    return query.order_by(PlannedChange.plan_id, PlannedChange.position)


def _mentions(text: str) -> ColumnElement[bool]:
    """A condition: the text is part of a name, login, class or key.

    SQLite knows no upper and lower case of Cyrillic letters, so the usual spellings are tried.
    """
    spellings = {text, text.lower(), text.upper(), text.capitalize(), text.title()}
    return or_(
        *(
            column.contains(spelling, autoescape=True)
            for spelling in sorted(spellings)
            for column in (
                PlannedChange.key,
                *(PlannedChange.after[field].as_string() for field in SEARCHED),
                *(PlannedChange.before[field].as_string() for field in SEARCHED),
            )
        )
    )


def _names(db: Session, rows: Sequence[PlannedChange]) -> dict[str, str]:
    """Names of the people, cohorts and courses that the rows only point to."""
    keys = {part for row in rows for part in _pointed_at(row)}
    if not keys:
        return {}
    people = db.scalars(select(KnownUser).where(KnownUser.person_id.in_(keys)))
    names = {person.person_id: f"{person.lastname} {person.firstname}" for person in people}
    known = select(KnownObject.key, KnownObject.fields).where(KnownObject.key.in_(keys))
    planned = select(PlannedChange.key, PlannedChange.after).where(
        PlannedChange.plan_id.in_({row.plan_id for row in rows}), PlannedChange.key.in_(keys)
    )
    for query in (known, planned):
        names |= {key: _name_of(fields) for key, fields in db.execute(query)}
    return names


def _pointed_at(row: PlannedChange) -> list[str]:
    return row.key.split("|")[:2] if row.kind in LINKS else []


def _name_of(values: Mapping[str, Any]) -> str:
    if "lastname" in values:
        return f"{values['lastname']} {values.get('firstname', '')}".strip()
    return str(values.get("fullname") or values.get("name") or "")


def _shown(row: PlannedChange, school_code: str, names: Mapping[str, str]) -> dict[str, Any]:
    """One row of the page. Its fields are (name, before, after); before is None for a new thing."""
    before, after = masked(row.before, scope()), masked(row.after, scope())
    title = _name_of(after or before) or row.key
    if row.kind in LINKS:
        group, title = (names.get(part) or part for part in _pointed_at(row))
        fields: list[tuple[str, Any, Any]] = [("name", None, group)]
    elif row.action == Action.CREATE:
        shown = SHOWN_OF_NEW.get(Kind(row.kind), ())
        fields = [(name, None, after[name]) for name in shown if after.get(name)]
        accounts = [(name, after.get(name)) for name in (ADOPTS, LETS_GO)]
        fields += [(name, None, f"Moodle id {one['id']}") for name, one in accounts if one]
    else:
        # What differs is asked of the stored values: masked ones all look alike.
        changed = as_change(row).changed
        fields = [(name, before.get(name), after.get(name)) for name in changed]
    return {"row": row, "school_code": school_code, "title": title, "fields": fields}
