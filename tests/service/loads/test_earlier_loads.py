"""A file that was loaded before, or is older than what was loaded."""

from __future__ import annotations

from service.models import LoadFinding, LoadStatus
from tests.service.place import A, B, Place, on_both_databases, pupil, pupils, teacher

ROWS = [*pupils("a", 4), teacher("a-t")]


@on_both_databases
def test_the_file_loaded_last_may_come_again_and_changes_nothing(place: Place) -> None:
    file = place.write(A, ROWS)
    place.sync(file)
    load_id = place.load(file)
    assert place.rules(load_id) == {"file.loaded_last": A}
    assert place.run(load_id).status == LoadStatus.PLANNED
    assert place.counts(load_id, A) == {}


@on_both_databases
def test_a_file_loaded_before_a_newer_one_is_stopped(place: Place) -> None:
    first = place.write(A, ROWS)
    place.sync(first)
    place.sync(place.write(A, [*ROWS, pupil("a-5")], day=1))
    load_id = place.load(first)
    assert place.rules(load_id) == {"file.loaded_before": A}
    assert place.run(load_id).status == LoadStatus.REJECTED


def test_the_finding_names_the_run_that_loaded_the_file(place: Place) -> None:
    file = place.write(A, ROWS)
    loaded = place.sync(file)
    load_id = place.load(file)
    with place.application.sessions() as session:
        (finding,) = session.query(LoadFinding).filter_by(load_id=load_id)
    assert finding.details == {"run": str(loaded.id)}


def test_a_file_that_was_only_planned_or_rejected_may_come_again(place: Place) -> None:
    file = place.write(A, ROWS)
    place.load(file)
    load_id = place.load(file)
    assert place.rules(load_id) == {}
    assert place.counts(load_id, A)["user.create"] == 5


def test_an_export_older_than_the_loaded_one_is_stopped(place: Place) -> None:
    place.sync(place.write(A, ROWS, day=5))
    load_id = place.load(place.write(A, ROWS[2:], day=4))
    assert place.rules(load_id) == {"file.older_export": A}
    assert place.run(load_id).status == LoadStatus.REJECTED


def test_an_older_export_of_another_school_is_welcome(place: Place) -> None:
    place.sync(place.write(A, ROWS, day=5))
    load_id = place.load(place.write(B, [*pupils("b", 2), teacher("b-t")], day=4))
    assert place.rules(load_id) == {}


def test_an_older_export_is_stopped_as_soon_as_the_newer_one_has_begun(place: Place) -> None:
    newer = place.load(place.write(A, ROWS, day=5))
    place.approve(newer)
    calls = iter([False, False])
    assert place.apply(newer, should_stop=lambda: next(calls, True)).status == LoadStatus.STOPPED
    load_id = place.load(place.write(A, ROWS[2:], day=4))
    assert place.rules(load_id) == {"file.older_export": A}
