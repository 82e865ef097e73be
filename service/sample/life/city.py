"""A living city at one moment: its humans, its schools with their cards, and who truly is where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from provisioning.roster import Role, School
from service.sample.life.cards import Card, new_card
from service.sample.life.dice import Dice
from service.sample.life.numbers import OTHERS_NUMBER_SHARE, TYPING_ERROR_SHARE, Life, What
from service.sample.people import Human


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened, as it truly was."""

    month: int
    what: What
    humans: tuple[str, ...] = ()
    schools: tuple[str, ...] = ()
    """Codes: of a move from where and whither; of a merger who ends and who takes over."""
    detail: str = ""


@dataclass(kw_only=True, slots=True)
class LivingClass:
    key: str
    """The same for the same pupils, whatever the school's files call the class."""
    sourced_id: str
    title: str
    grade: int


@dataclass(kw_only=True, slots=True)
class LivingSchool:
    """A school and the base that it exports from."""

    index: int
    school: School
    classes: list[LivingClass]
    tells_sex: bool
    cards: list[Card] = field(default_factory=list)
    left: dict[str, Card] = field(default_factory=dict)
    """Human -> the last card, of those who are in the base no more."""
    open: bool = True
    next_number: int = 1001
    next_class: int = 101

    @property
    def code(self) -> str:
        return self.school.code

    def new_id(self, role: Role) -> str:
        self.next_number += 1
        return f"{'s' if role is Role.STUDENT else 't'}-{self.next_number - 1}"

    def new_class_id(self) -> str:
        self.next_class += 1
        return f"c-{self.next_class - 1}"

    def card_of(self, human: str) -> Card | None:
        """The card that is not marked as left."""
        return next((one for one in self.cards if one.human == human and not one.left_on), None)

    def present(self, role: Role | None = None) -> list[Card]:
        """The cards that are not marked as left; without a role, all of them."""
        return [one for one in self.cards if not one.left_on and role in (None, one.role)]


class LivingCity:
    """Everything that the next month follows from. The modules beside this one change it."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.month = 0
        self.dice = Dice(life.seed, "life", "founding")
        self.humans: dict[str, Human] = {}
        self.twins: dict[str, str] = {}
        """Human -> the twin, for both of a pair."""
        self.at: dict[str, set[int]] = defaultdict(set)
        """Human -> indexes of the schools where the person truly is."""
        self.schools: list[LivingSchool] = []
        self.events: list[Event] = []
        self._later: dict[int, list[Callable[[], None]]] = defaultdict(list)
        self._busy_until: dict[str, int] = {}

    def begin_month(self, month: int) -> None:
        """Let the cards that were marked as left go, and do what was put off until now."""
        self.month = month
        self.dice = Dice(self.life.seed, "life", month)
        for school in self.schools:
            for card in school.cards:
                if card.left_on:
                    school.left[card.human] = card
            school.cards = [one for one in school.cards if not one.left_on]
        for act in self._later.pop(month, ()):
            act()

    @property
    def day(self) -> date:
        """Something that the export of this month tells of happened then."""
        return self.life.exported_at(self.month).date() - timedelta(days=3)

    def later(self, months: int, act: Callable[[], None]) -> None:
        """Do it so many months from now, before anything else of that month."""
        self._later[self.month + months].append(act)

    def is_free(self, human: str) -> bool:
        """Tell whether nothing else happens to this person now: nobody has two fates at once."""
        return self._busy_until.get(human, -1) < self.month

    def keep_busy(self, months: int, *humans: str) -> None:
        """Let nothing else happen to them this month, and so many months after it."""
        for human in humans:
            self._busy_until[human] = self.month + months

    def tell(
        self, what: What, *humans: str, schools: tuple[str, ...] = (), detail: str = ""
    ) -> None:
        self.events.append(
            Event(month=self.month, what=what, humans=humans, schools=schools, detail=detail)
        )

    def open_schools(self) -> list[LivingSchool]:
        return [one for one in self.schools if one.open]

    def settled(self, role: Role) -> list[tuple[LivingSchool, Card]]:
        """Those to whom something may happen: free, truly at one school, with one card there."""
        found = []
        for school in self.open_schools():
            for card in school.present(role):
                if self.is_free(card.human) and self.at[card.human] == {school.index}:
                    found.append((school, card))
        return found

    def pairs_of_twins(self) -> Iterator[tuple[LivingSchool, Card, Card]]:
        """Twins in one school, both free; each pair once."""
        for school, card in self.settled(Role.STUDENT):
            twin = self.twins.get(card.human, "")
            other = school.card_of(twin) if card.human < twin else None
            if other and self.is_free(twin) and self.at[twin] == {school.index}:
                yield school, card, other

    def enter(
        self,
        school: LivingSchool,
        human: str,
        role: Role,
        *,
        grade: int = 0,
        position: str = "",
        known_share: float = 0.5,
        **typing: float,
    ) -> Card:
        """Put somebody on the school's roll: under the old card, in ``known_share``, or a new one.

        ``typing`` are the shares of mistakes of ``new_card``.
        """
        self.at[human].add(school.index)
        old = school.left.pop(human, None)
        dice = self.dice
        class_key = self.class_for(school, grade) if role is Role.STUDENT else ""
        ids = {one.sourced_id for one in school.cards}
        if old and old.sourced_id not in ids and dice.chance(known_share):
            old.left_on, old.class_key, old.begin_date = None, class_key, self.day
            card = old
        else:
            card = new_card(
                self.humans[human], dice, sourced_id=school.new_id(role), role=role,
                begin_date=self.day, position=position, class_key=class_key,
                **{"error_share": TYPING_ERROR_SHARE, **typing},
            )  # fmt: skip
            if role is Role.STUDENT:
                self._mistake_number(school, card)
        school.cards.append(card)
        return card

    def _mistake_number(self, school: LivingSchool, card: Card) -> None:
        """Now and then the number of a twin, or of a parent, is typed on a new card."""
        share = OTHERS_NUMBER_SHARE * self.life.eventful
        twin = self.twins.get(card.human, "")
        if not self.dice.chance(share * (10 if twin else 1)):
            return
        adults = [one for other in self.schools for one in other.present(Role.TEACHER) if one.snils]
        other = twin or self.dice.pick(adults).human
        if number := self.humans[other].snils:
            card.snils = number
            detail = "twin's, new card" if twin else "parent's, new card"
            self.tell(What.OTHERS_NUMBER, card.human, other, schools=(school.code,), detail=detail)

    def drop(self, school: LivingSchool, human: str) -> None:
        """Take somebody off the school's roll: one in two is marked as left in one more export."""
        card = school.card_of(human)
        if card is None:
            return
        if self.dice.chance(0.5):
            card.left_on = self.day
        else:
            school.cards.remove(card)
            school.left[human] = card

    def class_for(self, school: LivingSchool, grade: int) -> str:
        """A class of the grade, or of the nearest one that the school has."""
        nearest = min(abs(one.grade - grade) for one in school.classes)
        fitting = [one for one in school.classes if abs(one.grade - grade) == nearest]
        return self.dice.pick(fitting).key

    def grade_of(self, school: LivingSchool, card: Card) -> int:
        return next((one.grade for one in school.classes if one.key == card.class_key), 0)
