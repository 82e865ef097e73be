"""Words for the registry's codes, in the current language: fields, kinds, states, problems."""

from __future__ import annotations

from typing import Any

from service.i18n import N_
from service.i18n import gettext as _
from service.registry.columns import Problem
from service.words import words, words_or_code
from service.words.values import a_day, plain

subject = words(
    schools=N_("registry of schools"),
    platform=N_("a week of another platform"),
    totals=N_("regional totals"),
    milestones=N_("plan of the transition"),
)
"""A kind of file."""

import_status = words(
    pending=N_("waits for your decision"),
    applied=N_("done"),
    rejected=N_("rejected"),
)

field = words_or_code(
    code=N_("code"),
    number=N_("number"),
    short_name=N_("short name"),
    name=N_("full name"),
    type=N_("type"),
    district=N_("district"),
    source_system=N_("record system"),
    state_system=N_("system of the state"),
    esia_plan_on=N_("planned move to ЕСИА"),
    closed_on=N_("last day"),
    merged_into=N_("code of the successor"),
    learners=N_("learners"),
    teachers=N_("teachers"),
    staff=N_("employees"),
    counted_on=N_("head counts as of"),
    count_source=N_("source of the head counts"),
    users=N_("users"),
    teachers_with_messages=N_("teachers with more than 3 messages"),
    teachers_with_group_messages=N_("teachers with 3 or more messages in group chats"),
    teachers_with_group_chats=N_("teachers who made a group chat"),
    messages=N_("messages"),
    group_chats=N_("group chats"),
    registered=N_("on the platform"),
    active=N_("profile active"),
    value=N_("value"),
    as_of=N_("as of"),
    document=N_("source"),
    document_number=N_("number of the document"),
    title=N_("step"),
    begins_on=N_("begins"),
    due_on=N_("due"),
    responsible=N_("responsible"),
    done_on=N_("done on"),
)
"""A column of any file; an unknown one keeps its name."""

UNKNOWN_TYPE = "unknown"
"""Filter: schools whose type is not known."""


def type_to_choose(value: str) -> str:
    """A type, or that it is not known, as a filter."""
    return school_type(None if value == UNKNOWN_TYPE else value)


school_type = words(
    {
        None: N_("not known"),
        "general": N_("general education"),
        "additional": N_("additional education"),
        "vocational": N_("vocational (СПО)"),
        "preschool": N_("preschool"),
        "other": N_("other kind"),
    }
)

total = words(
    learners_general=N_("learners of general programmes"),
    learners_additional=N_("learners of additional programmes"),
    learners_vocational=N_("learners of vocational programmes (СПО)"),
    staff_general=N_("teaching staff of general education"),
    organisations_general=N_("organisations with general programmes"),
    organisations_additional=N_("organisations with additional programmes"),
    organisations_vocational=N_("organisations with vocational programmes (СПО)"),
)
"""A regional total."""

step_state = words(
    done=N_("done"),
    overdue=N_("overdue"),
    under_way=N_("under way"),
    ahead=N_("ahead"),
    undated=N_("no date yet"),
)


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


school_state = words(
    state=N_("system of the state"),
    other=N_("another system"),
    unknown=N_("not known"),
    open=N_("open"),
    closed=N_("closed"),
    not_loaded=N_("never loaded"),
)
"""A state of schools, or their record system, as a filter."""

_PROBLEMS = {
    "column.unknown": (
        N_("The column “{column}” is not one of ours and is left out."),
        N_("If it is needed, name it as in the template."),
    ),
    "cell.empty": (N_("“{column}” is empty."), N_("Fill it in.")),
    "cell.too_long": (N_("“{column}” has more than {length} characters."), N_("Shorten it.")),
    "cell.not_number": (
        N_("“{column}” must be a whole number, not “{value}”."),
        N_("Leave only digits; where nothing is known, leave the cell empty."),
    ),
    "cell.not_day": (
        N_("“{column}” must be a date, not “{value}”."),
        N_("Write it as 31.12.2026."),
    ),
    "cell.not_yes_no": (N_("“{column}” must be yes or no, not “{value}”."), N_("Write да or нет.")),
    "cell.not_choice": (N_("“{column}” cannot be “{value}”."), N_("Write one of: {known}.")),
    "cell.is_day": (
        N_("The spreadsheet has made a date of “{column}”: {value}."),
        N_("Give the column the format “Text” and type the value again."),
    ),
    "cell.formula": (
        N_("“{column}” is a formula whose result is not in the file."),
        N_("Open the file, let it calculate, save it; or put the values in place of formulas."),
    ),
    "row.twice": (N_("“{value}” stands in row {first} already."), N_("Leave one of the rows.")),
    "school.new_lacks": (
        N_("School {value} is new to the registry and lacks “{column}”."),
        N_("Fill it in, or check the code: perhaps it has lost its leading zeros."),
    ),
    "school.no_successor": (
        N_("There is no school with the code “{value}” to be the successor."),
        N_("Check the code; add the successor first."),
    ),
    "school.exists": (
        N_("A school with the code “{value}” is in the registry already."),
        N_("Check the code, or change that school."),
    ),
    "school.not_named": (
        N_("The row does not say which school it is about."),
        N_("Fill in the code, the number with the district, or the name."),
    ),
    "school.two_rows": (
        N_("“{value}” is school {code}, which another row is about as well."),
        N_("Leave one of the rows."),
    ),
    "milestone.period": (
        N_("The step ends ({value}) before it begins."),
        N_("Correct one of the dates."),
    ),
}


def problem(found: Problem) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    places = {**found.details, "value": found.value, "column": found.column}
    message, remedy = _PROBLEMS[found.code]
    return _(message, **places), _(remedy, **places)
