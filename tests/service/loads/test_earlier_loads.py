"""A file that was loaded before, or is older than what was loaded."""

from __future__ import annotations

from service.models import LoadFinding, LoadStatus
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils, teacher

ROWS = [*pupils("a", 4), teacher("a-t")]


@on_both_databases
def test_the_file_loaded_last_may_come_again_and_changes_nothing(trial: Trial) -> None:
    file = trial.write(A, ROWS)
    trial.sync(file)
    load_id = trial.load(file)
    assert trial.rules(load_id) == {"file.loaded_last": A}
    assert trial.run(load_id).status == LoadStatus.PLANNED
    assert trial.counts(load_id, A) == {}


@on_both_databases
def test_a_file_loaded_before_a_newer_one_is_stopped(trial: Trial) -> None:
    first = trial.write(A, ROWS)
    trial.sync(first)
    trial.sync(trial.write(A, [*ROWS, pupil("a-5")], day=1))
    load_id = trial.load(first)
    assert trial.rules(load_id) == {"file.loaded_before": A}
    assert trial.run(load_id).status == LoadStatus.REJECTED


def test_the_finding_names_the_load_that_loaded_the_file(trial: Trial) -> None:
    file = trial.write(A, ROWS)
    loaded = trial.sync(file)
    load_id = trial.load(file)
    with trial.application.sessions() as session:
        (finding,) = session.query(LoadFinding).filter_by(load_id=load_id)
    assert finding.details == {"load": str(loaded.id)}


def test_a_file_that_was_only_planned_or_rejected_may_come_again(trial: Trial) -> None:
    file = trial.write(A, ROWS)
    trial.load(file)
    load_id = trial.load(file)
    assert trial.rules(load_id) == {}
    assert trial.counts(load_id, A)["user.create"] == 5


def test_an_export_older_than_the_loaded_one_is_stopped(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS, day=5))
    load_id = trial.load(trial.write(A, ROWS[2:], day=4))
    assert trial.rules(load_id) == {"file.older_export": A}
    assert trial.run(load_id).status == LoadStatus.REJECTED


def test_an_older_export_of_another_school_is_welcome(trial: Trial) -> None:
    trial.sync(trial.write(A, ROWS, day=5))
    load_id = trial.load(trial.write(B, [*pupils("b", 2), teacher("b-t")], day=4))
    assert trial.rules(load_id) == {}


def test_an_older_export_is_stopped_as_soon_as_the_newer_one_has_begun(trial: Trial) -> None:
    newer = trial.load(trial.write(A, ROWS, day=5))
    trial.approve(newer)
    calls = iter([False, False])
    assert trial.apply(newer, should_stop=lambda: next(calls, True)).status == LoadStatus.STOPPED
    load_id = trial.load(trial.write(A, ROWS[2:], day=4))
    assert trial.rules(load_id) == {"file.older_export": A}
