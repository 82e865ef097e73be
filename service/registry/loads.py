"""A load and the registry: which of the two tells how a school is called and where it stands."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from provisioning.findings import Finding, rules
from provisioning.roster import Roster
from provisioning.roster import School as RosterSchool
from service.models import School, SchoolType
from service.registry.columns import plain
from service.registry.types import school_type

COMPARED = ("name", "short_name", "district", "number")


def type_after_load(known: School | None, word: str) -> tuple[SchoolType | None, str]:
    """Return type and unknown word of a school whose file calls its kind so.

    The type of the registry stays, and one that is known is not lost by an unknown word.
    """
    earlier = SchoolType(known.type) if known and known.type else None
    if known and known.registered_at and earlier:
        return earlier, ""
    found = school_type(word) or earlier
    return found, "" if found else word[:50]


def as_registered(session: Session, roster: Roster) -> tuple[Roster, list[Finding]]:
    """Return the roster under the registry's names, with a warning for each that differs.

    A school that the registry does not tell of keeps the words of its file, and those of an earlier
    one where this file, such as a list of pupils, says nothing. A word for its kind that nobody
    knows is a warning, too.
    """
    known = session.get(School, roster.school.code)
    if known is not None:
        roster = replace(roster, school=_with_what_is_known(roster.school, known))
    findings = []
    if known is not None and known.registered_at is not None:
        names = {name: getattr(known, name) for name in COMPARED}
        for name, registered in names.items():
            said = getattr(roster.school, name)
            if plain(said) != plain(registered):
                rule = "school.differs_from_registry"
                findings.append(about_school(roster, rule, name, said, registry=registered))
        roster = replace(roster, school=replace(roster.school, **names))
    if type_after_load(known, roster.school.kind)[1]:
        word = roster.school.kind
        findings.append(about_school(roster, "school.type_unknown", "kind", word))
    return roster, findings


def _with_what_is_known(said: RosterSchool, known: School) -> RosterSchool:
    """The school with the words that the file does not say: it is called by its code there."""
    unsaid = [name for name in COMPARED if getattr(said, name) in ("", said.code)]
    return replace(said, **{name: getattr(known, name) for name in unsaid if getattr(known, name)})


def about_school(roster: Roster, rule: str, field_name: str, value: str, **details: str) -> Finding:
    """Return a finding about what a file says of its school."""
    return Finding(
        rule=rule, severity=rules()[rule], file=roster.files[0], school_code=roster.school.code,
        field_name=field_name, value=value, details=details,
    )  # fmt: skip
