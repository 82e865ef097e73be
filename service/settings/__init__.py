"""Settings of the running application, a class for each section of the file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from auth.settings import AuthSettings, EsiaSettings, LinkingSettings
from auth.upstream.settings import UpstreamSettings
from provisioning.settings import (
    CourseSettings,
    LimitSettings,
    LoginSettings,
    MoodleSettings,
    NamingSettings,
    PasswordSettings,
    ReadLimits,
)
from service.calendar.spans import ZONE
from service.settings.activity import ActivitySettings
from service.settings.mailing import HIGHEST_PORT, MailSettings
from service.settings.registry import RegistrySettings
from service.settings.reports import ReportSettings

START_SECONDS = 120.0
STANDIN_TOKEN = "moodle-standin-token"  # noqa: S105 - opens nothing but a stand-in


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    host: str = "127.0.0.1"
    port: int = 8080
    base_url: str = ""
    """How browsers reach us; empty: ``http://host:port``."""
    language: Literal["ru", "en"] = "ru"
    trusted_proxies: int = 0
    """How many reverse proxies stand before us and set X-Forwarded-*; 0 trusts none."""
    threads: int = 8
    standin_port: int = 8081
    """Where the Moodle stand-in listens when no Moodle is configured."""
    start_seconds: float = START_SECONDS
    """So long each child process may take to start."""
    time_zone: str = ZONE
    """Days of reports begin and end in this zone."""
    keep_uploads_days: int = 90
    """Uploaded files of finished and rejected loads are deleted after so long; 0 keeps them."""
    operator_idle_minutes: int = 120
    """An operator who does nothing for so long signs in again."""
    operator_session_hours: int = 12
    """An operator signs in again after so long, whatever was done meanwhile."""
    resume_seconds: int = 15
    """How often workers look for loads that nobody works on though nobody stopped them."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

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
            zone = self.zone
        except (ValueError, OSError, ZoneInfoNotFoundError) as error:
            raise ValueError("time_zone must be a name such as Europe/Moscow") from error
        offset = datetime(2026, 1, 1, tzinfo=zone).utcoffset() or timedelta()
        if offset % timedelta(hours=1):
            raise ValueError("time_zone must be whole hours from UTC: figures are kept by the hour")


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
