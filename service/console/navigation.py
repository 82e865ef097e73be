"""The sections of the console and the pages of each: what the two rows of links lead to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import g, request, url_for

from service.console.links import waiting_count
from service.i18n import gettext as _
from service.models import OperatorRole

Text = Callable[[], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One page of a section, with those that are reached from it."""

    title: Text
    leads_to: str
    """An endpoint."""
    belongs: tuple[str, ...]
    """Endpoints, or what they begin with; of several parts the longest counts."""
    for_city: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """As a template needs it."""

    title: str
    address: str
    current: bool
    count: int = 0
    """Of what waits there for the operator."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Navigation:
    sections: list[Link]
    parts: list[Link]
    """Those of the section one is in; empty where it has only one."""


SECTIONS: tuple[tuple[Text, tuple[Part, ...]], ...] = (
    (
        lambda: _("Overview"),
        (
            Part(
                title=lambda: _("Overview"),
                leads_to="console.home.index",
                belongs=("console.home",),
            ),
        ),
    ),
    (
        lambda: _("Loads"),
        (
            Part(
                title=lambda: _("All loads"),
                leads_to="console.loads.index",
                belongs=("console.loads", "console.findings", "console.changes"),
            ),
            Part(
                title=lambda: _("New load"),
                leads_to="console.uploads.form",
                belongs=("console.uploads",),
            ),
        ),
    ),
    (
        lambda: _("People"),
        (
            Part(
                title=lambda: _("Slips"),
                leads_to="console.slips.index",
                belongs=("console.slips",),
            ),
            Part(
                title=lambda: _("Passwords"),
                leads_to="console.people.index",
                belongs=("console.people",),
            ),
        ),
    ),
    (
        lambda: _("Reports"),
        (
            Part(
                title=lambda: _("All reports"),
                leads_to="console.reports.index",
                belongs=("console.reports",),
            ),
            Part(
                title=lambda: _("Published reports"),
                leads_to="console.reports.published.index",
                belongs=("console.reports.published",),
            ),
            Part(
                title=lambda: _("Reports by mail"),
                leads_to="console.reports.mail.form",
                belongs=("console.reports.mail",),
            ),
        ),
    ),
    (
        lambda: _("Registry"),
        (
            Part(
                title=lambda: _("Schools"),
                leads_to="console.registry.index",
                belongs=("console.registry.",),
            ),
            Part(
                title=lambda: _("Other platforms"),
                leads_to="console.registry_figures.weeks",
                belongs=("console.registry_figures.",),
            ),
            Part(
                title=lambda: _("Regional totals"),
                leads_to="console.registry_figures.regional_totals",
                belongs=(
                    "console.registry_figures.regional_totals",
                    "console.registry_figures.add_total",
                ),
            ),
            Part(
                title=lambda: _("Plan of the transition"),
                leads_to="console.registry_figures.plan",
                belongs=("console.registry_figures.plan", "console.registry_figures.save_step"),
            ),
            Part(
                title=lambda: _("Files"),
                leads_to="console.registry_imports.index",
                belongs=("console.registry_imports",),
                for_city=True,
            ),
        ),
    ),
    (
        lambda: _("Sign-in"),
        (
            Part(
                title=lambda: _("Links"),
                leads_to="console.links.index",
                belongs=("console.links",),
            ),
            Part(
                title=lambda: _("Phases"),
                leads_to="console.phases.index",
                belongs=("console.phases",),
            ),
            Part(
                title=lambda: _("Applications"),
                leads_to="console.clients.index",
                belongs=("console.clients",),
                for_city=True,
            ),
            Part(
                title=lambda: _("Systems of the ЕСИА stand-in"),
                leads_to="console.systems.index",
                belongs=("console.systems",),
                for_city=True,
            ),
        ),
    ),
)


def navigation() -> Navigation:
    """For the page that is being answered, and the operator who asked."""
    here, waiting = _part_of(request.endpoint or ""), waiting_count()
    sections, shown = [], []
    for title, parts in SECTIONS:
        allowed = [one for one in parts if not one.for_city or _is_city()]
        inside = here in allowed
        holds_links = any(one.leads_to == "console.links.index" for one in allowed)
        sections.append(
            Link(
                title=title(),
                address=url_for(allowed[0].leads_to),
                current=inside,
                count=waiting if holds_links else 0,
            )
        )
        if inside and len(allowed) > 1:
            shown = [
                Link(title=one.title(), address=url_for(one.leads_to), current=one is here)
                for one in allowed
            ]
    return Navigation(sections=sections, parts=shown)


def _part_of(endpoint: str) -> Part | None:
    fits = [
        (len(start), part)
        for _title, parts in SECTIONS
        for part in parts
        for start in part.belongs
        if endpoint.startswith(start)
    ]
    return max(fits, key=lambda fit: fit[0])[1] if fits else None


def _is_city() -> bool:
    return bool(g.operator.role == OperatorRole.CITY)
