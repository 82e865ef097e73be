"""Settings: one TOML file into frozen classes; a wrong key or type fails at start, by name.

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from auth.linking.settings import LinkingSettings
from auth.settings import AuthSettings, EsiaSettings
from auth.upstream.settings import UpstreamSettings
from provisioning.naming import check_naming
from provisioning.settings import (
    CourseSettings,
    LimitSettings,
    LoginSettings,
    MoodleSettings,
    NamingSettings,
    PasswordSettings,
    ReadLimits,
)
from service.settings.activity import ActivitySettings
from service.settings.mailing import MailSettings
from service.settings.registry import RegistrySettings
from service.settings.reports import ReportSettings

ENV_PREFIX = "SCHOOLBRIDGE_"
HIGHEST_PORT = 65535
START_SECONDS = 120.0
RESERVED_VARIABLES = {"SCHOOLBRIDGE_CONFIG", "SCHOOLBRIDGE_HOME", "SCHOOLBRIDGE_LANG"}
STANDIN_TOKEN = "moodle-standin-token"  # noqa: S105 - opens nothing but a stand-in


class ConfigError(Exception):
    """The configuration cannot be used. The text names the file, the key and the remedy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    host: str = "127.0.0.1"
    port: int = 8080
    base_url: str = ""
    """How browsers reach us; empty: ``http://host:port``."""
    language: typing.Literal["ru", "en"] = "ru"
    trusted_proxies: int = 0
    """How many reverse proxies stand before us and set X-Forwarded-*; 0 trusts none."""
    threads: int = 8
    standin_port: int = 8081
    """Where the Moodle stand-in listens when no Moodle is configured."""
    start_seconds: float = START_SECONDS
    """So long each child process may take to start."""
    time_zone: str = "Europe/Moscow"
    """Days of reports begin and end in this zone."""
    keep_uploads_days: int = 90
    """Uploaded files of finished and rejected runs are deleted after so long; 0 keeps them."""
    operator_idle_minutes: int = 120
    """An operator who does nothing for so long signs in again."""
    operator_session_hours: int = 12
    """An operator signs in again after so long, whatever was done meanwhile."""
    resume_seconds: int = 15
    """How often workers look for loads that nobody works on though nobody stopped them."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for what no machine has."""
        for name in ("port", "standin_port"):
            if not 1 <= getattr(self, name) <= HIGHEST_PORT:
                raise ValueError(f"{name} must be between 1 and {HIGHEST_PORT}")
        for name in ("operator_idle_minutes", "operator_session_hours", "resume_seconds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if not self.start_seconds > 0:
            raise ValueError("start_seconds must be more than 0")
        try:
            ZoneInfo(self.time_zone)
        except (ValueError, OSError, ZoneInfoNotFoundError) as error:
            raise ValueError("time_zone must be a name such as Europe/Moscow") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseSettings:
    url: str = field(default="", repr=False)
    """``postgresql+psycopg://...``; empty: a SQLite file in the data folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RedisSettings:
    url: str = field(default="", repr=False)
    """``redis://...``; empty: an embedded Redis as a child process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingSettings:
    layout_dirs: tuple[str, ...] = ()
    """Folders with more layouts (docs/new-layout.md)."""
    limits: ReadLimits = field(default_factory=ReadLimits)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    home: Path
    """The data folder: database, uploads, keys, sockets."""
    server: ServerSettings = field(default_factory=ServerSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    redis: RedisSettings = field(default_factory=RedisSettings)
    moodle: MoodleSettings = field(default_factory=MoodleSettings)
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    logins: LoginSettings = field(default_factory=LoginSettings)
    passwords: PasswordSettings = field(default_factory=PasswordSettings)
    courses: CourseSettings = field(default_factory=CourseSettings)
    naming: NamingSettings = field(default_factory=NamingSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    registry: RegistrySettings = field(default_factory=RegistrySettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    esia: EsiaSettings = field(default_factory=EsiaSettings)
    upstream: UpstreamSettings = field(default_factory=UpstreamSettings)
    linking: LinkingSettings = field(default_factory=LinkingSettings)
    reports: ReportSettings = field(default_factory=ReportSettings)
    activity: ActivitySettings = field(default_factory=ActivitySettings)
    mail: MailSettings = field(default_factory=MailSettings)

    def __post_init__(self) -> None:
        reports = dataclasses.replace(self.reports, phase=self.auth.phase)
        object.__setattr__(self, "reports", reports)

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{self.home / 'schoolbridge.sqlite'}"

    @property
    def base_url(self) -> str:
        server = self.server
        return (server.base_url or f"http://{server.host}:{server.port}").rstrip("/")

    @property
    def layout_folders(self) -> list[Path]:
        return [Path(folder) for folder in self.reading.layout_dirs]

    @property
    def mapping_folders(self) -> list[Path]:
        return [Path(folder) for folder in self.registry.mapping_dirs]

    @property
    def signing_keys(self) -> Path:
        """The folder of the provider's keys."""
        return self.home / "keys"

    @property
    def uses_standin(self) -> bool:
        return not self.moodle.url

    @property
    def moodle_target(self) -> MoodleSettings:
        """Where changes really go: the configured Moodle, or the stand-in beside us."""
        if not self.uses_standin:
            return self.moodle
        return dataclasses.replace(
            self.moodle,
            url=f"http://127.0.0.1:{self.server.standin_port}",
            token=STANDIN_TOKEN,
        )


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    ``path`` defaults to ``SCHOOLBRIDGE_CONFIG``; without either, defaults alone are used.
    Raises ``ConfigError`` with every wrong key of the file, one a line.
    """
    env = os.environ if environ is None else environ
    if path is None and env.get("SCHOOLBRIDGE_CONFIG"):
        path = Path(env["SCHOOLBRIDGE_CONFIG"])
    data: dict[str, Any] = {}
    if path is not None:
        try:
            data = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: not valid TOML: {error}") from error
    data.setdefault("home", env.get("SCHOOLBRIDGE_HOME", "var"))
    if env.get("SCHOOLBRIDGE_HOME"):
        data["home"] = env["SCHOOLBRIDGE_HOME"]
    problems: list[str] = []
    variables = _apply_environment(data, env, problems)
    settings: Settings | None = _build(Settings, data, "", problems)
    if settings is not None:
        problems += [f"[naming] {problem}" for problem in check_naming(settings.naming)]
    if problems or settings is None:
        where = str(path) if path else "settings"
        raise ConfigError(
            "\n".join(
                f"{variables.get(problem.partition(':')[0], where)}: {problem}"
                for problem in problems
            )
        )
    return dataclasses.replace(settings, home=settings.home.expanduser().absolute())


def _apply_environment(
    data: dict[str, Any], env: Mapping[str, str], problems: list[str]
) -> dict[str, str]:
    """Put the variables into the tables of the file; the variable behind each key that has one."""
    sections = {f.name for f in dataclasses.fields(Settings)} - {"home"}
    used: dict[str, str] = {}
    for name, value in sorted(env.items()):
        if (
            not name.startswith(ENV_PREFIX)
            or name in RESERVED_VARIABLES
            or name.startswith("SCHOOLBRIDGE_TEST_")
        ):
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
            if key in data:
                problems.append(f"{dotted}: give {key} or its file, not both")
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
    problems.append(f"{where}: must be {_TYPES[hint]}")
    return raw


_TYPES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "text",
}
