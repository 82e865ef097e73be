"""The form that makes two people of one account, and the command that does: before a Moodle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from service.config import load_settings
from service.loads.planning import plan_load
from service.models import OperatorRole
from service.sample.rows import Row
from service.web import create_app
from tests.service.command_line import at_work, run
from tests.service.console_factories import Browser, ConsoleUnderTest, RecordingQueue
from tests.service.factories import add_operator
from tests.service.trial import A, B, Trial, on_both_databases, pupils, teacher

PAGE = "/console/people/split"
ROW = f"{B}/b-t"


def rows_of(prefix: str) -> list[Row]:
    return [*pupils(prefix, 4), teacher(f"{prefix}-t", who="taught")]


def browser_of(trial: Trial, name: str, role: OperatorRole, *schools: str) -> Browser:
    with trial.rows() as session:
        add_operator(session, name, role, list(schools))
    queue = RecordingQueue()
    app = create_app(trial.application, queue=queue)
    return ConsoleUnderTest(application=trial.application, queue=queue, app=app).client(name)


def carry_out(trial: Trial, address: str) -> None:
    """Plan and carry out the load that the console has led to."""
    number = int(re.findall(r"/loads/(\d+)", address)[0])
    plan_load(trial.application, number)
    assert trial.carry_out(number, over_limits=True).status == "applied"


@on_both_databases
def test_both_sides_and_what_will_happen_are_shown_before_the_split_and_it_is_taken_back(
    trial: Trial,
) -> None:
    trial.sync(trial.write(A, rows_of("a")))
    trial.sync(trial.write(B, rows_of("b"), day=1))
    joined = trial.account(A, "a-t")
    before = trial.moodle()
    browser = browser_of(trial, "kira", OperatorRole.CITY)
    card = browser.post("/console/people", login=joined["username"]).text
    assert f'action="{PAGE}"' in card
    page = browser.post(PAGE, login=joined["username"]).text
    assert ROW in page
    assert f"{A}/a-t" in page
    assert "Что произойдёт в Moodle" not in page
    page = unescape(browser.post(PAGE, login=joined["username"], row=ROW).text)
    assert "Что произойдёт в Moodle" in page
    for told in trial.cohorts_of(B, "b-t"):
        assert told
    assert "Фамилия: совпадает" in page
    assert trial.moodle() == before
    form = {"login": joined["username"], "row": ROW}
    assert browser.post(f"{PAGE}/take", **form).status_code == 409
    assert browser.post(f"{PAGE}/take", login=form["login"], looked="1").status_code == 409
    taken = browser.post(f"{PAGE}/take", **form, looked="1", reason="Однофамильцы")
    assert taken.status_code == 303
    carry_out(trial, taken.location)
    other = trial.account(B, "b-t")
    assert other["id"] != joined["id"]
    assert trial.account(A, "a-t")["id"] == joined["id"]

    question = browser.get("/console/questions/1").text
    assert "Однофамильцы" in question
    undone = browser.post("/console/questions/1/undo", looked="1")
    carry_out(trial, undone.location)
    assert trial.account(B, "b-t")["id"] == joined["id"]


def test_a_school_splits_its_own_row_off_and_reads_nothing_of_the_other_school(
    trial: Trial,
) -> None:
    trial.sync(trial.write(A, rows_of("a")))
    trial.sync(trial.write(B, rows_of("b"), day=1))
    login = trial.account(A, "a-t")["username"]
    browser = browser_of(trial, "boris", OperatorRole.SCHOOL, B)
    page = browser.post(PAGE, login=login, row=ROW).text
    assert "a-t" not in page.replace("data-t", "")
    assert A not in page
    assert "чужих школ" in page
    assert browser.post(f"{PAGE}/take", login=login, row=f"{A}/a-t", looked="1").status_code == 404
    stranger = browser_of(trial, "sofia", OperatorRole.SCHOOL, "SB0009")
    page = stranger.post(PAGE, login=login)
    assert ROW not in page.text


def test_an_account_of_one_row_has_nothing_to_split(trial: Trial) -> None:
    trial.sync(trial.write(A, rows_of("a")))
    login = trial.account(A, "a-t")["username"]
    browser = browser_of(trial, "kira", OperatorRole.CITY)
    assert "делить нечего" in browser.post(PAGE, login=login).text
    assert browser.get(PAGE).status_code == 200


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with at_work(tmp_path / "home"):
        yield tmp_path / "home"


def test_the_command_splits_and_takes_back(home: Path, tmp_path: Path) -> None:
    moodle = load_settings().moodle_target.url
    trial = Trial(application=None, moodle_url=moodle, folder=tmp_path)  # type: ignore[arg-type]
    for file in (trial.write(A, rows_of("a")), trial.write(B, rows_of("b"), day=1)):
        run("sync", file, "--yes", home=home, code=0)
    login = staff_login(home, B)
    assert login == staff_login(home, A)
    run("person", "split", login, "--row", "b-t", home=home, code=2)
    run("person", "split", login, "--row", f"{B}/b-x", home=home, code=1)
    run("person", "split", "nobody", "--row", ROW, home=home, code=1)
    ended = run("person", "split", login, "--row", ROW, "--reason", "Два", "--yes", home=home)
    assert ended.code == 0
    assert "--undo" in ended.out + ended.err
    other = staff_login(home, B)
    assert other != login == staff_login(home, A)
    first, second = (in_moodle(trial, one) for one in (login, other))
    assert first["id"] != second["id"]
    run("answer", 1, "--undo", "--yes", home=home, code=0)
    assert staff_login(home, B) == login
    assert in_moodle(trial, login)["id"] == first["id"]


def staff_login(home: Path, school: str) -> str:
    """The login of the only teacher of a school."""
    slips = run("slips", "--school", school, "--class", "staff", "--json", home=home, code=0).data
    (login,) = (one["login"] for one in slips)
    return str(login)


def in_moodle(trial: Trial, login: str) -> dict[str, Any]:
    asked = {"field": "username", "values[0]": login}
    (found,) = trial.ask_moodle("core_user_get_users_by_field", **asked)
    return dict(found)
