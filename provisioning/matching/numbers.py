"""СНИЛС of two humans: whose row is taken without it, and what is told and asked about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from provisioning.evidence import compare, explain
from provisioning.findings import Finding, about
from provisioning.matching.asking import answers_by_row, key_of, memberships, refused_of
from provisioning.matching.known import How, KnownIdentities, KnownIdentity, Match, Matching
from provisioning.questions import Candidate, Decided, Decision, Question, QuestionKind, RowRef
from provisioning.roster import Person, Roster

Numbers = tuple[frozenset[str], list[Finding], list[Question]]


def without_foreign_numbers(roster: Roster, found: Matching) -> Roster:
    """The roster without each СНИЛС that is another human's."""
    changed = {key: replace(roster.persons[key], snils="") for key in found.numberless}
    return replace(roster, persons={**roster.persons, **changed}) if changed else roster


def foreign_numbers(
    roster: Roster, known: KnownIdentities, matches: Mapping[str, Match], decided: Decided
) -> Numbers:
    """Return the rows with another human's СНИЛС, findings about numbers of two humans, and
    questions: where birth date and number are one human's and the names are not, and where all
    three are, and yet these are two people to us. Each row costs the same in a number of many."""
    rows_by_number: dict[str, list[Person]] = defaultdict(list)
    for person in roster.persons.values():
        if person.snils and person.sourced_id in matches:
            rows_by_number[person.snils].append(person)
    now = {one.person_id: roster.persons[key].snils for key, one in matches.items()}
    answers = answers_by_row(decided)
    numberless: set[str] = set()
    findings: list[Finding] = []
    questions: list[Question] = []
    for number, rows in rows_by_number.items():
        holders = [
            one
            for one in known.by_snils.get(number, ())
            # A number that the person's own school has corrected is free.
            if one.school_code != roster.school.code or now.get(one.person_id, number) == number
        ]
        if len(rows) == 1 and not holders:
            continue
        rows.sort(key=lambda one: one.sourced_id)
        described = {(row.birth_date, row.given_name, row.sex): row for row in rows}
        of_day: dict[date, list[Person]] = defaultdict(list)
        for row in described.values():
            of_day[row.birth_date].append(row)
        asked: set[str] = set()
        for person in rows:
            own = matches[person.sourced_id].person_id
            others = [one for one in holders if one.person_id != own]
            refused = refused_of(answers.get(person.sourced_id, ()), person)
            if refused & {one.person_id for one in others} and len(others) == len(holders):
                # Somebody said that the row is not that human: the number stays there.
                numberless.add(person.sourced_id)
            elsewhere = [one for one in others if one.birth_date != person.birth_date]
            against = _first_against(person, [*of_day[person.birth_date], *others])
            twice = {one.person_id for one in others if _is_one_child(person, one)}
            if not holders and _is_one_child(person, rows[0]):
                twice |= {matches[rows[0].sourced_id].person_id} - {own}
            if twice and len(others) == len(holders):
                numberless.add(person.sourced_id)
                if twice - refused and matches[person.sourced_id].how is not How.SECOND_ROW:
                    findings.append(about("match.two_accounts", roster, person, "snils"))
                    asked.add(person.sourced_id)
                    asked.update([] if holders else [rows[0].sourced_id])
            if not (against or elsewhere):
                continue
            if is_new := len(others) == len(holders):
                numberless.add(person.sourced_id)
            if against:
                findings.append(_two_names(roster, person, against))
                asked.add(person.sourced_id)
            elif is_new and len(elsewhere) == len(others):
                findings.append(about("match.snils_conflict", roster, person, "snils"))
        if asked:
            questions += _questions(roster, sorted(asked), holders, matches, answers)
    return frozenset(numberless), findings, questions


def _questions(
    roster: Roster,
    asked: Iterable[str],
    holders: Iterable[KnownIdentity],
    matches: Mapping[str, Match],
    answers: Mapping[str, Sequence[Decision]],
) -> list[Question]:
    """Ask of each row but the holder's whether it is the human of that number. A "no" to another
    question about the row counts.

    Where nobody is known by it, the later rows are asked about against the first.
    """
    keys = list(asked)
    known = {one.person_id: one for one in holders}
    first = "" if known else keys[0]
    # Two whom this school has known side by side are two people: a finding is enough.
    here = {one.person_id for one in matches.values() if one.how is How.KNOWN}
    found = []
    for key in keys:
        person, own = roster.persons[key], matches[key].person_id
        if own in known or key == first:
            continue
        described: dict[str, Person | KnownIdentity] = dict(known)
        if first and matches[first].person_id != own:
            described[matches[first].person_id] = roster.persons[first]
        refused = refused_of(answers.get(key, ()), person)
        candidates = tuple(
            Candidate(
                key=person_id,
                memberships=memberships(roster, other),
                evidence=explain(person, other),
            )
            for person_id, other in sorted(described.items())
            if person_id not in refused and other.birth_date == person.birth_date
            if (
                _is_one_child(person, other)
                or matches[key].how is not How.KNOWN
                or person_id not in here
            )
        )
        if candidates:
            found.append(
                Question(
                    kind=QuestionKind.SPLIT,
                    school_code=roster.school.code,
                    key=key_of(key),
                    rows=(RowRef(school_code=roster.school.code, sourced_id=key),),
                    candidates=candidates,
                )
            )
    return found


def _is_one_child(person: Person, other: Person | KnownIdentity) -> bool:
    """Tell whether two records of one number are one human's beyond doubt."""
    return other.birth_date == person.birth_date and compare(person, other).names_agree


def _first_against(
    person: Person, records: Iterable[Person | KnownIdentity]
) -> Person | KnownIdentity | None:
    """Return the first record of the same birth date that has other names or another sex."""
    same_day = (one for one in records if one.birth_date == person.birth_date)
    return next((one for one in same_day if not compare(one, person).names_agree), None)


def _two_names(roster: Roster, person: Person, other: Person | KnownIdentity) -> Finding:
    school = other.school_code if isinstance(other, KnownIdentity) else roster.school.code
    return about(
        "match.snils_other_name",
        roster,
        person,
        "snils",
        other_school=school,
        other_file=other.file or "—",
        other_line=str(other.line or "—"),
        other_id=other.sourced_id or "—",
    )
