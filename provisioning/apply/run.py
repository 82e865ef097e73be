"""apply(): goes through the changes of a plan, batch by batch, in their order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from provisioning.apply.batches import (
    Judge,
    Outcomes,
    Step,
    create_or_adopt,
    done,
    failed,
    gone_or_failed,
    judge_of,
    send,
    skipped,
)
from provisioning.apply.links import (
    add_enrolments,
    add_members,
    remove_enrolments,
    remove_members,
)
from provisioning.apply.lost import LostAnswers
from provisioning.apply.objects import (
    OBJECTS,
    MoodleIds,
    Objects,
    Target,
)
from provisioning.apply.refusals import refusals
from provisioning.changes import CLOSING, Action, Change, Kind, Outcome
from provisioning.moodle import MoodleClient

Handler = Callable[[Target, Sequence[Change]], Outcomes]


class PlanOrderError(ValueError):
    """The changes are not in ``APPLY_ORDER``."""


def apply(
    changes: Iterable[Change],
    moodle: MoodleClient,
    ids: MoodleIds,
    record: Callable[[Sequence[Outcome]], None],
    *,
    role_ids: Mapping[str, int],
    first_password: Callable[[str], str] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    look_first: bool = False,
    note_doubt: Callable[[Sequence[Change]], None] = lambda _changes: None,
    doubted: Collection[tuple[Kind, str]] = (),
) -> bool:
    """Make the changes in Moodle; return False if ``should_stop`` ended it early.

    - ``changes`` come in ``APPLY_ORDER``, created categories parents first; they are never all in
      memory. PlanOrderError at the first that does not; the batches before it are done.
    - ``record`` gets the outcomes right after each call, and ``ids`` must know their numbers then.
    - Applying the same changes again, all or the unrecorded ones, makes nothing twice.
    - What Moodle refuses, or cannot get over, about one record is that record's outcome.
    - ``look_first``: a run before this one may have made some of it; ``note_doubt`` is told of
      creations whose answer was lost, which Moodle may do yet (``doubles.py``); ``doubted`` are
      those of runs before.
    - MoodleStopped is raised while an answer is awaited and the client is to stop waiting.
    - MoodleMisconfigured is raised when an administrator must change a setting, MoodleUnavailable
      and MoodleUncertain when the rest may go on later. What was answered is recorded.
    """
    target = Target(
        moodle=moodle, ids=ids, role_ids=role_ids, first_password=first_password,
        lost=LostAnswers(moodle), look_first=look_first, note_doubt=note_doubt,
        doubted=set(doubted),
    )  # fmt: skip
    for batch in batches(changes, moodle.batch_size):
        if should_stop():
            return False
        for outcomes in HANDLERS[batch[0].kind, batch[0].action](target, batch):
            if outcomes:
                record(outcomes)
    return True


def batches(changes: Iterable[Change], size: int) -> Iterator[list[Change]]:
    """Runs of changes with one kind and action; a new category never shares one with its parent."""
    batch: list[Change] = []
    rank = -1
    for change in changes:
        known = (change.kind, change.action) in HANDLERS
        previous, rank = rank, change.rank if known else -1
        if rank < previous or not known:
            raise PlanOrderError(f"{change.kind} {change.action} is out of order")
        if batch and (rank != previous or len(batch) == size or _parent_in(batch, change)):
            yield batch
            batch = []
        batch.append(change)
    if batch:
        yield batch


def _parent_in(batch: Sequence[Change], change: Change) -> bool:
    if change.kind is not Kind.CATEGORY:
        return False
    return any(change.after["parent"] == earlier.key for earlier in batch)


def create_objects(target: Target, changes: Sequence[Change]) -> Outcomes:
    objects = OBJECTS[changes[0].kind](target, changes)
    steps, settled = [], []
    for change in changes:
        if outcome := _not_sendable(objects, change, objects.words):
            settled.append(outcome)
        else:
            record = objects.record(change, objects.words)
            steps.append(Step(change=change, record=record))
    yield settled
    yield from create_or_adopt(objects, steps)


def update_objects(target: Target, changes: Sequence[Change]) -> Outcomes:
    """Send the fields that differ and that Moodle knows; a change without any needs no call."""
    objects = OBJECTS[changes[0].kind](target, changes)
    steps, settled = [], []
    for change in changes:
        names = [name for name in change.changed if name in objects.words]
        number = objects.number(change)
        if not names:
            settled.append(done(change, number))
        elif number is None:
            settled.append(skipped(change))
        elif outcome := _not_sendable(objects, change, names):
            settled.append(outcome)
        else:
            record = {"id": number, **objects.record(change, names)}
            steps.append(Step(change=change, record=record))
    yield settled
    judge: Judge = failed
    if changes[0].action in CLOSING:
        judge = gone_or_failed
    elif changes[0].kind is Kind.USER:
        judge = judge_of(target, {step.change.key: step.record["id"] for step in steps})
    yield from send(steps, objects.update, target.lost, judge=judge)


def _not_sendable(objects: Objects, change: Change, names: Iterable[str]) -> Outcome | None:
    """The outcome of a change that Moodle would refuse, or that needs what is not there."""
    refused = [(name, why) for name, why in refusals(change.kind, change.after) if name in names]
    if refused:
        detail = ", ".join(f"{name}: {why}" for name, why in refused)
        return failed(change, refused[0][1], detail)
    return skipped(change) if objects.lacks_category(change, names) else None


HANDLERS: Mapping[tuple[Kind, Action], Handler] = {
    **{(kind, Action.CREATE): create_objects for kind in OBJECTS},
    **{(kind, Action.UPDATE): update_objects for kind in OBJECTS},
    (Kind.USER, Action.RESTORE): update_objects,
    **{(Kind.USER, action): update_objects for action in CLOSING},
    (Kind.MEMBER, Action.ADD): add_members,
    (Kind.MEMBER, Action.REMOVE): remove_members,
    (Kind.ENROLMENT, Action.ADD): add_enrolments,
    (Kind.ENROLMENT, Action.REMOVE): remove_enrolments,
}
