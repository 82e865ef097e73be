"""Columns of the weekly report, with what each counts (docs/facts/indicators.md C)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from service.i18n import gettext as _
from service.reports.definition import Level
from service.reports.listing import columns_of_school
from service.reports.report import Column, Kind, number_column, yes_or_no
from service.reports.weekly.figures import SHARES

OWN: Final = "own"
"""Our Moodle, where a line names its platform."""

NOT_MEASURED: Final = "not_measured"
NOT_GENERAL = "not_general"
MESSAGES = ("c1", "c2", "c3")
SCHOOLS = ("c4", "c6", "c7")

OPERATORS = {
    "more": lambda: _("more than"),
    "at_least": lambda: _("at least"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """From how many messages a teacher counts: more than three and at least three differ."""

    operator: str
    number: int

    @property
    def least(self) -> int:
        return self.number + 1 if self.operator == "more" else self.number

    def __str__(self) -> str:
        return f"{OPERATORS[self.operator]()} {self.number}"


def unit_columns(by: str) -> list[Column]:
    if by == Level.SCHOOL:
        return columns_of_school()
    return [
        Column("district", _("District")),
        number_column("schools", _("Schools")),
        number_column("general", _("Of general education")),
        number_column("schools_loaded", _("Schools loaded")),
    ]


def figure_columns(c1: Threshold, c2: Threshold) -> Iterator[Column]:
    words = {
        OWN: _("our Moodle"), NOT_MEASURED: _("not measured here"), NOT_GENERAL: "—", **yes_or_no()
    }  # fmt: skip
    yield Column("platform", _("Platform"), words=words)
    for name, (title, of, definition) in _texts(str(c1), str(c2)).items():
        people = name not in SCHOOLS
        yield Column(name, title, Kind.INTEGER, words=words, definition=definition, people=people)
        if name in SHARES:
            yield Column(f"{name}_share", of, Kind.SHARE, words=words, of=(name, SHARES[name]))


def _texts(many: str, group: str) -> dict[str, tuple[str, str, str]]:
    """Title of the number, title of its share, definition."""
    return {
        "teachers": (
            _("Users with the role «Учитель»"),
            "",
            _("Distinct persons who are teachers on the roll at the cut-off. Whoever is also an "
              "administrator counts as a teacher; whoever teaches in two schools counts once in "
              "each, once in the district and once in the total."),
        ),
        "active": (
            _("Teachers who signed in during the week"),
            _("Signed in during the week, % of teachers"),
            _("Of the teachers, those our sign-in page let in from Saturday to the cut-off."),
        ),
        "c1": (
            _("C1. Teachers with {many} messages", many=many),
            _("C1. With {many} messages, % of teachers", many=many),
            _("Teachers who wrote {many} messages in chats during the week.", many=many),
        ),
        "c2": (
            _("C2. Teachers with {many} messages in group chats", many=group),
            _("C2. With {many} messages in group chats, % of teachers", many=group),
            _("Teachers who wrote {many} messages in group chats during the week.", many=group),
        ),
        "c3": (
            _("C3. Teachers who created a group chat"),
            _("C3. Created a group chat, % of teachers"),
            _("As the platform reports it: over all time or in the week, its file does not say."),
        ),
        "c4": (
            _("C4. Schools connected"),
            _("C4. Connected, % of all schools"),
            _("Our Moodle: at least one load was applied, and the school has an open operator "
              "account or an administrator who has ever signed in. Another platform: registered "
              "there. Schools without any load are in the denominator."),
        ),
        "c5": (
            _("C5. Registered users"),
            "",
            _("People on the roll at the cut-off, of all roles, whose account exists."),
        ),
        "c6": (
            _("C6. Inactive profiles of organisations"),
            "",
            _("Our Moodle: never loaded, or nobody of the roll signed in for the days chosen. "
              "Another platform: the profile is not active. To be reached: 0."),
        ),
        "c7": (
            _("C7. Organisations of general education that use the platform"),
            _("C7. Use the platform, % of organisations of general education"),
            _("Our Moodle: somebody of the roll signed in during the week. Another platform: the "
              "profile is active. The kind of an organisation is that of the registry."),
        ),
    }  # fmt: skip
