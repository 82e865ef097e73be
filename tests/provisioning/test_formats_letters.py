"""Text that is readable and wrong, told from names of every language."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from itertools import islice
from typing import Any

import pytest

from provisioning.formats.letters import CYRILLIC, NAMES, likeliest, wrong_letters
from tests.provisioning.roster_files import read_text, roster_file, student

READ_AS = ("cp1251", "cp1252", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic", "mac-roman", "cp850")

NAMES_OF_OTHERS = {
    "tatar": "Гыйззәтуллин Җәүдәт Хәбибуллина Гөлнара Мөхәммәтшин Рөстәм Шәйхетдинова Зөләйха "
    "Әхмәтҗанов Илһам Нуруллина Ләйсән Фәйзрахманов Айзат Гарифҗанова Сөембикә",
    "tatar in Russian letters": "Габдрахманов Гыйльметдин Хуснутдинова Гульшат Фахретдинова "
    "Зульфия Мухаметзянов Ильнур Шагиахметов Айнур Зиятдинова Ландыш",
    "armenian": "Մկրտչյան Հարություն Խաչատրյան Գայանե Տեր-Պետրոսյան Հովհաննիսյան Նարեկ Սարգսյան",
    "armenian in Russian letters": "Мкртчян Арутюн Хачатрян Гаянэ Тер-Петросян Вардгес Нгоян "
    "Мкртыч Айк Оганнисян Грачья Джгерян Хримян Мхитарян Гегам Срвандзтян Аветик Шмавон",
    "georgian": "მამარდაშვილი ნინო გიორგაძე ლევანი ჩხეიძე თამარი ბერიძე დავითი წერეთელი ეკატერინე",
    "georgian in Russian letters": "Мчедлишвили Гванца Чхартишвили Мхеидзе Цхварадзе Грдзелидзе",
    "ukrainian": "Їжакевич Соломія Щербаненко Юхим Ґалаґан Євдокія Кравчук Хмельницька Зіновій",
    "kazakh": "Нұрсұлтанұлы Әлихан Қасымжомарт Өмірзақова Гүлжәмила Жақсылықов Ерғали Түймебаев",
    "chuvash": "Ӑстапан Ҫеҫпӗл Митта Уйӑп Янтул Ҫӑлтӑр Пӑртас Тӑхавин Сӗнтӗр Ухсай Ӳкерчӗк",
    "yakut": "Ньургуһун Сардаана Уйгулаан Дьулустаан Күннэй Эрчимэн Тойон Айыына Үрүҥ",
    "french": "Éléonore Françoise Hélène Lefèvre Gérôme Brontë Çelik Noël Joëlle Prévôt Régine",
    "german": "Müller Jäger Schröder Weiß Böhm Größe Küßner Süß Höß Würth Öttinger Übelacker",
    "polish": "Łukasiewicz Świętosława Żółkiewski Wałęsa Grześkowiak Dąbrowska Źdźbło Gołębiowska",
    "vietnamese": "Nguyễn Trần Phạm Huỳnh Vũ Đặng Hồng Ngọc Thảo Phương Đỗ Mỹ Lệ Quỳnh Hương",
    "turkish": "Şükrü Çağlar Gülşen Öztürk Işık Yıldız Özgür Güneş Çiğdem Doğan Şahin Ümit",
    "chinese": "王小明 李秀英 張偉 劉洋 陳靜 楊帆 歐陽詩文 司馬相如 諸葛孔明 上官婉兒",
    "arabic": "محمد عبدالله فاطمة الزهراء إبراهيم خديجة عبدالرحمن مصطفى سليمان عائشة يوسف",
    "capitals": "ЩЕРБАКОВ ЮЗЕФОВИЧ ЖЁЛУДЕВА ЭРНСТ ЦХАЙ ЫСЫЛБЕКОВ ЪЕЗДОВ ЩЮСЕВ ЭЙХЕНБАУМ ЮЩЕНКО",
    "rare Russian": "Щюсев Эйхенбаум Юфим Цыцын Эрьзя Вяхирев Зыкин Жгут Фльорин Чхве Пхен Хван "
    "Цой Югай Щукин Эпштейн Юэ Эсмэ Ёжикова Йыгева Ымпилов Ыйман Фрумкис Швыдкой Тхорж",
}  # fmt: skip


def russian_names() -> list[str]:
    found: list[str] = []

    def visit(part: Any) -> None:
        if isinstance(part, str):
            found.extend(re.findall(r"[А-ЯЁа-яё]{2,}", part))
        else:
            for one in part.values() if isinstance(part, dict) else part:
                visit(one)

    names = resources.files("service.sample").joinpath("names.toml").read_text("utf-8")
    visit(tomllib.loads(names))
    return sorted(set(found))


RUSSIAN = russian_names()


def misread(text: str, right: str, read_as: str) -> str:
    return text.encode(right).decode(read_as, "replace")


@pytest.mark.parametrize("read_as", READ_AS)
@pytest.mark.parametrize("right", ["utf-8", *CYRILLIC])
def test_names_read_in_a_wrong_code_page_are_noticed_and_the_right_one_is_named(
    right: str, read_as: str
) -> None:
    if right == read_as:
        return
    for start in range(4):
        text = " ".join(islice(RUSSIAN, start, None, 8))
        found = wrong_letters(misread(text, right, read_as))
        assert found is not None
        assert found.codec == NAMES[right]


def test_capital_letters_in_a_wrong_code_page_are_noticed() -> None:
    text = " ".join(RUSSIAN[::4]).upper()
    for right, read_as in (("cp1251", "koi8-r"), ("koi8-r", "cp1251"), ("utf-8", "cp1251")):
        found = wrong_letters(misread(text, right, read_as))
        assert found is not None
        assert (found.codec, found.read_as) == (NAMES[right], NAMES[read_as])


@pytest.mark.parametrize("language", NAMES_OF_OTHERS)
def test_names_of_other_languages_are_never_taken_for_a_mistake(language: str) -> None:
    names = NAMES_OF_OTHERS[language]
    for text in (names, names.upper(), f"{names} {' '.join(RUSSIAN)}"):
        assert wrong_letters(text) is None
        for codec in ("cp1252", *CYRILLIC):
            assert wrong_letters(text, codec) is None


def test_right_names_are_never_taken_for_a_mistake() -> None:
    assert wrong_letters(" ".join(RUSSIAN)) is None
    quoted = " ".join(f"«{name}» №{n} — {name}…" for n, name in enumerate(RUSSIAN))
    assert wrong_letters(quoted) is None
    for name in RUSSIAN:
        assert wrong_letters(name) is None


def test_a_few_wrong_words_are_somebody_s_slip() -> None:
    wrong = misread(" ".join(RUSSIAN[:4]), "utf-8", "cp1251")
    assert wrong_letters(f"{' '.join(RUSSIAN)} {wrong}") is None


@pytest.mark.parametrize("codec", CYRILLIC)
def test_text_that_names_no_encoding_is_read_in_the_likeliest(codec: str) -> None:
    for start in range(10):
        text = "\n".join(islice(RUSSIAN, start, None, 15))
        assert likeliest(text.encode(codec)) == codec


PUPILS = [
    student(f"s-{n}", family_name=family, given_name=given)
    for n, (family, given) in enumerate(
        (("Иванов", "Пётр"), ("Смирнова", "Анна"), ("Кузнецов", "Тимофей"), ("Соколова", "Дарья"))
    )
]


@pytest.mark.parametrize(
    ("declared", "codec", "named"),
    [
        ("koi8-r", "cp1251", "windows-1251"),
        ("iso-8859-1", "cp1251", "windows-1251"),
        ("windows-1251", "koi8-r", "KOI8-R"),
        ("windows-1251", "cp866", "cp866 (DOS)"),
        ("windows-1251", "iso8859-5", "ISO-8859-5"),
        ("iso-8859-5", "mac-cyrillic", "x-mac-cyrillic"),
        ("utf-8", "koi8-r", "KOI8-R"),
    ],
)
def test_a_file_in_another_code_page_than_it_says_is_stopped(
    declared: str, codec: str, named: str
) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>'
    text = roster_file(students=PUPILS, declaration=head).replace("№", "N")
    result = read_text(text.encode(codec))
    assert (result.rosters, result.rules) == ([], ["encoding.wrong_letters"])
    assert result.finding.value == named
    assert named in result.finding.message("ru")


def test_a_file_that_was_spoilt_before_it_was_written_is_stopped() -> None:
    spoilt = misread(roster_file(students=PUPILS), "utf-8", "cp1251")
    result = read_text(spoilt)
    assert result.rules == ["encoding.wrong_letters"]
    assert (result.finding.value, result.finding.details["read_as"]) == ("UTF-8", "windows-1251")


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("windows-1251", "cp1251"),
        ("koi8-r", "koi8-r"),
        ("KOI8-U", "koi8-u"),
        ("cp866", "cp866"),
        ("ISO-8859-5", "iso8859-5"),
        ("x-mac-cyrillic", "mac-cyrillic"),
        ("UTF-16", "utf-16"),
    ],
)
def test_each_encoding_of_russian_is_read(declared: str, codec: str) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>'
    text = roster_file(students=PUPILS, declaration=head).replace("№", "N")
    result = read_text(text.encode(codec))
    assert result.rules == []
    assert result.roster.persons["s-0"].full_name == "Иванов Пётр Примерович"


def test_encodings_of_other_languages_are_read() -> None:
    head = '<?xml version="1.0" encoding="ISO-8859-15"?>'
    pupil = student(family_name="Lefèvre", given_name="Noël", middle_name="")
    text = roster_file([pupil], [], declaration=head, number="1").replace("8А", "8B")
    latin = re.sub("[А-Яа-яё]+", "x", text)
    result = read_text(latin.encode("iso8859-15"))
    assert result.roster.persons["s-1"].full_name == "Lefèvre Noël"
