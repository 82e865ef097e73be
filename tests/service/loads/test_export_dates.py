"""Export dates that cannot be true, and what they do to the files after them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from service.models import LoadStatus, School
from tests.service.trial import EXPORTED, A, Trial, on_both_databases, pupils, teacher

ROWS = [*pupils("a", 4), teacher("a-t")]


@pytest.fixture
def day_after(trial: Trial) -> Trial:
    """An installation on the day after the first export of a small school."""
    trial.application = replace(trial.application, clock=lambda: EXPORTED + timedelta(days=1))
    return trial


@on_both_databases
def test_an_export_from_the_future_is_stopped_and_stops_nothing_after_it(day_after: Trial) -> None:
    ahead = day_after.load(day_after.write(A, ROWS, day=4))
    assert day_after.run(ahead).status == LoadStatus.REJECTED
    assert "header.future" in day_after.rules(ahead)
    day_after.sync(day_after.write(A, ROWS))
    day_after.sync(day_after.write(A, ROWS[1:], day=1))


@on_both_databases
def test_a_clock_that_is_an_hour_fast_stops_no_file_after_it(day_after: Trial) -> None:
    fast = EXPORTED + timedelta(days=1, hours=1)
    day_after.sync(day_after.write(A, ROWS, exported_at=fast))
    right = day_after.write(A, ROWS[1:], exported_at=fast - timedelta(hours=1))
    assert "file.older_export" not in day_after.rules(day_after.load(right))


def test_an_export_from_the_future_that_was_taken_long_ago_stops_nothing(day_after: Trial) -> None:
    day_after.sync(day_after.write(A, ROWS))
    with day_after.rows() as session:
        session.get_one(School, A).last_exported_at = EXPORTED + timedelta(days=900)
    day_after.sync(day_after.write(A, ROWS[1:], day=1))


def with_export_date(path: Path, text: str) -> Path:
    before = EXPORTED.isoformat()
    whole = path.read_text("utf-8")
    assert before in whole
    path.write_text(whole.replace(before, text), "utf-8")
    return path


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "01.01.0001 0:00:00", ""])
def test_an_empty_export_date_stops_the_file(day_after: Trial, text: str) -> None:
    load_id = day_after.load(with_export_date(day_after.write(A, ROWS), text))
    assert day_after.rules(load_id) == {"header.field_missing": ""}
    assert day_after.run(load_id).status == LoadStatus.REJECTED


@pytest.mark.parametrize("text", ["20260905", "1004-12-20", "05.09.26"])
def test_an_export_date_that_cannot_be_read_stops_the_file(day_after: Trial, text: str) -> None:
    load_id = day_after.load(with_export_date(day_after.write(A, ROWS), text))
    assert day_after.rules(load_id) == {"header.invalid": ""}
