"""A browser on its way through all routes: asks, reads answers of all kinds, compares rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from io import BytesIO
from urllib.parse import quote, unquote
from zipfile import ZipFile

from pypdf import PdfReader
from sqlalchemy import select
from werkzeug.test import TestResponse

from auth.models import Base as AuthBase
from service.db import Base
from tests.service.console_factories import ConsoleUnderTest
from tests.service.scope_city import SHARED_PEOPLE, Place
from tests.service.scope_recipes import Request, requests_about

FIGURE = re.compile(r"(?<![\w.:№-])(?<!\d,)\d{3}(?!\w|[.,:-]\d)")
"""A whole number of three digits by itself."""

SIGN_OUT = "console.signin.sign_out"
WITHOUT_FIGURES = ("static", "_icon", "auth_pages.static")
"""Style sheets are full of numbers."""

MADE_BY_READING = {
    "audit_entries", "activity_pending_events", "mark_changes", "roll_changes", "roll_sheets",
}  # fmt: skip
"""Tables that reports keep up to date, and the audit, where what was tried stays, too."""


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
        self._known: dict[tuple[object, ...], Answer] = {}

    def requests(self, place: Place) -> Iterator[Request]:
        """Every request to every route about ``place``, but to that which ends the session."""
        for rule in sorted(self.console.app.url_map.iter_rules(), key=lambda rule: rule.endpoint):
            if rule.endpoint != SIGN_OUT:
                yield from requests_about(rule, place)

    def ask(self, request: Request) -> Answer:
        key = (
            request.method, request.address,
            tuple(request.query.items()), tuple(request.form.items()),
        )  # fmt: skip
        if key not in self._known:
            self._known[key] = self._ask(request)
        return self._known[key]

    def _ask(self, request: Request) -> Answer:
        client = self.browser.client
        if request.method == "GET":
            response = client.get(request.address, query_string=dict(request.query))
        else:
            response = self._post(request)
        location = response.headers.get("Location", "")
        text = readable(response)
        if request.method == "POST" and location.startswith("/console"):
            text += readable(client.get(location))
        headers = unquote(str(response.headers))
        return Answer(
            status=response.status_code,
            location=location,
            text=without_tags(text),
            markup=unescape(headers + text).lower(),
        )

    def _post(self, request: Request) -> TestResponse:
        return self.browser.post_with(self._token, request.address, **request.body())


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


def without_tags(text: str) -> str:
    return unescape(re.sub(r"<[^>]*>", " ", text)).lower()


def normalised(answer: Answer, place: Place) -> tuple[int, str, str]:
    """Status, address and page of an answer, without what was asked about."""
    page, location = answer.markup.partition("\r\n\r\n")[2], unquote(answer.location)
    for name, value in sorted(place.values.items(), key=lambda one: -len(one[1])):
        for spelling in (value.lower(), quote(value).lower()):
            page = page.replace(spelling, f"<{name}>")
        location = location.replace(value, f"<{name}>")
    return answer.status, location, page


def rows_about(console: ConsoleUnderTest, places: Sequence[Place]) -> dict[str, list[str]]:
    """By table, every row with a mark of one of ``places``.

    But for people who are of an own school as well.
    """
    marks = {mark for place in places for mark in place.marks}
    return {
        name: sorted(
            row
            for row in found
            if any(mark in row for mark in marks) and not any(one in row for one in SHARED_PEOPLE)
        )
        for name, found in _tables(console)
        if name not in MADE_BY_READING
    }


def _tables(console: ConsoleUnderTest) -> Iterator[tuple[str, list[str]]]:
    with console.rows() as rows:
        for base in (Base, AuthBase):
            for table in base.metadata.sorted_tables:
                yield table.name, [repr(tuple(row)).lower() for row in rows.execute(select(table))]


def differences(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """The rows that came or went, each with its table."""
    return [
        f"{name}: {row}"
        for name in before
        for row in {*before[name]} ^ {*after.get(name, [])}
    ]  # fmt: skip
