"""Accounts and people of one school: who is whose, beyond doubt, perhaps, or not at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rapidfuzz.fuzz import ratio

from provisioning.adoption.accounts import Account
from provisioning.adoption.comparing import Fit, Rank, Surroundings, compare_account, divided
from provisioning.adoption.people import Wanted
from provisioning.adoption.words import class_words
from provisioning.evidence import given_letters, letters

_ALIKE = 80.0
"""From this share of equal letters on, two names with several mistakes are worth a question."""
_MOST_CANDIDATES = 5


class Outcome(StrEnum):
    CERTAIN = "certain"
    QUESTION = "question"
    NOBODY = "nobody"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What is so of one account."""

    outcome: Outcome
    people: tuple[str, ...] = ()
    """Person ids: the one human, or the candidates of a question, likeliest first."""
    why: tuple[str, ...] = ()
    """Codes of evidence; no personal data."""


Pairs = dict[tuple[int, str], Fit]
Refused = Mapping[int, Collection[str]]


def decide(
    accounts: Sequence[Account],
    people: Sequence[Wanted],
    around: Surroundings,
    *,
    refused: Refused | None = None,
) -> dict[int, Verdict]:
    """Return the verdict about each account, by Moodle's number.

    The strongest pairs are settled first. A pair is certain when nobody else claims either side as
    strongly; where several do, all of them are asked about and nobody weaker gets any of them.
    ``refused``: of whom a person said that the account is not theirs.
    """
    by_number = {one.moodle_id: one for one in accounts}
    by_person = {one.person_id: one for one in people}
    not_theirs = refused or {}
    pairs: Pairs = {}
    for account, wanted in _possible(accounts, people):
        if wanted.person_id in not_theirs.get(account.moodle_id, ()):
            continue
        fit = compare_account(account, wanted, around)
        if fit.rank is not Rank.NOTHING:
            pairs[account.moodle_id, wanted.person_id] = fit
    verdicts: dict[int, Verdict] = {}
    taken: set[str] = set()
    for rank in sorted({fit.rank for fit in pairs.values()} - {Rank.DOUBT}, reverse=True):
        _settle(rank, pairs, verdicts, taken)
    named = {number for number, _ in pairs}
    left = [one for number, one in by_number.items() if number not in named]
    free = [one for person_id, one in by_person.items() if person_id not in taken]
    pairs |= {
        pair: fit
        for pair, fit in _alike(left, free).items()
        if pair[1] not in not_theirs.get(pair[0], ())
    }
    doubts: dict[int, list[tuple[Fit, str]]] = defaultdict(list)
    for (number, person_id), fit in pairs.items():
        # A weak likeness to somebody whose account is found already is a namesake's.
        if number not in verdicts and (person_id not in taken or fit.rank >= Rank.NEAR):
            doubts[number].append((fit, person_id))
    for number in by_number:
        if number not in verdicts:
            verdicts[number] = _doubtful(doubts.get(number, []))
    return verdicts


def _settle(rank: Rank, pairs: Pairs, verdicts: dict[int, Verdict], taken: set[str]) -> None:
    """Settle the pairs of one rank: certain where both sides have one partner, else asked."""
    claims: dict[int, list[str]] = defaultdict(list)
    claimed: dict[str, list[int]] = defaultdict(list)
    for (number, person_id), fit in pairs.items():
        if fit.rank is rank and number not in verdicts and person_id not in taken:
            claims[number].append(person_id)
            claimed[person_id].append(number)
    for number, found in claims.items():
        if len(found) == 1 and len(claimed[found[0]]) == 1:
            why = pairs[number, found[0]].why
            verdicts[number] = Verdict(outcome=Outcome.CERTAIN, people=tuple(found), why=why)
        else:
            why = ("several", *pairs[number, found[0]].why)
            people = tuple(sorted(found)[:_MOST_CANDIDATES])
            verdicts[number] = Verdict(outcome=Outcome.QUESTION, people=people, why=why)
    taken.update(claimed)


def _doubtful(found: Sequence[tuple[Fit, str]]) -> Verdict:
    if not found:
        return Verdict(outcome=Outcome.NOBODY)
    best = sorted(found, key=lambda one: (-one[0].rank, one[1]))[:_MOST_CANDIDATES]
    people = tuple(person_id for _, person_id in best)
    return Verdict(outcome=Outcome.QUESTION, people=people, why=best[0][0].why)


def _possible(
    accounts: Sequence[Account], people: Sequence[Wanted]
) -> Iterator[tuple[Account, Wanted]]:
    """Yield the pairs that share a number, an id, a login, or two of the three names."""
    by_key: dict[tuple[str, ...], list[Wanted]] = defaultdict(list)
    for wanted in people:
        for key in _keys_of_person(wanted):
            by_key[key].append(wanted)
    for account in accounts:
        seen: set[str] = set()
        for key in _keys_of_account(account):
            for wanted in by_key.get(key, ()):
                if wanted.person_id not in seen:
                    seen.add(wanted.person_id)
                    yield account, wanted


def _keys_of_person(wanted: Wanted) -> Iterator[tuple[str, ...]]:
    yield "idnumber", wanted.person_id
    yield "login", wanted.login
    if wanted.snils:
        yield "snils", wanted.snils
    if wanted.sourced_id:
        yield "idnumber", wanted.sourced_id
    family, given = letters(wanted.family_name), given_letters(wanted.given_name)
    middle = letters(wanted.middle_name)
    yield "names", *sorted((family, given))
    if middle:
        yield "behind", given + middle
        yield "around", family, middle
    for title in class_words(wanted.class_title):
        yield "in class", title, family
        yield "in class", title, given


def _keys_of_account(account: Account) -> Iterator[tuple[str, ...]]:
    yield "login", account.username
    if account.snils:
        yield "snils", account.snils
    if account.idnumber:
        yield "idnumber", account.idnumber
    family = letters(account.lastname)
    words = account.firstname.split()
    for behind in range(len(words)):
        head, tail = words[: len(words) - behind], words[len(words) - behind :]
        yield "names", *sorted((family, given_letters(" ".join(head))))
        if tail:
            yield "around", family, letters(" ".join(tail))
    if words:
        yield "behind", given_letters(words[0]) + letters(" ".join(words[1:]))
    for title in {
        one for text in (account.department, *account.cohorts) for one in class_words(text)
    }:
        yield "in class", title, family
        yield "in class", title, given_letters(words[0]) if words else ""


def _told_titles(account: Account) -> frozenset[str]:
    """Return the classes that the words of an account may name, folded."""
    texts = (account.department, *account.cohorts)
    return frozenset().union(*map(class_words, texts))


def _alike(accounts: Sequence[Account], people: Sequence[Wanted]) -> Pairs:
    """Return pairs of one class whose names have more than one mistake: worth a question."""
    by_class: dict[str, list[Wanted]] = defaultdict(list)
    for wanted in people:
        for title in class_words(wanted.class_title) if wanted.class_title else {""}:
            by_class[title].append(wanted)
    found: Pairs = {}
    for account in accounts:
        titles = _told_titles(account) & by_class.keys() or {""}
        for wanted in (one for title in titles for one in by_class.get(title, ())):
            beside = divided(account, wanted)
            ours = letters(wanted.family_name + wanted.given_name)
            if ratio(ours, letters(beside.family_name + beside.given_name)) >= _ALIKE:
                fit = Fit(rank=Rank.DOUBT, why=("names.alike",))
                found[account.moodle_id, wanted.person_id] = fit
    return found
