"""Forms that come too late or make no sense: the page again, with the reason and what was given."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from sqlalchemy import delete, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from provisioning.changes import Action
from service.loads.planning import plan_load
from service.models import (
    Load,
    LoadStatus,
    OperatorRole,
    OperatorSession,
    PhaseRule,
    School,
    SchoolPlan,
)
from service.sample import City, write_sample
from tests.service.console_factories import (
    BREACH,
    NOW,
    PASSWORD,
    Browser,
    ConsoleUnderTest,
    add_finding,
    add_operator,
    add_operators,
    add_plan,
    add_run,
    add_school,
    digest_on,
    make_console,
    make_user_change,
)
from tests.web import running_app


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    """Run 1: two schools wait for approval, both over their limits."""
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_operators(rows, district="Адмиралтейский")
        run = add_run(rows)
        for number, code in enumerate(("78-0153", "78-0243")):
            add_school(rows, code, district="Адмиралтейский")
            change = make_user_change(f"p-{number}", Action.SUSPEND)
            add_plan(rows, run, code, [change], breaches=[BREACH])
    return console


def end_sessions(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        rows.execute(delete(OperatorSession))


def statuses(console: ConsoleUnderTest) -> set[str]:
    with console.rows() as rows:
        return set(rows.scalars(select(SchoolPlan.status)))


# Over the limits


def test_a_yes_without_a_tick_shows_the_page_again_and_says_where_to_tick(
    console: ConsoleUnderTest,
) -> None:
    browser = console.client("city")
    digest = digest_on(browser.get("/console/loads/1").text)
    answer = browser.post("/console/loads/1/approve", digest=digest, then="apply")
    assert answer.status_code == 409
    assert "Отметьте школы, изменения которых верны" in answer.text
    assert digest_on(answer.text) == digest
    fieldset = answer.text[answer.text.index("<fieldset") : answer.text.index("</fieldset>")]
    assert 'id="needs-ticks"' in fieldset
    assert statuses(console) == {"planned"}
    assert console.queue.applied == []


def test_ticks_are_kept_when_the_plan_has_become_another(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    answer = browser.post("/console/loads/1/approve", digest="f" * 64, over_limits="78-0243")
    assert answer.status_code == 409
    assert "посмотрите ещё раз" in answer.text
    (ticked,) = (box for box in re.findall(r"<input[^>]*>", answer.text) if " checked" in box)
    assert 'value="78-0243"' in ticked
    assert statuses(console) == {"planned"}


@pytest.mark.parametrize("act", ["apply", "reject"])
def test_what_a_run_cannot_do_is_said_on_its_page(console: ConsoleUnderTest, act: str) -> None:
    if act == "reject":
        with console.rows() as rows:
            rows.get_one(Load, 1).status = LoadStatus.APPLIED
    answer = console.client("city").post(f"/console/loads/1/{act}")
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text
    assert "Школа № 153" in answer.text
    assert console.queue.applied == []


def test_in_a_browser_the_missing_tick_is_shown_and_then_taken(
    console: ConsoleUnderTest, chromium: Chromium
) -> None:
    with running_app(console.app) as address, chromium.new_context(locale="ru-RU") as context:
        page = context.new_page()
        page.goto(f"{address}/console/loads/1")
        page.fill("[name=username]", "city")
        page.fill("[name=password]", PASSWORD)
        page.click("text=Войти")
        page.click("text=Утвердить и применить")
        assert page.locator("#needs-ticks").is_visible()
        page.wait_for_function("document.activeElement.name === 'over_limits'")
        page.check("[value='78-0243']")
        page.click("text=Утвердить и применить")
        page.wait_for_url(f"{address}/console/loads/1")
    assert statuses(console) == {"planned", "approved"}


# Sessions that had ended


def sign_in_again(browser: Browser, redirected: TestResponse) -> TestResponse:
    """Follow the answer to the sign-in page, sign in there, and give the page one is led to."""
    assert redirected.status_code == 302
    address = redirected.location or ""
    page = browser.get(address)
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert token
    signed_in = browser.post_with(token[1], address, username="city", password=PASSWORD)
    assert signed_in.status_code == 302
    after = browser.get(signed_in.location or "")
    after.request_path = signed_in.location  # type: ignore[attr-defined]
    after.sign_in_page = page.text  # type: ignore[attr-defined]
    return after


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
    console: ConsoleUnderTest, posted: str, fields: dict[str, str], back: str, said: str
) -> None:
    browser = console.client("city")
    token = browser.form_token()
    end_sessions(console)
    sent = {
        name: FileStorage(BytesIO(b"x" * 100_000), filename="a.xml") if value == "file" else value
        for name, value in fields.items()
    }
    after = sign_in_again(browser, browser.post_with(token, posted, **sent))
    assert after.request_path == back  # type: ignore[attr-defined]
    assert said in after.sign_in_page  # type: ignore[attr-defined]
    assert said in after.text
    assert said not in browser.get(back).text, "it is said once"
    assert statuses(console) == {"planned"}
    assert console.queue.planned == []


def test_the_page_that_held_the_form_comes_back_with_its_filters(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    end_sessions(console)
    for referrer, back in (
        ("http://localhost/console/loads/1?queued=1", "/console/loads/1?queued=1"),
        ("http://elsewhere.example/console/mail", "/console/loads/1"),
        ("http://localhost/console/loads/1/approve", "/console/loads/1"),
    ):
        answer = browser.client.post("/console/loads/1/stop", headers={"Referer": referrer})
        assert answer.location == browser.client.get(back).location


def test_signing_out_after_the_end_of_the_session_loses_nothing(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    end_sessions(console)
    answer = browser.client.post("/console/signout")
    assert "Сеанс закончился раньше" not in browser.get(answer.location or "").text


def test_a_form_of_an_earlier_session_leads_back_to_its_page(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    token = browser.form_token()
    browser.post("/console/signin", username="city", password=PASSWORD)
    answer = browser.post_with(token, "/console/loads/1/approve", digest="f" * 64)
    assert answer.status_code == 400
    assert 'href="/console/loads/1"' in answer.text
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
        page.fill("[name=username]", "city")
        page.fill("[name=password]", PASSWORD)
        page.click("text=Войти")
        page.set_input_files("[name=files]", tmp_path / "students.xml")
        moments.append(NOW + timedelta(hours=14))
        page.click("text=Загрузить и проверить")
        assert "раньше, чем дошли файлы" in page.locator("[role=alert]").inner_text()
        page.fill("[name=username]", "city")
        page.fill("[name=password]", PASSWORD)
        page.click("text=Войти")
        assert page.url == f"{address}/console/upload"
        assert "раньше, чем дошли файлы" in page.locator("[role=status]").inner_text()
    with console.rows() as rows:
        assert len(rows.scalars(select(Load)).all()) == 1


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
        rows.add(School(code="SB0001", name="Школа", short_name="Школа", district="Невский"))
    browser = console.client(operator)
    file = FileStorage(BytesIO((tmp_path / "city" / "SB0001.xml").read_bytes()), filename="a.xml")
    uploaded = browser.post("/console/upload", files=file)
    (number,) = console.queue.planned
    plan_load(console.application, number)
    page = browser.get(uploaded.location or "").text
    assert "причина — в замечаниях" in page
    assert "Замечаний к файлам нет" not in page
    found = browser.get(f"{uploaded.location}/findings").text
    assert rule in found
    assert "SB0001" in found


def test_that_a_file_was_of_another_school_is_told_to_its_uploader_only(
    console: ConsoleUnderTest,
) -> None:
    with console.rows() as rows:
        add_school(rows, "78-0500", district="Невский")
        add_finding(
            rows, rows.get_one(Load, 1), rule="school.wrong", school_code="78-0500",
            value="78-0500", person="", field_name="school_code", details={"expected": "78-0243"},
        )  # fmt: skip
    assert "78-0500" in console.client("city").get("/console/loads/1/findings").text
    assert "78-0500" not in console.client("school").get("/console/loads/1/findings").text


# Choices of schools


@pytest.mark.parametrize("operator", ["city", "district"])
def test_where_there_is_one_school_nobody_has_to_choose_it(tmp_path: Path, operator: str) -> None:
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_school(rows, district="Адмиралтейский")
        add_operator(rows)
        add_operator(rows, "district", OperatorRole.DISTRICT, ["Адмиралтейский"])
    page = console.client(operator).get("/console/slips").text
    assert "Школа № 243" in page
    assert "пока ни у кого нет" in page


def test_a_school_that_was_never_loaded_is_not_said_to_be_of_others(tmp_path: Path) -> None:
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_operator(rows, "school", OperatorRole.SCHOOL, ["78-0243"])
    page = console.client("school").get("/console/slips").text
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
    assert 'value="2026-09-01"' in answer.text
    assert '<option value="previous" selected>' in answer.text


def test_the_own_options_of_a_report_are_kept_too(console: ConsoleUnderTest) -> None:
    answer = console.client("city").get(
        "/console/reports/weekly", school="78-9999", chat_operator="at_least"
    )
    assert answer.status_code == 404
    assert '<option value="at_least" selected>' in answer.text


def test_an_unknown_school_of_a_phase_keeps_the_form(console: ConsoleUnderTest) -> None:
    answer = console.client("city").post(
        "/console/phases/rules", school="78-9999", role="teacher", phase="both",
        starts_on="2026-11-01",
    )  # fmt: skip
    assert answer.status_code == 404
    assert 'value="78-9999"' in answer.text
    assert "Среди ваших школ нет школы с таким кодом" in answer.text
    with console.rows() as rows:
        assert rows.scalars(select(PhaseRule)).all() == []


def test_closing_a_school_without_a_day_asks_for_it(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    answer = browser.post("/console/registry/close/78-0243")
    assert answer.location == "/console/registry/school/78-0243"
    assert "Укажите последний день" in browser.get(answer.location).text
