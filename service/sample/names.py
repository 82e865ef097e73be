"""The lists that invented people, subjects and districts are put together from: names.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

_LISTS: Final[dict[str, Any]] = tomllib.loads(
    resources.files("service.sample").joinpath("names.toml").read_text("utf-8")
)

MASCULINE_FAMILY_NAMES: Final[list[str]] = _LISTS["masculine_family_names"]
RARE_FAMILY_NAMES: Final[list[str]] = _LISTS["rare_family_names"]
MASCULINE_NAMES: Final[list[tuple[str, str, str]]] = _LISTS["masculine_names"]
"""Given name, patronymic of a son, patronymic of a daughter."""
FEMININE_NAMES: Final[list[str]] = _LISTS["feminine_names"]
EASTERN_FATHERS: Final[list[str]] = _LISTS["eastern_fathers"]
FOREIGN_NAMES: Final[Mapping[str, list[tuple[str, str]]]] = _LISTS["foreign_names"]
"""Family and given name by sex, ``M`` or ``F``."""
PRIMARY_SUBJECTS: Final[list[str]] = _LISTS["primary_subjects"]
SUBJECTS: Final[Mapping[str, str]] = _LISTS["subjects"]
"""Subject -> its genitive."""
DISTRICTS: Final[list[str]] = _LISTS["districts"]


def feminine(family_name: str) -> str:
    """The form of a family name that a woman bears: Орлов - Орлова, Озёрский - Озёрская, Черных."""
    if family_name.endswith(("ов", "ев", "ёв", "ин", "ын")):
        return family_name + "а"
    if family_name.endswith(("ский", "цкий")):
        return family_name[:-2] + "ая"
    return family_name
