"""Which look is due, by night and by week."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from service.models import PortalLook
from service.portal import schedule
from tests.service.trial import Trial, on_both_databases

NIGHT = datetime(2026, 10, 7, 2, 30, tzinfo=ZoneInfo("Europe/Moscow"))


def due(trial: Trial, now: datetime) -> int:
    with trial.application.sessions() as session:
        return schedule.due(trial.application, session, now)


def looked(trial: Trial, at: datetime, *, sample: int = 100, ended: bool = True) -> None:
    with trial.rows() as session:
        end = at + timedelta(hours=1) if ended else None
        session.add(PortalLook(sample=sample, began_at=at, ended_at=end, actor="x"))


@on_both_databases
def test_everything_is_due_each_week_and_a_sample_each_other_night(trial: Trial) -> None:
    assert due(trial, NIGHT) == 100
    looked(trial, NIGHT)
    assert due(trial, NIGHT + timedelta(hours=2)) == 0
    assert due(trial, NIGHT + timedelta(days=1)) == 5
    looked(trial, NIGHT + timedelta(days=1), sample=5)
    assert due(trial, NIGHT + timedelta(days=1, hours=1)) == 0
    assert due(trial, NIGHT + timedelta(days=7)) == 100


@on_both_databases
def test_a_look_that_broke_off_is_tried_again_the_same_night(trial: Trial) -> None:
    looked(trial, NIGHT, ended=False)
    assert due(trial, NIGHT + timedelta(minutes=10)) == 0
    assert due(trial, NIGHT + timedelta(minutes=40)) == 100


@pytest.mark.parametrize(("hour", "percent"), [(0, 0), (1, 100), (4, 100), (5, 0), (14, 0)])
def test_looks_begin_by_night_only(trial: Trial, hour: int, percent: int) -> None:
    assert due(trial, NIGHT.replace(hour=hour)) == percent


def test_a_night_may_go_over_midnight_and_both_looks_can_be_switched_off(trial: Trial) -> None:
    trial.configure("reconcile", night_from=23, night_until=2)
    assert [due(trial, NIGHT.replace(hour=hour)) for hour in (22, 23, 1, 2)] == [0, 100, 100, 0]
    trial.configure("reconcile", night_from=0, night_until=24, weekly=False, nightly_percent=0)
    assert due(trial, NIGHT) == 0
