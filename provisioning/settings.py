"""Settings of this package: how logins, passwords, names, courses and limits are formed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginSettings:
    scheme: Literal["portal", "transliterated"] = "portal"
    """``portal``: digits with a Latin ``p`` among them (docs/facts/paragraf.md D1)."""
    email_domain: str = "school.invalid"
    """The domain of placeholder addresses ``<username>@<domain>``, which never receive mail."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a domain that Moodle refuses (docs/facts/moodle.md 5.5)."""
        if not re.fullmatch(r"([a-z0-9-]+\.)+[a-z0-9-]+", self.email_domain):
            raise ValueError("email_domain must have a dot and lower-case Latin letters")


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordSettings:
    kept_in: Literal["provider", "moodle"] = "provider"
    """Whether our provider or Moodle keeps people's passwords."""
    first: Literal["birth_date", "random"] = "birth_date"
    """First password: ``ДДММГГГГ``, or a random one printed on the slip."""

    @property
    def moodle_auth(self) -> str:
        """Return the auth method of Moodle accounts (docs/facts/moodle.md 7.9)."""
        return "oauth2" if self.kept_in == "provider" else "manual"


@dataclass(frozen=True, kw_only=True, slots=True)
class PeopleSettings:
    """How long people whom no school lists any more keep what they have."""

    transit_days: int = 30
    """So long the account and the sign-in stay open until another school lists the person; 0:
    they are suspended at once."""
    archive_after_days: int = 90
    """So long after the suspension the person is archived."""
    keep_answers_days: int = 365
    """So long after questions are settled it is kept what they say of people; 0: for ever. Until
    then an answer can be taken back."""
    ask_accounts_days: int = 7
    """So long a new person waits for the answer whether an account that Moodle has is theirs; then
    they get one with the next free login. 0: nobody is asked."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for times that would have been over before they began."""
        days = ("transit_days", "archive_after_days", "keep_answers_days", "ask_accounts_days")
        for name in days:
            if not 0 <= getattr(self, name) <= _LONGEST_DAYS:
                raise ValueError(f"{name} must be between 0 and {_LONGEST_DAYS}")


_LONGEST_DAYS = 3650


@dataclass(frozen=True, kw_only=True, slots=True)
class YearSettings:
    """When a new school year begins. Days are written ``MM-DD``."""

    turn_on: str = "09-01"
    """The day on which schools turn to the rolls of the new year, unless another one was set for
    one of them; empty: as soon as a file of it is applied."""
    next_from: str = "06-01"
    """From this day on files of the next school year are read."""
    last_until: str = "08-31"
    """Until this day files of the school year that ends are read."""
    prepare_days: int = 14
    """So many days before a school turns, what it will need is made, hidden from pupils, if
    somebody has said yes to the turn; 0: everything is made on the day."""
    last_year_courses: Literal["keep", "hide"] = "keep"
    """What becomes of last year's courses when a school turns; nobody loses a place in them."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a day that is none."""
        for name in ("turn_on", "next_from", "last_until"):
            text = getattr(self, name)
            try:
                if text or name != "turn_on":
                    month_and_day(text)
            except ValueError:
                raise ValueError(f"{name} must be a month and a day, as 09-01") from None


def month_and_day(text: str) -> tuple[int, int]:
    """Return the month and the day of ``MM-DD``. Raises ``ValueError`` when it is no such day."""
    day = datetime.strptime(f"2025-{text}", "%Y-%m-%d")  # noqa: DTZ007 - no moment, a day
    return day.month, day.day


@dataclass(frozen=True, kw_only=True, slots=True)
class CourseSettings:
    create: Literal["per_class", "per_subject", "none"] = "per_class"
    """``per_subject`` makes a course for each class and subject that teaching links name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamingSettings:
    """Templates with ``{field}`` places; ``naming.check_naming`` refuses unknown ones at start."""

    city_idnumber: str = "city"
    city_name: str = "Санкт-Петербург"
    district_idnumber: str = "district:{district}"
    district_name: str = "{district} район"
    school_idnumber: str = "school:{school_code}"
    school_name: str = "{school_short_name}"
    year_idnumber: str = "school:{school_code}:{school_year}"
    year_name: str = "{school_year}"
    class_cohort_idnumber: str = "class:{school_code}:{school_year}:{class_id}"
    class_cohort_name: str = "{class_title} · {school_short_name} · {school_year}"
    role_cohort_idnumber: str = "role:{school_code}:{role}"
    role_cohort_name: str = "{role_name} · {school_short_name}"
    class_course_idnumber: str = "course:{school_code}:{school_year}:{class_id}"
    class_course_fullname: str = "{class_title}, {school_short_name}, {school_year}"
    class_course_shortname: str = "{class_title} {school_code} {school_year} {class_id}"
    subject_course_idnumber: str = "course:{school_code}:{school_year}:{class_id}:{subject_key}"
    subject_course_fullname: str = "{subject}, {class_title}, {school_short_name}, {school_year}"
    subject_course_shortname: str = "{subject} {class_title} {school_code} {school_year} {class_id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchSettings:
    """How much is decided without asking."""

    moves: Literal["automatic", "ask"] = "automatic"
    """``automatic``: equal СНИЛС, birth date and names in another school's file are the human whom
    we know, and a pupil who came there after the newest export of the school that lists them yet
    has left that school. ``ask``: both are questions."""
    renumbered_share: float = 0.5
    """From this share of the roll on, known people under new ids are one question."""
    renumbered_floor: int = 5
    """Fewer people are never taken for a renumbered export."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptionSettings:
    """What the accounts of a living Moodle tell, and what is left as it is."""

    snils_field: str = ""
    """Short name of the profile field that holds СНИЛС; empty: there is none."""
    birth_date_field: str = ""
    """Short name of the profile field that holds the birth date; empty: there is none."""
    idnumber: Literal["any", "none"] = "any"
    """``any``: the id number of an account may be the person's id in the school's export or СНИЛС.
    ``none``: it says nothing."""
    keep: tuple[Literal["auth", "email"], ...] = ("auth", "email")
    """Fields that stay as Moodle has them; others follow the export with the next plan."""
    never_auth: tuple[str, ...] = ("webservice", "nologin")
    """Sign-in methods of accounts that are never taken over, beside ``untouched_logins``."""
    cohort_name: str = ""
    """How existing cohorts of classes are named, of ``{school_short_name}``, ``{school_number}``,
    ``{school_code}``, ``{school_year}`` and ``{class_title}``; empty: none is taken over."""
    course_name: str = ""
    """The same of the full names of courses, also with ``{subject}``."""
    category_name: str = ""
    """The same of categories of schools."""
    unused_ids: int = 20_000
    """Moodle has no more accounts once so many numbers in a row are of nobody."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a number that would end the reading at the first gap."""
        if self.unused_ids < 1_000:
            raise ValueError("unused_ids must be at least 1000")


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitSettings:
    """A plan over a limit needs a second, explicit yes. Shares are of the known active people."""

    max_suspended_share: float = 0.10
    """The largest share of the school's people who leave the roll or are suspended."""
    max_updated_share: float = 0.30
    """The largest share of the school's people whose name, login or birth date changes."""
    max_names_share: float = 0.20
    """The largest share of the school's people whose name changes."""
    max_logins_share: float = 0.05
    """The largest share of the school's people whose login changes."""
    max_birth_dates_share: float = 0.10
    """The largest share of the school's people whose birth date changes."""
    max_moves_share: float = 0.20
    """The largest share of the school's people, after the file, who have come from other schools
    with it."""
    max_new_share: float = 0.30
    """The largest number of new accounts of a role, as a share of the known people of the role."""
    new_floor: int = 50
    """So many new accounts are always allowed: about two classes. Where nobody has the role yet,
    all are."""
    max_set_aside_share: float = 0.10
    """The largest share of the file's rows of people that could not be used."""
    max_renamed_share: float = 0.30
    """The largest share of the school's cohorts, courses or categories of this year that get other
    names. Up to ``floor`` of them are always allowed."""
    max_city_day_share: float = 0.05
    """The largest share of the city's people who lose the same within 24 hours, by all plans of all
    schools that were approved or begun. Above it a plan waits for a yes of the city."""
    city_day_floor: int = 300
    """Up to so many people in the city are always allowed."""
    max_district_day_share: float = 0.08
    """The same of a district's people."""
    district_day_floor: int = 200
    """Up to so many people in a district are always allowed."""
    max_places_share: float = 0.10
    """The largest share of people who stay and lose more courses, or cohorts, than they get."""
    floor: int = 10
    """A loss of up to so many people, or students, is always allowed: there are small schools."""
    max_role_share: float = 0.30
    """The largest share within one role, for every kind of loss; at least the school's share."""
    staff_floor: int = 3
    """A loss of up to so many teachers, or administrators, is always allowed, but not all of
    three."""
    class_share: float = 0.80
    """A class that loses this share of its students counts as a whole class."""
    whole_classes: int = 2
    """So many whole classes may leave, as graduates do. No class may lose its places as a whole."""
    max_contradicted_share: float = 0.20
    """The largest share of rows with known ids that are of other humans. A file above it is another
    school's and is stopped; nobody can approve it."""
    contradicted_floor: int = 3
    """Up to so many such rows never stop a file, unless no row agrees."""
    max_strangers_share: float = 0.90
    """The largest share of the people on the roll whom a full roll may miss while it has others
    instead. A file above it is another school's and is stopped; nobody can approve it. Up to
    ``floor`` people never stop it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadLimits:
    """What a file may be before it is refused (docs/facts/paragraf.md R10). Sizes in bytes."""

    file_bytes: int = 512 * 1024 * 1024
    archive_files: int = 5_000
    archive_ratio: int = 200
    """The largest ratio of unpacked to packed size."""
    total_bytes: int = 4 * 1024 * 1024 * 1024
    depth: int = 32
    attribute_length: int = 10_000
    text_length: int = 10_000
    records: int = 2_000_000
    sheet_rows: int = 200_000
    """Rows of one sheet of a workbook, which is held in memory for a moment."""


BothChanged = Literal["source", "moodle", "ask"]
"""Who is right when the source and hands in Moodle have both changed something: the source, Moodle,
or a person who is asked; until then Moodle's value stays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BothChangedSettings:
    """Who is right about each field of Moodle."""

    username: BothChanged = "moodle"
    lastname: BothChanged = "source"
    firstname: BothChanged = "source"
    email: BothChanged = "source"
    auth: BothChanged = "source"
    institution: BothChanged = "source"
    department: BothChanged = "source"
    suspended: BothChanged = "source"
    name: BothChanged = "source"
    """Of a category or a cohort."""
    parent: BothChanged = "source"
    """The category above a category."""
    fullname: BothChanged = "source"
    """Of a course, as the next two."""
    shortname: BothChanged = "source"
    category: BothChanged = "source"
    visible: BothChanged = "source"
    """Of a cohort or a course."""
    places: BothChanged = "source"
    """Who is in a cohort or a course."""

    def rule(self, field_name: str) -> BothChanged:
        """Return who is right about a field; an empty name is that of places."""
        found: BothChanged = getattr(self, field_name or "places")
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class MoodleSettings:
    url: str = ""
    """Base address of Moodle, without ``/webservice``; empty for the embedded stand-in."""
    token: str = field(default="", repr=False)
    token_file: str = ""
    """A file with the token, in place of ``token``; read when Moodle is asked, so that whatever
    does not ask Moodle works without it."""
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 120.0
    """The time for a whole answer, however slowly it comes."""
    batch_size: int = 100
    """The number of records in a call: 50 to 200 is best for accounts without a password
    (docs/facts/moodle.md 4.7)."""
    student_role_id: int = 5
    """Moodle's number of the student role: no web service tells it; 5 on a standard site."""
    editing_teacher_role_id: int = 3
    """Moodle's number of the editing teacher role; 3 on a standard site."""
    untouched_logins: tuple[str, ...] = ("admin", "guest")
    """Accounts that nothing of ours ever touches; ``*`` stands for any letters."""
    when_both_changed: BothChangedSettings = field(default_factory=BothChangedSettings)

    def read_token(self) -> str:
        """Return the token. Raises ``OSError`` or ``UnicodeError`` when its file cannot be read."""
        if self.token_file:
            return Path(self.token_file).read_text("utf-8").rstrip("\r\n")
        return self.token

    @property
    def role_ids(self) -> dict[str, int]:
        """Return Moodle's number of each ``state.CourseRole``."""
        return {
            "student": self.student_role_id,
            "editingteacher": self.editing_teacher_role_id,
        }
