"""A name in one text whose order is not known: ``Пётр Пробович Примеров`` or ``Примеров Пётр``.

The patronymic tells the order, and so do the endings of family names. Where neither does, the name
is not split: who is called what is then for the source to say.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_PATRONYMIC = re.compile(r".{2,}(?:вич|ична|инична|вна|ьич)|оглы|кызы|улы|уулу", re.I)
_FAMILY = re.compile(
    r".+(?:[оеё]в|[иы]н|[оеё]ва|[иы]на|ск(?:ий|ой|ая)|цк(?:ий|ой|ая)|енко|чук|юк|[иы]х|ян|янц|швили|"
    r"дзе|[иы]й|ая|ич)",
    re.I,
)
_GIVEN = frozenset({
    "ирина", "марина", "нина", "инна", "полина", "арина", "карина", "алина", "галина",
    "екатерина", "кристина", "ангелина", "регина", "валентина", "антонина", "эвелина", "василина",
    "ян", "лев", "мариан", "константин", "мартин", "валентин", "августин", "севастьян", "демьян",
    "касьян", "лукьян", "иван", "роман", "дмитрий", "юрий", "василий", "анатолий", "валерий",
    "аркадий", "григорий", "геннадий", "евгений", "виталий", "георгий", "арсений", "анна", "мая",
    "рая", "ая",
})  # fmt: skip
"""Given names that end as family names do."""


class FormattedName(NamedTuple):
    family: str
    given: str
    middle: str


def split_name(text: str) -> FormattedName:
    """The parts of the name; three empty texts when their order cannot be told."""
    words = text.split()
    patronymics = [n for n, word in enumerate(words) if _PATRONYMIC.fullmatch(word)]
    if len(words) == 4 and patronymics == [3] and words[3].casefold() in ("оглы", "кызы"):
        return FormattedName(words[0], words[1], " ".join(words[2:]))
    if len(words) == 3 and patronymics == [2]:
        return FormattedName(*words)
    if len(words) == 3 and patronymics == [1]:
        return FormattedName(words[2], words[0], words[1])
    if len(words) == 2:
        family = [_FAMILY.fullmatch(w) is not None and w.casefold() not in _GIVEN for w in words]
        if family == [True, False]:
            return FormattedName(words[0], words[1], "")
        if family == [False, True]:
            return FormattedName(words[1], words[0], "")
    return FormattedName("", "", "")
