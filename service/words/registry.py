"""Words for the registry's codes, in the current language: fields, kinds, states, problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.i18n import gettext as _
from service.registry.columns import Problem
from service.registry.refusals import Refusal
from service.registry.tables import TableError
from service.words.values import a_day, plain


def subject(value: str) -> str:
    """A kind of file."""
    return {
        "schools": _("registry of schools"),
        "platform": _("a week of another platform"),
        "totals": _("regional totals"),
        "milestones": _("plan of the transition"),
    }[value]


def import_status(value: str) -> str:
    return {
        "pending": _("waits for your decision"),
        "applied": _("done"),
        "rejected": _("rejected"),
    }[value]


def field(name: str) -> str:
    """A column of any file; an unknown one keeps its name."""
    return {
        "code": _("code"),
        "number": _("number"),
        "short_name": _("short name"),
        "name": _("full name"),
        "type": _("type"),
        "district": _("district"),
        "source_system": _("record system"),
        "state_system": _("system of the state"),
        "esia_plan_on": _("planned move to ЕСИА"),
        "closed_on": _("last day"),
        "merged_into": _("code of the successor"),
        "learners": _("learners"),
        "teachers": _("teachers"),
        "staff": _("employees"),
        "counted_on": _("head counts as of"),
        "count_source": _("source of the head counts"),
        "users": _("users"),
        "teachers_with_messages": _("teachers with more than 3 messages"),
        "teachers_with_group_messages": _("teachers with 3 or more messages in group chats"),
        "teachers_with_group_chats": _("teachers who made a group chat"),
        "messages": _("messages"),
        "group_chats": _("group chats"),
        "registered": _("on the platform"),
        "active": _("profile active"),
        "value": _("value"),
        "as_of": _("as of"),
        "document": _("source"),
        "document_number": _("number of the document"),
        "title": _("step"),
        "begins_on": _("begins"),
        "due_on": _("due"),
        "responsible": _("responsible"),
        "done_on": _("done on"),
    }.get(name, name)


UNKNOWN_TYPE = "unknown"
"""Filter: schools whose type is not known."""


def type_to_choose(value: str) -> str:
    """A type, or that it is not known, as a filter."""
    return school_type(None if value == UNKNOWN_TYPE else value)


def school_type(value: str | None) -> str:
    return {
        None: _("not known"),
        "general": _("general education"),
        "additional": _("additional education"),
        "vocational": _("vocational (СПО)"),
        "preschool": _("preschool"),
        "other": _("other kind"),
    }[value]


def total(key: str) -> str:
    """A regional total."""
    return {
        "learners_general": _("learners of general programmes"),
        "learners_additional": _("learners of additional programmes"),
        "learners_vocational": _("learners of vocational programmes (СПО)"),
        "staff_general": _("teaching staff of general education"),
        "organisations_general": _("organisations with general programmes"),
        "organisations_additional": _("organisations with additional programmes"),
        "organisations_vocational": _("organisations with vocational programmes (СПО)"),
    }[key]


def step_state(value: str) -> str:
    return {
        "done": _("done"),
        "overdue": _("overdue"),
        "under_way": _("under way"),
        "ahead": _("ahead"),
        "undated": _("no date yet"),
    }[value]


def value(name: str, given: Any) -> str:
    """A value of a field as people read it."""
    if given in (None, "", []):
        return plain(given)
    if name == "type":
        return school_type(given)
    if name in {"learners", "teachers", "staff"} and isinstance(given, list | tuple):
        people, day, source = given
        return _("{people} on {day} ({source})", people=people, day=a_day(day), source=source)
    if name in {"esia_plan_on", "closed_on", "as_of", "begins_on", "due_on", "done_on"}:
        return a_day(given)
    return plain(given)


def school_state(value: str) -> str:
    """A state of schools, or their record system, as a filter."""
    return {
        "state": _("system of the state"),
        "other": _("another system"),
        "unknown": _("not known"),
        "open": _("open"),
        "closed": _("closed"),
        "not_loaded": _("never loaded"),
    }[value]


def problem(found: Problem) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    places: Mapping[str, str] = {
        "value": found.value, "column": found.column,
        "length": found.details.get("length", ""), "known": found.details.get("known", ""),
        "first": found.details.get("first", ""), "code": found.details.get("code", ""),
    }  # fmt: skip
    texts = {
        "column.unknown": (
            _("The column “{column}” is not one of ours and is left out."),
            _("If it is needed, name it as in the template."),
        ),
        "cell.empty": (_("“{column}” is empty."), _("Fill it in.")),
        "cell.too_long": (
            _("“{column}” has more than {length} characters."), _("Shorten it."),
        ),
        "cell.not_number": (
            _("“{column}” must be a whole number, not “{value}”."),
            _("Leave only digits; where nothing is known, leave the cell empty."),
        ),
        "cell.not_day": (
            _("“{column}” must be a date, not “{value}”."),
            _("Write it as 31.12.2026."),
        ),
        "cell.not_yes_no": (
            _("“{column}” must be yes or no, not “{value}”."), _("Write да or нет."),
        ),
        "cell.not_choice": (
            _("“{column}” cannot be “{value}”."), _("Write one of: {known}."),
        ),
        "cell.is_day": (
            _("The spreadsheet has made a date of “{column}”: {value}."),
            _("Give the column the format “Text” and type the value again."),
        ),
        "cell.formula": (
            _("“{column}” is a formula whose result is not in the file."),
            _("Open the file, let it calculate, save it; or put the values in place of formulas."),
        ),
        "row.twice": (
            _("“{value}” stands in row {first} already."), _("Leave one of the rows."),
        ),
        "school.new_lacks": (
            _("School {value} is new to the registry and lacks “{column}”."),
            _("Fill it in, or check the code: perhaps it has lost its leading zeros."),
        ),
        "school.no_successor": (
            _("There is no school with the code “{value}” to be the successor."),
            _("Check the code; add the successor first."),
        ),
        "school.exists": (
            _("A school with the code “{value}” is in the registry already."),
            _("Check the code, or change that school."),
        ),
        "school.not_named": (
            _("The row does not say which school it is about."),
            _("Fill in the code, the number with the district, or the name."),
        ),
        "school.two_rows": (
            _("“{value}” is school {code}, which another row is about as well."),
            _("Leave one of the rows."),
        ),
        "milestone.period": (
            _("The step ends ({value}) before it begins."), _("Correct one of the dates."),
        ),
    }  # fmt: skip
    message, remedy = texts[found.code]
    return message.format(**places), remedy.format(**places)


def table_error(error: TableError) -> str:
    """Why a file is no table that we can read, and what to do."""
    limit, columns = error.values.get("limit", ""), error.values.get("columns", "")
    column = error.values.get("column", "")
    return {
        "file.too_large": _(
            "The file is larger than {limit} MB. Remove pictures and sheets that are not needed.",
            limit=limit,
        ),
        "file.too_many_rows": _(
            "The table has more than {limit} rows. Split the file.", limit=limit
        ),
        "file.other_kind": _(
            "This is neither XLSX nor CSV. Open the file and save it as “Excel workbook (.xlsx)”."
        ),
        "file.spoilt": _("The file is damaged. Open it, save it anew as .xlsx and try again."),
        "file.empty": _("There is nothing in the table."),
        "header.none": _(
            "No row of column titles is found in the first 20 rows; needed: {columns}. "
            "Compare with the template.",
            columns=columns,
        ),
        "header.twice": _("Two columns mean the same: “{column}”. Leave one.", column=column),
    }[error.code]


def refusal(error: Refusal) -> str:
    """Why it cannot be done as asked."""
    name, code = error.values.get("name", ""), error.values.get("code", "")
    return {
        "import.decided": _("this file was decided about already"),
        "import.has_problems": _("the file has mistakes, or changes nothing"),
        "import.differs": _("the registry has changed since you looked; look again"),
        "platform.no_name": _("give the platform a name of up to 50 characters"),
        "platform.two_rows": _("another row of the same week is school {code} already", code=code),
        "school.no_successor": _("there is no other school with the code {code}", code=code),
        "district.unknown": _("there is no district “{name}”", name=name),
        "district.exists": _(
            "there is a district “{name}” already; move the schools one by one", name=name
        ),
        "district.no_name": _("give the district a name of up to 100 characters"),
    }[error.code]
