"""Every text of the pages has a Russian one with the same places to fill."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

PLACE = re.compile(r"{\w+}")


def used_texts() -> set[str]:
    found = extract_from_dir(
        str(resources.files("auth").joinpath("templates")),
        method_map=[("**.html", "jinja2.ext:babel_extract")],
    )
    return {message for _, _, message, _, _ in found if isinstance(message, str)}


@pytest.fixture(scope="module")
def russian() -> Catalog:
    with resources.files("auth").joinpath("translations/ru.po").open("rb") as source:
        return read_po(source, locale="ru")


def test_each_text_is_translated_and_each_translation_is_used(russian: Catalog) -> None:
    translated = {message.id for message in russian if message.id and message.string}
    assert translated == used_texts()
    assert len(translated) > 30


def test_translations_fill_the_same_places(russian: Catalog) -> None:
    for message in russian:
        assert set(PLACE.findall(str(message.id))) == set(PLACE.findall(str(message.string)))
