"""All roles walk all routes: nobody gets a number or a name from outside their schools.

What is asked about another school is answered like what is not there, and changes nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote
from zipfile import ZipFile

import pytest
from pypdf import PdfReader
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from auth.models import Base as AuthBase
from service.db import Base, make_engine
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
    SHARED_PEOPLE,
    SISTER,
    Place,
    add_operators,
    fill_city,
)
from tests.service.scope_recipes import RECIPES, Request, requests_about

FIGURE = re.compile(r"(?<![\w.:№-])(?<!\d,)\d{3}(?!\w|[.,:-]\d)")
"""A whole number of three digits by itself."""

WITHOUT_FIGURES = ("static", "_icon", "auth_pages.static")
"""Style sheets are full of numbers."""

MADE_BY_READING = {
    "audit_entries", "activity_pending_events", "mark_changes", "roll_changes", "roll_sheets",
}  # fmt: skip
"""Tables that reports keep up to date, and the audit, where what was tried stays, too."""

ASKED_OF_A_SCHOOL = {"questions", "decisions"}
"""Tables of which a row is the school's that is asked, whoever the candidates are."""


class View(NamedTuple):
    """What an operator sees of the city."""

    inside: Sequence[Place]
    outside: Sequence[Place]
    asked: Sequence[Place]
    """Those outside by the values of which everything is asked."""
    limit: int
    """From this number on a figure holds one of a school outside."""


VIEWS = {
    "school": View(
        (OWN, IN_TWO_SCHOOLS, CAME_FROM_AFAR), (SISTER, FAR, FARTHER), (SISTER, FAR), 120
    ),
    "district": View((SISTER, OWN, IN_TWO_SCHOOLS, CAME_FROM_AFAR), (FAR, FARTHER), (FAR,), 200),
    "nowhere": View((), PLACES, (OWN,), 120),
}
"""By operator."""

UNFILTERED = ("console.reports.show", "console.slips.sheet", "console.registry_figures.week")
"""Pages that show an operator's own schools."""

SAID_BY_PAGES = {153, 219, 500, 812}
"""Examples and limits, not figures of schools."""


@pytest.fixture
def console(database_url: str, tmp_path: Path) -> Iterator[ConsoleUnderTest]:
    """The city on SQLite, or on PostgreSQL where a test says so."""
    on_server = database_url.startswith("postgresql")
    console = make_console(tmp_path, engine=make_engine(database_url) if on_server else None)
    with console.rows() as rows:
        add_operators(rows)
        fill_city(rows)
    yield console
    console.application.engine.dispose()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    status: int
    location: str
    text: str
    """Of the page or file, and of the page that a form led to; without tags, in lower case."""
    markup: str
    """The same as it came, with the headers."""

    def figures(self) -> set[int]:
        return {int(found) for found in FIGURE.findall(self.text)} - {self.status}


class Walker:
    """One browser on its way through all routes; no request is made twice."""

    def __init__(self, console: ConsoleUnderTest, username: str = "") -> None:
        self.console = console
        self.browser = console.client(username)
        self._token = self.browser.form_token()
        self._known: dict[str, Answer] = {}

    def requests(self, place: Place) -> Iterator[Request]:
        """Every request to every route about ``place``, but to that which ends the session."""
        for rule in sorted(self.console.app.url_map.iter_rules(), key=lambda rule: rule.endpoint):
            if rule.endpoint != "console.signin.sign_out":
                yield from requests_about(rule, place)

    def ask(self, request: Request) -> Answer:
        if str(request) not in self._known:
            self._known[str(request)] = self._ask(request)
        return self._known[str(request)]

    def _ask(self, request: Request) -> Answer:
        reads = request.method == "GET"
        if reads:
            response = self.browser.get(request.address, **request.sent)
        else:
            response = self.browser.post_with(self._token, request.address, **request.body())
        location, text = response.headers.get("Location", ""), readable(response)
        if not reads and location.startswith("/console"):
            text += readable(self.browser.get(location))
        return Answer(
            status=response.status_code,
            location=location,
            text=unescape(re.sub(r"<[^>]*>", " ", text)).lower(),
            markup=unescape(unquote(str(response.headers)) + text).lower(),
        )


def readable(response: TestResponse) -> str:
    """The text of an answer; of a workbook that of its parts, of a PDF that of its pages."""
    content = response.get_data()
    response.close()
    if content.startswith(b"PK"):
        with ZipFile(BytesIO(content)) as parts:
            # Drawings say where a comment hangs, in numbers.
            names = [name for name in parts.namelist() if "drawing" not in name.lower()]
            return "\n".join(parts.read(name).decode() for name in names)
    if content.startswith(b"%PDF-"):
        return "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)
    return content.decode("utf-8-sig")


def normalised(answer: Answer, place: Place) -> tuple[int, str, str]:
    """Status, address and page of an answer, without what was asked about."""
    page, location = answer.markup.partition("\r\n\r\n")[2], unquote(answer.location)
    for name, value in sorted(place.values.items(), key=lambda one: -len(one[1])):
        for spelling in (value.lower(), quote(value).lower()):
            page = page.replace(spelling, f"<{name}>")
        location = location.replace(value, f"<{name}>")
    return answer.status, location, page


def rows_about(console: ConsoleUnderTest, places: Sequence[Place]) -> set[str]:
    """Every row with a mark of one of ``places``, but of people of an own school as well."""
    marks = {mark for place in places for mark in place.marks}
    schools = {place.school for place in places}
    with console.rows() as rows:
        found = {
            f"{table.name}: {tuple(row)!r}".lower()
            for base in (Base, AuthBase)
            for table in base.metadata.sorted_tables
            if table.name not in MADE_BY_READING
            for row in rows.execute(select(table))
            if table.name not in ASKED_OF_A_SCHOOL or row.school_code in schools
        }
    return {
        row
        for row in found
        if any(mark in row for mark in marks) and not any(one in row for one in SHARED_PEOPLE)
    }


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


@pytest.mark.parametrize(
    ("operator", "database_url"),
    [("school", "sqlite"), ("school", "postgresql"), ("district", "sqlite"), ("nowhere", "sqlite")],
    indirect=["database_url"],
)
def test_nothing_outside_is_told_or_changed(console: ConsoleUnderTest, operator: str) -> None:
    inside, outside, asked, limit = VIEWS[operator]
    before = rows_about(console, outside)
    walker = Walker(console, operator)
    leaks = [leak for place in asked for leak in walk(walker, place, outside, limit)]
    shown = ""
    # Acts come last: they change what there is to read.
    for reads in (True, False):
        for place in inside:
            for request in (one for one in walker.requests(place) if one.reads == reads):
                answer = walker.ask(request)
                leaks += [f"{request}: {word}" for word in told(request, answer, outside, limit)]
                shown += answer.text if request.endpoint in UNFILTERED else ""
    assert leaks == []
    assert before ^ rows_about(console, outside) == set()
    own_words = {mark for place in inside for mark in place.marks - {place.login}}
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
    assert before ^ rows_about(console, PLACES) == set()


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
    _inside, outside, _asked, limit = VIEWS[operator]
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
