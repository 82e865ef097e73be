"""Every text of the pages has a Russian one with the same places to fill."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from auth.texts import counter

PLACE = re.compile(r"{\w+}")


def as_list(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def used_texts() -> set[str | tuple[str, ...]]:
    found = extract_from_dir(
        str(resources.files("auth").joinpath("templates")),
        method_map=[("**.html", "jinja2.ext:babel_extract")],
    )
    return {message for _, _, message, _, _ in found}


@pytest.fixture(scope="module")
def russian() -> Catalog:
    with resources.files("auth").joinpath("translations/ru.po").open("rb") as source:
        return read_po(source, locale="ru")


def test_each_text_is_translated_and_each_translation_is_used(russian: Catalog) -> None:
    translated = {message.id for message in russian if message.id and all(as_list(message.string))}
    assert translated == used_texts()
    assert len(translated) > 30


def test_translations_fill_the_same_places(russian: Catalog) -> None:
    for message in russian:
        for text in as_list(message.string):
            assert set(PLACE.findall(as_list(message.id)[0])) == set(PLACE.findall(text))


def test_days_are_counted_in_three_forms() -> None:
    count = counter("ru")
    one, many = (
        f"In {{days}} {days} only Gosuslugi opens the sign-in." for days in ("day", "days")
    )
    found = [count(one, many, days).split()[2] for days in (1, 2, 5, 11, 21, 30)]
    assert found == ["день", "дня", "дней", "дней", "день", "дней"]
