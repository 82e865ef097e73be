"""What is not rolled up yet, read as if it were: whoever asks a question writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import FromClause, exists, select
from sqlalchemy.orm import Session

from auth.models import LoginEvent
from service.activity.ordinals import (
    NUMBERED,
    TEMPORARY,
    new_people,
    new_places,
    numbered_with,
    numbering,
)
from service.activity.rolls import whoever
from service.activity.rollups import (
    BATCH,
    Event,
    Gathered,
    counted_in,
    gather,
    sign_ins,
    with_ordinals,
)
from service.models import EventSource, PendingEvent, RollChange


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """Sign-ins and rolls that changed since the last time that somebody rolled up."""

    numbered: FromClause = NUMBERED
    """All ordinals; those of people who have none yet count for this question only."""
    stale: frozenset[str] = frozenset()
    """Schools whose sheets say what was."""
    events: Gathered = field(default_factory=Gathered)
    """Of our provider: those of other sources are rolled up as they come in."""


def read_tail(session: Session) -> Tail:
    """What ``rolls.refresh`` and ``rollups.catch_up`` would add."""
    changed = select(RollChange.school_code)
    stale = set(session.scalars(changed.distinct()))
    waiting = session.scalar(select(exists().select_from(PendingEvent)))
    if not stale and not waiting:
        return Tail()
    events = sign_ins(LoginEvent.id.in_(select(PendingEvent.event_id)))
    rows: list[Sequence[Any]] = []
    numbered: FromClause = NUMBERED
    # The rolls first: the school of the roll is then the one that stands for the person.
    for new, people in ((new_people, whoever(changed)), (new_people, events), (new_places, events)):
        rows += session.execute(numbering(new(people, numbered), TEMPORARY + len(rows))).all()
        numbered = numbered_with(session, rows)
    zone, gathered = counted_in(session, EventSource.PROVIDER), Gathered()
    found = session.execute(with_ordinals(events, numbered).execution_options(yield_per=BATCH))
    for some in found.partitions():
        whole = [Event(*row) for row in some if row.ordinal is not None]
        gathered.add(gather(EventSource.PROVIDER, whole, zone))
    return Tail(
        numbered=numbered,
        stale=frozenset(stale | {code for _ordinal, _person, code, _main in rows if code}),
        events=gathered,
    )
