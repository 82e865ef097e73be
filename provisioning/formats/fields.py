"""One field of a row -> its clean value, with a Finding for what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, partial
from typing import NoReturn, TypeVar

from provisioning.findings import Finding, rules
from provisioning.formats import cleaning
from provisioning.formats.cleaning import Unclean
from provisioning.formats.records import Row
from provisioning.roster import PersonStatus

MAX_ID = 100
"""Characters; longer ids would not fit where Moodle keeps them (docs/facts/moodle.md 5.3)."""

Value = TypeVar("Value")


class RowProblem(Exception):
    """The row cannot be used; a Finding has been recorded."""


@dataclass(kw_only=True)
class FieldReader:
    """Reads the fields of rows and gathers what is wrong with them."""

    school_code: str
    today: date
    findings: list[Finding] = field(default_factory=list)
    _file: str = ""
    _words: dict[tuple[str, str], int] = field(default_factory=dict)
    """Rule and word of the current file -> place of the finding that tells it."""

    def __post_init__(self) -> None:
        # Most texts repeat very often: each is cleaned once, and one object serves all its rows.
        self._clean = cache(cleaning.collapse)
        self._clean_name = cache(cleaning.clean_name)
        self._mixed_letters = cache(cleaning.mixed_alphabets)
        self._past_date = cache(partial(cleaning.parse_past_date, today=self.today))
        self._born = cache(partial(cleaning.parse_birth_date, today=self.today))

    def report(
        self,
        rule: str,
        row: Row | None = None,
        field_name: str = "",
        *,
        value: str = "",
        **details: str,
    ) -> None:
        values = row.values if row else {}
        names = (values.get(part, "") for part in ("family_name", "given_name", "middle_name"))
        self.findings.append(
            Finding(
                rule=rule,
                severity=rules()[rule],
                file=self._file,
                line=row.line if row else None,
                school_code=self.school_code,
                sourced_id=cleaning.collapse(values.get("id", "") or values.get("person_id", "")),
                person=cleaning.collapse(" ".join(names)),
                field_name=field_name,
                value=(value or values.get(field_name, ""))[:200],
                details=details,
            )
        )

    def report_word(self, rule: str, row: Row, field_name: str) -> None:
        """Report a word of the current file once, with how many rows have it."""
        known = rule, cleaning.collapse(row.values.get(field_name, "")).casefold()
        place = self._words.setdefault(known, len(self.findings))
        if place == len(self.findings):
            self.report(rule, row, field_name, count="1")
            return
        told = self.findings[place]
        count = str(int(told.details["count"]) + 1)
        self.findings[place] = replace(told, details={**told.details, "count": count})

    def _reject(self, rule: str, row: Row, field_name: str) -> NoReturn:
        self.report(rule, row, field_name)
        raise RowProblem(rule)

    def _id(self, row: Row, name: str) -> str:
        text = cleaning.collapse(row.values.get(name, ""))
        if not text or len(text) > MAX_ID:
            self._reject("id.too_long" if text else "id.missing", row, name)
        return text

    def _name(self, row: Row, name: str, *, required: bool = False) -> str:
        try:
            clean = self._clean_name(row.values.get(name, ""))
        except Unclean as error:
            self._reject(f"name.{error}", row, name)
        if required and not clean:
            self._reject("field.missing", row, name)
        if len(clean) > MAX_ID:
            self._reject("name.too_long", row, name)
        if mixed := self._mixed_letters(clean):
            self.report("name.mixed_alphabets", row, name, letters=mixed)
        return clean

    def _birth_date(self, row: Row) -> date:
        if not self._text(row, "birth_date"):
            self._reject("field.missing", row, "birth_date")
        try:
            return self._born(row.values["birth_date"])
        except Unclean as error:
            self._reject(f"birth_date.{error}", row, "birth_date")

    def _date(self, row: Row, name: str) -> date | None:
        return self._optional(row, name, "date", self._past_date, None)

    def _sex(self, row: Row) -> str:
        text = self._clean(self._text(row, "sex").upper())
        if text and text not in ("M", "F"):
            self.report("sex.unknown", row, "sex")
            return ""
        return text

    def _status(self, row: Row) -> PersonStatus:
        return self._one_of(row, "status", PersonStatus, PersonStatus.ACTIVE, "status.unknown")

    def _one_of(
        self, row: Row, name: str, words: Callable[[str], Value], default: Value, rule: str
    ) -> Value:
        text = self._text(row, name)
        if not text:
            return default
        try:
            return words(text)
        except ValueError:
            if rule:
                self.report(rule, row, name)
            return default

    def _optional(
        self, row: Row, name: str, subject: str, clean: Callable[[str], Value], missing: Value
    ) -> Value:
        """A value we can do without: a wrong one is reported and dropped."""
        text = row.values.get(name, "")
        if not text or text.isspace():
            return missing
        try:
            return clean(text)
        except Unclean as error:
            self.report(f"{subject}.{error}", row, name)
            return missing

    def _text(self, row: Row, name: str) -> str:
        return self._clean(row.values.get(name, ""))
