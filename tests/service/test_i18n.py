"""Every text of service and auth has a Russian translation with the same places to fill."""

from __future__ import annotations

from gettext import c2py  # type: ignore[attr-defined]
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import auth
import service
from service.i18n import gettext, ngettext
from tests.language import in_language

METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")]

Texts = dict[str | tuple[str, ...], str]


@pytest.fixture(params=[service, auth], ids=["service", "auth"])
def folder(request: pytest.FixtureRequest) -> Path:
    return Path(request.param.__file__).parent


@pytest.fixture
def texts(folder: Path) -> Texts:
    """Each text of the code, or singular and plural, with a file that has it."""
    found = extract_from_dir(folder, METHODS)
    return {message: name for name, _line, message, _comments, _context in found}


@pytest.fixture
def catalogue(folder: Path) -> Catalog:
    with (folder / "translations" / "ru.po").open("rb") as file:
        return read_po(file, locale="ru", abort_invalid=True)


def places(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name is not None}


def as_list(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def test_every_text_of_the_code_is_translated(
    folder: Path, texts: Texts, catalogue: Catalog
) -> None:
    translations = {message.id: message.string for message in catalogue if message.id}
    assert len(texts) > {"service": 200, "auth": 30}[folder.name]
    missing = [
        f"{name}: {text}"
        for text, name in texts.items()
        if not all(as_list(translations.get(text, "")))
    ]
    assert not missing


def test_no_translation_is_left_of_a_text_that_is_gone(texts: Texts, catalogue: Catalog) -> None:
    assert [message.id for message in catalogue if message.id and message.id not in texts] == []


def test_translations_fill_the_same_places(catalogue: Catalog) -> None:
    wrong = [
        message.id
        for message in catalogue
        if message.id
        for text in as_list(message.string)
        if places(text) != places(as_list(message.id)[-1])
    ]
    assert not wrong


def test_no_translation_is_marked_as_doubtful(catalogue: Catalog) -> None:
    assert [message.id for message in catalogue if message.id and message.fuzzy] == []


@pytest.mark.parametrize("folder", [service], indirect=True)
def test_texts_are_read_as_babel_reads_them(catalogue: Catalog) -> None:
    plural = c2py(catalogue.plural_expr)
    with in_language("ru"):
        for message in catalogue:
            if isinstance(message.id, str) and message.id:
                assert gettext(message.id) == message.string
            elif message.id:
                for n in range(200):
                    text = message.string[plural(n)].replace("{n}", str(n))
                    blanks = {name: f"{{{name}}}" for name in places(text)}
                    assert ngettext(*message.id, n, **blanks) == text


@pytest.mark.parametrize(
    ("n", "russian"),
    [(1, "1 запись"), (3, "3 записи"), (5, "5 записей"), (13, "13 записей"), (21, "21 запись")],
)
def test_russian_numbers_have_three_forms(n: int, russian: str) -> None:
    with in_language("ru"):
        assert ngettext("{n} record", "{n} records", n) == russian


def test_english_texts_are_those_of_the_code() -> None:
    with in_language("en"):
        assert gettext("line {number}", number=3) == "line 3"
        assert ngettext("{n} record", "{n} records", 2) == "2 records"
