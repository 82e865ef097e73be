"""The two rows of links of the console: sections, and the pages of the section one is in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.service.console_factories import ConsoleUnderTest
from tests.service.factories import add_request
from tests.service.link_factories import make_links_console

LINK = re.compile(r'<a href="([^"]+)"( aria-current="\w+")?>([^<]+)')
FOR_CITY = [
    "/console/clients", "/console/registry/imports", "/console/systems", "/console/writing",
]  # fmt: skip


def row(page: str, name: str) -> list[tuple[str, bool]]:
    """Address of each link of a row, and whether it is marked as where one is."""
    found = re.search(rf'<nav class="{name}".*?</nav>', page, re.DOTALL)
    return [(href, bool(mark)) for href, mark, _text in LINK.findall(found[0])] if found else []


@pytest.mark.parametrize("operator", ["school", "district", "city"])
def test_each_offered_page_opens_and_is_marked(console: ConsoleUnderTest, operator: str) -> None:
    browser = console.client(operator)
    sections = [address for address, _here in row(browser.get("/console/").text, "sections")]
    seen = []
    for section in sections:
        for address, _here in row(browser.get(section).text, "parts") or [(section, True)]:
            page = browser.get(address)
            assert page.status_code == 200
            assert [here for here, mark in row(page.text, "sections") if mark] == [section]
            assert [here for here, mark in row(page.text, "parts") if mark] in ([address], [])
            seen.append(address)
    assert len(sections) == 7
    assert sorted(set(FOR_CITY) & set(seen)) == (FOR_CITY if operator == "city" else [])


def test_every_page_without_a_number_in_its_address_has_a_section(
    console: ConsoleUnderTest,
) -> None:
    browser = console.client("city")
    for rule in console.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint.startswith("console."):
            page = browser.get(rule.rule).text if not rule.arguments else ""
            if '<nav class="sections"' in page:
                assert [mark for _address, mark in row(page, "sections")].count(True) == 1, rule


def test_requests_that_wait_are_counted_where_they_are_answered(tmp_path: Path) -> None:
    console = make_links_console(tmp_path)
    with console.rows() as rows:
        add_request(rows)
    page = console.client("anna").get("/console/").text
    assert re.findall(r'href="([^"]+)">[^<]*<span class="count"[^>]*>(\d+)<', page) == [
        ("/console/links", "1")
    ]
    assert 'class="count"' not in console.client("boris").get("/console/").text
