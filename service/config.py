"""Reading the settings: one TOML file and variables; a wrong key or type fails, by name.

Order of precedence: environment variable ``SCHOOLBRIDGE_<SECTION>_<KEY>``, then the file, then the
default of the settings class. Any text setting may be given as ``<key>_file``: the file's content,
without the final line break, is the value (secrets of containers).
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
import types
import typing
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from provisioning.naming import check_naming
from service.settings import Settings

ENV_PREFIX = "SCHOOLBRIDGE_"
RESERVED_VARIABLES = {"SCHOOLBRIDGE_CONFIG", "SCHOOLBRIDGE_HOME", "SCHOOLBRIDGE_LANG"}


class ConfigError(Exception):
    """The configuration cannot be used. The text names the file, the key and the remedy."""


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    ``path`` defaults to ``SCHOOLBRIDGE_CONFIG``; without either, defaults alone are used.
    Raises ``ConfigError`` with every wrong key of the file, one a line.
    """
    env = os.environ if environ is None else environ
    if path is None and env.get("SCHOOLBRIDGE_CONFIG"):
        path = Path(env["SCHOOLBRIDGE_CONFIG"])
    data: dict[str, Any] = {"home": "var"}
    if path is not None:
        try:
            data |= tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: not valid TOML: {error}") from error
    if env.get("SCHOOLBRIDGE_HOME"):
        data["home"] = env["SCHOOLBRIDGE_HOME"]
    problems: list[str] = []
    variables = _apply_environment(data, env, problems)
    settings: Settings | None = _build(Settings, data, "", problems)
    if settings is not None:
        problems += [f"[naming] {problem}" for problem in check_naming(settings.naming)]
    if problems or settings is None:
        where = [
            variables.get(problem.partition(":")[0], path or "settings") for problem in problems
        ]
        raise ConfigError("\n".join(map("{}: {}".format, where, problems)))
    return dataclasses.replace(settings, home=settings.home.expanduser().absolute())


def _apply_environment(
    data: dict[str, Any], env: Mapping[str, str], problems: list[str]
) -> dict[str, str]:
    """Put the variables into the tables of the file; the variable behind each key that has one."""
    sections = {f.name for f in dataclasses.fields(Settings)} - {"home"}
    used: dict[str, str] = {}
    for name, value in sorted(env.items()):
        of_others = name in RESERVED_VARIABLES or name.startswith(f"{ENV_PREFIX}TEST_")
        if of_others or not name.startswith(ENV_PREFIX):
            continue
        section, _, key = name.removeprefix(ENV_PREFIX).lower().partition("_")
        if section not in sections or not key:
            problems.append(f"{name}: no such setting; see config.example.toml")
            continue
        table = data.setdefault(section, {})
        if isinstance(table, dict):
            # The variable replaces the key in whichever form the file gives it.
            table.pop(key.removesuffix("_file"), None)
            table.pop(f"{key}_file", None)
            table[key] = value
            used[f"{section}.{key}"] = name
    return used


def _build(cls: type[Any], data: Any, where: str, problems: list[str]) -> Any:
    """Make one settings object; wrong keys and values go to ``problems``."""
    if not isinstance(data, dict):
        problems.append(f"[{where}] must be a table")
        return None
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for key, raw in data.items():
        dotted = f"{where}.{key}" if where else key
        if key not in hints and key.endswith("_file") and key.removesuffix("_file") in hints:
            key, raw = key.removesuffix("_file"), _read_secret(str(raw), dotted, problems)
            doubled = key in data
        else:
            doubled = bool(raw and key.endswith("_file") and data.get(key.removesuffix("_file")))
        if doubled:
            text = dotted.removesuffix("_file").rpartition(".")[2]
            problems.append(f"{dotted}: give {text} or its file, not both")
        if key not in hints:
            known = ", ".join(sorted(hints))
            problems.append(f"{dotted}: unknown key; known here: {known}")
            continue
        values[key] = _convert(hints[key], raw, dotted, problems)
    try:
        return None if problems else cls(**values)
    except (TypeError, ValueError) as error:
        problems.append(f"[{where}] {error}")
        return None


def _read_secret(path: str, where: str, problems: list[str]) -> str:
    try:
        return Path(path).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        problems.append(f"{where}: the file cannot be read: {error.strerror}")
        return ""


def _convert(hint: Any, raw: Any, where: str, problems: list[str]) -> Any:
    origin = typing.get_origin(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, raw, where, problems)
    if origin is typing.Literal:
        allowed = typing.get_args(hint)
        if raw not in allowed:
            problems.append(f"{where}: must be one of {', '.join(map(str, allowed))}")
        return raw
    if origin is tuple:
        item = typing.get_args(hint)[0]
        if not isinstance(raw, list):
            problems.append(f"{where}: must be a list")
            return ()
        return tuple(_convert(item, r, f"{where}[{i}]", problems) for i, r in enumerate(raw))
    if origin is types.UnionType or origin is typing.Union:
        (inner,) = (a for a in typing.get_args(hint) if a is not type(None))
        return _convert(inner, raw, where, problems)
    return _scalar(hint, raw, where, problems)


def _scalar(hint: Any, raw: Any, where: str, problems: list[str]) -> Any:
    if hint is Path and isinstance(raw, str):
        return Path(raw)
    if hint is bool and isinstance(raw, str) and raw.lower() in {"true", "false"}:
        return raw.lower() == "true"
    if hint is float and type(raw) is int:
        return float(raw)
    if hint in {int, float} and isinstance(raw, str):  # a variable holds nothing but text
        with suppress(ValueError):
            return hint(raw)
    elif type(raw) is hint:
        return raw
    problems.append(f"{where}: must be {_TYPE[hint]}")
    return raw


_TYPE = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Path: "text"}
