"""Layout: the mapping of one XML layout onto our fields, read from TOML
(docs/facts/paragraf.md R1)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from provisioning.formats.cleaning import TRANSFORMS, collapse, day_in_zone
from provisioning.roster import Part


class Kind(StrEnum):
    """What a record of the file is."""

    HEADER = "header"
    SCHOOL = "school"
    """More about the school than the header says; may come anywhere in the file."""
    CLASS = "class"
    STUDENT = "student"
    STAFF = "staff"
    PERSON = "person"
    """Students and staff in one list, told apart by ``role``."""
    TEACHING = "teaching"
    MEMBERSHIP = "membership"
    """A person in a class, told apart by ``role``."""
    GUARDIAN = "guardian"
    """Counted, never taken (docs/facts/paragraf.md section 5)."""


_SCHOOL_FIELDS = frozenset(
    {"school_name", "school_short_name", "school_number", "school_kind", "district", "school_year"}
)
_PERSON_FIELDS = frozenset(
    {
        *("id", "family_name", "given_name", "middle_name", "birth_date", "sex", "snils"),
        *("email", "status", "begin_date", "end_date"),
    }
)

DATES = frozenset({"birth_date", "begin_date", "end_date"})
"""The fields that are days."""

FIELDS: Mapping[Kind, frozenset[str]] = {
    Kind.HEADER: _SCHOOL_FIELDS
    | {"school_code", "exported_at", "content", "mode", "count"}
    | {f"count_{part}" for part in Part},
    Kind.SCHOOL: _SCHOOL_FIELDS | {"id"},
    Kind.CLASS: frozenset(
        {"id", "title", "grade", "kind", "school_year", "teacher_id", "begin_date", "end_date"}
    ),
    Kind.STUDENT: _PERSON_FIELDS | {"class_id", "group_ids"},
    Kind.STAFF: _PERSON_FIELDS | {"role", "position"},
    Kind.PERSON: _PERSON_FIELDS | {"role", "position", "class_id", "group_ids"},
    Kind.TEACHING: frozenset({"person_id", "class_id", "subject"}),
    Kind.MEMBERSHIP: frozenset({"person_id", "class_id", "role", "subject", "status"}),
    Kind.GUARDIAN: frozenset(),
}
"""The fields a layout may name for each kind. ``group_ids`` may occur many times in a record."""


_NAME = r"[^\W\d][\w.\-]*"
_RECORD_PATH = re.compile(rf"\.|{_NAME}(/{_NAME})*")
_STEP = rf"{_NAME}(\[@{_NAME}='[^'\]]*'\])?"
_FIELD_PATH = re.compile(rf"(\.\./)*(\.|@{_NAME}|{_STEP}(/{_STEP})*(/@{_NAME})?)")


class LayoutError(ValueError):
    """A layout file is wrong: the operator's mistake, found when layouts are loaded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldSpec:
    path: str
    """``a/b``, ``@attribute``, ``a/@attribute``, ``../a``; steps may carry ``[@x='y']``."""
    transform: str = ""
    """A key of ``cleaning.TRANSFORMS``, applied first."""
    dictionary: Mapping[str, str] | None = None
    """The file's words (small letters) onto ours; other words stay as they are."""
    prefix: str = ""
    """Text to put before ids of a source that numbers students, staff and classes each from one."""
    default: str = ""
    """Our word where the file has none."""
    zone: ZoneInfo | None = None
    """For dates only: the zone in which a day begins at the moment that the file writes for it."""
    required: bool = False
    """The layout demands this field although our rules do not."""

    def adjust(self, text: str) -> str:
        """The file's text in our words: transformed, looked up, prefixed, or the default."""
        if self.transform:
            text = TRANSFORMS[self.transform](text)
        if self.zone is not None:
            text = day_in_zone(text, self.zone)
        if self.dictionary is not None:
            text = self.dictionary.get(collapse(text).casefold(), text)
        if self.prefix and text.strip():
            text = self.prefix + text.strip()
        return text or self.default

    @property
    def changes_text(self) -> bool:
        plain = not (self.transform or self.prefix or self.default)
        return not plain or self.dictionary is not None or self.zone is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordSpec:
    kind: Kind
    path: tuple[str, ...]
    """Element names from below the root down to the record; none for the root's attributes."""
    where_path: str = ""
    where_values: frozenset[str] = frozenset()
    """Only records whose text at ``where_path`` is one of these, case aside."""
    fields: Mapping[str, FieldSpec] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    name: str
    title: str
    source: str
    """The source system, part of a person's key."""
    time_zone: ZoneInfo
    """Of export times that name no zone."""
    root: str
    """Name of the root element; its namespace does not matter."""
    version_path: str = ""
    version_values: frozenset[str] = frozenset()
    """Values of the root attribute ``version_path`` that this layout reads; empty: any."""
    content: Mapping[str, frozenset[Part]] = field(default_factory=dict)
    """Content word of the header onto the parts the file carries; ``""`` when there is none."""
    records: tuple[RecordSpec, ...] = ()

    def record(self, kind: Kind) -> RecordSpec | None:
        return next((spec for spec in self.records if spec.kind is kind), None)


def layouts(folders: Iterable[Path] = ()) -> dict[str, Layout]:
    """The shipped layouts and those in further folders, by name; a later one of a name wins.

    Raises LayoutError for a layout that cannot be used.
    """
    found = dict(_shipped())
    for folder in folders:
        if not folder.is_dir():
            raise LayoutError(f"{folder}: no such folder of layouts")
        for path in sorted(folder.glob("*.toml")):
            try:
                text = path.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise LayoutError(f"{path.name}: cannot be read as UTF-8 text") from error
            layout = parse_layout(text, path.name)
            found[layout.name] = layout
    return found


@cache
def _shipped() -> dict[str, Layout]:
    folder = resources.files("provisioning.formats").joinpath("layouts")
    texts = [(entry.name, entry) for entry in folder.iterdir() if entry.name.endswith(".toml")]
    parsed = [parse_layout(entry.read_text("utf-8"), name) for name, entry in sorted(texts)]
    return {layout.name: layout for layout in parsed}


def parse_layout(text: str, file_name: str) -> Layout:
    """A layout from its TOML text; ``file_name`` is for the message of LayoutError."""
    try:
        data = tomllib.loads(text)
        recognise = data["recognise"]
        version = recognise.get("version", {})
        layout = Layout(
            name=data["name"],
            title=data["title"],
            source=data["source"],
            root=recognise["root"],
            version_path=version.get("path", "").removeprefix("@"),
            version_values=frozenset(version.get("values", ())),
            content={
                word.casefold(): frozenset(Part(part) for part in parts)
                for word, parts in data["content"].items()
            },
            time_zone=ZoneInfo(data.get("time_zone", "Europe/Moscow")),
            records=tuple(
                _record(record, data.get("dictionaries", {})) for record in data["records"]
            ),
        )
    except KeyError as error:
        raise LayoutError(f"{file_name}: {error.args[0]} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise LayoutError(f"{file_name}: {error}") from error
    header = layout.record(Kind.HEADER)
    if header is None or not {"school_code", "exported_at"} <= header.fields.keys():
        raise LayoutError(f"{file_name}: a header with school_code and exported_at is missing")
    return layout


def _record(data: dict[str, Any], dictionaries: dict[str, dict[str, str]]) -> RecordSpec:
    kind = Kind(data["kind"])
    fields = data.get("fields", {})
    if unknown := fields.keys() - FIELDS[kind]:
        raise ValueError(f"{kind}: unknown fields {', '.join(sorted(unknown))}")
    for name, entry in fields.items():
        if isinstance(entry, dict) and "zone" in entry and name not in DATES:
            raise ValueError(f"{kind}: zone is for dates, and {name} is none")
    where = data.get("where", {})
    _check_path(_RECORD_PATH, data["path"])
    _check_path(_FIELD_PATH, where.get("path", "."))
    return RecordSpec(
        kind=kind,
        path=() if data["path"] == "." else tuple(data["path"].split("/")),
        where_path=where.get("path", ""),
        where_values=frozenset(value.casefold() for value in where.get("values", ())),
        fields={name: _field(entry, dictionaries) for name, entry in fields.items()},
    )


def _check_path(form: re.Pattern[str], path: str) -> None:
    if not form.fullmatch(path):
        raise ValueError(f"{path!r} is no path we know")


def _field(entry: str | dict[str, Any], dictionaries: dict[str, dict[str, str]]) -> FieldSpec:
    if isinstance(entry, str):
        entry = {"path": entry}
    _check_path(_FIELD_PATH, entry["path"])
    transform = entry.get("transform", "")
    if transform and transform not in TRANSFORMS:
        raise ValueError(f"unknown transform {transform}; there are {', '.join(TRANSFORMS)}")
    dictionary = None
    if "dictionary" in entry:
        dictionary = {
            word.casefold(): ours for word, ours in dictionaries[entry["dictionary"]].items()
        }
    return FieldSpec(
        path=entry["path"],
        transform=transform,
        dictionary=dictionary,
        prefix=entry.get("prefix", ""),
        default=entry.get("default", ""),
        zone=ZoneInfo(entry["zone"]) if "zone" in entry else None,
        required=entry.get("required", False),
    )
