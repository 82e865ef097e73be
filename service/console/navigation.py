"""The two rows of links: the sections of the console, and the pages of the one that is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import g, request, url_for

from service.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class Part:
    """A page of a section, with those that are reached from it."""

    title: str
    """Marked with ``N_``."""
    endpoint: str
    belongs: tuple[str, ...] = ()
    """What the endpoints of its pages begin with, by default the blueprint; of several parts that
    fit, the longest beginning counts."""
    for_city: bool = False
    waiting: Callable[[], int] = lambda: 0
    """Counts what waits there for the operator."""

    def fits(self, endpoint: str) -> int:
        """Return how many characters of the beginning are this part's own."""
        beginnings = self.belongs or (self.endpoint.rpartition(".")[0],)
        return max(len(start) if endpoint.startswith(start) else 0 for start in beginnings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """As a template needs it."""

    title: str
    address: str
    current: bool
    count: int = 0
    """Of what waits there for the operator."""


def links(sections: Iterable[tuple[str, list[Part]]]) -> tuple[list[Link], list[Link]]:
    """Return links to the sections that the operator may see, and to the pages of the section that
    is shown; none where it has only one."""
    shown = [
        (title, [part for part in parts if g.scope.is_city or not part.for_city])
        for title, parts in sections
    ]
    endpoint = request.endpoint or ""
    here = max((part for _title, parts in shown for part in parts), key=lambda p: p.fits(endpoint))
    outer, inner = [], []
    for title, parts in shown:
        current = here in parts and here.fits(endpoint) > 0
        address, count = url_for(parts[0].endpoint), sum(part.waiting() for part in parts)
        outer.append(Link(title=_(title), address=address, current=current, count=count))
        if current and len(parts) > 1:
            inner = [
                Link(title=_(part.title), address=url_for(part.endpoint), current=part is here)
                for part in parts
            ]
    return outer, inner
