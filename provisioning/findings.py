"""Finding: something wrong in the file. Messages and remedies of each rule are in findings.toml.

A finding shows the person's name and the wrong value to the operator who may see them. It is never
logged; ``Finding.__repr__`` leaves both out.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from provisioning.roster import Person, Roster, SchoolClass


class Severity(StrEnum):
    WARNING = "warning"
    """The row goes on."""
    ERROR = "error"
    """The row is set aside; the others go on."""
    FATAL = "fatal"
    """The whole file (or the school's whole set) is stopped."""


ROW_TAKEN = frozenset({"match.snils_other_name"})
"""Rules of errors that cost a row one value only: the row is taken without it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    rule: str
    """``subject.problem``, a key of findings.toml, e.g. ``birth_date.impossible``."""
    severity: Severity
    file: str
    """The name the user knows (``archive.zip/students.xml``), never a server path."""
    line: int | None = None
    school_code: str = ""
    sourced_id: str = ""
    person: str = field(default="", repr=False)
    """Full name as far as it could be read."""
    field_name: str = ""
    """The canonical field, e.g. ``birth_date``."""
    value: str = field(default="", repr=False)
    details: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further values for the message template."""

    @property
    def verdict(self) -> str:
        """What becomes of the row: as ``severity`` says, or ``taken`` by ``ROW_TAKEN``."""
        return "taken" if self.rule in ROW_TAKEN else self.severity

    def message(self, language: str) -> str:
        """What is wrong, in ``ru`` or ``en``."""
        return _fill(self, _texts()[self.rule][f"message_{language}"])

    def remedy(self, language: str) -> str:
        """What to do about it, in ``ru`` or ``en``."""
        return _fill(self, _texts()[self.rule][f"remedy_{language}"])


def about(
    rule: str,
    roster: Roster,
    subject: Person | SchoolClass,
    field_name: str,
    value: str = "",
    **details: str,
) -> Finding:
    """Return the finding about a person or a class of the roster."""
    return Finding(
        rule=rule,
        severity=rules()[rule],
        file=subject.file,
        line=subject.line or None,
        school_code=roster.school.code,
        sourced_id=subject.sourced_id,
        person=subject.full_name if isinstance(subject, Person) else "",
        field_name=field_name,
        value=value,
        details=details,
    )


def _fill(finding: Finding, template: str) -> str:
    return template.format_map(
        {
            "value": finding.value,
            "field": finding.field_name,
            "file": finding.file,
            **finding.details,
        }
    )


@cache
def _texts() -> dict[str, dict[str, Any]]:
    return tomllib.loads(
        resources.files("provisioning").joinpath("findings.toml").read_text("utf-8")
    )


@cache
def rules() -> Mapping[str, Severity]:
    """Every rule with the severity it normally has."""
    return {rule: Severity(texts["severity"]) for rule, texts in _texts().items()}
