"""The console as one blueprint under ``/console``: every page behind the same guard."""

from __future__ import annotations

from typing import cast
from urllib.parse import quote

from flask import Blueprint, Response, redirect, request, url_for

from service.console import (
    adopting,
    by_hand,
    changes,
    clients,
    drifts,
    exclusions,
    findings,
    home,
    links,
    loads,
    mail,
    pages,
    people,
    phases,
    published,
    questions,
    registry,
    registry_figures,
    registry_imports,
    rehearsals,
    reports,
    separating,
    session,
    signin,
    slips,
    systems,
    uploads,
    writing,
    years,
)
from service.console import navigation as navigating
from service.console.navigation import Link
from service.i18n import N_

SECTIONS = (
    (N_("Overview"), (home,)),
    (N_("Loads"), (loads, uploads, questions, years, writing)),
    (N_("Moodle"), (drifts, exclusions, adopting)),
    (N_("People"), (slips, people, by_hand)),
    (N_("Reports"), (reports, published, mail)),
    (N_("Registry"), (registry, registry_figures, registry_imports)),
    (N_("Sign-in"), (links, phases, clients, systems)),
)
"""The sections in their order, each with the modules whose ``PARTS`` it shows."""

blueprint = Blueprint("console", __name__, url_prefix="/console")
blueprint.before_request(session.guard)
blueprint.after_request(pages.keep_private)


@blueprint.app_template_global()
def navigation() -> tuple[list[Link], list[Link]]:
    return navigating.links(
        (title, [part for module in modules for part in module.PARTS])
        for title, modules in SECTIONS
    )


@blueprint.get("/runs")
@blueprint.get("/runs/<path:rest>")
def earlier_address(rest: str = "") -> Response:
    """Lead bookmarks and mails of earlier versions on: a load was called a run."""
    address = url_for("console.loads.index") + (f"/{quote(rest)}" if rest else "")
    query = request.query_string.decode("ascii", "replace")
    return cast(Response, redirect(f"{address}?{query}" if query else address, 301))


OF_REPORTS = (published, mail)
"""Modules whose addresses are below those of the reports."""

for inner in OF_REPORTS:
    reports.blueprint.register_blueprint(inner.blueprint)
WITHOUT_PARTS = (signin, findings, changes, rehearsals, separating)
"""Modules whose pages are reached from others only."""

for module in (*WITHOUT_PARTS, *(one for _title, some in SECTIONS for one in some)):
    if module not in OF_REPORTS:
        blueprint.register_blueprint(module.blueprint)
