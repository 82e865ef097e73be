"""Text that is readable and wrong: the bytes of one code page read as those of another.

What is wrong is noticed by the letters of many words. Right Russian text is full of a few hundred
pairs of letters; read in another code page it has nearly none of them, and nothing but the right
code page brings them back. Names of any other language have few of the pairs too, but no code page
makes Russian of them, so they are never taken for a mistake.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_PAIRS_OF = (
    "абвгдезийклмнпрстфхчшюя баеилоруы вагеилносыья гаеилор давеимнору ебвгдежзйклмнопрстчш жаден "
    "задеимноы ивгдезийклмнорстфхцчя йлст каеилорсту лаеилоуьюя маеиоу нагдеикностуыя "
    "обвгдежзйклмнпрстфхч паеиору равгеимностуыья савеиклмнопстуья тавеикнорсуыь убджзклрстчю "
    "фаеио хао цеи чаеин шаеи щеи ывейлмтх ьентя ютчщ яезкртч"
)
"""Each word is a letter with those that often follow it: 93 % of the pairs in Russian names and
texts of this service."""

_COMMON = frozenset(word[0] + each for word in _PAIRS_OF.split() for each in word[1:])

NAMES = {
    "utf-8": "UTF-8",
    "cp1251": "windows-1251",
    "koi8-r": "KOI8-R",
    "cp866": "cp866 (DOS)",
    "iso8859-5": "ISO-8859-5",
    "mac-cyrillic": "x-mac-cyrillic",
    "cp1252": "windows-1252",
    "iso8859-1": "ISO-8859-1",
    "mac-roman": "x-mac-roman",
    "cp437": "cp437 (DOS)",
    "cp850": "cp850 (DOS)",
}
"""Codecs as people know them."""

CYRILLIC = ("cp1251", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic")
"""The code pages of eight bits that Russian files are in, the likeliest first."""

_RIGHT = ("utf-8", *CYRILLIC)
_READ_AS = ("cp1251", "cp1252", "iso8859-1", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic",
            "mac-roman", "cp437", "cp850")  # fmt: skip

_RUN = re.compile(r"[^\x00-\x7f]{4,60}")
"""Signs beyond ASCII in a row: a word in whatever code page it is read."""
_SHORTEST = 4
"""Letters; shorter words prove nothing."""
_FOREIGN = 0.25
"""Up to this share of common pairs a word is not Russian."""
_RUSSIAN = 0.6
"""From this share of common pairs on a word is Russian."""
_BETTER = 0.15
"""By so much the right code page is better, where the wrong one spoils one sign of a word."""
_FEWEST_WORDS = 6
"""Different wrong words that make a file wrong; single ones may be somebody's slip."""
_SMALLEST_SHARE = 0.02
"""Of the words beyond ASCII that are wrong."""


@dataclass(frozen=True, slots=True)
class WrongLetters:
    """How a text came to be wrong."""

    codec: str
    """The code page that its bytes are in, as ``NAMES`` calls it."""
    read_as: str
    """The one in which they were read."""
    words: int
    """How many different words show it."""


def wrong_letters(text: str, codec: str = "utf-8") -> WrongLetters | None:
    """Return how the text, read as ``codec``, came to be wrong; None when nothing shows it."""
    runs = set(_RUN.findall(text))
    read_as = _READ_AS if codec == "utf-8" else tuple(dict.fromkeys((codec, *_READ_AS)))
    votes: Counter[tuple[str, str]] = Counter()
    wrong = 0
    for run in runs:
        readings = list(_better_readings(run, read_as))
        votes.update(readings)
        wrong += bool(readings)
    if wrong < max(_FEWEST_WORDS, len(runs) * _SMALLEST_SHARE):
        return None

    def likelihood(one: tuple[str, str]) -> tuple[int, int, int]:
        right, other = one
        return votes[one], -_RIGHT.index(right), -read_as.index(other)

    right, other = found = max(votes, key=likelihood)
    if votes[found] < _FEWEST_WORDS:
        return None
    return WrongLetters(
        codec=NAMES[right], read_as=NAMES.get(other, other.upper()), words=votes[found]
    )


def likeliest(data: bytes) -> str:
    """Return the codec of ``CYRILLIC`` in which the bytes are the best Russian."""

    def goodness(codec: str) -> float:
        runs = _RUN.findall(data.decode(codec, "replace"))
        return sum(_russian(run) * len(run) - sum(not one.isalpha() for one in run) for run in runs)

    # ``max`` keeps the first of equal ones.
    return max(CYRILLIC, key=goodness)


def _better_readings(run: str, codecs: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each (right codec, codec it was read in) that makes Russian of a run that is none."""
    now = _russian(run)
    spoilt = now > _FOREIGN
    if spoilt and (now > 1 - _BETTER or run.isalpha()):
        return
    for read_as in codecs:
        try:
            data = _encoded(run, read_as)
        except UnicodeEncodeError:
            continue
        for right in _RIGHT:
            if right == read_as:
                continue
            try:
                text = data.decode(right)
            except UnicodeDecodeError:
                continue
            letters = [one for one in text if one.isalpha()]
            share = _russian(text)
            if len(letters) < _SHORTEST or share < _RUSSIAN:
                continue
            whole = len(letters) == len(text) and (text.isupper() or text[1:].islower())
            if not spoilt or (whole and share >= now + _BETTER):
                yield right, read_as


def _encoded(run: str, codec: str) -> bytes:
    """The bytes that read as this; programs fill the gaps of windows-1252 as ISO-8859-1 does."""
    if codec != "cp1252":
        return run.encode(codec)
    gaps = {"\x81", "\x8d", "\x8f", "\x90", "\x9d"}
    return b"".join(one.encode("latin-1" if one in gaps else codec) for one in run)


def _russian(run: str) -> float:
    """The share of common Russian pairs among the pairs of neighbouring signs."""
    small = run.lower().replace("ё", "е")
    pairs = [small[n : n + 2] for n in range(len(small) - 1)]
    return sum(pair in _COMMON for pair in pairs) / len(pairs) if pairs else 0.0
