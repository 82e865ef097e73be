"""All roles walk all routes: nobody gets a number or a name from outside their schools.

What is asked about another school is answered like what is not there, and changes nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from service.db import make_engine
from service.models import Operator
from tests.service.console_factories import ConsoleUnderTest, make_console
from tests.service.scope_city import (
    ABSENT,
    CAME_FROM_AFAR,
    CITY_ONLY,
    FAR,
    FARTHER,
    IN_TWO_SCHOOLS,
    OWN,
    PLACES,
    SISTER,
    Place,
    add_operators,
    fill_city,
)
from tests.service.scope_recipes import RECIPES, Request
from tests.service.scope_walker import (
    FIGURE,
    WITHOUT_FIGURES,
    Answer,
    Walker,
    differences,
    normalised,
    readable,
    rows_about,
)

OUTSIDE: dict[str, tuple[Sequence[Place], int]] = {
    "school": ((SISTER, FAR, FARTHER), 120),
    "district": ((FAR, FARTHER), 200),
    "nowhere": (PLACES, 120),
}
"""By operator: the schools outside, and from which number on a figure holds one of them."""

UNFILTERED = ("console.reports.show", "console.slips.sheet", "console.registry_figures.week")
"""Pages that show an operator's own schools."""

SAID_BY_PAGES = {153, 219, 500, 812}
"""Examples and limits, not figures of schools."""


@pytest.fixture
def console(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ConsoleUnderTest]:
    """The city on SQLite, or on PostgreSQL where a test says so."""
    on_server = getattr(request, "param", "sqlite") == "postgresql"
    url = request.getfixturevalue("fresh_postgres_url") if on_server else ""
    console = make_console(tmp_path, engine=make_engine(url) if on_server else None)
    with console.rows() as rows:
        add_operators(rows)
        fill_city(rows)
    yield console
    console.application.engine.dispose()


def foreign_words(outside: Sequence[Place]) -> set[str]:
    words = {mark for place in outside for mark in place.marks}
    words |= {place.district.lower() for place in outside} - {OWN.district.lower()}
    if OWN in outside:
        words.add(OWN.district.lower())
    return words | {*CITY_ONLY}


def told(request: Request, answer: Answer, outside: Sequence[Place], limit: int) -> list[str]:
    """What the answer tells of the schools outside, but for the asker's own words."""
    words = [
        word
        for word in foreign_words(outside)
        if word in answer.markup and word not in request.typed
    ]
    figures = answer.figures() - SAID_BY_PAGES
    if request.endpoint in WITHOUT_FIGURES:
        figures = set()
    return words + [str(figure) for figure in figures if figure >= limit]


def is_near(place: Place, outside: Sequence[Place]) -> bool:
    """A school outside in a district that is not: its name is on pages of the own school."""
    return place.district == OWN.district and OWN not in outside


def walk(walker: Walker, place: Place, outside: Sequence[Place], limit: int) -> list[str]:
    """Ask everything about ``place``, which is outside, and the same about what is not there."""
    leaks = []
    absent_place = replace(ABSENT, district=place.district) if is_near(place, outside) else ABSENT
    asked = zip(walker.requests(place), walker.requests(absent_place), strict=True)
    for request, absent in asked:
        answer = walker.ask(request)
        leaks += [f"{request}: {word}" for word in told(request, answer, outside, limit)]
        if request != absent:
            like_absent = normalised(walker.ask(absent), absent_place)
            if normalised(answer, place) != like_absent:
                leaks.append(f"{request}: not as what is absent")
    return leaks


ASKED_ABOUT: dict[str, Sequence[Place]] = {
    "school": (SISTER, FAR),
    "district": (FAR,),
    "nowhere": (OWN,),
}
"""Schools outside, by the values of which everything is asked."""

INSIDE: dict[str, Sequence[Place]] = {
    "school": (OWN, IN_TWO_SCHOOLS, CAME_FROM_AFAR),
    "district": (SISTER, OWN, IN_TWO_SCHOOLS, CAME_FROM_AFAR),
    "nowhere": (),
}


@pytest.mark.parametrize(
    ("operator", "console"),
    [("school", "sqlite"), ("school", "postgresql"), ("district", "sqlite"), ("nowhere", "sqlite")],
    indirect=["console"],
)
def test_nothing_of_a_school_outside_is_told_or_changed(
    console: ConsoleUnderTest, operator: str
) -> None:
    outside, limit = OUTSIDE[operator]
    before = rows_about(console, outside)
    walker = Walker(console, operator)
    leaks = [
        leak for place in ASKED_ABOUT[operator] for leak in walk(walker, place, outside, limit)
    ]
    shown = ""
    # Acts come last: they change what there is to read.
    for reads in (True, False):
        for place in INSIDE[operator]:
            for request in (one for one in walker.requests(place) if one.reads == reads):
                answer = walker.ask(request)
                leaks += [f"{request}: {word}" for word in told(request, answer, outside, limit)]
                shown += answer.text if request.endpoint in UNFILTERED else ""
    assert leaks == []
    assert differences(before, rows_about(console, outside)) == []
    own_words = {mark for place in INSIDE[operator] for mark in place.marks - {place.login}}
    assert {word for word in own_words if word not in shown} == set(), "the own schools are shown"


@pytest.mark.parametrize("operator", ["", "gone"])
def test_whoever_is_not_signed_in_is_told_nothing(console: ConsoleUnderTest, operator: str) -> None:
    walker = Walker(console, operator)
    with console.rows() as rows:
        rows.execute(update(Operator).where(Operator.username == "gone").values(active=False))
        before = rows_about(console, PLACES)
    leaks = []
    for request in walker.requests(OWN):
        answer = walker.ask(request)
        leaks += [f"{request}: {word}" for word in told(request, answer, PLACES, 120)]
        if request.endpoint.startswith("console.") and ".signin." not in request.endpoint:
            assert answer.location.startswith("/console/signin"), request
    assert leaks == []
    assert differences(before, rows_about(console, PLACES)) == []


def test_the_city_is_told_everything_the_walk_looks_for(console: ConsoleUnderTest) -> None:
    walker = Walker(console, "city")
    wanted = foreign_words(PLACES) | {OWN.district.lower()}
    figures = {figure for place in PLACES for figure in place.figures if figure > 99}
    for request in walker.requests(FAR):
        if request.reads:
            answer = walker.ask(request)
            figures -= answer.figures()
            wanted -= {word for word in wanted if word in answer.markup} - {
                word for word in wanted if word in request.typed
            }
    assert (wanted, figures) == (set(), set())


def test_every_recipe_is_of_a_route(console: ConsoleUnderTest) -> None:
    """The other way round the walk itself fails."""
    assert set(RECIPES) - {rule.endpoint for rule in console.app.url_map.iter_rules()} == set()


PDF_PAGES = ("/console/reports/coverage.pdf", f"/console/reports/published/{OWN.number}.pdf")


@pytest.mark.parametrize("operator", ["school", "district"])
def test_a_pdf_file_holds_the_own_part_only(console: ConsoleUnderTest, operator: str) -> None:
    outside, limit = OUTSIDE[operator]
    browser = console.client(operator)
    for address in PDF_PAGES:
        answer = browser.get(address)
        assert answer.status_code == 200
        text = readable(answer).lower()
        assert OWN.word in text
        assert [word for word in foreign_words(outside) if word in text] == []
        assert [n for n in map(int, FIGURE.findall(text)) if n >= limit] == []
    for address in PDF_PAGES:
        foreign = address.replace(str(OWN.number), str(FAR.number))
        assert browser.get(foreign, school=FAR.school).status_code == 404
