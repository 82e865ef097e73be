"""What went wrong, counted against the truth in Moodle's accounts and in the claims of rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.people.claims import Claim, Claims
from service.moodle_standin import Snapshot
from service.sample.life import Event, Month, What
from service.sample.rows import SampleSchool

WRONGLY_MERGED = "wrong_merges"
TAKEN = "taken_or_given"
SHUT_OUT = "shut_out"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One human to whom something went wrong."""

    kind: str
    month: int
    human: str
    person_id: str = ""
    told: str = ""


@dataclass(kw_only=True)
class Judge:
    """Holds the truth so far, and what has been seen of the service."""

    claims: Claims = field(default_factory=Claims)
    owners: dict[str, str] = field(default_factory=dict)
    """Person id -> the human whose row was the first to be taken for this person."""
    faults: dict[tuple[str, str, str], Fault] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    rows: int = 0
    asked: list[str] = field(default_factory=list)
    """Each question that was answered: about whom, how, and what had happened."""
    waited: int = 0
    """Rows that nobody had after their load and before any answer."""
    _names: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    """Human -> family and given names that any file has told."""
    _month: Month | None = None

    # The truth

    def begin_month(self, month: Month) -> None:
        self._month = month
        self.events += month.events
        for event in month.events:
            if event.what is What.CODE_CHANGED:
                self.claims.changed_code(*event.schools)
            elif event.what in (What.MERGED, What.CLOSED):
                self.claims.ended(event.schools[0])
        for school in month.exports:
            self._learn_names(school)

    @property
    def month(self) -> int:
        return self._present().number

    def _learn_names(self, school: SampleSchool) -> None:
        self.rows += len(school.rows)
        for row in school.rows:
            person = row.person
            self._names[row.human].add((_plain(person.family_name), _plain(person.given_name)))

    def human_of(self, person_id: str) -> str:
        """Whose account it is: of the first human whose row was taken for this person."""
        return self.owners.get(person_id, "")

    def is_same_school(self, code: str, candidate: str) -> bool:
        return self.claims.school(code) == self.claims.school(candidate)

    def is_same_class(self, code: str, class_id: str, candidate: str) -> bool:
        """Tell whether the class of a file is the one that the service knows as ``candidate``."""
        owner = self.claims.class_owners.get((self.claims.school(code), candidate))
        return owner is not None and owner == self.claims.class_in_file(code, class_id)

    def is_renumbered(self, code: str) -> bool:
        return any(
            one.what is What.RENUMBERED and self.is_same_school(code, one.schools[0])
            for one in self.events
        )

    def events_of(self, human: str) -> list[str]:
        """Everything that happened to this human, though perhaps not alone."""
        return [
            " ".join(filter(None, (f"{one.month}:", one.what, *one.schools, one.detail)))
            for one in self.events
            if human in one.humans
        ]

    # What was seen

    def see_claims(self, found: list[Claim]) -> None:
        """Look at whom rows were taken for: two humans must never be one person."""
        for claim in found:
            owner = self.owners.setdefault(claim.person_id, claim.human)
            if owner != claim.human:
                told = f"row {claim.sourced_id} of {claim.school} taken for {owner}"
                self._fault(WRONGLY_MERGED, claim.month, claim.human, claim.person_id, told)

    def see_moodle(self, state: Snapshot, when: str) -> None:
        """Look at the accounts: whose name they show, and who has none that is open."""
        month = self._present()
        accounts = {one["idnumber"]: one for one in state["users"] if one["idnumber"]}
        for person_id, account in accounts.items():
            owner = self.owners.get(person_id)
            if owner and (other := self._shows_another(owner, account)):
                told = f"{when}: shows the name of {other}"
                self._fault(TAKEN, month.number, owner, person_id, told)
        for human, school in self._owed():
            own = {
                one.person_id for one in self.claims.current[school].values() if one.human == human
            } | {person_id for person_id in accounts if self.owners.get(person_id) == human}
            if not any(one in accounts and not accounts[one]["suspended"] for one in own):
                waits = human in self.claims.waiting[school]
                about = [
                    "suspended" if accounts[one]["suspended"] else "open"
                    for one in own
                    if one in accounts
                ]
                told = f"{when}: {school}, row {'waits' if waits else 'is taken'}, {about}"
                self._fault(SHUT_OUT, month.number, human, told=told)

    def _owed(self) -> Iterator[tuple[str, str]]:
        """Human and school, of those who are there in truth and in the last file applied."""
        for human, places in self._present().places.items():
            for place in places:
                school = self.claims.school(place.school_code)
                if human in self.claims.listed.get(school, ()):
                    yield human, school

    def _shows_another(self, owner: str, account: Mapping[str, Any]) -> str:
        """The human whose name the account shows, when it is not its owner's."""
        family, first = _plain(account["lastname"]), _plain(account["firstname"])

        def fits(human: str) -> bool:
            return any(
                family == one and (first == given or first.startswith(f"{given} "))
                for one, given in self._names[human]
            )

        if fits(owner):
            return ""
        return next((human for human in self._names if fits(human)), "nobody")

    def _fault(
        self, kind: str, month: int, human: str, person_id: str = "", told: str = ""
    ) -> None:
        fault = Fault(kind=kind, month=month, human=human, person_id=person_id, told=told)
        self.faults.setdefault((kind, human, person_id), fault)

    def _present(self) -> Month:
        assert self._month is not None
        return self._month

    # At the end

    def count(self, kind: str) -> int:
        return sum(one.kind == kind for one in self.faults.values())

    def second_accounts(self, state: Snapshot) -> dict[str, int]:
        """Human -> accounts in Moodle, of those who have more than one."""
        owners = Counter(self.owners.get(one["idnumber"], "") for one in state["users"])
        del owners[""]
        return {human: number for human, number in owners.items() if number > 1}

    def moves(self, what: What, words: str) -> tuple[list[Event], list[Event]]:
        """Moves of this kind whose detail has the words: those with the same account, the others.

        Only of people whose new row was in a file that was applied.
        """
        kept, lost = [], []
        for event in self.events:
            if event.what is not what or words not in event.detail:
                continue
            (human,), (_, target) = event.humans, event.schools
            school = self.claims.school(target)
            mine = [one for one in self.claims.history if one.human == human]
            before = [one for one in mine if one.month < event.month]
            after = [one for one in mine if one.month >= event.month and one.school == school]
            if not after and human not in self.claims.waiting.get(school, ()):
                continue
            same = bool(after) and bool(before) and after[-1].person_id == before[0].person_id
            (kept if same else lost).append(event)
        return kept, lost


def _plain(name: str) -> str:
    return " ".join(name.replace("ё", "е").replace("Ё", "Е").casefold().split())
