"""Text of a file -> a clean value, field by field; pure functions that know no XML."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from operator import mul

from provisioning.formats.formatted_names import split_name
from provisioning.formats.months import with_numbers
from provisioning.settings import YearSettings, month_and_day


class Unclean(ValueError):
    """A value cannot be used; the text is what is wrong, the last part of a rule's name."""


_YEARS = YearSettings()
_LONGEST_LIFE = 120
"""Years; who was born in an earlier year is no longer alive."""

_INVISIBLE = str.maketrans("", "", "\u00ad\u200b\u200c\u200d\u2060\ufeff")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-") | dict.fromkeys("`´ʹ", "'"))
_NO_VALUE = frozenset({"-", "--", "---", ".", "нет", "без отчества", "отсутствует"})
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f '’ʼ.,()\-])*")
_WORD = re.compile(r"[^\W\d_]+")
_TITLE_WORD = re.compile(r"№|%|\w+")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_LOOKALIKES = str.maketrans("ABEKMHOPCTYX", "АВЕКМНОРСТУХ")

_DAY_FIRST = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})(?:\s+(\d\d?):(\d\d)(?::(\d\d))?)?")
_YEAR_FIRST = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?)?(Z)?"
)
_EIGHT_DIGITS = re.compile(r"(\d\d)(\d\d)(\d{4})")
_YEAR_MONTH_DAY = re.compile(r"\s*(\d{4})(\d\d)(\d\d)(?:0{6})?\s*")
_SHORT_YEAR = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2}|\d{6}")

_SERIAL = re.compile(r"(\d{5})(?:[.,]0+)?")
_SERIAL_EPOCH = date(1899, 12, 30)
_CLASS = re.compile(r"""(\d{1,2})\s*["«'“]?\s*([^\W\d_])\s*["»'”]?""")
_SNILS_SEPARATORS = re.compile(r"[\s\-–.]")
_EMAIL = re.compile(r"[^@\s<>,;\"]{1,64}@[^@\s<>,;\"]{1,180}\.[^@\s<>,;\".]{2,}")
_SCHOOL_YEAR = re.compile(r"(20\d\d)(?:\s*[/\-–]\s*(20\d\d|\d\d))?(?:\s*(?:уч.*)?)")


def collapse(text: str) -> str:
    """One blank between words, none around, no invisible signs, each letter one sign."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_INVISIBLE))
    return " ".join(text.split())


def title_key(text: str) -> str:
    """A title of a column to compare: small letters, «ё» as «е», signs and blanks as one blank."""
    return " ".join(_TITLE_WORD.findall(text.casefold().replace("ё", "е")))


def clean_name(text: str) -> str:
    """A part of a person's name, empty for the ways to write that there is none.

    Letters of any script, blanks, hyphens, apostrophes, brackets and full stops may be in it.
    """
    name = unicodedata.normalize("NFC", collapse(text).translate(_DASHES))
    if name.casefold() in _NO_VALUE:
        return ""
    if name and not _NAME.fullmatch(name):
        raise Unclean("damaged" if "\ufffd" in name else "characters")
    return name


def mixed_alphabets(text: str) -> str:
    """The Latin and Cyrillic letters inside one word, e.g. ``Иванoв: o (5)``; empty when none.

    Names the letters of the rarer alphabet in the word and their positions, from 1.
    """
    found = []
    for word in _WORD.findall(text):
        latin = [(match[0], match.start() + 1) for match in _LATIN.finditer(word)]
        cyrillic = [(match[0], match.start() + 1) for match in _CYRILLIC.finditer(word)]
        if latin and cyrillic:
            rarer = min(latin, cyrillic, key=len)
            found.append(f"{word}: " + ", ".join(f"{letter} ({place})" for letter, place in rarer))
    return "; ".join(found)


def is_empty_date(text: str) -> bool:
    """Whether the text is the way in which 1C writes that there is no date: 1 January of year 1."""
    if "0001" not in text:
        return False
    if (match := _YEAR_MONTH_DAY.fullmatch(text)) and match[1] == "0001":
        return match[2] == match[3] == "01"
    try:
        return parse_date(text) == date.min
    except Unclean:
        return False


def parse_birth_date(text: str, today: date) -> date:
    """The day on which somebody was born who is alive.

    A time of day makes the day itself doubtful: ``2015-04-30T21:00:00Z`` is 1 May in Moscow. Only
    a midnight that names no zone is dropped; a layout may say ``zone`` (docs/new-layout.md).
    """
    text = with_numbers(text)
    born = parse_date(text)
    match = _YEAR_FIRST.fullmatch(text.strip()) or _DAY_FIRST.fullmatch(text.strip())
    if match and any(int(part or 0) for part in match.groups()[3:6]):
        raise Unclean("time_of_day")
    if match and match.re is _YEAR_FIRST and match[7]:
        raise Unclean("time_of_day")
    if born.year < today.year - _LONGEST_LIFE or born > today:
        raise Unclean("nobody_alive")
    return born


def parse_past_date(text: str, today: date) -> date:
    """The day on which somebody who is alive came or went; it may lie ahead."""
    day = parse_date(text)
    if day.year < today.year - _LONGEST_LIFE:
        raise Unclean("too_early")
    return day


def day_in_zone(text: str, zone: tzinfo) -> str:
    """The day that began at this moment in the zone, as ISO text; other texts as they are."""
    match = _YEAR_FIRST.fullmatch(text.strip())
    if not match or not (match[7] or match[8]) or match[4] is None:
        return text
    try:
        moment = parse_moment(text, zone)
        day = moment.astimezone(zone).date()
        # In some years clocks were put forward at midnight: that day began at one o'clock.
        begins = datetime(day.year, day.month, day.day, tzinfo=zone)
        return day.isoformat() if begins.astimezone(UTC) == moment else text
    except (Unclean, OverflowError):
        return text


def day_of_serial(text: str) -> str:
    """The day that a spreadsheet keeps as this number (``41153`` is 1 September 2012), as ISO text;
    other texts as they are."""
    match = _SERIAL.fullmatch(text.strip())
    return (_SERIAL_EPOCH + timedelta(days=int(match[1]))).isoformat() if match else text


def parse_date(text: str) -> date:
    """A calendar date in one of the spellings of docs/facts/paragraf.md R3; a time of day is
    dropped."""
    text = with_numbers(text).strip()
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day = match[1], match[2], match[3]
    elif match := _DAY_FIRST.fullmatch(text) or _EIGHT_DIGITS.fullmatch(text):
        year, month, day = match[3], match[2], match[1]
    else:
        raise Unclean("two_digit_year" if _SHORT_YEAR.fullmatch(text) else "format")
    try:
        return date(int(year), int(month), int(day))
    except ValueError as error:
        raise Unclean("impossible") from error


def parse_moment(text: str, zone: tzinfo) -> datetime:
    """A date with or without a time of day, in UTC; ``zone`` is for times that name none."""
    text = with_numbers(text).strip()
    match = _YEAR_FIRST.fullmatch(text) or _DAY_FIRST.fullmatch(text)
    day = parse_date(text)
    hour, minute, second = (int(part or 0) for part in match.groups()[3:6]) if match else (0, 0, 0)
    offset = match[7] or match[8] if match and match.re is _YEAR_FIRST else None
    try:
        if offset:
            moment = datetime.fromisoformat(
                f"{day.isoformat()}T{hour:02}:{minute:02}:{second:02}{offset}"
            )
        else:
            moment = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unclean("impossible") from error


def clean_snils(text: str) -> str:
    """Eleven digits with a right check number, from any of the usual spellings."""
    digits = _SNILS_SEPARATORS.sub("", text)
    if not (len(digits) == 11 and digits.isascii() and digits.isdigit()):
        raise Unclean("format")
    number, check = digits[:9], int(digits[9:])
    # Numbers up to 001-001-998 carry no check number; 0 and 1 are typed to fill the field.
    total = sum(map(mul, map(int, number), range(9, 0, -1)))
    if int(number) <= 1 or (int(number) > 1_001_998 and total % 101 % 100 != check):
        raise Unclean("check_number")
    return digits


def with_lost_zeros(digits: str) -> str:
    """A СНИЛС whose leading zeros a spreadsheet has dropped, with them; empty for anything else."""
    if not re.fullmatch(r"\d{8,10}", digits, re.ASCII):
        return ""
    try:
        return clean_snils(digits.zfill(11))
    except Unclean:
        return ""


def clean_email(text: str) -> str:
    address = text.strip()
    if not _EMAIL.fullmatch(address):
        raise Unclean("format")
    return address


def class_title(text: str, *, latin: bool = False) -> tuple[str, bool]:
    """The title for display (``8 а`` and ``8 "А"`` are ``8А``); was its letter wrongly Latin?

    With ``latin`` Latin letters are right and stay.
    """
    title = collapse(text)
    match = _CLASS.fullmatch(title)
    if not match:
        return title, False
    letter = match[2].upper()
    if latin:
        return f"{int(match[1])}{letter}", False
    return f"{int(match[1])}{letter.translate(_LOOKALIKES)}", letter.isascii()


def parse_grade(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 3 and int(digits) <= 12):
        raise Unclean("grade")
    return int(digits)


def school_number(text: str) -> str:
    """``243`` from «№ 243», «№243», «№0243»; empty when there is none."""
    match = re.search(r"(?:№|\bN)\s*(\d{1,5})", text) or re.fullmatch(r"\s*(\d{1,5})\s*", text)
    return str(int(match[1])) if match else ""


def parse_school_year(text: str) -> str:
    """``2026/2027`` from that or ``2026-2027``, ``2026/27``, with «уч. год» after it.

    A year alone is the one in which the school year begins.
    """
    match = _SCHOOL_YEAR.fullmatch(text.strip())
    if not match or (match[2] and int(match[2]) % 100 != (int(match[1]) + 1) % 100):
        raise Unclean("school_year")
    return school_year_from(int(match[1]))


def school_year_from(year: int) -> str:
    """The name of the school year that begins in September of ``year``."""
    return f"{year}/{year + 1}"


def school_years_of(day: date, years: YearSettings = _YEARS) -> tuple[str, ...]:
    """School years a file may be about on this day: in June, July and August the next one too."""
    last_until, next_from = month_and_day(years.last_until), month_and_day(years.next_from)
    today = day.month, day.day
    last = (school_year_from(day.year - 1),) if today <= last_until else ()
    return (*last, school_year_from(day.year)) if today >= next_from else last


def _word(number: int) -> Callable[[str], str]:
    def pick(text: str) -> str:
        words = collapse(text).split(" ", 2)
        return words[number].strip(",") if len(words) > number else ""

    return pick


def _year_month_day(text: str) -> str:
    match = _YEAR_MONTH_DAY.fullmatch(text)
    return f"{match[1]}-{match[2]}-{match[3]}" if match else text


def _snils_of_user_ids(text: str) -> str:
    """The number typed SNILS in a list such as ``{LDAP:17},{SNILS:112-233-445 95}``."""
    match = re.search(r"\{\s*(?:snils|снилс)\s*:\s*([^}]*)\}", text, re.I)
    return match[1].strip() if match else ""


def _fingerprint(text: str) -> str:
    """A key for who has none, of the texts that are joined by ``|``: the same in any spelling of
    names and dates."""
    parts = []
    for part in collapse(text).casefold().replace("ё", "е").split("|"):
        try:
            parts.append(parse_date(day_of_serial(part)).isoformat())
        except Unclean:
            parts.append(" ".join(_WORD.findall(part)))
    key = "|".join(parts)
    return hashlib.sha256(key.encode()).hexdigest()[:20] if key.strip("|") else ""


def _grade_of_title(text: str) -> str:
    match = re.match(r"\s*0?(1[0-2]|\d)", text)
    return match[1] if match else text


def _number_in_text(text: str) -> str:
    match = re.search(r"\d+", text)
    return match[0] if match else text


def _school_year_ends(text: str) -> str:
    year = text.strip()
    return school_year_from(int(year) - 1) if re.fullmatch(r"20\d\d", year) else text


def _name_case(text: str) -> str:
    name = collapse(text)
    return name.title() if name.isupper() else name


TRANSFORMS: Mapping[str, Callable[[str], str]] = {
    "family_of_full_name": _word(0),
    "given_of_full_name": _word(1),
    "middle_of_full_name": _word(2),
    "family_of_formatted_name": lambda text: split_name(collapse(text)).family,
    "given_of_formatted_name": lambda text: split_name(collapse(text)).given,
    "middle_of_formatted_name": lambda text: split_name(collapse(text)).middle,
    "first_word": lambda text: collapse(text).partition(" ")[0],
    "after_first_word": lambda text: collapse(text).partition(" ")[2],
    "last_word": lambda text: collapse(text).rpartition(" ")[2],
    "name_case": _name_case,
    "class_title": lambda text: class_title(text)[0],
    "grade_of_title": _grade_of_title,
    "number_in_text": _number_in_text,
    "year_month_day": _year_month_day,
    "school_year_ends": _school_year_ends,
    "snils_of_user_ids": _snils_of_user_ids,
    "fingerprint": _fingerprint,
}
"""What a layout may do to a text before it is cleaned; ``Абдул Рашид оглы`` in a full name is read
as family name, given name and the rest."""
