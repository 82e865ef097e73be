"""A load and the registry: which of the two tells how a school is called and where it stands."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from provisioning.findings import Finding, rules
from provisioning.roster import Roster
from service.models import School
from service.registry.columns import plain

COMPARED = ("name", "short_name", "district", "number")


def as_registered(session: Session, roster: Roster) -> tuple[Roster, list[Finding]]:
    """The roster under the registry's names, and a warning for each that the file has otherwise.

    A school that the registry does not tell of keeps the words of its file.
    """
    known = session.get(School, roster.school.code)
    if known is None or known.registered_at is None:
        return roster, []
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
    return replace(roster, school=replace(roster.school, **names)), findings
