"""One run: a life, an office, a judge, and the bars that the figures must keep."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import func, select

from bench.people.answers import answer_until_quiet
from bench.people.judge import SHUT_OUT, TAKEN, WRONGLY_MERGED, Judge
from bench.people.office import Office, open_office
from bench.people.standin import standin
from service.models import StoredQuestion
from service.moodle_standin import Snapshot
from service.sample.life import Event, Life, Month, What, live

LEAST_MOVES_KEPT = 0.98
MOST_QUESTIONS = 2.0
"""Of 1,000 people and load."""
_DAYS_BETWEEN = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The figures of one run."""

    seed: int
    schools: int
    people: int
    months: int
    loads: int
    stopped_loads: int
    rows: int
    wrong_merges: int
    taken_or_given: int
    shut_out: int
    second_accounts: int
    """Humans with more than one account in Moodle at the end."""
    moves_without_number: int
    moves_without_number_kept: float
    moves_with_number: int
    moves_with_number_kept: float
    returns: int
    returns_kept: float
    questions: int
    questions_per_1000: float
    waited: int
    """Rows that waited for an answer."""
    over_limits: int
    """Loads that needed the second yes."""
    seconds: float
    """Of CPU."""

    def broken(self, *, questions: bool = True) -> list[str]:
        """The bars that do not hold."""
        bars = {
            "wrong_merges": self.wrong_merges == 0,
            "taken_or_given": self.taken_or_given == 0,
            "shut_out": self.shut_out == 0,
            "stopped_loads": self.stopped_loads == 0,
            "moves_without_number_kept": self.moves_without_number_kept >= LEAST_MOVES_KEPT,
            "returns_kept": self.returns_kept == 1,
            "questions_per_1000": not questions or self.questions_per_1000 <= MOST_QUESTIONS,
        }
        return [name for name, holds in bars.items() if not holds]

    @property
    def facts(self) -> dict[str, object]:
        return {**asdict(self), "broken": self.broken()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A run that is over: its figures, and who can say more."""

    verdict: Verdict
    judge: Judge
    office: Office
    lost: list[Event]
    """Moves and returns that ended in another account."""
    second: dict[str, int]
    state: Snapshot
    """What Moodle holds in the end."""

    def explained(self) -> Iterable[str]:
        """Everything that went wrong, a human a line, with what happened to the human."""
        for one in self.office.stopped:
            yield f"stopped_loads {one}"
        for fault in self.judge.faults.values():
            events = "; ".join(self.judge.events_of(fault.human))
            yield f"{fault.kind} month {fault.month} {fault.human} {fault.told} [{events}]"
        for event in self.lost:
            events = "; ".join(self.judge.events_of(event.humans[0]))
            yield f"{event.what} not kept, month {event.month} {event.humans[0]} [{events}]"
        yield from (f"asked {one}" for one in self.judge.asked)
        for human, number in self.second.items():
            yield f"{number} accounts of {human} [{'; '.join(self.judge.events_of(human))}]"


def try_life(home: Path, life: Life, *, database_url: str = "") -> Trial:
    """Let the city live through the service, and judge it."""
    began = time.process_time()
    with standin() as moodle:
        office = open_office(
            home, moodle, now=life.exported_at(0), database_url=database_url
        )  # fmt: skip
        judge = Judge()
        try:
            for month in live(life):
                judge.begin_month(month)
                _order(office, judge, month)
                loaded = {}
                for school in month.exports:
                    loaded[school.school.code, school.exported_at], path = office.load(
                        school, month.number
                    )
                    judge.claims.loaded(school, month.number, path, month.class_keys)
                    _look(office, judge)
                judge.waited += sum(len(one) for one in judge.claims.waiting.values())
                answer_until_quiet(office, judge)
                for (code, at), load_id in loaded.items():
                    if (judge.claims.school(code), at) not in judge.claims.applied:
                        told = f"{code} in month {month.number}: {office.why(load_id)}"
                        office.stopped.append(told)
                judge.see_moodle(moodle.holds(), "after the loads")
                office.wait(_DAYS_BETWEEN)
                _look(office, judge)
                answer_until_quiet(office, judge)
                judge.see_moodle(moodle.holds(), "at the end of the month")
            return _judged(life, office, judge, time.process_time() - began)
        finally:
            office.application.engine.dispose()


def _order(office: Office, judge: Judge, month: Month) -> None:
    """The office hears of mergers and ends of schools before any file tells of them."""
    office.now = max(office.now, month.exports[0].exported_at)
    for event in month.events:
        codes = [judge.claims.school(code) for code in event.schools]
        if event.what is What.MERGED:
            office.merge(*codes)
        elif event.what is What.CLOSED:
            office.close(*codes)
    _look(office, judge)


def _look(office: Office, judge: Judge) -> None:
    with office.application.sessions() as session:
        judge.see_claims(judge.claims.read(session))


def _judged(life: Life, office: Office, judge: Judge, seconds: float) -> Trial:
    state = office.moodle.holds()
    second = judge.second_accounts(state)
    with office.application.sessions() as session:
        questions = session.scalar(select(func.count()).select_from(StoredQuestion)) or 0
    without = judge.moves(What.MOVE, "without number")
    with_number = judge.moves(What.MOVE, "with number")
    returns = judge.moves(What.RETURN, "")
    verdict = Verdict(
        seed=life.seed, schools=life.schools, people=life.people_per_school, months=life.months,
        loads=office.loads, stopped_loads=len(office.stopped), rows=judge.rows,
        wrong_merges=judge.count(WRONGLY_MERGED), taken_or_given=judge.count(TAKEN),
        shut_out=judge.count(SHUT_OUT), second_accounts=len(second),
        moves_without_number=sum(map(len, without)), moves_without_number_kept=_share(without),
        moves_with_number=sum(map(len, with_number)), moves_with_number_kept=_share(with_number),
        returns=sum(map(len, returns)), returns_kept=_share(returns), questions=questions,
        questions_per_1000=round(1000 * questions / judge.rows, 2), waited=judge.waited,
        over_limits=office.over_limits, seconds=round(seconds, 1),
    )  # fmt: skip
    lost = [*without[1], *with_number[1], *returns[1]]
    return Trial(verdict=verdict, judge=judge, office=office, lost=lost, second=second, state=state)


def _share(moves: tuple[list[Event], list[Event]]) -> float:
    kept, lost = moves
    return round(len(kept) / (len(kept) + len(lost)), 3) if kept or lost else 1.0


def by_kind(trial: Trial) -> dict[str, int]:
    """How many questions of each kind were asked."""
    with trial.office.application.sessions() as session:
        kinds = session.scalars(select(StoredQuestion.kind)).all()
    return dict(sorted(Counter(map(str, kinds)).items()))
