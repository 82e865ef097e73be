"""Pages on a phone of 320 pixels: nothing scrolls sideways but boxes that the keyboard reaches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

import service
from service.reports import REPORTS
from tests.service.console_factories import make_console, sign_in_at
from tests.service.factories import (
    add_file,
    add_finding,
    add_load,
    add_plan,
    add_question,
    add_school,
    make_user_change,
)
from tests.web import running_app

Opened = tuple[str, Page]
PHONE = {"width": 320, "height": 640}
PAGES = (
    "", "people", "runs", "runs/1", "runs/1/changes", "registry", "registry/plan",
    "registry/totals", "registry/platforms", "links", "clients", "systems", "phases",
    "reports/", "reports/coverage", "slips", "questions", "questions/1",
)  # fmt: skip

TEMPLATES = sorted((Path(service.__file__).parent / "templates").rglob("*.html"))

UNREACHABLE = """
() => [...document.querySelectorAll("body *")].filter((box) => {
  const style = getComputedStyle(box);
  const scrolls = (size, room, overflow) => /auto|scroll/.test(overflow) && size > room + 1;
  if (!scrolls(box.scrollWidth, box.clientWidth, style.overflowX) &&
      !scrolls(box.scrollHeight, box.clientHeight, style.overflowY)) return false;
  return box.tabIndex < 0 && !box.querySelector("a[href], button, input, select, textarea");
}).map((box) => box.outerHTML.slice(0, 80))
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, chromium: Chromium) -> Iterator[Opened]:
    """The console's address, and a phone that an operator of the city has signed in with."""
    console = make_console(tmp_path_factory.mktemp("narrow"), operators=True)
    with console.rows() as rows:
        load = add_load(rows)
        for number in range(30):
            add_school(rows, f"78-{number:04d}")
        add_file(rows, load, "78-0001")
        add_finding(rows, load, school_code="78-0001")
        add_question(rows, "78-0001")
        add_plan(rows, load, "78-0001", [make_user_change(f"p-{one}") for one in range(40)])
    with (
        running_app(console.app) as address,
        chromium.new_context(locale="ru-RU", viewport=PHONE) as context,
    ):
        opened = context.new_page()
        opened.goto(f"{address}/console/")
        sign_in_at(opened)
        opened.wait_for_url(f"{address}/console/")
        yield f"{address}/console", opened


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_box_of_a_table_takes_the_focus_and_has_a_name(template: Path) -> None:
    boxes = re.findall(r'<div class="table-wrap[^>]*>', template.read_text("utf-8"))
    assert [box for box in boxes if 'tabindex="0"' not in box or "aria-label" not in box] == []


@pytest.mark.parametrize("name", REPORTS)
def test_a_print_view_does_not_scroll_sideways(page: Opened, name: str) -> None:
    address, opened = page
    opened.goto(f"{address}/reports/{name}/print")
    assert opened.locator("table").count() == 1
    assert opened.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
    assert opened.evaluate(UNREACHABLE) == []


@pytest.mark.parametrize("path", PAGES)
def test_what_scrolls_can_be_reached_with_the_keyboard(page: Opened, path: str) -> None:
    address, opened = page
    answer = opened.goto(f"{address}/{path}")
    assert answer is not None
    assert answer.status == 200
    assert opened.evaluate(UNREACHABLE) == []
