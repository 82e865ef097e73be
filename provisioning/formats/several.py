"""One part of a school in several files: a list for each class, or two exports of one list?"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from provisioning.formats.building import SchoolBuilder
from provisioning.formats.headers import ScannedFile
from provisioning.roster import Part


class SharedParts:
    """The files of a school that give the same part.

    They are read together when they were exported on one day (or the layout says ``several_files``)
    and no pupil is in two of them. Of two exports of one list only one may be read: who has left
    between them would be taken for present.
    """

    def __init__(self) -> None:
        self._first_with: dict[Part, ScannedFile] = {}
        self._twice: dict[str, dict[str, list[Part]]] = {}
        """Name of a file -> name of an earlier one -> the parts that both have."""
        self._told: set[str] = set()

    def add(self, file: ScannedFile) -> frozenset[Part]:
        """Note the file; the parts that an earlier file has too."""
        twice = self._twice.setdefault(file.source.name, {})
        for part in sorted(file.header.parts):
            earlier = self._first_with.setdefault(part, file)
            if earlier is not file:
                twice.setdefault(earlier.source.name, []).append(part)
        return frozenset(part for parts in twice.values() for part in parts)

    def report_other_days(self, builder: SchoolBuilder, file: ScannedFile) -> None:
        """Report a part that came in an earlier file of another day."""
        if file.head.layout.several_files:
            return
        for part in sorted(file.header.parts):
            earlier = self._first_with[part]
            if _day(file) != _day(earlier):
                self._report(builder, file.source.name, earlier.source.name, file)

    def report_overlaps(self, builder: SchoolBuilder) -> None:
        """Report the files that give one person, or one class in two ways."""
        for overlap in builder.overlaps:
            self._report(builder, overlap.file, overlap.other)

    def report_joined(self, builder: SchoolBuilder) -> None:
        """Say that several files were read as one list, unless the layout says so itself."""
        files = {name for name, twice in self._twice.items() if twice}
        files |= {other for twice in self._twice.values() for other in twice}
        if files and not all(file.head.layout.several_files for file in self._first_with.values()):
            builder.begin_file("")
            builder.report("set.joined", count=str(len(files)))

    def _report(
        self, builder: SchoolBuilder, name: str, other: str, file: ScannedFile | None = None
    ) -> None:
        if name in self._told:
            return
        self._told.add(name)
        parts = self._twice[name].get(other) or [
            part for parts in self._twice[name].values() for part in parts
        ]
        # About its parts, not about the word for them.
        row = replace(file.head.row, values={}) if file is not None else None
        builder.begin_file(name)
        told = {"other": other, "part": ", ".join(dict.fromkeys(parts))}
        builder.report("set.part_twice", row, "content", **told)


def _day(file: ScannedFile) -> object:
    moment: datetime = file.header.exported_at
    return moment.astimezone(file.head.layout.time_zone).date()
