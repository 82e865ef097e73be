"""Who is still free: the state of one matching, which its steps fill."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from provisioning.evidence import Described, compare, given_letters, letters
from provisioning.findings import Finding
from provisioning.matching import asking
from provisioning.matching.comparing import exact_key, index
from provisioning.matching.known import How, KnownIdentities, KnownIdentity, Match
from provisioning.matching.rows import has_ended, rank
from provisioning.questions import Decided, Question
from provisioning.roster import ClassKind, Mode, Part, Person, Role, Roster
from provisioning.settings import MatchSettings


@dataclass
class Board:
    """What is known of a roster's rows so far. Rows are named by their sourced ids."""

    roster: Roster
    known: KnownIdentities
    new_id: Callable[[], str]
    decided: Decided
    settings: MatchSettings
    contradicted: set[str]
    """Rows whose known id has perhaps become somebody else's."""
    matches: dict[str, Match] = field(default_factory=dict)
    second_rows: set[str] = field(default_factory=set)
    followers: dict[str, list[str]] = field(default_factory=dict)
    """First row of a human -> the further ones, which go where it goes."""
    waiting: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    """Ended rows of somebody who may be known: nothing becomes of them, and nobody is asked."""
    kept: set[str] = field(default_factory=set)
    """People who stay as they are, because a question is about them."""
    claimed: set[str] = field(default_factory=set)
    """People of whom one question for the whole file says which row is theirs; kept as well."""
    one_by_one: set[str] = field(default_factory=set)
    """Rows of which somebody said that they are not new ids of a whole export: a name, birth date
    and class are not enough then."""
    findings: list[Finding] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows_of: dict[str, str] = {}
        """Person id -> the first row of that human."""
        self.own = index(self.known.own.values())
        self._answers = asking.answers_by_row(self.decided)
        self.doubted = {self.known.by_key[key].person_id for key in self.contradicted}
        """People whose id now stands at a row that contradicts them."""
        self._near = self._near_index()
        self._titles = self._class_titles()

    @property
    def code(self) -> str:
        return self.roster.school.code

    def pending(self) -> Iterator[Person]:
        """Yield the rows that nothing has been decided about, first rows of a human only."""
        further = {key for keys in self.followers.values() for key in keys}
        for key, row in self.roster.persons.items():
            done = key in self.matches or key in self.waiting or key in self.ended
            if not done and key not in further:
                yield row

    def give(self, key: str, person_id: str, how: How) -> None:
        """Say that a row is this human. Of two rows of a human one speaks for both."""
        for row in (key, *self.followers.get(key, ())):
            self._give(row, person_id, how if row == key else How.SECOND_ROW)

    def _give(self, key: str, person_id: str, how: How) -> None:
        self.matches[key] = Match(person_id=person_id, how=how)
        first = self.rows_of.setdefault(person_id, key)
        if first != key:
            persons = self.roster.persons
            better, worse = sorted((first, key), key=lambda one: rank(persons[one]))
            self.second_rows.add(worse)
            self.rows_of[person_id] = better

    def wait(self, key: str, person_id: str) -> None:
        """Let a row wait for an answer; ``person_id`` is its likeliest human."""
        for row in (key, *self.followers.get(key, ())):
            self.waiting[row] = person_id

    def is_free(self, human: KnownIdentity) -> bool:
        return human.person_id not in self.rows_of and human.person_id not in self.claimed

    def has_only_ended(self, human: KnownIdentity) -> bool:
        """Tell whether somebody is in the file, and each of their rows has ended."""
        first = self.rows_of.get(human.person_id)
        return first is not None and has_ended(self.roster.persons[first])

    def is_free_for(self, row: Person, human: KnownIdentity) -> bool:
        """Tell whether the row may be somebody's; an active row of an unknown id may also go on
        where all others of a human have ended."""
        if self.is_free(human):
            return True
        is_open = human.person_id not in self.claimed and self.has_only_ended(human)
        return is_open and not has_ended(row) and self.old_human(row) is None

    def hold(self, human: KnownIdentity) -> None:
        """Keep somebody as they are: rows of theirs that have ended say nothing for now."""
        if self.has_only_ended(human):
            del self.rows_of[human.person_id]
            rows = [key for key, one in self.matches.items() if one.person_id == human.person_id]
            for key in rows:
                del self.matches[key]
            self.ended.update(rows)
            self.second_rows.difference_update(rows)
        self.kept.add(human.person_id)

    def own_exact(self, row: Person) -> list[KnownIdentity]:
        """Return the free people of this school whom the row names exactly."""
        return [one for one in self.own.get(exact_key(row), ()) if self.is_free_for(row, one)]

    def near_own(self, row: Person) -> list[KnownIdentity]:
        """Return the free people of this school who share two of given name, family name and birth
        date with the row, or both names turned round."""
        found = {
            one.person_id: one
            for key in _near_keys(row)
            for one in self._near.get(key, ())
            if self.is_free_for(row, one)
        }
        return [found[person_id] for person_id in sorted(found)]

    def refused(self, row: Person) -> frozenset[str]:
        """Return the people whom somebody said the row not to be."""
        if self.old_human(row) is not None:
            return asking.refused(self.decided, self.question_key(row), row)
        # After a "no" the id leads nowhere, and its key names nobody any more.
        return asking.refused_of(self._answers.get(row.sourced_id, ()), row)

    def question_key(self, row: Person) -> str:
        old = self.old_human(row)
        return asking.key_of(row.sourced_id, old.person_id if old else "")

    def old_human(self, row: Person) -> KnownIdentity | None:
        """Return whom the id of the row named until now."""
        return self.known.by_key.get(row.sourced_id)

    def is_gone(self, human: KnownIdentity) -> bool:
        """Tell whether a full roll misses somebody who was on it: their row was not recognised."""
        return self.code in human.listed and self.absence_tells(human) and self.is_free(human)

    def absence_tells(self, human: KnownIdentity) -> bool:
        part = Part.STAFF if human.is_staff else Part.STUDENTS
        return self.roster.mode is Mode.FULL and part in self.roster.parts

    def class_title(self, key: str) -> str:
        """Return the title of the row's home class, or nothing."""
        return self._titles.get(key, ("", ""))[1]

    def class_id(self, key: str) -> str:
        return self._titles.get(key, ("", ""))[0]

    def unique_pairs(self, proven: Mapping[str, KnownIdentity]) -> dict[str, KnownIdentity]:
        """Return the pending active rows and the one person of this school whom each names
        exactly, where no other pending row names that person.

        ``proven`` rows and their people are told by their number, also among namesakes.
        """
        told = {human.person_id for human in proven.values()}
        people: dict[str, list[KnownIdentity]] = {}
        claims: Counter[str] = Counter()
        for row in self.pending():
            if has_ended(row) or row.sourced_id in proven:
                continue
            exact = (one for one in self.own_exact(row) if one.person_id not in told)
            fitting = [one for one in exact if compare(row, one).is_exact]
            people[row.sourced_id] = fitting
            claims.update(one.person_id for one in fitting)
        return {
            key: fitting[0]
            for key, fitting in people.items()
            if len(fitting) == 1 and claims[fitting[0].person_id] == 1
        }

    def _near_index(self) -> dict[object, list[KnownIdentity]]:
        found: dict[object, list[KnownIdentity]] = defaultdict(list)
        for human in self.known.own.values():
            for key in _near_keys(human):
                found[key].append(human)
        return found

    def _class_titles(self) -> dict[str, tuple[str, str]]:
        """Map rows to id and title of the home class; only of rows whose id alone says little."""
        classes, persons, known = self.roster.classes, self.roster.persons, self.known.by_key
        found: dict[str, tuple[str, str]] = {}
        for link in self.roster.enrolments:
            key = link.person_id
            if link.role is not Role.STUDENT or key not in persons or link.class_id not in classes:
                continue
            if key in known and key not in self.contradicted:
                continue
            one = classes[link.class_id]
            if one.kind is not ClassKind.GROUP and (
                key not in found or link.class_id < found[key][0]
            ):
                found[key] = (link.class_id, one.title)
        return found


def _near_keys(record: Described) -> Iterator[object]:
    family, given = letters(record.family_name), given_letters(record.given_name)
    yield "given", given, record.birth_date
    yield "family", family, record.birth_date
    yield "names", frozenset((family, given))
