"""What speaks against two records being one human, however well their numbers agree."""

from __future__ import annotations

import unicodedata
from typing import Protocol

_LOOK_ALIKES = str.maketrans("abekmhopctyxёë", "авекмнорстухее")
"""Latin letters typed for Cyrillic ones, in small letters; capitals are made small before."""


class Described(Protocol):
    """A human as a row or our registry describes them."""

    @property
    def given_name(self) -> str: ...
    @property
    def sex(self) -> str: ...


def contradict(one: Described, other: Described) -> bool:
    """Tell whether given names or sexes differ. What one record does not say is no difference.

    A family name says nothing: people marry.
    """
    return _differ(given_name_key(one.given_name), given_name_key(other.given_name)) or _differ(
        one.sex, other.sex
    )


def given_name_key(name: str) -> str:
    """A given name for comparison only: case, ``ё``, Latin look-alikes, blanks, hyphens and
    apostrophes make no difference."""
    letters = unicodedata.normalize("NFC", name).casefold().translate(_LOOK_ALIKES)
    return "".join(filter(str.isalpha, letters))


def _differ(one: str, other: str) -> bool:
    return bool(one and other) and one != other
