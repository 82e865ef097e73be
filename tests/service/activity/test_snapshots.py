"""Snapshots of last accesses in Moodle: when they are due, what they take and what they leave."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from service.activity.figures import Activity
from service.activity.moodle_access import Pace
from service.activity.snapshots import latest_due, missed, take_due
from service.application import Application
from service.calendar import weeks
from service.db import transaction
from service.doctor import Verdict
from service.doctor.activity import examine_activity
from service.models import EventSource, KnownUser, MoodleSnapshot, SnapshotKind
from service.moodle_standin import Fault, FaultKind
from service.moodle_standin.settings import CustomReport, SiteSettings
from tests.service.report_questions import MOSCOW, who
from tests.service.trial import A, Trial, make_trial, pupils

FRIDAY = datetime(2026, 10, 9, 14, 5, tzinfo=UTC)
"""Five past five in Moscow."""


def moscow(day: int, hour: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC) - timedelta(hours=3)


def test_snapshots_are_due_by_the_calendar_of_moscow() -> None:
    assert latest_due(FRIDAY, MOSCOW) == {
        SnapshotKind.DAILY: moscow(9),
        SnapshotKind.FRIDAY_17: moscow(9, 17),
        SnapshotKind.FRIDAY_24: moscow(3),
        SnapshotKind.MONTH_END: moscow(1),
        SnapshotKind.QUARTER_END: moscow(1),
    }
    before_five = latest_due(moscow(9, 17) - timedelta(seconds=1), MOSCOW)
    assert before_five[SnapshotKind.FRIDAY_17] == moscow(2, 17)
    midnight = latest_due(moscow(10), MOSCOW)
    assert midnight[SnapshotKind.FRIDAY_24] == midnight[SnapshotKind.DAILY] == moscow(10)


def test_friday_five_is_one_moment_for_snapshots_and_letters(trial: Trial) -> None:
    """That of ``[server] time_zone``."""
    server = replace(trial.application.settings.server, time_zone="Asia/Yekaterinburg")
    trial.application.settings = replace(trial.application.settings, server=server)
    now = trial.application.clock()
    take_due(trial.application)
    week = weeks.week_of(date(2026, 10, 9))
    five = weeks.preliminary_cut_off(week, trial.application.zone)
    assert five == datetime(2026, 10, 9, 12, tzinfo=UTC) < now
    assert snapshots(trial.application)["friday_17"].due_at == five


@pytest.fixture(params=["users", "report"])
def trial(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trial]:
    """Four pupils whom Moodle has, read person by person or through a custom report."""
    report_id = 1 if request.param == "report" else 0
    site = SiteSettings(reports=(CustomReport(name="Last access", active_only=True),))
    storage = tmp_path / "moodle.sqlite"
    with make_trial(tmp_path, storage=storage, settings=site) as trial:
        trial.configure("activity", report_id=report_id, pause_seconds=0)
        trial.sync(trial.write(A, pupils("p", 4)))
        trial.application.clock = lambda: FRIDAY
        yield trial


def visit(trial: Trial, sourced_id: str, at: datetime) -> None:
    """As if the person had been in Moodle then."""
    number = trial.known(A, sourced_id).moodle_id
    with sqlite3.connect(trial.folder.parent / "moodle.sqlite") as moodle:
        moodle.execute("UPDATE user SET lastaccess = ? WHERE id = ?", (int(at.timestamp()), number))
    moodle.close()


def active(application: Application, begin: datetime, end: datetime) -> set[str]:
    with transaction(application.sessions) as session:
        activity = Activity(session)
        return who(activity, activity.active(begin, end, sources=[EventSource.MOODLE]))


def snapshots(application: Application) -> dict[str, MoodleSnapshot]:
    with application.sessions() as session:
        return {one.kind: one for one in session.scalars(select(MoodleSnapshot))}


def test_a_snapshot_adds_who_was_there_since_the_one_before(trial: Trial) -> None:
    visit(trial, "p-1", moscow(9, 10))
    visit(trial, "p-2", moscow(1, 10))
    take_due(trial.application)
    one = trial.person_id(A, "p-1")
    assert active(trial.application, moscow(9), moscow(9, 17)) == {one}
    taken = snapshots(trial.application)
    assert taken["friday_17"].status == "taken"
    assert taken["friday_17"].people == 1
    assert taken["month_end"].status == "late"
    visit(trial, "p-1", moscow(9, 20))
    visit(trial, "p-3", moscow(9, 19))
    trial.application.clock = lambda: moscow(10) + timedelta(minutes=1)
    take_due(trial.application)
    assert active(trial.application, moscow(9), moscow(9, 17)) == {one}
    both = {one, trial.person_id(A, "p-3")}
    assert active(trial.application, moscow(9, 17), moscow(10)) == both
    assert snapshots(trial.application)["friday_24"].people == 2


def test_suspended_people_are_no_visitors(trial: Trial) -> None:
    visit(trial, "p-1", moscow(9, 10))
    with transaction(trial.application.sessions) as session:
        session.get_one(KnownUser, trial.person_id(A, "p-1")).suspended = True
    take_due(trial.application)
    assert active(trial.application, moscow(9), moscow(10)) == set()


def test_a_moodle_that_does_not_answer_leaves_a_failed_snapshot_and_no_zero(trial: Trial) -> None:
    visit(trial, "p-1", moscow(9, 10))
    trial.fault(Fault(kind=FaultKind.SERVER_ERROR, status=404, times=None))
    take_due(trial.application)
    trial.no_faults()
    failed = snapshots(trial.application)["friday_17"]
    assert (failed.status, failed.people, failed.taken_at) == ("failed", None, None)
    assert failed.error
    take_due(trial.application)
    now = snapshots(trial.application)["friday_17"]
    assert (now.status, now.error, now.people) == ("taken", "", 1)


def test_what_nobody_took_in_time_is_shown_as_missed(trial: Trial) -> None:
    take_due(trial.application)
    trial.application.clock = lambda: FRIDAY + timedelta(days=14)
    with trial.application.sessions() as session:
        lost = missed(session, trial.application.clock(), MOSCOW)
    assert (SnapshotKind.FRIDAY_17, moscow(16, 17)) in lost
    take_due(trial.application)
    with trial.application.sessions() as session:
        row = session.get_one(MoodleSnapshot, (SnapshotKind.FRIDAY_17, moscow(16, 17)))
        assert (row.status, row.people) == ("missed", None)


def test_a_slow_moodle_gets_pauses_as_long_as_its_answers() -> None:
    pauses: list[float] = []
    pace = Pace(0.5, sleep=pauses.append)
    pace.before_call()
    pace.before_call()
    assert pauses == [0.5]


def test_the_doctor_sees_whether_the_report_can_be_read(trial: Trial) -> None:
    checks = list(examine_activity(trial.application))
    if not trial.application.settings.activity.report_id:
        assert checks == []
        return
    assert [check.verdict for check in checks] == [Verdict.OK]
    trial.configure("activity", report_id=7)
    (check,) = examine_activity(trial.application)
    assert check.verdict == Verdict.PROBLEM
