"""What is excluded, and what stays as hands in Moodle made it, in words."""

from __future__ import annotations

from collections.abc import Mapping

from provisioning.changes import Kind
from provisioning.exclusions import Excluded
from provisioning.stickiness import PLACE, Verdict
from service.i18n import N_, ngettext
from service.i18n import gettext as _
from service.models import Exclusion, KnownUser, StickyField
from service.words import people, words
from service.words.people import role
from service.words.values import plain

what = words(
    {
        Excluded.LOGIN: N_("accounts by login"),
        Excluded.ROLE: N_("everybody with a role"),
        Excluded.PERSON: N_("a person"),
        Excluded.CLASS: N_("a class"),
        Excluded.COURSE: N_("a course"),
    }
)

verdict = words(
    {
        Verdict.KEPT: N_("the source is as it was: Moodle's value stays"),
        Verdict.AGREED: N_("the source says the same by now"),
        Verdict.SOURCE: N_("the source's value is taken again"),
        Verdict.MOODLE: N_("the source has changed too; Moodle's value stays by the rule"),
        Verdict.ASKED: N_("the source has changed too: say who is right"),
    }
)


def sticky_field(row: StickyField) -> str:
    """What stays as Moodle has it: the field, or the place in a cohort or course."""
    if row.field:
        return people.field(row.field)
    return _("in the cohort") if row.subject == Kind.MEMBER else _("in the course")


def sticky_value(row: StickyField, text: str) -> str:
    """A value of such a field as people read it."""
    if row.field == PLACE or row.field in ("suspended", "visible"):
        return plain(bool(text))
    return plain(text)


def named(row: Exclusion, known: Mapping[str, KnownUser]) -> str:
    """What an exclusion names: the person by name, where the reader may see them."""
    if row.what == Excluded.PERSON and row.pattern in known:
        person = known[row.pattern]
        return f"{person.full_name} ({person.username})"
    if row.what == Excluded.ROLE:
        return role(row.pattern)
    return row.pattern


def left_out(counts: Mapping[str, int]) -> str:
    """What a plan leaves alone, in one line; empty when it leaves nothing."""
    said = (
        _count(counts, "people", ngettext("{n} person excluded", "{n} people excluded",
                                          counts.get("people", 0))),
        _count(counts, "classes", ngettext("{n} class excluded", "{n} classes excluded",
                                           counts.get("classes", 0))),
        _count(counts, "courses", ngettext("{n} course excluded", "{n} courses excluded",
                                           counts.get("courses", 0))),
        _count(counts, "kept", ngettext("{n} field or place stays as changed by hand in Moodle",
                                        "{n} fields and places stay as changed by hand in Moodle",
                                        counts.get("kept", 0))),
    )  # fmt: skip
    return ", ".join(filter(None, said))


def _count(counts: Mapping[str, int], name: str, text: str) -> str:
    return text if counts.get(name) else ""
