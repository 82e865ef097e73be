"""Text of a file -> clean values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from provisioning.formats import cleaning
from provisioning.formats.cleaning import Unclean

MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.mark.parametrize(
    "text",
    ["29.02.2012", "2012-02-29", "2012-02-29T23:59:59", "29022012", " 29.2.2012 ", "2012-02-29Z"],
)
def test_every_spelling_gives_the_same_day(text: str) -> None:
    assert cleaning.parse_date(text) == date(2012, 2, 29)


def test_a_zone_never_shifts_a_date() -> None:
    assert cleaning.parse_date("2012-02-29T23:59:59-12:00") == date(2012, 2, 29)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("29.02.2013", "impossible"),
        ("2012-13-01", "impossible"),
        ("31042012", "impossible"),
        ("00.00.0000", "impossible"),
        ("01.09.12", "two_digit_year"),
        ("010912", "two_digit_year"),
        ("1 сентября 2012", "format"),
        ("", "format"),
        ("٢٩.02.2012x", "format"),
    ],
)
def test_other_dates_are_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Unclean, match=f"^{why}$"):
        cleaning.parse_date(text)


TODAY = date(2026, 10, 6)


@pytest.mark.parametrize(
    "text",
    ["29.02.2012", "2012-02-29", "2012-02-29T00:00:00", "29.02.2012 0:00:00", "2012-02-29Z"],
)
def test_a_midnight_without_a_zone_is_no_doubt_about_a_birth_date(text: str) -> None:
    assert cleaning.parse_birth_date(text, TODAY) == date(2012, 2, 29)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2015-04-30T21:00:00Z", "time_of_day"),
        ("2015-04-30T21:00:00", "time_of_day"),
        ("2015-05-01T00:00:00+03:00", "time_of_day"),
        ("30.04.2015 21:00", "time_of_day"),
        ("2015-04-30T00:00:01", "time_of_day"),
        ("20121004", "nobody_alive"),
        ("01.01.1900", "nobody_alive"),
        ("07.10.2026", "nobody_alive"),
        ("2102-02-01", "nobody_alive"),
        ("31.02.2012", "impossible"),
    ],
)
def test_a_doubtful_birth_date_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Unclean, match=f"^{why}$"):
        cleaning.parse_birth_date(text, TODAY)


@pytest.mark.parametrize(
    ("text", "empty"),
    [
        ("0001-01-01", True),
        ("0001-01-01T00:00:00", True),
        (" 0001-01-01T00:00:00Z ", True),
        ("01.01.0001", True),
        ("1.1.0001 0:00:00", True),
        ("01010001", True),
        ("00010101", True),
        ("00010101000000", True),
        ("0001-01-02", False),
        ("01.01.2001", False),
        ("№ 0001", False),
        ("", False),
    ],
)
def test_the_empty_date_of_1c_is_known_in_every_spelling(text: str, empty: bool) -> None:
    assert cleaning.is_empty_date(text) is empty


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2015-04-30T21:00:00Z", "2015-05-01"),
        ("2012-10-03T20:00:00Z", "2012-10-04"),  # +04:00 in those years
        ("2015-05-01T00:00:00+03:00", "2015-05-01"),
        ("1982-03-31T21:00:00Z", "1982-04-01"),  # that day began at one o'clock
        ("2015-04-30T22:00:00Z", "2015-04-30T22:00:00Z"),
        ("2015-05-01T00:00:00", "2015-05-01T00:00:00"),
        ("2015-05-01", "2015-05-01"),
        ("вчера", "вчера"),
    ],
)
def test_the_beginning_of_a_day_in_a_zone_is_that_day(text: str, day: str) -> None:
    assert cleaning.day_in_zone(text, MOSCOW) == day


def test_eight_digits_can_be_year_month_and_day() -> None:
    read = cleaning.TRANSFORMS["year_month_day"]
    assert [read(text) for text in ("20121004", " 20121004000000 ", "04.10.2012", "")] == [
        "2012-10-04", "2012-10-04", "04.10.2012", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-10-01T08:30:00", datetime(2026, 10, 1, 5, 30, tzinfo=UTC)),
        ("2026-10-01T08:30:00.123Z", datetime(2026, 10, 1, 8, 30, tzinfo=UTC)),
        ("2026-10-01T08:30:00+05:00", datetime(2026, 10, 1, 3, 30, tzinfo=UTC)),
        ("01.10.2026 08:30", datetime(2026, 10, 1, 5, 30, tzinfo=UTC)),
        ("01.10.2026", datetime(2026, 9, 30, 21, 0, tzinfo=UTC)),
    ],
)
def test_a_moment_without_a_zone_is_in_the_layouts_zone(text: str, moment: datetime) -> None:
    assert cleaning.parse_moment(text, MOSCOW) == moment


@pytest.mark.parametrize("text", ["2026-10-01T25:00:00", "2026-10-01T08:30:00+99:00", "вчера"])
def test_impossible_moments_are_refused(text: str) -> None:
    with pytest.raises(Unclean):
        cleaning.parse_moment(text, MOSCOW)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Анна   Мария ", "Анна Мария"),
        ("О’Коннор", "О’Коннор"),
        ("О`Коннор", "О'Коннор"),
        ("Римский–Корсаков", "Римский-Корсаков"),
        ("Але\u0308на", "Алёна"),
        ("Ива\u00adнов\u200b", "Иванов"),
        ("Иванова (Петрова)", "Иванова (Петрова)"),
        ("Nguyễn", "Nguyễn"),
        ("Гасан оглы", "Гасан оглы"),
        ("-", ""),
        ("Без отчества", ""),
        ("", ""),
    ],
)
def test_names_are_kept_as_written_but_for_blanks_and_signs(text: str, name: str) -> None:
    assert cleaning.clean_name(text) == name


@pytest.mark.parametrize(
    ("text", "why"), [("Иванов2", "characters"), ("<Иван>", "characters"), ("Ив\ufffdн", "damaged")]
)
def test_what_is_no_name_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unclean, match=f"^{why}$"):
        cleaning.clean_name(text)


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Ивaнов", "Ивaнов: a (3)"),
        ("Cидоров-Иваноv", "Cидоров: C (1); Иваноv: v (6)"),
        ("Smithд", "Smithд: д (6)"),
        ("John Иванов", ""),
        ("Иванов", ""),
    ],
)
def test_mixed_alphabets_are_named_by_letter_and_place(text: str, letters: str) -> None:
    assert cleaning.mixed_alphabets(text) == letters


@pytest.mark.parametrize(
    "text", ["112-233-445 95", "11223344595", "112 233 445 95", "112-233-445-95", "112.233.445.95"]
)
def test_every_spelling_of_a_snils_gives_eleven_digits(text: str) -> None:
    assert cleaning.clean_snils(text) == "11223344595"


@pytest.mark.parametrize("text", ["00100199800", "001-001-998 99"])
def test_a_small_snils_number_has_no_check_number(text: str) -> None:
    assert len(cleaning.clean_snils(text)) == 11


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("112-233-445 96", "check_number"),
        ("00000000000", "check_number"),
        ("1122334459", "format"),
        ("112233445955", "format"),
        ("нет", "format"),
        ("١١٢٢٣٣٤٤٥٩٥", "format"),
    ],
)
def test_a_wrong_snils_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unclean, match=f"^{why}$"):
        cleaning.clean_snils(text)


@pytest.mark.parametrize(
    ("text", "title", "latin"),
    [
        ("8 а", "8А", False),
        ("8А", "8А", False),
        ("8a", "8А", True),
        ("8 «б»", "8Б", False),
        ('8"В"', "8В", False),
        ("10-1", "10-1", False),
        ("0", "0", False),
        ("01 а", "1А", False),
        ("8D", "8D", True),
        ("English A1", "English A1", False),
        ("8а  английский", "8а английский", False),
    ],
)
def test_class_titles_are_written_one_way(text: str, title: str, latin: bool) -> None:
    assert cleaning.class_title(text) == (title, latin)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("№ 243", "243"),
        ("№243", "243"),
        ("№006", "6"),
        ("243", "243"),
        ("ГБОУ школа № 243 района", "243"),
        ("Гимназия при консерватории", ""),
        ("Центр 2 района", ""),
    ],
)
def test_school_numbers_are_digits(text: str, number: str) -> None:
    assert cleaning.school_number(text) == number


@pytest.mark.parametrize(
    "text", ["2026/2027", "2026-2027", "2026/27", "2026 / 2027 уч. год", "2026–2027 учебный год"]
)
def test_school_years_are_written_one_way(text: str) -> None:
    assert cleaning.parse_school_year(text) == "2026/2027"


@pytest.mark.parametrize("text", ["2026", "2026/2028", "26/27", ""])
def test_other_school_years_are_refused(text: str) -> None:
    with pytest.raises(Unclean):
        cleaning.parse_school_year(text)


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


def test_a_full_name_can_be_split() -> None:
    parts = ("family_of_full_name", "given_of_full_name", "middle_of_full_name")
    name = " Примеров  Абдул Рашид оглы"
    split = [cleaning.TRANSFORMS[part](name) for part in parts]
    assert split == ["Примеров", "Абдул", "Рашид оглы"]
    assert cleaning.TRANSFORMS["middle_of_full_name"]("Sample John") == ""


def test_a_grade_is_a_number_up_to_twelve() -> None:
    assert cleaning.parse_grade(" 11 ") == 11
    for wrong in ("13", "-1", "восемь", "", "²"):
        with pytest.raises(Unclean):
            cleaning.parse_grade(wrong)
