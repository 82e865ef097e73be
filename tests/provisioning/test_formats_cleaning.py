"""Text of a file -> clean values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from provisioning.formats import cleaning
from provisioning.formats.cleaning import TRANSFORMS, Unclean
from provisioning.formats.months import with_numbers

MOSCOW = ZoneInfo("Europe/Moscow")
LEAP_DAY = date(2012, 2, 29)

Read = Callable[[str], object]


def born(text: str) -> date:
    return cleaning.parse_birth_date(text, date(2026, 10, 6))


def day(text: str) -> str:
    return cleaning.day_in_zone(text, MOSCOW)


def moment(text: str) -> datetime:
    return cleaning.parse_moment(text, MOSCOW)


def split(full_name: str) -> list[str]:
    parts = ("family_of_full_name", "given_of_full_name", "middle_of_full_name")
    return [TRANSFORMS[part](full_name) for part in parts]


def words(text: str) -> list[str]:
    return [TRANSFORMS[part](text) for part in ("first_word", "after_first_word", "last_word")]


def as_they_are(*texts: str) -> dict[str, str]:
    return {text: text for text in texts}


VALUES: Mapping[Read, Mapping[str, object]] = {
    # Every spelling gives the same day, and a zone never shifts it.
    cleaning.parse_date: dict.fromkeys(
        (
            "29.02.2012", "2012-02-29", "2012-02-29T23:59:59", "29022012", " 29.2.2012 ",
            "2012-02-29Z", "2012-02-29T23:59:59-12:00",
            # Months by name: Russian, English, French.
            "29 февраля 2012", "29 февраля 2012 г.", "«29» февраля 2012 года", "29 фев. 2012",
            "29-фев-2012", "Feb 29, 2012", "29th of February 2012", "29-Feb-2012",
            "29 février 2012", "29 févr. 2012", "29 FEVRIER 2012",
        ),
        LEAP_DAY,
    ),
    # A midnight without a zone is no doubt about a birth date.
    born: dict.fromkeys(
        (
            "29.02.2012", "2012-02-29", "2012-02-29T00:00:00", "29.02.2012 0:00:00",
            "2012-02-29Z", "29 февраля 2012", "29 FEB 2012",
        ),
        LEAP_DAY,
    ),
    with_numbers: {
        "1er mai 2026": "01.05.2026",
        "12 мая 2015": "12.05.2015",
        "3 août 2015": "03.08.2015",
        "1 октября 2026 г., 08:30": "01.10.2026 08:30",
        # «jui» may be June or July; these are no dates at all.
        **as_they_are("3 jui 2015", "12 бря 2015", "12 апреля 15", "май", "2015-05-01T00:00:00Z"),
    },
    # The empty date of 1C is known in every spelling.
    cleaning.is_empty_date: {
        **dict.fromkeys(("0001-01-01", "0001-01-01T00:00:00", " 0001-01-01T00:00:00Z "), True),
        **dict.fromkeys(("01.01.0001", "1.1.0001 0:00:00", "01010001", "00010101"), True),
        "00010101000000": True,
        **dict.fromkeys(("0001-01-02", "01.01.2001", "№ 0001", ""), False),
    },
    # The beginning of a day in a zone is that day.
    day: {
        "2015-04-30T21:00:00Z": "2015-05-01",
        "2012-10-03T20:00:00Z": "2012-10-04",  # +04:00 in those years
        "2015-05-01T00:00:00+03:00": "2015-05-01",
        "1982-03-31T21:00:00Z": "1982-04-01",  # that day began at one o'clock
        **as_they_are("2015-04-30T22:00:00Z", "2015-05-01T00:00:00", "2015-05-01", "вчера"),
    },
    # Eight digits can be year, month and day.
    TRANSFORMS["year_month_day"]: {
        "20121004": "2012-10-04",
        " 20121004000000 ": "2012-10-04",
        **as_they_are("04.10.2012", ""),
    },
    # A moment without a zone is in the layout's zone.
    moment: {
        "2026-10-01T08:30:00": datetime(2026, 10, 1, 5, 30, tzinfo=UTC),
        "2026-10-01T08:30:00.123Z": datetime(2026, 10, 1, 8, 30, tzinfo=UTC),
        "2026-10-01T08:30:00+05:00": datetime(2026, 10, 1, 3, 30, tzinfo=UTC),
        "01.10.2026 08:30": datetime(2026, 10, 1, 5, 30, tzinfo=UTC),
        "01.10.2026": datetime(2026, 9, 30, 21, 0, tzinfo=UTC),
        "1 октября 2026 г. 08:30": datetime(2026, 10, 1, 5, 30, tzinfo=UTC),
    },
    # Names are kept as written but for blanks and signs.
    cleaning.clean_name: {
        "  Анна   Мария ": "Анна Мария",
        **as_they_are("О’Коннор", "Иванова (Петрова)", "Nguyễn", "Гасан оглы"),
        "О`Коннор": "О'Коннор",
        "Римский–Корсаков": "Римский-Корсаков",
        "Але\u0308на": "Алёна",
        "Ива\u00adнов\u200b": "Иванов",
        **dict.fromkeys(("-", "Без отчества", ""), ""),
    },
    split: {
        " Примеров  Абдул Рашид оглы": ["Примеров", "Абдул", "Рашид оглы"],
        "Sample John": ["Sample", "John", ""],
        "Примеров, Пётр Пробович": ["Примеров", "Пётр", "Пробович"],
    },
    words: {
        "Пётр Пробович Примеров": ["Пётр", "Пробович Примеров", "Примеров"],
        "Пётр": ["Пётр", "", "Пётр"],
    },
    TRANSFORMS["name_case"]: {
        "DE VRIES-SMIT": "De Vries-Smit",
        "ПРИМЕРОВ": "Примеров",
        **as_they_are("van Dijk", ""),
    },
    # A number above 12 is no grade: its first digit is.
    TRANSFORMS["grade_of_title"]: {
        **{"8А": "8", "10-1": "10", "01 а": "1", "0": "0", "42": "4", "11": "11", "214": "2"},
        **as_they_are("English A1", ""),
    },
    TRANSFORMS["number_in_text"]: {
        **{"Groep 3A": "3", "Класс № 12": "12"},
        **as_they_are("подготовительный"),
    },
    TRANSFORMS["school_year_ends"]: {"2027": "2026/2027", **as_they_are("2026/2027", "27")},
    # Mixed alphabets are named by letter and place.
    cleaning.mixed_alphabets: {
        "Ивaнов": "Ивaнов: a (3)",
        "Cидоров-Иваноv": "Cидоров: C (1); Иваноv: v (6)",
        "Smithд": "Smithд: д (6)",
        "John Иванов": "",
        "Иванов": "",
    },
    cleaning.clean_snils: {
        **dict.fromkeys(("112-233-445 95", "11223344595", "112 233 445 95"), "11223344595"),
        **dict.fromkeys(("112-233-445-95", "112.233.445.95"), "11223344595"),
        "087-654-302 00": "08765430200",  # a remainder of 100 is written 00
        # A small number has no check number.
        "00100199800": "00100199800",
        "001-001-998 99": "00100199899",
    },
    # Class titles are written one way; the second value tells of a Latin letter.
    cleaning.class_title: {
        "8 а": ("8А", False),
        "8А": ("8А", False),
        "8a": ("8А", True),
        "8 «б»": ("8Б", False),
        '8"В"': ("8В", False),
        "10-1": ("10-1", False),
        "0": ("0", False),
        "01 а": ("1А", False),
        "8D": ("8D", True),
        "English A1": ("English A1", False),
        "8а  английский": ("8а английский", False),
    },
    cleaning.school_number: {
        **dict.fromkeys(("№ 243", "№243", "243", "ГБОУ школа № 243 района"), "243"),
        "№006": "6",
        **dict.fromkeys(("Гимназия при консерватории", "Центр 2 района"), ""),
    },
    cleaning.parse_school_year: dict.fromkeys(
        (
            "2026/2027", "2026-2027", "2026/27", "2026 / 2027 уч. год",
            "2026–2027 учебный год",
            # The year alone is the one in which the school year begins.
            "2026", " 2026 уч. год",
        ),
        "2026/2027",
    ),
    cleaning.parse_grade: {" 11 ": 11},
}  # fmt: skip

REFUSED: Mapping[Read, Mapping[str, Sequence[str]]] = {
    cleaning.parse_date: {
        "impossible": ("29.02.2013", "2012-13-01", "31042012", "00.00.0000"),
        "two_digit_year": ("01.09.12", "010912"),
        "format": ("1 сентебря 2012", "1 сентября", "", "٢٩.02.2012x"),
    },
    born: {
        "time_of_day": (
            "2015-04-30T21:00:00Z", "2015-04-30T21:00:00", "2015-05-01T00:00:00+03:00",
            "30.04.2015 21:00", "2015-04-30T00:00:01",
        ),
        "nobody_alive": ("20121004", "01.01.1900", "07.10.2026", "2102-02-01"),
        "impossible": ("31.02.2012",),
    },
    moment: {
        "impossible": ("2026-10-01T25:00:00", "2026-10-01T08:30:00+99:00"),
        "format": ("вчера",),
    },
    cleaning.clean_name: {"characters": ("Иванов2", "<Иван>"), "damaged": ("Ив\ufffdн",)},
    cleaning.clean_snils: {
        "check_number": ("112-233-445 96", "00000000000", "000-000-001 00", "000-000-001 09"),
        "format": ("1122334459", "112233445955", "нет", "١١٢٢٣٣٤٤٥٩٥"),
    },
    cleaning.parse_school_year: {"school_year": ("26", "1926", "2026/2028", "26/27", "")},
    cleaning.parse_grade: {"grade": ("13", "-1", "восемь", "", "²")},
}  # fmt: skip


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [(read, text, value) for read, values in VALUES.items() for text, value in values.items()],
)
def test_a_text_is_read_as_its_value(read: Read, text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "why"),
    [
        (read, text, why)
        for read, reasons in REFUSED.items()
        for why, texts in reasons.items()
        for text in texts
    ],
)
def test_another_text_is_refused_with_the_reason(read: Read, text: str, why: str) -> None:
    with pytest.raises(Unclean, match=f"^{why}$"):
        read(text)


@pytest.mark.parametrize(
    ("day", "years"),
    [
        (date(2026, 9, 1), ("2026/2027",)),
        (date(2027, 5, 31), ("2026/2027",)),
        (date(2027, 6, 1), ("2026/2027", "2027/2028")),
        (date(2027, 8, 31), ("2026/2027", "2027/2028")),
    ],
)
def test_in_summer_two_school_years_are_possible(day: date, years: tuple[str, ...]) -> None:
    assert cleaning.school_years_of(day) == years
