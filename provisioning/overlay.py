"""The rows of a school after a file that tells only a part of them, or only what changed; and
after it was joined with another school, or divided."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from provisioning.roster import Mode, Part, Role, Roster

WHOLE = frozenset({Part.CLASSES, Part.STUDENTS, Part.STAFF})
_LONGEST_KEY = 255


def is_whole(roster: Roster) -> bool:
    """Tell whether the file says all that there is to know of the school."""
    return roster.mode is Mode.FULL and roster.parts >= WHOLE


def laid_over(base: Roster | None, newer: Roster) -> Roster:
    """Return the rows of ``base`` as the ``newer`` file leaves them, as if one file told them all.

    A full part takes the place of that part; changes replace the rows that they name. Rows of
    another school year or source do not go together: then the newer file stands alone.
    """
    if base is None or is_whole(newer):
        return newer
    if (base.source, base.school_year) != (newer.source, newer.school_year):
        return newer
    full = newer.parts if newer.mode is Mode.FULL else frozenset()
    persons = {
        key: one for key, one in base.persons.items() if part_of(one.role) not in full
    } | dict(newer.persons)
    classes = ({} if Part.CLASSES in full else dict(base.classes)) | dict(newer.classes)
    told = newer.persons.keys()
    links = {
        one: None
        for one in base.enrolments
        if one.person_id in persons
        and not (one.subject and Part.TEACHING in full)
        and not (one.person_id in told and (newer.mode is Mode.CHANGES or not one.subject))
    }
    links |= dict.fromkeys(newer.enrolments)
    parts = full | (base.parts if base.mode is Mode.FULL else frozenset())
    return replace(
        newer,
        mode=Mode.FULL if parts else Mode.CHANGES,
        parts=parts or base.parts | newer.parts,
        classes=classes,
        persons=persons,
        enrolments=tuple(one for one in links if one.class_id in classes),
        set_aside=(base.set_aside | newer.set_aside) - told,
        files=tuple(dict.fromkeys((*base.files, *newer.files))),
    )


def part_of(role: str) -> Part:
    """Return the part of an export that holds people of this role."""
    return Part.STUDENTS if role == Role.STUDENT else Part.STAFF


def key_after(old: str, sourced_id: str) -> str:
    """Return the key of somebody of the school ``old`` where its id may be somebody else's."""
    return f"{old}:{sourced_id}"[:_LONGEST_KEY]


def under_ids_of_successor(
    roster: Roster, own: Mapping[str, str], theirs: Mapping[str, str]
) -> Roster:
    """Return the rows of a school that was merged, under the ids by which its successor knows them.

    ``own`` and ``theirs``: person by id, as the school and its successor know them. The pupils of
    every school are numbered from one: an id stays only where it names the same human at both.
    """
    code = roster.school.code

    def renamed(sourced_id: str) -> str:
        after = key_after(code, sourced_id)
        is_one = sourced_id in own and own[sourced_id] == theirs.get(sourced_id)
        return sourced_id if is_one and after not in theirs else after

    return replace(
        roster,
        persons={
            renamed(key): replace(one, sourced_id=renamed(key))
            for key, one in roster.persons.items()
        },
        classes={
            key: replace(one, teacher_id=one.teacher_id and renamed(one.teacher_id))
            for key, one in roster.classes.items()
        },
        enrolments=tuple(
            replace(one, person_id=renamed(one.person_id)) for one in roster.enrolments
        ),
        set_aside=frozenset(map(renamed, roster.set_aside)),
    )


def under_class_ids(roster: Roster, ids: Mapping[str, str]) -> Roster:
    """Return the rows with other ids of classes; those that are not named stay."""
    if not ids:
        return roster
    return replace(
        roster,
        classes={
            ids.get(key, key): replace(one, sourced_id=ids.get(key, key))
            for key, one in roster.classes.items()
        },
        enrolments=tuple(
            replace(one, class_id=ids.get(one.class_id, one.class_id)) for one in roster.enrolments
        ),
    )


def divided(
    roster: Roster, classes: Collection[str], people: Collection[str]
) -> tuple[Roster, Roster]:
    """Return the rows of these classes and pupils, by their ids, and all others."""
    given = replace(
        roster,
        persons={key: one for key, one in roster.persons.items() if key in people},
        classes={
            key: replace(one, teacher_id=None)
            for key, one in roster.classes.items()
            if key in classes
        },
        enrolments=tuple(
            one for one in roster.enrolments if one.person_id in people and one.class_id in classes
        ),
        set_aside=frozenset(),
    )
    rest = replace(
        roster,
        persons={key: one for key, one in roster.persons.items() if key not in people},
        classes={key: one for key, one in roster.classes.items() if key not in classes},
        enrolments=tuple(
            one
            for one in roster.enrolments
            if one.person_id not in people and one.class_id not in classes
        ),
    )
    return given, rest


def joined(base: Roster | None, more: Roster) -> Roster | None:
    """Return the rows of two schools as those of the first; None where they do not go together."""
    if base is None:
        return more
    if (base.source, base.school_year) != (more.source, more.school_year):
        return None
    is_full = base.mode is Mode.FULL is more.mode
    return replace(
        base,
        mode=Mode.FULL if is_full else Mode.CHANGES,
        parts=base.parts & more.parts if is_full else base.parts | more.parts,
        classes={**more.classes, **base.classes},
        persons={**more.persons, **base.persons},
        enrolments=tuple(dict.fromkeys((*base.enrolments, *more.enrolments))),
        set_aside=base.set_aside | more.set_aside,
        files=tuple(dict.fromkeys((*base.files, *more.files))),
    )
