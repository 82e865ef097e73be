"""The order of deciding: ids, answers, numbers, new ids of this school, then questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from provisioning.evidence import Likeness, compare, compare_subjects
from provisioning.findings import about
from provisioning.matching import asking, renumbering
from provisioning.matching.board import Board
from provisioning.matching.comparing import contradict, contradicted
from provisioning.matching.known import (
    How,
    KnownIdentities,
    KnownIdentity,
    Match,
    Matching,
)
from provisioning.matching.numbers import foreign_numbers
from provisioning.matching.rows import has_ended, same_humans
from provisioning.questions import Answer, Decided, QuestionKind, Speaks
from provisioning.roster import Person, Role, Roster
from provisioning.settings import MatchSettings

_NOTHING = Decided()
_SETTINGS = MatchSettings()


def match(
    roster: Roster,
    known: KnownIdentities,
    new_id: Callable[[], str],
    *,
    decided: Decided = _NOTHING,
    settings: MatchSettings = _SETTINGS,
) -> Matching:
    """Say for each row of the roster which human it is (docs/facts/paragraf.md R6).

    *The same*: the id is known and not contradicted; СНИЛС, birth date and names agree; or a full
    roll misses exactly one pupil of this name, birth date and class (of any class, when another
    school has just handed the pupil over). *Another one*: nobody known resembles the row.
    Everything between is a question, and the row waits for the answer, while whom we know stays as
    they are. A person id goes to several rows only where these are one human's, and a number stays
    with whom we know by it. The order of rows makes no difference.
    """
    board = Board(
        roster=roster, known=known, new_id=new_id, decided=decided, settings=settings,
        contradicted=contradicted(roster, known),
    )  # fmt: skip
    _take_known_ids(board)
    _join_rows(board)
    _take_answers(board)
    proven = _proven_by_number(board)
    certain = board.unique_pairs(proven)
    renumbering.recognise(board, proven, certain)
    _take_proven(board, proven)
    _take_new_ids(board)
    strangers = _ask_or_make(board)
    return _result(board, strangers)


def _take_known_ids(board: Board) -> None:
    known = board.known.by_key
    for key in board.roster.persons:
        if key in known and key not in board.contradicted:
            # Straight, because nearly all rows end here.
            person_id = known[key].person_id
            if person_id in board.rows_of:
                board.give(key, person_id, How.KNOWN)
            else:
                board.matches[key] = Match(person_id=person_id, how=How.KNOWN)
                board.rows_of[person_id] = key


def _join_rows(board: Board) -> None:
    """Let rows of one human go together. Two that are two people to us already stay so."""
    persons, known = board.roster.persons, board.known.by_key
    for rows in same_humans(board.roster, board.contradicted):
        people = {board.matches[key].person_id for key in rows if key in board.matches}
        unknown = [
            key
            for key in rows
            # Not a row that somebody split from that human.
            if key not in board.matches and not people & board.refused(persons[key])
        ]
        if len(people) == 1 and unknown:
            human = next(known[key] for key in rows if key in board.matches)
            if board.has_only_ended(human):
                # What we know may speak against it, also where the old row is silent.
                unknown = [key for key in unknown if not compare(persons[key], human).is_denied]
        if len(people) > 1 or not unknown:
            continue
        if people:
            (person_id,) = people
            for key in unknown:
                board.give(key, person_id, How.SECOND_ROW)
        else:
            board.followers[rows[0]] = rows[1:]
        for key in unknown:
            if key != rows[0] or people:
                first = persons[rows[0] if key != rows[0] else rows[1]]
                other = {"other": first.sourced_id, "other_line": str(first.line or "—")}
                rule = "match.second_row"
                board.findings.append(about(rule, board.roster, persons[key], "", **other))


def _take_answers(board: Board) -> None:
    """What people answered is not asked again."""
    for key, row in board.roster.persons.items():
        last = board.decided.last(QuestionKind.SPLIT, key) if row.snils else None
        if last is not None and last.answer is Answer.SAME:
            holders = {one.person_id for one in board.known.by_snils.get(row.snils, ())}
            held = board.matches.get(key)
            if last.candidate in holders and (held is None or held.person_id != last.candidate):
                if held is not None:
                    board.rows_of.pop(held.person_id, None)
                board.give(key, last.candidate, How.DECIDED)
    for row in list(board.pending()):
        old = board.old_human(row)
        human = asking.answered(board.decided, row, old, _everybody(board, row))
        if human is not None:
            board.give(row.sourced_id, human.person_id, How.DECIDED)


def _proven_by_number(board: Board) -> dict[str, KnownIdentity]:
    """Return the pending rows that СНИЛС, birth date and names prove to be a known human."""
    claims: dict[str, KnownIdentity] = {}
    for row in board.pending():
        refused = board.refused(row)
        fitting = [one for one in _holders(board, row) if _is_proven(row, one)]
        if len(fitting) != 1 or fitting[0].person_id in refused:
            continue
        human = fitting[0]
        is_here = human.person_id in board.known.own
        if not board.is_free(human):
            first = board.roster.persons[board.rows_of[human.person_id]]
            goes_on = board.is_free_for(row, human)
            if goes_on or compare(row, first).is_exact:
                board.give(row.sourced_id, human.person_id, How.SECOND_ROW)
        elif is_here or board.settings.moves == "automatic":
            claims[row.sourced_id] = human
    claimed = Counter(human.person_id for human in claims.values())
    return {key: one for key, one in claims.items() if claimed[one.person_id] == 1}


def _is_proven(row: Person, human: KnownIdentity) -> bool:
    compared = compare(row, human)
    same_role = not human.role or human.is_staff is (row.role is not Role.STUDENT)
    return compared.birth is Likeness.EQUAL and compared.names_agree and same_role


def _take_proven(board: Board, proven: dict[str, KnownIdentity]) -> None:
    for key, human in proven.items():
        if key in board.contradicted or not board.is_free(human):
            continue
        board.give(key, human.person_id, How.SNILS)
        if board.code in human.listed:
            renumbering.tell_new_id(board, key, human)


def _take_new_ids(board: Board) -> None:
    """Give pupils and staff of this school their new id, where nobody else can be meant.

    Pupils stay in their class, but for those whom another school has handed over: theirs has
    another id here and mostly another title, so that name, birth date and roll have to do.
    Teachers keep a subject, where both the file and the registry name any.
    """
    for key, human in board.unique_pairs({}).items():
        row = board.roster.persons[key]
        old = board.old_human(row)
        if old is not None and old.person_id not in board.rows_of:
            continue  # The id speaks for somebody who has no other row.
        if key in board.one_by_one or human.person_id in board.refused(row):
            continue
        compared = compare(row, human)
        rivals = (one for one in _elsewhere(board, row) if compare(row, one).is_exact)
        same_role = not human.role or human.is_staff is (row.role is not Role.STUDENT)
        if (
            compared.is_exact
            and same_role
            and (board.is_gone(human) or human.is_by_hand(board.code))
            and human.person_id not in board.doubted
            and (
                (human.is_staff and not _teaches_otherwise(board, key, human))
                or human.handed_over
                or human.is_by_hand(board.code)
                or _in_same_class(board, key, human)
            )
            and not any(rivals)
        ):
            board.give(key, human.person_id, How.EVIDENCE)
            renumbering.tell_new_id(board, key, human)


def _teaches_otherwise(board: Board, key: str, human: KnownIdentity) -> bool:
    """Tell whether the file names other subjects of a teacher than were known: what a class is to
    pupils."""
    told = compare_subjects(asking.subjects_of(board.roster, key), human.subjects)
    return told is not None and told.speaks is Speaks.AGAINST


def _in_same_class(board: Board, key: str, human: KnownIdentity) -> bool:
    title = board.class_title(key)
    if not title or not human.class_title:
        return bool(board.class_id(key)) and board.class_id(key) == human.class_id
    return asking.same_class(title, human.class_title)


def _ask_or_make(board: Board) -> int:
    """Ask about each row that may be somebody known; all others are new people.

    Returns how many contradicted rows resemble nobody of this school.
    """
    strangers = 0
    for row in sorted(board.pending(), key=lambda one: one.sourced_id):
        key, old = row.sourced_id, board.old_human(row)
        refused = board.refused(row)
        candidates = [one for one in _candidates(board, row) if one.person_id not in refused]
        if old is not None and old.person_id not in refused and board.is_free(old):
            strangers += not candidates
            candidates = [one for one in candidates if one.person_id != old.person_id] + [old]
        if old is not None and old.person_id in board.claimed and not candidates:
            board.wait(key, "")
        elif not candidates:
            board.give(key, board.new_id(), How.NEW)
        elif has_ended(row) and old is None:
            board.ended.add(key)
        else:
            _ask(board, row, candidates)
    return strangers


def _ask(board: Board, row: Person, candidates: list[KnownIdentity]) -> None:
    key = board.question_key(row)
    board.questions.append(
        asking.question(
            board.roster,
            row,
            key,
            candidates,
            is_new_id=board.old_human(row) is None,
            class_of=board.class_title,
        )
    )
    board.wait(row.sourced_id, candidates[0].person_id)
    for one in candidates:
        board.hold(one)
    if row.sourced_id in board.contradicted:
        board.findings.append(about("match.key_reused", board.roster, row, "sourced_id"))
        return
    schools = sorted({one.school_code for one in candidates})
    rule = "match.waits"
    details = {"schools": ", ".join(schools), "count": str(len(candidates))}
    board.findings.append(about(rule, board.roster, row, "", **details))


def _candidates(board: Board, row: Person) -> list[KnownIdentity]:
    """Return the free people who may be the row's human, the likeliest first."""
    found: dict[str, tuple[int, KnownIdentity]] = {}

    def offer(rank: int, human: KnownIdentity) -> None:
        before = found.get(human.person_id)
        if board.is_free_for(row, human) and (before is None or rank < before[0]):
            found[human.person_id] = (rank, human)

    holders = _holders(board, row)
    for human in holders:
        if _may_hold_number(row, human):
            offer(0, human)
    for human in board.own_exact(row):
        if compare(row, human).sex is not Likeness.OTHER:
            offer(1, human)
    for human in _own_near(board, row):
        offer(3, human)
    for human in _elsewhere(board, row):
        compared = compare(row, human)
        is_away = not human.listed
        if compared.is_exact or (compared.is_namesake and (is_away or holders)):
            # A number that is somebody else's says nothing against.
            offer(2, human)
        elif compared.is_very_near or (compared.is_near and is_away):
            offer(4, human)
    ordered = sorted(found.values(), key=lambda one: (one[0], one[1].person_id))
    return [human for _, human in ordered]


def _may_hold_number(row: Person, human: KnownIdentity) -> bool:
    """Tell whether somebody of the row's number may be its human; else they are two people."""
    compared = compare(row, human)
    if compared.birth is Likeness.EQUAL:
        return not contradict(row, human) or compared.given is Likeness.NEAR
    named = Likeness.EQUAL in (compared.family, compared.middle)
    return compared.given is Likeness.EQUAL and named and not contradict(row, human)


def _own_near(board: Board, row: Person) -> Iterable[KnownIdentity]:
    """Yield people of this school who are gone from it and nearly the row's human.

    Whom another school lists now must be nearer.
    """
    for human in board.near_own(row):
        compared = compare(row, human)
        is_here_no_more = board.has_only_ended(human) and human.listed <= {board.code}
        is_away = board.is_gone(human) or is_here_no_more or not human.listed
        moved = compared.is_very_near and board.code not in human.listed
        if moved or (compared.is_near and is_away):
            yield human


def _holders(board: Board, row: Person) -> list[KnownIdentity]:
    """Return whom we know by the number of the row, as fully as we know them."""
    if not row.snils:
        return []
    own = board.known.own
    return [own.get(one.person_id, one) for one in board.known.by_snils.get(row.snils, ())]


def _elsewhere(board: Board, row: Person) -> list[KnownIdentity]:
    return list(board.known.elsewhere.get(row.sourced_id, ()))


def _everybody(board: Board, row: Person) -> list[KnownIdentity]:
    """Return everybody whom an answer about the row may name."""
    old = board.old_human(row)
    found = {one.person_id: one for one in [*_elsewhere(board, row), *_holders(board, row)]}
    found |= {one.person_id: one for one in board.near_own(row)}
    found |= {one.person_id: one for one in board.own_exact(row)}
    if old is not None:
        found[old.person_id] = old
    return list(found.values())


def _result(board: Board, strangers: int) -> Matching:
    roster, known = board.roster, board.known
    unusable = {
        known.by_key[key].person_id
        for key in {*roster.set_aside, *board.waiting}
        if key in known.by_key
    }
    numberless, about_numbers, asked = foreign_numbers(roster, known, board.matches, board.decided)
    findings = [*board.findings, *about_numbers]
    findings.sort(key=lambda finding: (finding.file, finding.line or 0, finding.sourced_id))
    return Matching(
        matches=board.matches,
        second_rows=frozenset(board.second_rows),
        waiting=board.waiting,
        set_aside=frozenset((unusable | board.kept | board.claimed) - board.rows_of.keys()),
        numberless=numberless,
        contradicted=strangers,
        findings=tuple(findings),
        questions=tuple(sorted([*board.questions, *asked], key=lambda one: (one.kind, one.key))),
    )
