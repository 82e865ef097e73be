"""A layout's TOML -> a Layout: every key is known, every path has a form that can be found."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from provisioning.formats.cleaning import TRANSFORMS, title_key
from provisioning.formats.encodings import codec_named
from provisioning.formats.layout import (
    DATES,
    FIELDS,
    MANY,
    Condition,
    FieldSpec,
    Kind,
    Layout,
    LayoutError,
    RecordSpec,
)
from provisioning.formats.layout_rules import check_layout, with_repeats
from provisioning.roster import Part

LAYOUT_KEYS = frozenset(
    {
        *("name", "title", "origin", "source", "time_zone", "recognise", "namespaces", "content"),
        *("several_files", "latin_titles", "dictionaries", "records", "columns", "encoding"),
    }
)
RECORD_KEYS = frozenset({"kind", "name", "path", "where", "repeats", "fields"})
CONDITION_KEYS = frozenset({"path", "values", "not", "present"})
FIELD_KEYS = frozenset(
    {
        *("path", "join", "separator", "value", "transform", "zone", "lookup", "dictionary"),
        *("prefix", "default", "split", "required"),
    }
)

_WORD = r"[^\W\d][\w.\-]*"
_NAME = rf"(?:{_WORD}:)?{_WORD}"
_PREDICATE = rf"\[(?:\d+|@?{_NAME}(?:='[^'\]]*')?)\]"
_RECORD_PATH = re.compile(rf"\.|{_NAME}(?:/{_NAME})*")
_STEP = rf"{_NAME}(?:{_PREDICATE})*"
_FIELD_PATH = re.compile(rf"(?:\.\./)*(?:\.|@{_NAME}|{_STEP}(?:/{_STEP})*(?:/@{_NAME})?)|\.\.")
_TITLE = re.compile(r"\S(?:.*\S)?")


class _Forms(NamedTuple):
    """What paths look like in a layout."""

    record: re.Pattern[str]
    field: re.Pattern[str]
    splits: tuple[str, ...]
    """Fields that may hold several texts in one."""


_XML_FORMS = _Forms(_RECORD_PATH, _FIELD_PATH, (MANY,))
_TABLE_FORMS = _Forms(_TITLE, _TITLE, (MANY, "school_code"))
"""Names of tables, and titles of columns."""


_RECOGNISE_KEYS = frozenset({"root", "namespace", "version", "table", "columns", "others"})


def layouts(folders: Iterable[Path] = ()) -> dict[str, Layout]:
    """The shipped layouts and those in further folders, by name; a later one of a name wins.

    Raises LayoutError for a layout that cannot be used.
    """
    found = dict(_shipped())
    for folder in folders:
        for path in layout_files(folder):
            layout = read_layout(path)
            found[layout.name] = layout
    return found


def in_order(found: Mapping[str, Layout]) -> list[Layout]:
    """The layouts in the order in which a file is compared with them: those that ask for a
    namespace or a version first, and the shipped ones last."""
    latest_first = list(found.values())[::-1]

    def asks(one: Layout) -> int:
        return 2 * bool(one.root_namespace) + bool(one.version_values)

    return sorted(latest_first, key=asks, reverse=True)


def layout_files(folder: Path) -> list[Path]:
    """The layouts in a folder; raises LayoutError when there is no such folder."""
    if not folder.is_dir():
        raise LayoutError(f"{folder}: no such folder of layouts")
    return sorted(folder.glob("*.toml"))


def read_layout(path: Path) -> Layout:
    """The layout in a file; raises LayoutError when it cannot be used."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LayoutError(f"{path.name}: cannot be read as UTF-8 text") from error
    return parse_layout(text, path.name)


@cache
def _shipped() -> dict[str, Layout]:
    folder = resources.files("provisioning.formats").joinpath("layouts")
    texts = [(entry.name, entry) for entry in folder.iterdir() if entry.name.endswith(".toml")]
    parsed = [parse_layout(entry.read_text("utf-8"), name) for name, entry in sorted(texts)]
    return {layout.name: replace(layout, shipped=True) for layout in parsed}


def parse_layout(text: str, file_name: str) -> Layout:
    """A layout from its TOML text; ``file_name`` is for the message of LayoutError."""
    try:
        layout = _layout(tomllib.loads(text))
        check_layout(layout)
    except KeyError as error:
        raise LayoutError(f"{file_name}: {error.args[0]} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise LayoutError(f"{file_name}: {error}") from error
    return layout


def _layout(data: dict[str, Any]) -> Layout:
    _check_keys("", data, LAYOUT_KEYS)
    recognise = _table("recognise", data["recognise"])
    _check_keys("[recognise]", recognise, _RECOGNISE_KEYS)
    if "columns" in recognise and recognise.keys() & {"root", "namespace", "version"}:
        raise ValueError("[recognise]: root is for XML, columns are for tables")
    if "columns" not in recognise:
        recognise["root"]
    forms = _TABLE_FORMS if "columns" in recognise else _XML_FORMS
    version = _table("version", recognise.get("version", {}))
    _check_keys("[recognise] version", version, {"path", "values"})
    namespaces = _words("[namespaces]", data.get("namespaces", {}))
    dictionaries = {
        name: _words(f"[dictionaries.{name}]", words)
        for name, words in _table("dictionaries", data.get("dictionaries", {})).items()
    }
    if not isinstance(data["records"], list):
        raise ValueError("records: write [[records]], one for each kind of record")
    records = [
        _record(f"records {number} ({record.get('kind', '?')})", record, dictionaries, forms)
        for number, record in enumerate(data["records"], start=1)
    ]
    if not _text("source", data["source"]).strip():
        raise ValueError("source: name the source system; it is part of each person's key for ever")
    return Layout(
        name=_text("name", data["name"]),
        title=_text("title", data["title"]),
        source=_text("source", data["source"]),
        root=_text("root", recognise.get("root", "")).rpartition(":")[2],
        root_namespace=_text("namespace", recognise.get("namespace", "")),
        recognised_table=_text("[recognise] table", recognise.get("table", "")),
        recognised_columns=tuple(_list("[recognise] columns", recognise.get("columns", []))),
        unneeded_tables=frozenset(
            map(title_key, _list("[recognise] others", recognise.get("others", [])))
        ),
        titles={
            title_key(other): title
            for title, others in _table("columns", data.get("columns", {})).items()
            for other in _list(f"[columns] {title}", others)
        },
        encoding=_codec(_text("encoding", data.get("encoding", ""))),
        version_path=_text("version path", version.get("path", "")).removeprefix("@"),
        version_values=frozenset(_list("version values", version.get("values", []))),
        namespaces=namespaces,
        content=_content(_table("content", data["content"])),
        time_zone=_zone(data.get("time_zone", "Europe/Moscow")),
        several_files=_truth("several_files", data.get("several_files", False)),
        latin_titles=_truth("latin_titles", data.get("latin_titles", False)),
        records=with_repeats(records),
    )


def _content(data: dict[str, Any]) -> dict[str, frozenset[Part]]:
    parts_of: dict[str, frozenset[Part]] = {}
    for word, parts in data.items():
        known = {part.value for part in Part}
        for part in _list(f"[content] {word!r}", parts):
            if part not in known:
                raise ValueError(f"[content]: {part} is no part; there are {', '.join(Part)}")
        parts_of[word.casefold()] = frozenset(Part(part) for part in parts)
    return parts_of


def _record(
    where: str, data: dict[str, Any], dictionaries: Mapping[str, Any], forms: _Forms
) -> RecordSpec:
    kinds = [kind.value for kind in Kind]
    if data["kind"] not in kinds:
        raise ValueError(f"{where}: unknown kind; there are {', '.join(kinds)}")
    _check_keys(where, data, RECORD_KEYS)
    kind = Kind(data["kind"])
    fields = _table(f"{where} fields", data.get("fields", {}))
    if unknown := fields.keys() - FIELDS[kind]:
        known = ", ".join(sorted(FIELDS[kind]))
        raise ValueError(
            f"{where}: unknown fields {', '.join(sorted(unknown))}; there are {known or 'none'}"
        )
    path = _text(f"{where} path", data["path"])
    _check_path(where, forms.record, path)
    conditions = data.get("where", [])
    conditions = conditions if isinstance(conditions, list) else [conditions]
    return RecordSpec(
        kind=kind,
        name=_text(f"{where} name", data.get("name", "")),
        path=_steps(path, forms),
        where=tuple(_condition(f"{where}, where", condition, forms) for condition in conditions),
        fields={
            name: _field(f"{where}, {name}", name, entry, dictionaries, forms)
            for name, entry in fields.items()
        },
        repeats=_truth(f"{where} repeats", data.get("repeats", False)),
    )


def _steps(path: str, forms: _Forms) -> tuple[str, ...]:
    if path == ".":
        return ()
    return tuple(path.split("/")) if forms is _XML_FORMS else (path,)


def _condition(where: str, data: dict[str, Any], forms: _Forms) -> Condition:
    _check_keys(where, _table(where, data), CONDITION_KEYS)
    if not data.keys() & {"values", "not", "present"}:
        raise ValueError(f"{where}: say values, not or present")
    _check_path(where, forms.field, _text(f"{where} path", data["path"]))
    present = data.get("present")
    return Condition(
        path=data["path"],
        values=frozenset(
            one.casefold() for one in _list(f"{where} values", data.get("values", []))
        ),
        not_values=frozenset(one.casefold() for one in _list(f"{where} not", data.get("not", []))),
        present=None if present is None else _truth(f"{where} present", present),
    )


def _field(
    where: str,
    name: str,
    entry: str | list[str] | dict[str, Any],
    dictionaries: Mapping[str, Any],
    forms: _Forms,
) -> FieldSpec:
    if isinstance(entry, (str, list)):
        entry = {"path": entry}
    _check_keys(where, _table(where, entry), FIELD_KEYS)
    told = [key for key in ("path", "join", "value") if key in entry]
    if len(told) != 1:
        raise ValueError(f"{where}: say one of path, join and value")
    texts = entry.get("path", entry.get("join", []))
    paths = _list(where, [texts] if isinstance(texts, str) else texts)
    if not paths and "value" not in entry:
        raise ValueError(f"{where}: no path is given")
    for path in paths:
        _check_path(where, forms.field, path)
    if "zone" in entry and name not in DATES:
        raise ValueError(f"{where}: zone is for dates, and {name} is none")
    if "split" in entry and (name not in forms.splits or not entry["split"]):
        several = " or ".join(forms.splits)
        raise ValueError(f"{where}: split is the sign between several {several}, for these alone")
    if "separator" in entry and "join" not in entry:
        raise ValueError(f"{where}: separator goes with join")
    transforms = entry.get("transform", [])
    transforms = [transforms] if isinstance(transforms, str) else _list(where, transforms)
    for transform in transforms:
        if transform not in TRANSFORMS:
            known = ", ".join(TRANSFORMS)
            raise ValueError(f"{where}: unknown transform {transform}; there are {known}")
    dictionary = None
    if "dictionary" in entry:
        if entry["dictionary"] not in dictionaries:
            raise ValueError(f"{where}: dictionary {entry['dictionary']} is missing")
        words = dictionaries[entry["dictionary"]]
        dictionary = {word.casefold(): ours for word, ours in words.items()}
    return FieldSpec(
        paths=tuple(paths),
        joins="join" in entry,
        separator=_text(f"{where} separator", entry.get("separator", " ")),
        value=_text(f"{where} value", entry.get("value", "")),
        transforms=tuple(transforms),
        lookup=_text(f"{where} lookup", entry.get("lookup", "")),
        dictionary=dictionary,
        prefix=_text(f"{where} prefix", entry.get("prefix", "")),
        default=_text(f"{where} default", entry.get("default", "")),
        zone=_zone(entry["zone"]) if "zone" in entry else None,
        split=entry.get("split", ""),
        required=_truth(f"{where} required", entry.get("required", False)),
    )


def _check_path(where: str, form: re.Pattern[str], path: str) -> None:
    if form.fullmatch(path):
        return
    hint = "; paths begin below the root, without a slash" if path.startswith("/") else ""
    raise ValueError(f"{where}: {path!r} is no path we know{hint}")


def _check_keys(where: str, data: Mapping[str, Any], known: Iterable[str]) -> None:
    if unknown := sorted(data.keys() - set(known)):
        place = f"{where}: " if where else ""
        raise ValueError(f"{place}unknown key {unknown[0]}; there are {', '.join(sorted(known))}")


def _table(where: str, data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"{where}: a table is wanted")
    return data


def _text(where: str, data: Any) -> str:
    if not isinstance(data, str):
        raise ValueError(f"{where}: a text in quotes is wanted, not {data!r}")
    return data


def _truth(where: str, data: Any) -> bool:
    if not isinstance(data, bool):
        raise ValueError(f"{where}: true or false is wanted, not {data!r}")
    return data


def _list(where: str, data: Any) -> list[str]:
    if not isinstance(data, (list, tuple)) or not all(isinstance(one, str) for one in data):
        raise ValueError(f"{where}: a list of texts in quotes is wanted, not {data!r}")
    return list(data)


def _folded(where: str, data: Any) -> frozenset[str]:
    return frozenset(one.casefold() for one in _list(where, data))


def _words(where: str, data: Any) -> dict[str, str]:
    return {word: _text(f"{where} {word}", ours) for word, ours in _table(where, data).items()}


def _codec(name: str) -> str:
    codec = codec_named(name) if name else ""
    if name and not codec:
        raise ValueError(f"encoding {name} is not known")
    return codec


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError) as error:
        raise ValueError(f"there is no time zone {name}") from error
