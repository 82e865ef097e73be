"""Which class of ours is a class of a file? Its people say so first, then id, title and grade.

A cohort and a course with its content hang on the key of a class. An id that names another class
now may not take them along, a new id for the same people must keep them, and where people, id and
title contradict each other somebody is asked. Keys are of one school year: in the next one every
class begins anew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count

from provisioning.class_evidence import FEW_PUPILS, Comparison, FileClass, KnownClass
from provisioning.class_ids import folded_id, folded_title
from provisioning.questions import (
    Answer,
    Candidate,
    Decided,
    Decision,
    Question,
    QuestionKind,
    RowRef,
)


class HowClass(StrEnum):
    KEPT = "kept"
    """The id names it as before."""
    RENUMBERED = "renumbered"
    """The class is known by another id."""
    REUSED = "reused"
    """The id named another class before: this one gets a key of its own."""
    NEW = "new"
    ANSWERED = "answered"
    """A person said so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassMatch:
    key: str
    how: HowClass


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassMatching:
    matches: Mapping[str, ClassMatch] = field(default_factory=dict)
    """By id in the file: every class but those in doubt."""
    waiting: frozenset[str] = frozenset()
    """Ids of the classes in doubt."""
    held: frozenset[str] = frozenset()
    """Keys of the known classes that they may be: all places there stay as they are."""
    questions: tuple[Question, ...] = ()


def question_key(school_year: str, class_id: str) -> str:
    """The key of the question about a class: in another year the same id is asked about anew."""
    return f"{school_year} {class_id}"


def class_of_question(key: str) -> tuple[str, str]:
    """Return school year and id of the class that a question of this key is about."""
    school_year, _blank, class_id = key.partition(" ")
    return school_year, class_id


def recognise_classes(
    classes: Iterable[FileClass],
    known: Iterable[KnownClass],
    *,
    school_code: str,
    school_year: str,
    decided: Decided,
    is_taken: Callable[[str], bool] = lambda key: False,
    in_doubt: Collection[str] = (),
    is_whole: bool = True,
) -> ClassMatching:
    """Say for each class of a file which known one of the same school year it is.

    ``is_taken`` tells of a key whether Moodle has, or had, a class under it. Home classes are
    compared with home classes and groups with groups. A key is given to one class at most, unless
    a person says that two are one. Classes with an id in ``in_doubt`` are asked about until
    somebody answers: an answer about them was taken back, and what was done by it proves nothing.
    ``is_whole``: the file tells who is in every class. Else whom it does not name has stayed.
    """
    finding = _Finding(school_code, school_year, decided, is_taken, in_doubt, is_whole)
    every, ours = sorted(classes, key=lambda one: one.class_id), list(known)
    for is_group in (False, True):
        finding.of_kind(
            [one for one in every if one.is_group is is_group],
            [one for one in ours if one.is_group is is_group],
        )
    finding.name_new([one.class_id for one in every], [one.key for one in ours])
    return finding.result()


class _Finding:
    """The classes of one file, decided from the surest to the most doubtful."""

    def __init__(
        self,
        school_code: str,
        school_year: str,
        decided: Decided,
        is_taken: Callable[[str], bool],
        in_doubt: Collection[str],
        is_whole: bool,
    ) -> None:
        self._in_doubt, self._is_whole = in_doubt, is_whole
        self._school_code, self._school_year = school_code, school_year
        self._decided, self._is_taken = decided, is_taken
        self._found: dict[str, ClassMatch] = {}
        self._new: dict[str, HowClass] = {}
        self._doubts: dict[str, list[Comparison]] = {}
        self._claimed: set[str] = set()
        """Keys of known classes that a class of the file has."""

    def of_kind(self, classes: Sequence[FileClass], known: Sequence[KnownClass]) -> None:
        here = frozenset().union(*(one.pupils for one in classes))
        before = frozenset().union(*(one.pupils for one in known))
        went = {one.key: len(one.pupils & here) for one in known}
        self._pairs: dict[tuple[str, str], Comparison] = {}
        self._by_file: dict[str, list[Comparison]] = {one.class_id: [] for one in classes}
        self._by_known: dict[str, list[Comparison]] = {one.key: [] for one in known}
        nearby = _Nearby(known)
        for one in classes:
            came = len(one.pupils & before)
            last = self._last(one)
            answered = last.candidate if last and last.answer is Answer.SAME else ""
            for other in nearby.to(one, self._refused(one), answered):
                pair = Comparison(one, other, came, went[other.key])
                if not (self._is_whole or pair.same_id or pair.same_title):
                    # A class that the file need not name is there still, with whom it left out.
                    pair = replace(pair, went=len(other.pupils))
                self._pairs[one.class_id, other.key] = pair
                self._by_file[one.class_id].append(pair)
                self._by_known[other.key].append(pair)
        self._titles = Counter((one.grade, folded_title(one.title)) for one in classes)
        self._named = {one.class_id: self._named_by(one) for one in classes}
        for decide in (
            self._answered, self._taken_back, self._evident, self._by_people, self._by_id,
            self._by_title, self._rest,
        ):  # fmt: skip
            for one in classes:
                if self._is_open(one):
                    decide(one)

    def _is_open(self, one: FileClass) -> bool:
        places = (self._found, self._new, self._doubts)
        return not any(one.class_id in decided for decided in places)

    def _free(self, one: FileClass) -> list[Comparison]:
        return [pair for pair in self._by_file[one.class_id] if pair.known.key not in self._claimed]

    def _decision(self, one: FileClass) -> tuple[QuestionKind, str]:
        return QuestionKind.CLASS, question_key(self._school_year, one.class_id)

    def _refused(self, one: FileClass) -> frozenset[str]:
        """Return the keys that somebody said no to, unless they said yes to one of them since."""
        last = self._last(one)
        said_yes = {last.candidate} if last and last.answer is Answer.SAME else set()
        return self._decided.refused(*self._decision(one)) - said_yes

    def _last(self, one: FileClass) -> Decision | None:
        return self._decided.last(*self._decision(one))

    def _named_by(self, one: FileClass) -> Comparison | None:
        """Return the known class that this id named before."""
        pairs = self._by_file[one.class_id]
        exact = [pair for pair in pairs if one.class_id in pair.known.ids]
        alike = exact or [pair for pair in pairs if pair.same_id]
        if len(alike) > 1:  # several ids name it, or two keys: people tell
            alike.sort(key=lambda pair: (-pair.common, pair.known.key))
        return alike[0] if alike else None

    def _same(self, pair: Comparison, how: HowClass | None = None) -> None:
        usual = HowClass.KEPT if pair.same_id else HowClass.RENUMBERED
        self._found[pair.one.class_id] = ClassMatch(key=pair.known.key, how=how or usual)
        self._claimed.add(pair.known.key)

    def _doubt(self, one: FileClass, pairs: Iterable[Comparison | None]) -> None:
        found = {pair.known.key: pair for pair in pairs if pair is not None}
        self._doubts[one.class_id] = [found[key] for key in sorted(found)]

    # From the surest to the most doubtful

    def _answered(self, one: FileClass) -> None:
        """Follow a yes; once applied, until the people say clearly that it is another by now."""
        last = self._last(one)
        if last is None or last.answer is not Answer.SAME:
            return
        pair = self._pairs.get((one.class_id, last.candidate))
        if pair is None:
            return
        is_old = one.class_id in pair.known.answered and not pair.is_silent
        if not (is_old and pair.is_hardly_any):
            self._same(pair, HowClass.ANSWERED)

    def _taken_back(self, one: FileClass) -> None:
        """An answer was taken back: ask again about all that it could be."""
        if one.class_id in self._in_doubt and self._last(one) is None:
            pairs = self._by_file[one.class_id]
            if pairs:
                self._doubt(one, pairs)

    def _evident(self, one: FileClass) -> None:
        """The id is known, and the people are the same ones, or the title at least."""
        pair = self._named[one.class_id]
        if pair is None or pair.known.key in self._claimed:
            return
        unused = pair.is_silent and not pair.known.was_used and pair.same_grade is not False
        if pair.is_most or unused or (pair.same_title and self._may_have_stayed(pair)):
            self._same(pair)

    def _may_have_stayed(self, pair: Comparison) -> bool:
        """Tell whether id and title are right although the people do not say so clearly.

        A class may have been filled, emptied, joined or formed anew from several. But where most of
        it is another class by its people, or it has lost its own to one other, somebody is asked.
        So few that they prove nothing do not: one child may have gone from one class to another.
        """
        if pair.is_half or pair.is_silent:
            return True
        others = self._by_file[pair.one.class_id] + self._by_known[pair.known.key]
        if any(other.is_most and other.common >= FEW_PUPILS for other in others):
            return False
        return not pair.is_hardly_any or min(pair.came, pair.went) < FEW_PUPILS

    def _by_people(self, one: FileClass) -> None:
        """Most pupils are those of one known class, which is under another id now."""
        found = [pair for pair in self._free(one) if pair.is_most]
        # Groups of one home class have the same people: only the title tells them apart.
        found.sort(key=lambda pair: (not pair.same_title, -pair.common, pair.known.key))
        if not found or (one.is_group and not found[0].same_title):
            return
        pair = found[0]
        named, called = self._named[one.class_id], self._called(one, self._free(one))
        if pair.same_title:
            rival = self._with_id_and_title(pair)
            if rival is None:
                self._same(pair)
            else:
                self._doubt(one, [pair])
                self._doubt(rival, [pair])
        elif named is not None and named.same_title:
            self._doubt(one, [pair, named])  # id and title say one class, people another
        elif called is not None and called.known.key != pair.known.key:
            self._doubt(one, [pair, called])
        elif rival := self._with_id_and_title(pair):
            self._doubt(one, [pair])
            self._doubt(rival, [pair])
        elif pair.is_nearly_all and pair.same_grade is not False and self._is_gone(pair):
            self._same(pair)
        elif pair.common >= FEW_PUPILS:
            self._doubt(one, [pair])

    def _with_id_and_title(self, pair: Comparison) -> FileClass | None:
        """Return the other class of the file that has the id and title of the known one."""
        for other in self._by_known[pair.known.key]:
            its = self._named[other.one.class_id]
            is_named = its is not None and its.known.key == pair.known.key
            if other.one is pair.one or not (is_named and other.same_title):
                continue
            if self._is_open(other.one):
                return other.one
        return None

    def _is_gone(self, pair: Comparison) -> bool:
        """Tell whether the known class cannot be there still, beside this one."""
        return self._is_whole or pair.same_id or pair.common == pair.went

    def _by_id(self, one: FileClass) -> None:
        """The id is known, and not evidently the same class."""
        pair = self._named[one.class_id]
        if pair is None:
            return
        if pair.known.key in self._claimed:
            # Its people, or a person, say that it is another class of the file.
            self._new[one.class_id] = HowClass.REUSED
        elif pair.same_title or pair.same_grade is not False:
            self._doubt(one, [pair])
        elif pair.is_hardly_any:
            self._new[one.class_id] = HowClass.REUSED
        else:
            self._doubt(one, [pair])

    def _by_title(self, one: FileClass) -> None:
        """The id is new, and a class of this title is under no id of the file."""
        pair = self._called(one, self._free(one))
        if pair is None:
            return
        if self._is_named(pair.known):
            self._doubt(one, [pair])
        elif not pair.is_hardly_any or not pair.went:
            self._same(pair)
        else:
            self._doubt(one, [pair])

    def _called(self, one: FileClass, pairs: Iterable[Comparison]) -> Comparison | None:
        """Return the only known class of this title and grade, if only one of the file has it."""
        found = [pair for pair in pairs if pair.same_title]
        is_unique = self._titles[one.grade, folded_title(one.title)] == 1
        return found[0] if len(found) == 1 and is_unique else None

    def _is_named(self, known: KnownClass) -> bool:
        """Tell whether an id of the file that is still in doubt names the known class."""
        return any(
            pair is not None and pair.known.key == known.key and pair.one.class_id in self._doubts
            for pair in self._named.values()
        )

    def _rest(self, one: FileClass) -> None:
        """A new class, unless a known one that is gone from the file is half in it."""
        lost = [
            pair
            for pair in self._free(one)
            if self._is_whole
            and pair.common >= FEW_PUPILS
            and pair.of_known > 1 / 3
            and pair.is_half
        ]
        if lost:
            self._doubt(one, lost)
        else:
            self._new[one.class_id] = HowClass.NEW

    # What comes of it

    def name_new(self, ids: Sequence[str], keys: Sequence[str]) -> None:
        """Give new classes their keys: the id, or the id with a number where it is taken."""
        used = {*keys, *self._claimed}
        for class_id in sorted(self._new):
            others = used | (set(ids) - {class_id})
            key = next(
                key for key in _keys(class_id) if key not in others and not self._is_taken(key)
            )
            used.add(key)
            self._found[class_id] = ClassMatch(key=key, how=self._new[class_id])

    def result(self) -> ClassMatching:
        held = {pair.known.key for pairs in self._doubts.values() for pair in pairs}
        return ClassMatching(
            matches=self._found,
            waiting=frozenset(self._doubts),
            held=frozenset(held - self._claimed),
            questions=tuple(self._question(*each) for each in sorted(self._doubts.items())),
        )

    def _question(self, class_id: str, pairs: Sequence[Comparison]) -> Question:
        code = self._school_code
        return Question(
            kind=QuestionKind.CLASS,
            school_code=code,
            key=question_key(self._school_year, class_id),
            rows=(RowRef(school_code=code, sourced_id=class_id),),
            candidates=tuple(
                Candidate(
                    key=pair.known.key,
                    memberships=tuple(
                        RowRef(school_code=code, sourced_id=one) for one in sorted(pair.known.ids)
                    ),
                    evidence=pair.evidence(),
                )
                for pair in pairs
            ),
        )


class _Nearby:
    """The known classes that a class of the file could be: by pupils, id or title.

    A very large school has thousands: not every one is compared with every other.
    """

    def __init__(self, known: Sequence[KnownClass]) -> None:
        self._of: dict[tuple[str, str], list[KnownClass]] = defaultdict(list)
        for one in known:
            self._of["title", folded_title(one.title)].append(one)
            for folded in {folded_id(class_id) for class_id in one.ids}:
                self._of["id", folded].append(one)
            for person_id in one.pupils:
                self._of["pupil", person_id].append(one)
        self._by_key = {one.key: one for one in known}

    def to(self, one: FileClass, refused: Collection[str], named: str = "") -> list[KnownClass]:
        """Return them in the order of their keys; ``named`` is one of them in any case."""
        places = [("title", folded_title(one.title)), ("id", folded_id(one.class_id))]
        places += [("pupil", person_id) for person_id in one.pupils]
        found = {other.key for place in places for other in self._of.get(place, ())}
        found |= {named} & self._by_key.keys()
        return [self._by_key[key] for key in sorted(found - set(refused))]


def _keys(class_id: str) -> Iterator[str]:
    yield class_id
    for number in count(2):
        yield f"{class_id}~{number}"
