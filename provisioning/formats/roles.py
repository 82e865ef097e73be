"""People whose own record does not say whether they learn or teach: their memberships do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from provisioning.formats.building import SchoolBuilder
from provisioning.roster import Enrolment, Part, Role

_TOLD = frozenset({Role.STUDENT, Role.TEACHER, Role.ADMINISTRATOR})


def decide_roles(builder: SchoolBuilder) -> set[Part]:
    """Give each undecided person the role of the memberships; the parts these people are in.

    Who leads a class teaches. Who learns by one membership and teaches by another, or has none at
    all, is set aside: the account stays as it is. Memberships that are over speak only when there
    is no other.
    """
    if not builder.undecided:
        return set()
    now, before = _roles(builder.enrolments), _roles(builder.ended_links)
    for school_class in builder.classes.values():
        if school_class.teacher_id:
            now[school_class.teacher_id].add(Role.TEACHER)
    parts: set[Part] = set()
    guardians = 0
    for sourced_id, row in list(builder.undecided.items()):
        roles = now.get(sourced_id) or before.get(sourced_id) or set()
        known = roles & _TOLD
        if known == {Role.TEACHER, Role.ADMINISTRATOR}:
            known = {Role.TEACHER}
        if len(known) == 1:
            (role,) = known
            builder.persons[sourced_id] = replace(builder.persons[sourced_id], role=role)
            parts.add(Part.STUDENTS if role is Role.STUDENT else Part.STAFF)
            continue
        person = builder.persons[sourced_id]
        builder.forget(sourced_id)
        if not known and Role.GUARDIAN in roles:
            builder.not_taken_ids.add(sourced_id)
            guardians += 1
            continue
        builder.begin_file(person.file)
        builder.set_aside.add(sourced_id)
        builder.report("role.several" if known else "role.none", row, "role")
    builder.undecided.clear()
    if guardians:
        builder.report("guardian.ignored", count=str(guardians))
    return parts


def _roles(enrolments: Iterable[Enrolment]) -> dict[str, set[Role]]:
    roles: dict[str, set[Role]] = defaultdict(set)
    for one in enrolments:
        roles[one.person_id].add(one.role)
    return roles
