"""Layout: the mapping of one layout onto our fields (docs/facts/paragraf.md R1), and where the
known ones are. How its TOML is read is in ``layout_text.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
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
    """Students and staff in one list, told apart by ``role``, their own or of a membership."""
    TEACHING = "teaching"
    MEMBERSHIP = "membership"
    """A person in a class, told apart by ``role``."""
    LOOKUP = "lookup"
    """A key and its value, for fields of other records that name the key."""
    GUARDIAN = "guardian"
    """Counted, never taken (docs/facts/paragraf.md section 5)."""


_SCHOOL_FIELDS = frozenset(
    {"school_name", "school_short_name", "school_number", "school_kind", "district", "school_year"}
)
_PERSON_FIELDS = frozenset(
    {
        *("id", "family_name", "given_name", "middle_name", "birth_date", "sex", "snils"),
        *("email", "status", "begin_date", "end_date", "school_code"),
    }
)

MANY = "group_ids"
"""The field that may occur many times in a record."""

SAVED = "saved"
"""The default of an export time that stands for the time at which the file was saved."""

OF_EXPORT = "of_export"
"""The default of a school year that stands for the one of the export's day."""

DATES = frozenset({"birth_date", "begin_date", "end_date"})
"""The fields that are days."""

FIELDS: Mapping[Kind, frozenset[str]] = {
    Kind.HEADER: _SCHOOL_FIELDS
    | {"school_code", "exported_at", "content", "mode", "count"}
    | {f"count_{part}" for part in Part},
    Kind.SCHOOL: _SCHOOL_FIELDS | {"id", "school_code"},
    Kind.CLASS: frozenset(
        {
            *("id", "title", "grade", "kind", "school_year", "teacher_id", "begin_date"),
            *("end_date", "school_code"),
        }
    ),
    Kind.STUDENT: _PERSON_FIELDS | {"class_id", MANY},
    Kind.STAFF: _PERSON_FIELDS | {"role", "position"},
    Kind.PERSON: _PERSON_FIELDS | {"role", "position", "class_id", MANY},
    Kind.TEACHING: frozenset({"person_id", "class_id", "subject", "school_code"}),
    Kind.MEMBERSHIP: frozenset(
        {"person_id", "class_id", "role", "subject", "status", "school_code"}
    ),
    Kind.LOOKUP: frozenset({"key", "value"}),
    Kind.GUARDIAN: frozenset(),
}
"""The fields a layout may name for each kind."""


class LayoutError(ValueError):
    """A layout file is wrong: the operator's mistake, found when layouts are loaded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldSpec:
    paths: tuple[str, ...] = ()
    """``a/b``, ``@attribute``, ``a/@attribute``, ``../a``; steps may carry ``[@x='y']``. Of several
    the first that is not empty counts, or all are joined."""
    joins: bool = False
    separator: str = " "
    """Between texts that are joined."""
    value: str = ""
    """What the field always says; there is no path then."""
    transforms: tuple[str, ...] = ()
    """Keys of ``cleaning.TRANSFORMS``, applied first."""
    lookup: str = ""
    """Name of the lookup records in which the text is a key."""
    dictionary: Mapping[str, str] | None = None
    """The file's words (small letters) onto ours; other words stay as they are."""
    prefix: str = ""
    """Text to put before ids of a source that numbers students, staff and classes each from one."""
    default: str = ""
    """Our word where the file has none."""
    zone: ZoneInfo | None = None
    """For dates only: the zone in which a day begins at the moment that the file writes for it."""
    split: str = ""
    """For ``group_ids``: the sign between several ids in one text."""
    required: bool = False
    """The layout demands this field although our rules do not."""

    def pick(self, texts: Mapping[str, str]) -> str:
        """The field's own text among those of its record, before it is adjusted."""
        if self.value:
            return self.value
        found = (texts.get(path, "") for path in self.paths)
        if self.joins:
            return self.separator.join(stripped for one in found if (stripped := one.strip()))
        return next((one for one in found if one.strip()), "")

    def parts(self, text: str) -> list[str]:
        """The ids in one text of ``group_ids``."""
        return text.split(self.split) if self.split else [text]

    def transformed(self, text: str) -> str:
        for name in self.transforms:
            text = TRANSFORMS[name](text)
        return text if self.zone is None else day_in_zone(text, self.zone)

    def worded(self, text: str) -> str:
        """A transformed text looked up in the dictionary, and prefixed."""
        if self.dictionary is not None:
            text = self.dictionary.get(collapse(text).casefold(), text)
        return self.prefix + text.strip() if self.prefix and text.strip() else text

    def adjust(self, text: str) -> str:
        """The file's text in our words, or the default."""
        return self.worded(self.transformed(text)) or self.default

    @property
    def changes_text(self) -> bool:
        """Whether the field is anything but the text under one path."""
        words = self.transforms or self.prefix or self.default or self.lookup
        return bool(
            words or len(self.paths) != 1 or self.dictionary is not None or self.zone is not None
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """What must stand at a path for a record to be of its kind."""

    path: str
    values: frozenset[str] = frozenset()
    """One of these, case aside; empty: any text."""
    not_values: frozenset[str] = frozenset()
    """None of these, case aside."""
    present: bool | None = None
    """Whether there must, or must not, be a text; None when that does not matter."""

    def holds(self, text: str) -> bool:
        text = text.strip().casefold()
        if self.present is not None and bool(text) is not self.present:
            return False
        return text not in self.not_values and (not self.values or text in self.values)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordSpec:
    kind: Kind
    name: str = ""
    """Of a lookup: how fields refer to it."""
    path: tuple[str, ...]
    """Element names from below the root down to the record; none for the root itself."""
    where: tuple[Condition, ...] = ()
    """Only records for which all of these hold."""
    fields: Mapping[str, FieldSpec] = field(default_factory=dict)
    repeats: bool = False
    """The records repeat what they say, because they are made of rows of something else."""

    @property
    def shown(self) -> str:
        """As the layout writes the path."""
        return "/".join(self.path) or "."


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    name: str
    title: str
    source: str
    """The source system, part of a person's key."""
    time_zone: ZoneInfo
    """Of export times that name no zone."""
    root: str = ""
    """Name of the root element. Empty for a layout of tables."""
    root_namespace: str = ""
    """What the namespace of the root element begins with; empty: any or none."""
    recognised_table: str = ""
    """For tables: the name of the one that tells the layout of all that come with it; empty when
    each table stands for itself."""
    recognised_columns: tuple[str, ...] = ()
    """For tables: titles of columns that tell the layout."""
    unneeded_tables: frozenset[str] = frozenset()
    """For tables: names (``title_key``) of those that may lie beside and are not read."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """For tables: other titles of a column (``title_key``) -> its title in paths."""
    encoding: str = ""
    """For tables: the codec of CSV files that are not in Unicode; empty: their letters tell it."""
    version_path: str = ""
    version_values: frozenset[str] = frozenset()
    """Values of the root attribute ``version_path`` that this layout reads; empty: any."""
    namespaces: Mapping[str, str] = field(default_factory=dict)
    """Prefix of names in paths -> namespace. A name without prefix is found in every namespace
    that has no prefix here."""
    content: Mapping[str, frozenset[Part]] = field(default_factory=dict)
    """Content word of the header onto the parts the file carries; ``""`` when there is none."""
    several_files: bool = False
    """A school's part may come in several files, as with one file for each class."""
    latin_titles: bool = False
    """Titles of classes are written with Latin letters, which are else taken for Cyrillic ones."""
    records: tuple[RecordSpec, ...] = ()
    shipped: bool = field(default=False, compare=False)
    """It comes with the product, and what it looks for is known to be right."""

    def record(self, kind: Kind) -> RecordSpec | None:
        return next((spec for spec in self.records if spec.kind is kind), None)

    def reads_the_files_of(self, other: Layout) -> bool:
        """Whether a file may be recognised as of this layout and of the other."""
        if self.is_table or other.is_table:
            return self.is_table and set(self.recognised_columns) == set(other.recognised_columns)
        versions = self.version_values & other.version_values
        told = self.version_values and other.version_values
        same_root = self.root == other.root and self.root_namespace == other.root_namespace
        return same_root and bool(versions or not told)

    @property
    def is_table(self) -> bool:
        return bool(self.recognised_columns)

    @property
    def has_lookups(self) -> bool:
        return self.record(Kind.LOOKUP) is not None

    @property
    def names_schools(self) -> bool:
        """Whether records say to which school they belong: a file may hold several schools."""
        return any(
            "school_code" in spec.fields for spec in self.records if spec.kind is not Kind.HEADER
        )

    @property
    def has_grades_of_titles(self) -> bool:
        """Whether grades are taken from titles, which need not begin with a number."""
        return any(
            "grade_of_title" in spec.fields["grade"].transforms
            for spec in self.records
            if spec.kind is Kind.CLASS and "grade" in spec.fields
        )

    @property
    def roles_from_membership(self) -> bool:
        """Whether a person may be told apart by the role of a membership alone."""
        return self.record(Kind.PERSON) is not None and any(
            spec.kind in (Kind.MEMBERSHIP, Kind.TEACHING) for spec in self.records
        )
