"""New ids for people of this school: of a few, or of a whole export, which is one question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from provisioning.evidence import compare
from provisioning.findings import Finding, about, rules
from provisioning.matching import asking
from provisioning.matching.board import Board
from provisioning.matching.known import How, KnownIdentity
from provisioning.questions import Answer, Question, QuestionKind, RowRef


def recognise(
    board: Board, proven: Mapping[str, KnownIdentity], certain: Mapping[str, KnownIdentity]
) -> None:
    """When the export as a whole has new ids, ask that once, or do as was answered.

    Rows and people: those that СНИЛС proves, and those of one name and birth date in this school.
    People whom another school has just handed over have new ids of necessity: they do not count.
    """
    people = {
        key: human
        for key, human in {**certain, **proven}.items()
        if board.code in human.listed
        if not human.handed_over and compare(board.roster.persons[key], human).is_exact
        if human.person_id not in board.refused(board.roster.persons[key])
    }
    roll = sum(
        board.code in one.listed and board.absence_tells(one) and not one.handed_over
        for one in _own(board)
    )
    settings = board.settings
    if len(people) < max(settings.renumbered_floor, settings.renumbered_share * roll):
        return
    # Whom each row was until now is part of the key: the next time is another question.
    first = min(people)
    key = asking.key_of(first, people[first].person_id)
    answer = board.decided.last(QuestionKind.RENUMBERED, key)
    if answer is not None and answer.answer is Answer.CONFIRM:
        for row, human in people.items():
            board.give(row, human.person_id, How.DECIDED)
    elif answer is not None or _was_refused(board, people):
        # Numbers prove as ever. All others are asked about one by one, and nobody waits in vain.
        board.one_by_one.update(people.keys() - proven.keys())
    else:
        _ask(board, key, people)


def _was_refused(board: Board, people: Mapping[str, KnownIdentity]) -> bool:
    """Tell whether somebody said no to the whole of which these are left.

    The row by which it was asked is still in the file, and still the same child.
    """
    ids = {human.person_id for human in people.values()}
    for (kind, key), decisions in board.decided.decisions.items():
        row = board.roster.persons.get(key.rpartition(" ")[0])
        if kind is QuestionKind.RENUMBERED and row is not None:
            last = decisions[-1]
            if last.answer is Answer.REFUSE and ids <= asking.refused_of([last], row):
                return True
    return False


def _own(board: Board) -> Iterable[KnownIdentity]:
    return board.known.own.values()


def _ask(board: Board, key: str, people: Mapping[str, KnownIdentity]) -> None:
    roster = board.roster
    for row, human in people.items():
        board.wait(row, human.person_id)
        board.claimed.add(human.person_id)
    keys = sorted(people)
    board.questions.append(
        Question(
            kind=QuestionKind.RENUMBERED,
            school_code=roster.school.code,
            key=key,
            rows=tuple(RowRef(school_code=roster.school.code, sourced_id=one) for one in keys),
            candidates=tuple(
                asking.candidate(roster, roster.persons[one], people[one], board.class_title(one))
                for one in keys
            ),
        )
    )
    rule = "match.renumbered"
    board.findings.append(
        Finding(
            rule=rule,
            severity=rules()[rule],
            file=roster.files[0] if len(roster.files) == 1 else "",
            school_code=roster.school.code,
            details={"count": str(len(keys))},
        )
    )


def tell_new_id(board: Board, key: str, human: KnownIdentity) -> None:
    """Tell that somebody on the roll is in the file under another id."""
    old = [one.sourced_id for one in human.keys if one.school_code == board.code]
    row = board.roster.persons[key]
    details = {"old": ", ".join(sorted(old)) or human.sourced_id or "—"}
    board.findings.append(about("match.new_id", board.roster, row, "sourced_id", key, **details))
