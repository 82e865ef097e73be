"""A load and the registry: which of the two tells how a school is called and where it stands."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from provisioning.findings import Finding, rules
from provisioning.roster import Roster
from service.models import School, SchoolType
from service.registry.columns import plain
from service.registry.types import school_type

COMPARED = ("name", "short_name", "district", "number")


def type_after_load(known: School | None, word: str) -> tuple[SchoolType | None, str]:
    """Type and unknown word of a school whose file calls its kind so.

    The type of the registry stays, and one that is known is not lost by an unknown word.
    """
    earlier = SchoolType(known.type) if known and known.type else None
    if known and known.registered_at and earlier:
        return earlier, ""
    found = school_type(word) or earlier
    return found, "" if found else word[:50]


def as_registered(session: Session, roster: Roster) -> tuple[Roster, list[Finding]]:
    """The roster under the registry's names, and a warning for each that the file has otherwise.

    A school that the registry does not tell of keeps the words of its file. A word for its kind
    that nobody knows is a warning, too.
    """
    known = session.get(School, roster.school.code)
    asked = _asked_for_type(known, roster)
    if known is None or known.registered_at is None:
        return roster, asked
    rule = "school.differs_from_registry"
    findings = [
        Finding(
            rule=rule, severity=rules()[rule], file=roster.files[0],
            school_code=roster.school.code, field_name=name, value=getattr(roster.school, name),
            details={"registry": getattr(known, name)},
        )
        for name in COMPARED
        if plain(getattr(roster.school, name)) != plain(getattr(known, name))
    ]  # fmt: skip
    names = {name: getattr(known, name) for name in COMPARED}
    return replace(roster, school=replace(roster.school, **names)), findings + asked


def _asked_for_type(known: School | None, roster: Roster) -> list[Finding]:
    word = roster.school.kind
    if not type_after_load(known, word)[1]:
        return []
    rule = "school.type_unknown"
    return [
        Finding(
            rule=rule, severity=rules()[rule], file=roster.files[0],
            school_code=roster.school.code, field_name="kind", value=word,
        )
    ]  # fmt: skip
