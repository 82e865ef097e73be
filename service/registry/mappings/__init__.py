"""Mappings of other platforms' weekly files: one TOML each, ours here, others in folders."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from service.problems import Problem
from service.registry.columns import NO, YES, Column, Kind, plain

SCHOOL = {"code": 64, "number": 20, "district": 100, "name": 500}
"""Columns that tell the school, with the most characters of each."""

FIGURES = (
    "users", "teachers", "teachers_with_messages", "teachers_with_group_messages",
    "teachers_with_group_chats", "messages", "group_chats",
)  # fmt: skip
"""Columns of whole numbers."""

FLAGS = ("registered", "active")

KINDS = {
    "number": Kind.NUMBER,
    **dict.fromkeys(FIGURES, Kind.INTEGER),
    **dict.fromkeys(FLAGS, Kind.YES_NO),
}
"""Of the columns that are no plain text."""

DEFAULT = "default"
"""Name of the mapping that reads our own template."""


class MappingError(Problem):
    """A mapping cannot be used; ``what`` names the file and the key."""

    status = 400

    def __init__(self, what: str) -> None:
        super().__init__("mapping.unusable", what=what)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformMapping:
    name: str
    """Of the file, without ``.toml``."""
    title: str
    columns: tuple[Column, ...]


def load_mappings(folders: Iterable[Path]) -> dict[str, PlatformMapping]:
    """Return all mappings by name; a folder's own replaces ours of the same name.

    Raises ``MappingError`` for a file that is no mapping, or a folder that cannot be read.
    """
    texts = {DEFAULT: resources.files(__name__).joinpath(f"{DEFAULT}.toml").read_text("utf-8")}
    for folder in folders:
        try:
            found = sorted(one for one in folder.iterdir() if one.suffix == ".toml")
            texts |= {path.stem: path.read_text("utf-8") for path in found}
        except (OSError, UnicodeDecodeError) as error:
            raise MappingError(f"{folder}: {error}") from error
    return {name: _mapping(name, text) for name, text in texts.items()}


def _mapping(name: str, text: str) -> PlatformMapping:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{name}.toml: {error}") from error
    school, figures = data.pop("school", {}), data.pop("figures", {})
    words, title = data.pop("words", {}), str(data.pop("title", name))
    unknown = [*data, *(set(school) - set(SCHOOL)), *(set(figures) - {*FIGURES, *FLAGS})]
    unknown += set(words) - set(FLAGS)
    if unknown:
        raise MappingError(f"{name}.toml: unknown key {unknown[0]}")
    if not {"code", "name", "number"} & set(school) or not figures:
        raise MappingError(f"{name}.toml: [school] and [figures] each need a column")
    columns = tuple(
        Column(
            key=key,
            titles=_titles(name, key, titles),
            kind=KINDS.get(key, Kind.TEXT),
            length=SCHOOL.get(key, 500),
            choices=_words(name, key, words),
        )
        for key, titles in (*school.items(), *figures.items())
    )
    _check_titles(name, columns)
    return PlatformMapping(name=name, title=title, columns=columns)


def _titles(name: str, key: str, value: Any) -> tuple[str, ...]:
    good = isinstance(value, list) and value and all(isinstance(one, str) for one in value)
    if not good:
        raise MappingError(f"{name}.toml: {key} must be a list of column titles")
    return tuple(value)


def _words(name: str, key: str, words: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for answer, listed in words.get(key, {}).items():
        if answer not in {YES, NO}:
            raise MappingError(f"{name}.toml: words.{key} has yes and no, not {answer}")
        found |= dict.fromkeys(_titles(name, f"words.{key}.{answer}", listed), answer)
    return found


def _check_titles(name: str, columns: Iterable[Column]) -> None:
    seen: dict[str, str] = {}
    for column in columns:
        for title in column.titles:
            if seen.setdefault(plain(title), column.key) != column.key:
                raise MappingError(f"{name}.toml: “{title}” stands for two columns")
