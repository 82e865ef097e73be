"""Moodle as it is: what differs from what we hold, the answers to it, and looks into Moodle."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from provisioning.drift import DriftKind
from service.console.context import now, own_schools, scope, settings, the_console, transaction
from service.console.forms import done, filters, refused_on, said, typed
from service.console.navigation import Part
from service.console.paging import page_of, page_of_rows
from service.i18n import N_, ngettext
from service.i18n import gettext as _
from service.loads.left_alone import exclusions
from service.models import Drift, DriftState
from service.portal import asking, both_ways, deciding
from service.portal.deciding import MOST_AT_ONCE, Decided, Deciding, DriftProblem
from service.problems import Problem
from service.words import problems

blueprint = Blueprint("drifts", __name__, url_prefix="/moodle")
INDEX = "console.drifts.index"
ROWS = 50
LOOKS = 5


def _waiting() -> int:
    with transaction() as db:
        return deciding.count_open(db, scope())


PARTS = (
    Part(N_("Differences"), INDEX, belongs=("console.drifts.index", "console.drifts.answer",
                                            "console.drifts.look"), waiting=_waiting),
    Part(N_("Both lists"), "console.drifts.both_lists", belongs=("console.drifts.both_lists",)),
)  # fmt: skip


@blueprint.get("")
def index(problem: Problem | None = None) -> str:
    """``school``, ``kind`` and ``state`` of the address narrow the list."""
    mine = scope()
    wanted = _wanted()
    query = deciding.listed(
        mine, states=[DriftState(wanted["state"])], school=wanted["school"],
        kinds=[wanted["kind"]] if wanted["kind"] else [],
    )  # fmt: skip
    with transaction() as db:
        page = page_of(db, query, size=ROWS)
        for_all = wanted["kind"] and page.total > 1
        schools = {one.code: one.short_name for one in own_schools(db)}
        return render_template(
            "console/drifts.html",
            page=page,
            rows=_shown(db, page.items),
            counted=deciding.counted(db, mine),
            kinds=list(DriftKind),
            states=list(DriftState),
            wanted=wanted,
            digest=_digest(_every(db, wanted)) if for_all else "",
            schools=schools,
            looks=asking.last_looks(db, mine, most=LOOKS),
            last=both_ways.last_look(db, mine, wanted["school"]),
            most=MOST_AT_ONCE,
            refused=said(problem),
            form=request.form,
            waiting=asking.WAITING,
        )


def _wanted() -> dict[str, str]:
    """The filters of the address, or those that a form repeats."""
    given = request.form if request.method == "POST" else request.args
    wanted = {name: given.get(name, "") for name in ("school", "kind", "state")}
    if wanted["kind"] not in set(DriftKind):
        wanted["kind"] = ""
    if wanted["state"] not in set(DriftState):
        wanted["state"] = DriftState.OPEN.value
    return wanted


def _shown(db: Session, rows: Sequence[Drift]) -> list[dict[str, Any]]:
    people = deciding.people_of(db, scope(), rows)
    return [
        {"drift": row, "person": people.get(row.person_id), "may": deciding.may(row)}
        for row in rows
    ]


@blueprint.post("")
@refused_on(index)
def answer() -> Response:
    """Answer the drifts that are ticked, or with ``all`` every one that the filters name."""
    given, wanted = typed("answer"), _wanted()
    with transaction() as db:
        use_cases = Deciding(session=db, settings=settings(), scope=scope(), now=now())
        chosen = _chosen(db, wanted)
        if not chosen:
            raise DriftProblem("drift.none_chosen")
        if given == "repair":
            load_id = use_cases.repair(chosen).id
        elif given == "keep":
            decided = use_cases.keep(chosen, reason=typed("reason"))
        elif given == "exclude":
            decided = use_cases.exclude(chosen, reason=typed("reason"))
        else:
            raise DriftProblem("drift.no_answer")
    if given == "repair":
        text = _("The repair is planned. Look at it and say yes.")
        return done(text, "console.loads.show", 303, load_id=load_id)
    return done(_told(decided), INDEX, 303, **{name: wanted[name] for name in ("school", "kind")})


def _chosen(db: Session, wanted: dict[str, str]) -> list[int]:
    if request.form.get("all") and wanted["kind"]:
        every = _every(db, wanted)
        if typed("digest") != _digest(every):
            raise DriftProblem("drift.list_changed")
        return every
    return [int(text) for text in request.form.getlist("drift") if text.isdecimal()][:MOST_AT_ONCE]


def _every(db: Session, wanted: dict[str, str]) -> list[int]:
    """Return the numbers of all that the filters name, as many as one answer is given to."""
    query = deciding.listed(
        scope(), states=[DriftState(wanted["state"])], school=wanted["school"],
        kinds=[wanted["kind"]],
    )  # fmt: skip
    return list(db.scalars(query.with_only_columns(Drift.id).limit(MOST_AT_ONCE)))


def _digest(numbers: Sequence[int]) -> str:
    """What tells whether a list is still the one that was shown."""
    return hashlib.sha256(",".join(map(str, numbers)).encode()).hexdigest()


def _told(decided: Decided) -> str:
    number = len(decided.done)
    text = ngettext("{n} difference is answered", "{n} differences are answered", number)
    if decided.refused:
        why = "; ".join(sorted({problems.sentence(one) for one in decided.refused.values()}))
        text += ". " + _("{n} are not: {why}", n=len(decided.refused), why=why)
    return text


@blueprint.post("/look")
@refused_on(index)
def look() -> Response:
    """Ask for a look; a worker takes it."""
    with transaction() as db:
        asking.ask(db, scope(), typed("school"), now())
    the_console().queue.look_asked()
    return done(
        _("A look into Moodle is asked for. It takes minutes; reload the page."), INDEX, 303
    )


@blueprint.get("/both-lists")
def both_lists() -> str:
    """Who is on a roll and not in Moodle, and the other way round."""
    mine, wanted = scope(), filters("school", "way")
    way = both_ways.Way(wanted["way"]) if wanted["way"] in set(both_ways.Way) else None
    way = way or both_ways.Way.NOT_IN_MOODLE
    with transaction() as db:
        page = page_of_rows(db, both_ways.query(mine, way, wanted["school"]), size=ROWS)
        return render_template(
            "console/both_lists.html",
            page=page,
            lines=both_ways.lines(db, way, page.items, exclusions(db, settings().moodle)),
            counts=both_ways.counts(db, mine, wanted["school"]),
            way=way.value,
            ways=list(both_ways.Way),
            wanted=wanted,
            schools={one.code: one.short_name for one in own_schools(db)},
            last=both_ways.last_look(db, mine, wanted["school"]),
        )
