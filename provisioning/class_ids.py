"""Ids and titles of classes as people type them: look-alike letters, case and blanks differ.

An id of a class is often its title, typed once on a Latin and once on a Russian keyboard.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import replace
from datetime import date

from provisioning.findings import Finding, about
from provisioning.roster import Roster, SchoolClass

_LOOK_ALIKES = str.maketrans("abekmhopctyxëё", "авекмнорстухее")
"""Latin letters typed for Cyrillic ones, in small letters; capitals are made small before."""
_QUOTES = str.maketrans("", "", "\"'«»“”„`’")


def folded_id(class_id: str) -> str:
    """The id for comparison only: look-alike letters, case and blanks make no difference."""
    text = unicodedata.normalize("NFKC", class_id).casefold().translate(_LOOK_ALIKES)
    return "".join(sign for sign in text if not sign.isspace() and sign.isprintable())


def folded_title(title: str) -> str:
    """The title for comparison only: hyphens and quotation marks make no difference either."""
    folded = folded_id(title).translate(_QUOTES)
    return "".join("-" if unicodedata.category(sign) == "Pd" else sign for sign in folded).replace(
        "-", ""
    )


def with_one_id_each(roster: Roster, today: date) -> tuple[Roster, list[Finding]]:
    """Read ids that only look different as one.

    A reference to no class of the file means the one class whose id looks the same. Two classes
    of one grade with the same title, whose ids look the same, are one class. Others stay: there
    are systems that tell ``aB`` from ``Ab``.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for class_id in roster.classes:
        alike[folded_id(class_id)].append(class_id)
    instead: dict[str, str] = {}
    for ids in alike.values():
        first, *others = ids
        if others and len({_looks(roster.classes[one]) for one in ids}) == 1:
            instead |= dict.fromkeys(others, first)
    named = {link.class_id for link in roster.enrolments} - roster.classes.keys()
    for class_id in named:
        found = {instead.get(one, one) for one in alike.get(folded_id(class_id), ())}
        if len(found) == 1:
            instead[class_id] = found.pop()
    if not instead:
        return roster, []
    findings = [
        about("class.look_alike", roster, roster.classes[own], "class_id", other, other=own)
        for other, own in sorted(instead.items())
    ]
    return with_other_ids(roster, instead), findings


def with_other_ids(roster: Roster, instead: dict[str, str]) -> Roster:
    """Replace ids of classes; the first class that has an id, or gets it, keeps its place."""
    classes: dict[str, SchoolClass] = {}
    for class_id, one in roster.classes.items():
        own = instead.get(class_id, class_id)
        if own == class_id or own not in roster.classes:
            classes.setdefault(own, one if own == class_id else replace(one, sourced_id=own))
    links = (
        replace(link, class_id=instead[link.class_id]) if link.class_id in instead else link
        for link in roster.enrolments
    )
    return replace(roster, classes=classes, enrolments=tuple(dict.fromkeys(links)))


def _looks(one: SchoolClass) -> tuple[int, str]:
    return one.grade, folded_title(one.title)
