"""Sends a batch, finds the record that Moodle refuses, and takes over what is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provisioning.apply.lost import MAX_TRIES, LostAnswers
from provisioning.apply.objects import Clash, Objects, Record, Row, Target
from provisioning.changes import ACCOUNT_GONE, Change, Outcome, Result
from provisioning.moodle import (
    MoodleError,
    MoodleRefused,
    MoodleStopped,
    MoodleUnavailable,
    MoodleUncertain,
)
from provisioning.moodle.errors import INVALID_RESPONSE

Outcomes = Iterator[list[Outcome]]
"""The outcomes of a batch, as a list after each call of Moodle."""

_OUR_CODES = {"shortnametaken": "shortname_taken", "useremailduplicate": "email_taken"}

_GONE = {"invalidrecord", "invaliduser", "invaliduserid", "userdeleted", "usernotupdateddeleted"}
"""Moodle's codes for a user, cohort or course that is no longer there."""

_PERHAPS_GONE = _GONE | {"codingerror", "no_such_user_or_cohort"}

Judge = Callable[[Change, str], Outcome]
"""Turns a change and Moodle's code for its refusal into the outcome."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A change and the record that makes it, in Moodle's words."""

    change: Change
    record: Record


def create_or_adopt(objects: Objects, steps: Sequence[Step]) -> Outcomes:
    """Create what is not there yet; look first where Moodle itself would make a second one."""
    found, unread = _look_up(objects.existing, steps, objects.lost)
    yield unread
    steps = _without(steps, unread)
    yield from _adopt(objects, [step for step in steps if step.change.key in found], found)
    yield from _create(objects, [step for step in steps if step.change.key not in found])


def _create(objects: Objects, steps: Sequence[Step], tries: int = 1) -> Outcomes:
    """Create, or adopt what exists. A call that creates is one transaction: all or nothing."""
    if not steps:
        return
    error: MoodleRefused | MoodleUncertain
    try:
        numbers = objects.create([step.record for step in steps])
    except MoodleRefused as caught:
        error = caught
    except MoodleUncertain as caught:
        objects.doubt([step.change for step in steps])
        error = caught
    except MoodleStopped:
        objects.doubt([step.change for step in steps])
        raise
    else:
        objects.lost.answered()
        yield [done(step.change, number) for step, number in zip(steps, numbers, strict=True)]
        return
    found, unread = _look_up(objects.find, steps, objects.lost)
    yield unread
    steps = _without(steps, unread)
    yield from _adopt(objects, [step for step in steps if step.change.key in found], found)
    missing = [step for step in steps if step.change.key not in found]
    if not missing:
        return
    if isinstance(error, MoodleUncertain) and tries < MAX_TRIES:
        # A call that did a part of its work has earned the full number of tries again.
        yield from _create(objects, missing, tries + 1 if len(missing) == len(steps) else 1)
        return
    if isinstance(error, MoodleUncertain) and not objects.lost.concern_records(error):
        raise error
    if isinstance(error, MoodleRefused) and len(missing) < len(steps):
        yield from _create(objects, missing, tries)
    elif len(missing) == 1:
        change = missing[0].change
        if isinstance(error, MoodleUncertain):
            objects.lost.count()
            yield [failed(change, error.code)]
        else:
            why = _reason(objects, change, error.code)
            yield [failed(change, why.code, why.detail, why.account)]
    else:
        for half in _halves(missing):
            yield from _create(objects, half, tries)


def _look_up(
    find: Callable[[Sequence[Change]], Mapping[str, Row | Clash]],
    steps: Sequence[Step],
    lost: LostAnswers,
) -> tuple[dict[str, Row | Clash], list[Outcome]]:
    """What is there of these changes, and the outcomes of those that Moodle cannot look up."""
    if not steps:
        return {}, []
    error: MoodleError
    try:
        return dict(find([step.change for step in steps])), []
    except MoodleRefused as caught:
        error = caught
    except MoodleUnavailable as caught:
        if not lost.concern_records(caught):
            raise
        error = caught
    if len(steps) == 1:
        if isinstance(error, MoodleUnavailable):
            lost.count()
        return {}, [failed(steps[0].change, error.code)]
    found: dict[str, Row | Clash] = {}
    unread: list[Outcome] = []
    for half in _halves(steps):
        some, others = _look_up(find, half, lost)
        found |= some
        unread += others
    return found, unread


def _without(steps: Sequence[Step], outcomes: Sequence[Outcome]) -> Sequence[Step]:
    over = {outcome.change.key for outcome in outcomes}
    return [step for step in steps if step.change.key not in over]


def _reason(objects: Objects, change: Change, code: str) -> Clash:
    try:
        return objects.reason(change, code)
    except (MoodleRefused, MoodleUnavailable):
        return Clash(code=code)


def _adopt(objects: Objects, steps: Sequence[Step], found: Mapping[str, Row | Clash]) -> Outcomes:
    settled, differing = [], []
    for step in steps:
        row = found[step.change.key]
        if isinstance(row, Clash):
            settled.append(failed(step.change, row.code, row.detail, row.account))
        elif record := objects.differences(step.change, row):
            differing.append(Step(change=step.change, record={"id": row["id"], **record}))
        else:
            settled.append(done(step.change, row["id"], "adopted"))
    yield settled
    yield from send(differing, objects.update, objects.lost, code="adopted")


def send(
    steps: Sequence[Step],
    call: Callable[[Sequence[Record]], Mapping[int, str] | None],
    lost: LostAnswers,
    *,
    code: str = "",
    judge: Judge | None = None,
    tries: int = 1,
) -> Outcomes:
    """Make a call that may safely be made twice.

    ``call`` returns Moodle's code for every refused id, where Moodle names them. ``code`` goes into
    the outcomes of what succeeds; ``judge`` says what the refusal of a record means.
    """
    if not steps:
        return
    judge = judge or failed
    error: MoodleRefused | MoodleUncertain
    try:
        refused = call([step.record for step in steps]) or {}
    except (MoodleRefused, MoodleUncertain) as caught:
        error = caught
    else:
        lost.answered()
        yield [
            judge(step.change, refused[step.record["id"]])
            if step.record.get("id") in refused
            else done(step.change, step.record.get("id"), code)
            for step in steps
        ]
        return
    # An invalid response hides the warning about a refused record: search for it in the same way.
    is_lost = isinstance(error, MoodleUncertain) and error.code != INVALID_RESPONSE
    if is_lost and tries < MAX_TRIES:
        yield from send(steps, call, lost, code=code, judge=judge, tries=tries + 1)
        return
    if is_lost and not lost.concern_records(error):
        raise error
    if len(steps) == 1:
        if is_lost:
            lost.count()
        yield [judge(steps[0].change, error.code)]
    else:
        for half in _halves(steps):
            yield from send(half, call, lost, code=code, judge=judge, tries=tries)


def _halves(steps: Sequence[Step]) -> tuple[Sequence[Step], Sequence[Step]]:
    middle = len(steps) // 2
    return steps[:middle], steps[middle:]


def done(change: Change, number: int | None = None, code: str = "") -> Outcome:
    return Outcome(change=change, result=Result.DONE, moodle_id=number, code=code)


def failed(
    change: Change, code: str, detail: str = "", account: Mapping[str, object] | None = None
) -> Outcome:
    code = _OUR_CODES.get(code, code)
    return Outcome(change=change, result=Result.FAILED, code=code, detail=detail, account=account)


def gone_or_failed(change: Change, code: str) -> Outcome:
    """Judge a removal: what is no longer in Moodle needs no removal."""
    return done(change, code="already_gone") if code in _GONE else failed(change, code)


def judge_of(target: Target, users: Mapping[str, int]) -> Judge:
    """Return the judge of changes that need an account: it tells when that was deleted. ``users``
    are Moodle's numbers by person id."""

    def judge(change: Change, code: str) -> Outcome:
        if code in _PERHAPS_GONE and target.is_deleted(users[change.key]):
            return failed(change, ACCOUNT_GONE)
        return failed(change, code)

    return judge


def skipped(change: Change) -> Outcome:
    """Return the outcome of a change whose cohort, course or account could not be made before."""
    return Outcome(change=change, result=Result.SKIPPED, code="dependency_failed")
