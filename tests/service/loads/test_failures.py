"""A load of which something failed says so where people look, with what helps and "try again"."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from service.loads import failures
from service.loads.failures import plan_again_by_itself
from service.loads.planning import plan_load
from service.models import Load, LoadStatus, OperatorRole, PlanStatus
from tests.service.console_factories import ConsoleUnderTest, make_console
from tests.service.factories import add_load, add_operator, add_plan, add_school, make_user_change
from tests.service.installation import SCOPE
from tests.service.trial import A, B, Trial, on_both_databases, pupils, refusal, teacher

ROWS_A, ROWS_B = [*pupils("a", 3), teacher("a-t")], [*pupils("b", 2), teacher("b-t")]


def try_again(trial: Trial, load_id: int) -> tuple[Load, bool]:
    return trial.ask(failures.try_again, load_id, home=trial.application.settings.home)


def unsettled(trial: Trial) -> list[int]:
    with trial.rows() as session:
        return [run.id for run in failures.unsettled(session, SCOPE)]


def planned_beside_a_stranger(trial: Trial) -> tuple[int, int]:
    load_id = trial.load(trial.write(A, ROWS_A), trial.write(B, ROWS_B))
    return load_id, trial.make_stranger(trial.identity(A, "a-3").username)


def clash(trial: Trial) -> tuple[int, int]:
    """A load of two schools, applied but for one pupil of A; and the stranger in Moodle."""
    load_id, stranger = planned_beside_a_stranger(trial)
    assert trial.carry_out(load_id).status == LoadStatus.APPLIED_WITH_FAILURES
    return load_id, stranger


@on_both_databases
def test_what_needs_another_login_is_planned_again_for_its_school_only(trial: Trial) -> None:
    load_id, _stranger = clash(trial)
    assert unsettled(trial) == [load_id]
    again, is_new = try_again(trial, load_id)
    assert (is_new, again.again_of, again.only_schools) == (True, load_id, [A])
    assert try_again(trial, load_id)[0].id == again.id, "one new plan is enough"
    plan_load(trial.application, again.id)
    assert trial.decisions(again.id) == {A: "planned"}
    assert trial.counts(again.id, A) == {"user.create": 1, "member.add": 2, "enrolment.add": 1}
    assert len(trial.moodle()["users"]) == 7, "nothing without a yes"
    assert trial.carry_out(again.id).status == LoadStatus.APPLIED
    assert len(trial.moodle()["users"]) == 8
    assert unsettled(trial) == []
    assert refusal(try_again, trial, load_id) == "load.overtaken"


@on_both_databases
def test_after_a_run_it_is_planned_again_by_itself_once(trial: Trial) -> None:
    load_id, _stranger = clash(trial)
    again = plan_again_by_itself(trial.application, load_id)
    assert again is not None
    run = trial.run(again)
    assert (run.status, run.again_of, run.created_by) == ("received", load_id, SCOPE.actor)
    assert plan_again_by_itself(trial.application, load_id) is None


def test_what_can_be_applied_again_needs_no_other_plan(trial: Trial) -> None:
    load_id = trial.sync(trial.write(A, ROWS_A)).id
    assert refusal(try_again, trial, load_id) == "load.nothing_failed"
    assert plan_again_by_itself(trial.application, load_id) is None


def test_files_that_are_not_kept_cannot_be_planned_again(trial: Trial) -> None:
    load_id, stranger = clash(trial)
    folder = trial.application.settings.home / trial.run(load_id).folder
    folder.rename(folder.with_name("elsewhere"))
    assert refusal(try_again, trial, load_id) == "load.files_gone"
    trial.rename(stranger, "renamed")
    assert trial.apply(load_id).status == LoadStatus.APPLIED


def two_kinds(trial: Trial) -> int:
    """A load of which one pupil of A needs another login, and one of B was refused only now."""
    load_id, _stranger = planned_beside_a_stranger(trial)
    refused = next(one for one in trial.changes(load_id) if one.key == trial.person_id(B, "b-1"))
    trial.plan_otherwise(refused, firstname="<b>")
    assert trial.carry_out(load_id).status == LoadStatus.APPLIED_WITH_FAILURES
    return load_id


@on_both_databases
def test_where_one_school_needs_another_plan_others_that_failed_get_one_too(trial: Trial) -> None:
    load_id = two_kinds(trial)
    by_itself = plan_again_by_itself(trial.application, load_id)
    again, is_new = try_again(trial, load_id)
    assert (again.id, is_new, again.only_schools) == (by_itself, True, [A, B])
    plan_load(trial.application, again.id)
    assert trial.carry_out(again.id).status == LoadStatus.APPLIED
    assert len(trial.moodle()["users"]) == 8, "everybody, and the stranger"
    assert unsettled(trial) == []


def test_where_the_files_are_gone_the_rest_is_tried_as_it_was(trial: Trial) -> None:
    load_id = two_kinds(trial)
    shutil.rmtree(trial.application.settings.home / trial.run(load_id).folder)
    (refused,) = (one for one in trial.changes(load_id) if one.code == "tag")
    trial.plan_otherwise(refused, firstname="Пример")
    again, is_new = try_again(trial, load_id)
    assert (again.id, is_new) == (load_id, False)
    trial.apply(load_id)
    results = {one.key: one.result for one in trial.changes(load_id)}
    assert results[refused.key] == "done"
    assert refusal(try_again, trial, load_id) == "load.files_gone"


def test_without_links_files_are_copied(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_args: Any, **_options: Any) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    load_id, _stranger = clash(trial)
    monkeypatch.setattr(os, "link", no_links)
    again, is_new = try_again(trial, load_id)
    assert is_new
    plan_load(trial.application, again.id)
    assert trial.run(again.id).status == LoadStatus.PLANNED


# The console


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    """Run 1 was applied to two schools; of the second, one of two changes failed."""
    console = make_console(tmp_path)
    with console.rows() as rows:
        add_operator(rows)
        for code in ("78-0153", "78-0243"):
            add_school(rows, code)
        run = add_load(rows, LoadStatus.APPLIED_WITH_FAILURES)
        applied = {"status": PlanStatus.APPLIED, "started": True}
        add_plan(rows, run, "78-0153", [make_user_change("p-1", result="done")], **applied)
        changes = [
            make_user_change("p-2", result="done"),
            make_user_change("p-3", result="failed", code="weak_password"),
        ]
        add_plan(rows, run, "78-0243", changes, **applied)
    return console


PAGES = ("/console/", "/console/loads", "/console/loads/1")


def badge(page: str) -> str:
    found = re.search(r'class="badge (applied\w*)"', page)
    assert found
    return found[1]


def test_every_page_says_that_something_failed(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    for address in PAGES:
        page = browser.get(address).text
        assert badge(page) == "applied_with_failures", address
        assert "Применено, не удалось 1 из 3" in page, address
    assert "Посмотреть причину и повторить" in browser.get("/console/").text
    assert "schoolbridge doctor" in page, "the remedy"
    assert "Повторить" in page
    assert "№ 1" in browser.get("/console/loads", status="applied_with_failures").text
    assert "/console/loads/1" not in browser.get("/console/loads", status="applied").text


def test_each_change_that_failed_has_its_remedy_and_a_way_to_try_again(
    console: ConsoleUnderTest,
) -> None:
    browser = console.client("city")
    page = browser.get("/console/loads/1/changes", result="failed").text
    assert "schoolbridge doctor" in page, "the remedy"
    assert 'action="/console/loads/1/retry"' in page
    everything = browser.get("/console/loads/1/changes").text
    assert everything.count("schoolbridge doctor") == 1, "of what failed alone"


def test_try_again_queues_the_same_plan_where_that_can_help(console: ConsoleUnderTest) -> None:
    browser = console.client("city")
    assert browser.post("/console/loads/1/retry").status_code == 302
    assert (console.queue.applied, console.queue.planned) == ([1], [])


def test_a_school_of_which_nothing_failed_reads_applied(console: ConsoleUnderTest) -> None:
    with console.rows() as rows:
        add_operator(rows, "school", OperatorRole.SCHOOL, ["78-0153"])
    browser = console.client("school")
    assert [badge(browser.get(address).text) for address in PAGES] == ["applied"] * 3
    assert "повторить" not in browser.get("/console/").text
    assert browser.post("/console/loads/1/retry").status_code == 409
