"""The registry's pages: each operator sees and changes their part, at every address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from service.models import (
    HeadCount,
    Milestone,
    OperatorRole,
    PlatformFigure,
    PlatformSchool,
    PlatformWeek,
    ReferenceImport,
    RegionalTotal,
    School,
)
from tests.service.console_factories import Browser, ConsoleUnderTest, make_console
from tests.service.factories import NOW, add_operator, add_school
from tests.service.tables import TITLES, as_csv, as_xlsx

OWN, FOREIGN = "78-0243", "78-0153"
FOREIGN_WORDS = (FOREIGN, "Школа № 153", "Невский", "Чужая школа", "98765")
OPERATORS = {
    "school": (OperatorRole.SCHOOL, [OWN]),
    "district": (OperatorRole.DISTRICT, ["Адмиралтейский"]),
    "nobody": (OperatorRole.SCHOOL, []),
}


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    """Two schools in two districts, a platform's week about both and an unknown one."""
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_operator(rows)
        for name, rights in OPERATORS.items():
            add_operator(rows, name, *rights)
        add_school(rows, OWN, district="Адмиралтейский", last_applied_at=None)
        add_school(rows, FOREIGN, last_applied_at=None)
        rows.add(
            HeadCount(
                school_code=FOREIGN, group="learners", people=98765, as_of=NOW.date(),
                source="ОО-1", recorded_at=NOW, recorded_by="city",
            )
        )  # fmt: skip
    week = (
        ("Код ОО", "Район", "Наименование ОО", "Учителей", "Сообщений", "Статус"),
        (OWN, "Адмиралтейский", "Школа 243", "40", "120", "Активен"),
        (FOREIGN, "Невский", "Школа 153", "98765", "98765", "Не активен"),
        ("", "Невский", "Чужая школа", "98765", "98765", "Не активен"),
    )
    city = console.client("city")
    upload(city, as_csv(*week), subject="platform", platform="Сферум", day="2026-09-30",
           mapping="default")  # fmt: skip
    say_yes(city, 1)
    return console


@pytest.fixture
def city(console: ConsoleUnderTest) -> Browser:
    return console.client("city")


def upload(browser: Browser, data: bytes, name: str = "файл.csv", **fields: str) -> TestResponse:
    file = FileStorage(BytesIO(data), filename=name)
    return browser.post("/console/registry/imports", file=file, **fields)


def say_yes(browser: Browser, number: int) -> TestResponse:
    page = browser.get(f"/console/registry/imports/{number}").text
    found = re.search(r'name="digest" value="(\w+)"', page)
    assert found, page
    return browser.post(f"/console/registry/imports/{number}/apply", digest=found[1])


def addresses(console: ConsoleUnderTest) -> Iterator[tuple[str, str]]:
    """Each route of the registry, about the foreign school, and each method."""
    values = {
        "<path:code>": FOREIGN, "<int:import_id>": "1", "<any(xlsx, csv):form>": "csv",
        "<any(schools, platform, totals, milestones):subject>": "schools",
    }  # fmt: skip
    for rule in console.app.url_map.iter_rules():
        if not rule.endpoint.startswith("console.registry"):
            continue
        address = rule.rule
        for place, value in values.items():
            address = address.replace(place, value)
        assert "<" not in address, address
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            yield method, address


FIELDS = {
    "source_system": "1С", "name": "x", "district": "Адмиралтейский", "code": "",
    "on": "2026-01-01",
    "old": "Невский", "subject": "schools", "digest": "0", "platform": "Сферум", "label": "Чужая",
    "key": "staff_general", "value": "5", "as_of": "2026-01-01", "document": "x",
    "number": "9.9", "title": "x", "text": "", "day": "2026-09-30", "version": "1",
}  # fmt: skip


@pytest.mark.parametrize("operator", OPERATORS)
def test_no_address_leads_to_another_school(console: ConsoleUnderTest, operator: str) -> None:
    browser, before = console.client(operator), everything(console)
    walked = list(addresses(console))
    assert len(walked) >= 20
    for method, address in walked:
        if method == "GET":
            answer = browser.get(address, day="2026-09-30", platform="Сферум", version="1")
        else:
            file = FileStorage(BytesIO(as_csv(TITLES)), filename="a.csv")
            answer = browser.post(address, file=file, **FIELDS)
            assert answer.status_code in {302, 404}, address
            if address.endswith("/match"):  # asks for a code before it looks
                code = browser.post(address, **{**FIELDS, "code": OWN}).status_code
                assert code == 404
        if FOREIGN in address or "/imports" in address or address.endswith("/new"):
            assert answer.status_code == 404, address
        text = answer.get_data().decode("utf-8-sig", "replace")
        for word in FOREIGN_WORDS:
            assert word in address or word not in text, (method, address)
    assert everything(console) == before


def everything(console: ConsoleUnderTest) -> list[list[str]]:
    """What no operator of a part may change."""
    tables = (
        ReferenceImport, PlatformWeek, PlatformFigure, PlatformSchool, RegionalTotal, Milestone,
        HeadCount, School,
    )  # fmt: skip
    with console.rows() as rows:
        found = [rows.execute(select(table.__table__)).all() for table in tables]
    return [sorted(map(str, each)) for each in found]


def test_the_city_finds_at_these_addresses_what_others_must_not(
    console: ConsoleUnderTest, city: Browser
) -> None:
    text = "".join(
        city.get(address, day="2026-09-30", platform="Сферум").text
        for method, address in addresses(console)
        if method == "GET"
    )
    for word in FOREIGN_WORDS:
        assert word in text or word == "98765", word
    assert "98\xa0765" in text


def test_a_district_changes_a_plan_and_a_school_reads_it(console: ConsoleUnderTest) -> None:
    address = f"/console/registry/school/{OWN}"
    district = console.client("district")
    assert "Полное название" in district.get(address).text
    answer = district.post(
        address, source_system="1С:Школа", state_system="нет", esia_plan_on="2027-09-01",
        learners="812", counted_on="2026-09-01", count_source="ОО-1",
    )  # fmt: skip
    assert answer.status_code == 302
    page = console.client("school").get(address).text
    for text in ("1С:Школа", "01.09.2027", "812 на 01.09.2026 (ОО-1)"):
        assert text in page
    assert 'name="source_system"' not in page
    shown = district.get("/console/registry", system="other").text
    assert "негосударственная" in shown
    assert OWN not in district.get("/console/registry", system="state").text


def test_a_file_is_shown_with_its_mistakes_and_not_imported(city: Browser) -> None:
    lines = (TITLES, ("n-1", "1", "Новая школа", "Невский", "вуз"), ("n-1", "1", "Ещё", "", ""))
    number = upload(city, as_xlsx(*lines), "школы.xlsx", subject="schools").location[-1]
    page = city.get(f"/console/registry/imports/{number}").text
    assert "строка 2" in page
    assert "«Тип» не может быть «вуз»." in page
    assert "Внести в реестр" not in page
    city.post(f"/console/registry/imports/{number}/apply", digest="0" * 64)
    assert "Новая школа" not in city.get("/console/registry").text
    assert city.post(f"/console/registry/imports/{number}/reject").status_code == 302


def test_a_file_is_imported_after_an_audited_yes(console: ConsoleUnderTest, city: Browser) -> None:
    lines = (TITLES, ("n-1", "1", "Новая школа", "Невский", "СПО"), (OWN, "", "", "Курортный", ""))
    number = int(upload(city, as_csv(*lines), subject="schools").location[-1])
    page = city.get(f"/console/registry/imports/{number}").text
    assert "Адмиралтейский" in page
    assert FOREIGN in page  # not in the file, stays
    assert say_yes(city, number).status_code == 302
    assert "Новая школа" in city.get("/console/registry").text
    actions = [action for _actor, action in console.acts()]
    assert actions[-3:] == ["school.write", "school.write", "registry.apply"]


@pytest.mark.parametrize(
    ("name", "data", "fields", "text"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0", {"subject": "schools"}, "Это не XLSX и не CSV"),
        ("a.csv", b"x;y", {"subject": "schools"}, "нет строки с названиями столбцов"),
        ("a.csv", b"x", {"subject": "platform", "mapping": "default", "day": ""}, "неделю"),
        ("a.csv", b"x", {"subject": "platform", "mapping": "default", "day": "2026-01-01"},
         "Назовите платформу"),
        ("", b"", {"subject": "schools"}, "Выберите файл"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_explained(
    city: Browser, name: str, data: bytes, fields: dict[str, str], text: str
) -> None:
    answer = upload(city, data, name, **fields)
    assert answer.status_code == 400
    assert text in answer.text


def test_a_new_school_is_added_closed_and_its_district_renamed(city: Browser) -> None:
    fields = {"name": "Лицей", "district": "Невский"}
    wrong = city.post("/console/registry/new", code=OWN, **fields)
    assert wrong.status_code == 400
    assert "уже есть в реестре" in wrong.text
    city.post("/console/registry/new", code="n/1", **fields)
    city.post("/console/registry/close/n/1", on="2026-08-31", merged_into=FOREIGN)
    city.post("/console/registry/district", old="Невский", name="Правобережный")
    page = city.get("/console/registry/school/n/1").text
    for text in ("Закрыта", f"присоединена к {FOREIGN}", "Правобережный"):
        assert text in page


def test_what_concerns_the_whole_school_is_ordered_on_its_page(
    console: ConsoleUnderTest, city: Browser
) -> None:
    address = f"/console/registry/change/{OWN}"
    assert city.post(address, what="code", into="other-code").status_code == 302
    page = city.get(f"/console/registry/school/{OWN}").text
    assert "Школа входит в состав другой" in page
    for what in ("merge", "split", "close"):
        city.post(address, what=what, into=FOREIGN, classes="8А")
        assert "Людей школы" in city.get(f"/console/registry/school/{OWN}").text
    assert console.client("district").post(address, what="code", into="x").status_code == 404


def test_a_school_of_a_platform_is_matched_once_for_all_weeks(city: Browser) -> None:
    address = "/console/registry/platforms"
    which = {"platform": "Сферум", "label": "Невский, Чужая школа"}
    assert which["label"] in city.get(address).text
    city.post(f"{address}/match", ignore="1", **which)
    assert "Чужая школа" not in city.get(address).text


def test_a_total_is_added_as_a_new_row(city: Browser) -> None:
    address = "/console/registry/totals"
    fields = {"key": "learners_vocational", "as_of": "2026-10-01", "document": "СПО-1"}
    city.post(address, value="98000", **fields)
    city.post(address, value="98500", **fields)
    page = city.get(address).text
    assert "98\xa0000" in page
    assert page.index("98\xa0500") < page.index("98\xa0000")
    assert "целое число" in city.post(address, value="много", **fields).text


def test_steps_of_the_plan_are_offered_and_marked(console: ConsoleUnderTest, city: Browser) -> None:
    address = "/console/registry/plan"
    city.post(f"{address}/offer")
    assert "2017" not in city.get(address).text
    city.post(address, number="2.2", title="Вход только через ЕСИА", due_on="2026-10-01")
    assert "Просрочено" in city.get(address).text
    city.post(f"{address}/done", number="2.2")
    page = console.client("school").get(address).text
    assert "Просрочено" not in page
    assert "02.10.2026" in page
    city.post(f"{address}/remove", number="2.2")
    assert "2.2" not in city.get(address).text


def test_the_registry_is_downloaded_by_part_and_in_the_template(console: ConsoleUnderTest) -> None:
    answer = console.client("district").get("/console/registry/schools.xlsx")
    sheet = load_workbook(BytesIO(answer.data)).worksheets[0]
    assert [row[0] for row in sheet.iter_rows(values_only=True)] == ["Код ОО", OWN]
    assert sheet.freeze_panes == "A2"


def test_nobody_is_reminded_to_load_a_closed_school(city: Browser) -> None:
    assert "Школа № 153" in city.get("/console/").text
    city.post(f"/console/registry/close/{FOREIGN}", on="2026-10-01")
    assert "Школа № 153" not in city.get("/console/").text


def test_numbers_and_days_out_of_reach_are_no_error_of_ours(city: Browser) -> None:
    address = "/console/registry/platforms/week"
    answers = [
        city.get(address, platform="Сферум", day=day, version=version)
        for day, version in (("0001-01-01", "1"), ("2026-09-30", "9" * 30), ("yesterday", "1"))
    ]
    answers.append(city.get("/console/registry/imports/99999999999"))
    assert {answer.status_code for answer in answers} == {404}
