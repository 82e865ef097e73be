"""Forms that come too late or make no sense: the page again, with the reason and what was given."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from sqlalchemy import delete
from werkzeug.datastructures import FileStorage

from provisioning.changes import Action
from service.loads.planning import plan_load
from service.models import Load, LoadStatus, OperatorSession, PhaseRule, SchoolPlan
from service.sample import City, write_sample
from tests.service.console_factories import (
    Browser,
    ConsoleUnderTest,
    digest_on,
    make_console,
    shows,
    sign_in_at,
)
from tests.service.factories import (
    BREACH,
    NOW,
    PASSWORD,
    add_finding,
    add_load,
    add_plan,
    add_school,
    make_user_change,
)
from tests.web import running_app


@pytest.fixture
def console(console: ConsoleUnderTest) -> ConsoleUnderTest:
    """Load 1: two schools wait for approval, both over their limits."""
    with console.rows() as rows:
        load = add_load(rows)
        for number, code in enumerate(("78-0153", "78-0243")):
            add_school(rows, code)
            change = make_user_change(f"p-{number}", Action.SUSPEND)
            add_plan(rows, load, code, [change], breaches=[BREACH])
    return console


def end_sessions(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        rows.execute(delete(OperatorSession))


def statuses(console: ConsoleUnderTest) -> set[str]:
    return {plan.status for plan in console.all(SchoolPlan)}


# Over the limits


def test_a_yes_without_a_tick_shows_the_page_again_and_says_where_to_tick(
    console: ConsoleUnderTest, city: Browser
) -> None:
    digest = digest_on(city.get("/console/loads/1").text)
    answer = city.post("/console/loads/1/approve", digest=digest, then="apply")
    shows(answer, "Отметьте школы, изменения которых верны", status=409)
    assert digest_on(answer.text) == digest
    fieldset = answer.text[answer.text.index("<fieldset") : answer.text.index("</fieldset>")]
    assert 'id="needs-ticks"' in fieldset
    assert statuses(console) == {"planned"}
    assert console.queue.applied == []


def test_ticks_are_kept_when_the_plan_is_another(console: ConsoleUnderTest, city: Browser) -> None:
    answer = city.post("/console/loads/1/approve", digest="f" * 64, over_limits="78-0243")
    shows(answer, "посмотрите ещё раз", status=409)
    (ticked,) = (box for box in re.findall(r"<input[^>]*>", answer.text) if " checked" in box)
    assert 'value="78-0243"' in ticked
    assert statuses(console) == {"planned"}


@pytest.mark.parametrize("act", ["apply", "reject"])
def test_what_a_run_cannot_do_is_said_on_its_page(console: ConsoleUnderTest, act: str) -> None:
    if act == "reject":
        with console.rows() as rows:
            rows.get_one(Load, 1).status = LoadStatus.APPLIED
    answer = console.client("city").post(f"/console/loads/1/{act}")
    shows(answer, 'role="alert"', "Школа № 153", status=409)
    assert console.queue.applied == []


def test_in_a_browser_the_missing_tick_is_shown_and_then_taken(
    console: ConsoleUnderTest, chromium: Chromium
) -> None:
    with running_app(console.app) as address, chromium.new_context(locale="ru-RU") as context:
        page = context.new_page()
        page.goto(f"{address}/console/loads/1")
        sign_in_at(page)
        page.click("text=Утвердить и применить")
        assert page.locator("#needs-ticks").is_visible()
        page.wait_for_function("document.activeElement.name === 'over_limits'")
        page.check("[value='78-0243']")
        page.click("text=Утвердить и применить")
        page.wait_for_url(f"{address}/console/loads/1")
    assert statuses(console) == {"planned", "approved"}


# Sessions that had ended


@pytest.mark.parametrize(
    ("posted", "fields", "back", "said"),
    [
        ("/console/upload", {"files": "file"}, "/console/upload", "они не приняты"),
        ("/console/registry/imports", {"file": "file"}, "/console/registry/imports", "не приняты"),
        ("/console/loads/1/approve", {"digest": "f" * 64}, "/console/loads/1", "дошло решение"),
        ("/console/loads/1/reject", {}, "/console/loads/1", "дошло решение"),
        ("/console/phases/rules", {"phase": "both"}, "/console/phases", "дошла форма"),
        ("/console/people", {"login": "48pa"}, "/console/people", "дошла форма"),
        ("/console/registry/school/78-0243", {}, "/console/registry/school/78-0243", "форма"),
    ],
)
def test_a_form_after_the_end_of_the_session_is_said_to_be_lost_and_its_page_comes_back(
    console: ConsoleUnderTest, city: Browser, posted: str, fields: dict[str, str], back: str,
    said: str,
) -> None:  # fmt: skip
    token = city.form_token()
    end_sessions(console)
    sent = {
        name: FileStorage(BytesIO(b"x" * 100_000), filename="a.xml") if value == "file" else value
        for name, value in fields.items()
    }
    refused = city.post_with(token, posted, **sent)
    assert refused.status_code == 302
    sign_in_page = city.get(refused.location).text
    assert said in sign_in_page
    token = sign_in_page.partition('name="form_token" value="')[2].partition('"')[0]
    signed_in = city.post_with(token, refused.location, username="city", password=PASSWORD)
    assert (signed_in.status_code, signed_in.location) == (302, back)
    assert said in city.get(back).text
    assert said not in city.get(back).text, "it is said once"
    assert statuses(console) == {"planned"}
    assert console.queue.planned == []


def test_the_page_of_the_form_comes_back_filtered(console: ConsoleUnderTest, city: Browser) -> None:
    end_sessions(console)
    for referrer, back in (
        ("http://localhost/console/loads/1?queued=1", "/console/loads/1?queued=1"),
        ("http://elsewhere.example/console/mail", "/console/loads/1"),
        ("http://localhost/console/loads/1/approve", "/console/loads/1"),
    ):
        answer = city.client.post("/console/loads/1/stop", headers={"Referer": referrer})
        assert answer.location == city.client.get(back).location


def test_a_sign_out_after_the_end_loses_nothing(console: ConsoleUnderTest, city: Browser) -> None:
    end_sessions(console)
    answer = city.client.post("/console/signout")
    assert "Сеанс закончился раньше" not in city.get(answer.location or "").text


def test_a_form_of_an_earlier_session_leads_back(console: ConsoleUnderTest, city: Browser) -> None:
    token = city.form_token()
    city.post("/console/signin", username="city", password=PASSWORD)
    answer = city.post_with(token, "/console/loads/1/approve", digest="f" * 64)
    shows(answer, 'href="/console/loads/1"', status=400)
    assert statuses(console) == {"planned"}


def test_in_a_browser_a_large_upload_after_the_end_of_the_session_is_answered(
    console: ConsoleUnderTest, chromium: Chromium, tmp_path: Path
) -> None:
    """Left open over night, and more than fits on the way: it is read to its end to be answered."""
    (tmp_path / "students.xml").write_bytes(b"<a/>" * 2_000_000)
    moments = [NOW]
    console.application.clock = lambda: moments[-1]
    with running_app(console.app) as address, chromium.new_context(locale="ru-RU") as context:
        page = context.new_page()
        page.goto(f"{address}/console/upload")
        sign_in_at(page)
        page.set_input_files("[name=files]", tmp_path / "students.xml")
        moments.append(NOW + timedelta(hours=14))
        page.click("text=Загрузить и проверить")
        assert "раньше, чем дошли файлы" in page.locator("[role=alert]").inner_text()
        sign_in_at(page)
        assert page.url == f"{address}/console/upload"
        assert "раньше, чем дошли файлы" in page.locator("[role=status]").inner_text()
    assert len(console.all(Load)) == 1


# Files of another school


@pytest.mark.parametrize(
    ("operator", "rule"), [("school", "school.wrong"), ("district", "school.outside_scope")]
)
def test_whoever_uploads_the_file_of_another_school_reads_why_it_was_refused(
    console: ConsoleUnderTest, tmp_path: Path, operator: str, rule: str
) -> None:
    """The other school is in the registry, and none of the operator's."""
    write_sample(tmp_path / "city", City(schools=1, people_per_school=20), layout="roster-1")
    with console.rows() as rows:
        add_school(rows, "SB0001", district="Выборгский")
    browser = console.client(operator)
    file = FileStorage(BytesIO((tmp_path / "city" / "SB0001.xml").read_bytes()), filename="a.xml")
    uploaded = browser.post("/console/upload", files=file)
    (number,) = console.queue.planned
    plan_load(console.application, number)
    page = browser.get(uploaded.location or "").text
    assert "причина — в замечаниях" in page
    assert "Замечаний к файлам нет" not in page
    shows(browser.get(f"{uploaded.location}/findings").text, rule, "SB0001")


def test_only_its_uploader_is_told_that_a_file_was_of_another(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        add_school(rows, "78-0500", district="Выборгский")
        add_finding(
            rows, rows.get_one(Load, 1), rule="school.wrong", school_code="78-0500",
            value="78-0500", person="", field_name="school_code", details={"expected": "78-0243"},
        )  # fmt: skip
    assert "78-0500" in console.client("city").get("/console/loads/1/findings").text
    assert "78-0500" not in console.client("school").get("/console/loads/1/findings").text


# Choices of schools


@pytest.mark.parametrize("operator", ["city", "district"])
def test_where_there_is_one_school_nobody_has_to_choose_it(tmp_path: Path, operator: str) -> None:
    console = make_console(tmp_path, operators=True)
    with console.rows() as rows:
        add_school(rows)
    shows(console.client(operator).get("/console/slips").text, "Школа № 243", "пока ни у кого нет")


def test_a_school_that_was_never_loaded_is_not_said_to_be_of_others(tmp_path: Path) -> None:
    page = make_console(tmp_path, operators=True).client("school").get("/console/slips").text
    assert "нет школы" not in page
    assert "после первой загрузки" in page


# Filters and targets that nobody has


@pytest.mark.parametrize("operator", ["city", "district"])
@pytest.mark.parametrize("ending", ["", "/print", ".csv"])
def test_an_unknown_school_in_a_filter_keeps_the_other_filters(
    console: ConsoleUnderTest, operator: str, ending: str
) -> None:
    answer = console.client(operator).get(
        f"/console/reports/low-activity{ending}",
        school="78-9999", compare="previous", search="лицей", **{"from": "2026-09-01"},
        to="2026-09-30", publish="1",
    )  # fmt: skip
    assert answer.status_code == 404
    assert "Среди ваших школ нет школы с таким кодом" in answer.text
    assert 'name="school" value="78-9999"' in answer.text
    shows(answer.text, 'value="2026-09-01"', '<option value="previous" selected>')


def test_the_own_options_of_a_report_are_kept_too(city: Browser) -> None:
    answer = city.get("/console/reports/weekly", school="78-9999", chat_operator="at_least")
    shows(answer, '<option value="at_least" selected>', status=404)


def test_an_unknown_school_of_a_phase_is_kept(console: ConsoleUnderTest, city: Browser) -> None:
    rule = {"school": "78-9999", "role": "teacher", "phase": "both", "starts_on": "2026-11-01"}
    answer = city.post("/console/phases/rules", **rule)
    shows(answer, 'value="78-9999"', "Среди ваших школ нет школы с таким кодом", status=404)
    assert console.all(PhaseRule) == []


def test_closing_a_school_without_a_day_asks_for_it(city: Browser) -> None:
    answer = city.post("/console/registry/close/78-0243")
    assert answer.location == "/console/registry/school/78-0243"
    assert "Укажите последний день" in city.get(answer.location).text
