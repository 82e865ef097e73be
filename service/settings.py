"""Settings of the running application, a class for each section of the file."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from auth.settings import AuthSettings, EsiaSettings, LinkingSettings
from auth.upstream.settings import UpstreamSettings
from provisioning.drift import DriftKind
from provisioning.quiet import QuietSettings
from provisioning.settings import (
    AdoptionSettings,
    CourseSettings,
    LimitSettings,
    LoginSettings,
    MatchSettings,
    MoodleSettings,
    NamingSettings,
    PasswordSettings,
    PeopleSettings,
    ReadLimits,
    YearSettings,
)
from service.calendar.spans import ZONE

HIGHEST_PORT = 65535
START_SECONDS = 120.0
STANDIN_TOKEN = "moodle-standin-token"  # noqa: S105 - opens nothing but a stand-in


def _check(settings: Any, least: float, most: float | None, *names: str) -> None:
    """Raise ``ValueError`` for a number outside of these bounds, which belong to it."""
    for name in names:
        value = getattr(settings, name)
        if most is not None and not least <= value <= most:
            raise ValueError(f"{name} must be between {least} and {most}")
        if value < least:
            raise ValueError(f"{name} must be at least {least}")


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
        _check(self, 1, HIGHEST_PORT, "port", "standin_port")
        _check(self, 1, None, "operator_idle_minutes", "operator_session_hours", "resume_seconds")
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
    layout_dirs: tuple[Path, ...] = ()
    """Folders with more layouts (docs/new-layout.md)."""
    limits: ReadLimits = field(default_factory=ReadLimits)


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrySettings:
    mapping_dirs: tuple[Path, ...] = ()
    """Folders with more mappings of other platforms' files (docs/registry.md)."""
    file_bytes: int = 10 * 1024 * 1024
    """The largest CSV or XLSX file."""
    unpacked_bytes: int = 200 * 1024 * 1024
    """The largest XLSX file once unpacked."""
    rows: int = 20_000
    """The most rows of one table."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a limit that would refuse every file."""
        _check(self, 1, None, "file_bytes", "unpacked_bytes", "rows")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportSettings:
    """Thresholds and choices that an installation fixes once; an address may ask otherwise."""

    smallest_count: int = 5
    """What is published outside shows counts of people under this number only as "fewer"."""
    names_for: tuple[Literal["school", "district", "city"], ...] = ("school", "district", "city")
    """Operators of these roles may see who is behind a number."""
    low_activity_below: int = 100
    """A school with fewer active people has low activity (docs/facts/indicators.md A2)."""
    low_activity_percent: float = 10.0
    """The same as a share of the people with an account, where that is asked for."""
    chat_operator: Literal["more", "at_least"] = "more"
    chat_threshold: int = 3
    """C1 counts teachers with more than three messages in the week (docs/facts/indicators.md C)."""
    group_chat_operator: Literal["more", "at_least"] = "at_least"
    group_chat_threshold: int = 3
    """C2 counts teachers with at least three messages in group chats."""
    inactive_days: int = 30
    """C6: a school from which nobody signed in for so long is not active."""
    horizontal_courses: tuple[str, ...] = ()
    """E4.07: beginnings of the idnumbers of courses for "horizontal" learning; none: E4.07 is not
    measured."""
    linked_below_percent: float = 50.0
    """Transition: schools with a smaller share of people linked to ЕСИА are told apart."""
    phase: Literal["password_only", "both", "esia_only"] = "password_only"
    """That of ``[auth]``: ``Settings`` puts it here, so that reports know it too."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a number that would hide nothing or everything."""
        _check(self, 2, 100, "smallest_count")
        _check(self, 1, None, "low_activity_below", "inactive_days")
        _check(self, 0, 100, "low_activity_percent", "linked_below_percent")
        for name in ("chat_threshold", "group_chat_threshold"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if not all(self.horizontal_courses):
            raise ValueError("horizontal_courses must not be empty texts")


@dataclass(frozen=True, kw_only=True, slots=True)
class ActivitySettings:
    snapshots: bool = True
    """Read everybody's last access in Moodle on schedule."""
    report_id: int = 0
    """Moodle's number of a custom report about users; 0: people are read one batch after another,
    about forty times slower (docs/facts/moodle.md 6.5)."""
    pause_seconds: float = 0.5
    """Between two calls; a Moodle that answers more slowly gets pauses as long as its answers."""
    log_database_url: str = field(default="", repr=False)
    """The address of Moodle's own database, for a read-only account; empty: the log is not read."""
    log_table_prefix: str = "mdl_"

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a prefix that is none."""
        if not re.fullmatch(r"[a-z0-9_]*", self.log_table_prefix):
            raise ValueError("log_table_prefix may hold small Latin letters, digits and _ only")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconcileSettings:
    nightly_percent: int = 5
    """So many percent of the people, cohorts and courses are looked at each night; 0: none."""
    weekly: bool = True
    """Everything is looked at once a week, by night."""
    night_from: int = 1
    night_until: int = 5
    """Looks on schedule begin between these hours of our zone."""
    pause_seconds: float = 0.5
    """Between two calls; a Moodle that answers more slowly gets pauses as long as its answers."""
    repair: tuple[str, ...] = (
        "account_deleted", "object_deleted", "member_gone", "enrolment_gone", "role_changed",
    )  # fmt: skip
    """Kinds of drift that a plan repairs by itself, within the limits of its school."""
    keep: tuple[str, ...] = ("member_added", "enrolment_added")
    """Kinds that stay as Moodle has them; of all others a person is asked."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for hours and kinds that do not exist."""
        _check(self, 0, 100, "nightly_percent")
        _check(self, 0, 24, "night_from", "night_until")
        _check(self, 0, None, "pause_seconds")
        if unknown := {*self.repair, *self.keep} - set(DriftKind):
            raise ValueError(f"no such kind of drift: {', '.join(sorted(unknown))}")
        if both := set(self.repair) & set(self.keep):
            raise ValueError(f"both in repair and in keep: {', '.join(sorted(both))}")


@dataclass(frozen=True, kw_only=True, slots=True)
class MailSettings:
    host: str = ""
    """The SMTP server; empty: no mail is ever sent."""
    port: int = 25
    tls: Literal["none", "starttls", "tls"] = "none"
    """``starttls`` on ports 25 and 587, ``tls`` on 465. A server that offers none gets no mail."""
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""
    """The address in From."""
    timeout_seconds: int = 30
    reports: tuple[str, ...] = ("weekly",)
    """Which reports go out on Fridays at 17:15, each operator's own part."""
    attach: Literal["xlsx", "pdf", "link"] = "xlsx"
    """``link``: only the address of the report in the console, which asks for a sign-in."""
    remind_below_share: float = 0.5
    """Schools where a smaller share of the roll has ever signed in are reminded; 0: none."""
    remind_after_days: int = 30
    """Schools not loaded for so many days are reminded; 0: none."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for settings that can send nothing."""
        _check(self, 1, HIGHEST_PORT, "port")
        _check(self, 0, 1, "remind_below_share")
        if self.host and "@" not in self.sender:
            raise ValueError("sender must be the address that mail comes from")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    home: Path
    """The data folder: database, uploads, keys, sockets."""
    server: ServerSettings = field(default_factory=ServerSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    redis: RedisSettings = field(default_factory=RedisSettings)
    moodle: MoodleSettings = field(default_factory=MoodleSettings)
    quiet: QuietSettings = field(default_factory=QuietSettings)
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    logins: LoginSettings = field(default_factory=LoginSettings)
    passwords: PasswordSettings = field(default_factory=PasswordSettings)
    people: PeopleSettings = field(default_factory=PeopleSettings)
    years: YearSettings = field(default_factory=YearSettings)
    courses: CourseSettings = field(default_factory=CourseSettings)
    naming: NamingSettings = field(default_factory=NamingSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    matching: MatchSettings = field(default_factory=MatchSettings)
    adoption: AdoptionSettings = field(default_factory=AdoptionSettings)
    registry: RegistrySettings = field(default_factory=RegistrySettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    esia: EsiaSettings = field(default_factory=EsiaSettings)
    upstream: UpstreamSettings = field(default_factory=UpstreamSettings)
    linking: LinkingSettings = field(default_factory=LinkingSettings)
    reports: ReportSettings = field(default_factory=ReportSettings)
    activity: ActivitySettings = field(default_factory=ActivitySettings)
    reconcile: ReconcileSettings = field(default_factory=ReconcileSettings)
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
            token_file="",
        )
