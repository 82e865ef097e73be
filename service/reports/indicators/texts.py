"""What the lines of the ЦОС form say: the indicator, what is counted and what is not."""

from __future__ import annotations

from typing import NamedTuple

from service.i18n import gettext as _

LINES = (
    "E4.01.05", "E4.01.07", "E4.01.11", "E4.03", "E4.04", "E4.04|linked", "E4.04|used", "E4.05",
    "E4.07", "E4.08",
)  # fmt: skip
"""Keys in the order of the form."""


class Said(NamedTuple):
    indicator: str
    counted: str
    left_out: str
    short: str
    """In a chart."""


def indicator_of(key: str) -> str:
    """The identifier of a line: some have further lines."""
    return key.partition("|")[0]


def said(key: str) -> Said:
    """The texts of a line, in the language of the reader."""
    elsewhere = _("Is recorded outside the service: nothing of it is seen here.")
    texts = {
        "E4.01.05": (
            _("Organisations whose sites carry the full information required; target: 100 %"),
            _("nothing"),
            elsewhere,
        ),
        "E4.01.07": (
            _("Staff trained in modern technologies; target: at least 5,000 people"),
            _("nothing"),
            elsewhere,
        ),
        "E4.01.11": (
            _("Children taught with supplied equipment; target: at least 500,000 children in 25 % "
              "of schools of 75 regions"),
            _("nothing"),
            elsewhere,
        ),
        "E4.03": (
            _("Learners who use systems that form a digital educational profile and an individual "
              "study plan"),
            _("Learners on the rolls with a live account and at least one course."),
            _("Electronic diaries and other systems; schools that are not loaded."),
        ),
        "E4.04": (
            _("Learners who use systems with sign-in through ЕПГУ or with the central sign-in of "
              "the region: sign-in is possible"),
            _("Learners on the rolls with a live account: it is opened by the central sign-in."),
            _("Systems of others; schools that are not loaded. Possibility counts by the letter; "
              "the next two lines tell how many have linked and used ЕСИА."),
        ),
        "E4.04|linked": (
            _("The same: linked to ЕСИА"),
            _("Of the learners with a live account, those linked to an ЕСИА identity at the "
              "cut-off."),
            _("Links that have ended."),
        ),
        "E4.04|used": (
            _("The same: signed in through ЕСИА"),
            _("Of the learners with a live account, those who signed in through ЕСИА at least once "
              "in the quarter."),
            _("Single sign-on within a session: it is no method of its own."),
        ),
        "E4.05": (
            _("Organisations that use state or other systems and resources"),
            _("Organisations of these kinds from which somebody signed in during the quarter."),
            _("Use of other systems and resources, such as РЭШ; preschool organisations."),
        ),
        "E4.07": (
            _("Learners who use systems for “horizontal” learning and informal education"),
            _("Learners with a live account in courses that the settings mark as such."),
            _("Courses without a mark; additional education, which is not in this denominator."),
        ),
        "E4.08": (
            _("Teaching staff of general education trained in e-learning form"),
            _("Training is not measured; the teachers of the loaded schools are given as the "
              "group."),
            _("Training runs in other systems."),
        ),
    }  # fmt: skip
    shorts = {
        "E4.04": _("E4.04: possible"),
        "E4.04|linked": _("E4.04: linked"),
        "E4.04|used": _("E4.04: used"),
    }
    return Said(*texts[key], short=shorts.get(key, key))
