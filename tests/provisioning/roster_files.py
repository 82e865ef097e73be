"""Text of roster-1 files for the tests of reading; every person in them is invented."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from provisioning.findings import Finding
from provisioning.formats import ReadFile, read_school, scan
from provisioning.roster import Roster
from provisioning.settings import ReadLimits

TODAY = date(2026, 10, 5)
LIMITS = ReadLimits()
"""The usual ones."""
DATA = Path(__file__).parents[1] / "data"


def _fields(values: Mapping[str, str]) -> str:
    """An empty text leaves the field out."""
    return "".join(f"<{name}>{text}</{name}>\n" for name, text in values.items() if text)


def _record(tag: str, sourced_id: str, fields: Mapping[str, str]) -> str:
    return f'<{tag} id="{sourced_id}">\n{_fields(fields)}</{tag}>\n'


def student(sourced_id: str = "s-1", **overrides: str) -> str:
    names = {"family_name": "Примеров", "given_name": "Пример", "middle_name": "Примерович"}
    fields = {**names, "birth_date": "2012-09-01", "class_id": "c-8a"}
    return _record("student", sourced_id, fields | overrides)


def employee(sourced_id: str = "t-1", **overrides: str) -> str:
    names = {"family_name": "Образцова", "given_name": "Проба"}
    fields = {"category": "teacher", **names, "birth_date": "1980-02-29"}
    return _record("employee", sourced_id, fields | overrides)


def school_class(sourced_id: str = "c-8a", **overrides: str) -> str:
    return _record("class", sourced_id, {"grade": "8", "title": "8А"} | overrides)


def link(staff_id: str = "t-1", class_id: str = "c-8a", subject: str = "Химия") -> str:
    return f'<link staff_id="{staff_id}" class_id="{class_id}" subject="{subject}"/>\n'


def roster_file(
    students: Iterable[str] = (student(),),
    staff: Iterable[str] = (employee(),),
    classes: Iterable[str] = (school_class(),),
    teaching: Iterable[str] = (),
    *,
    code: str = "78-0243",
    number: str = "№ 243",
    declaration: str = '<?xml version="1.0" encoding="UTF-8"?>',
    after: str = "",
    **header: str,
) -> str:
    """A whole file; ``header`` overrides fields of the header, ``after`` goes before the end."""
    fields = {
        "school_year": "2026/2027",
        "exported_at": "2026-10-01T08:30:00",
        "content": "all",
        "mode": "full",
    }
    return (
        f'{declaration}\n<roster version="1">\n<header>\n<school code="{code}">\n'
        f"<name>Школа {number}</name>\n<short_name>Школа {number}</short_name>\n"
        f"<number>{number}</number>\n<district>Примерный</district>\n</school>\n"
        f"{_fields(fields | header)}</header>\n"
        f"<classes>\n{''.join(classes)}</classes>\n"
        f"<students>\n{''.join(students)}</students>\n"
        f"<staff>\n{''.join(staff)}</staff>\n"
        f"<teaching>\n{''.join(teaching)}</teaching>\n{after}</roster>\n"
    )


def write(folder: Path, **files: str | bytes) -> list[Path]:
    """Write ``name=text`` as ``name.xml`` and give the paths."""
    paths = []
    for name, content in files.items():
        path = folder / f"{name}.xml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(path)
    return paths


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadResult:
    rosters: list[Roster]
    """One for each school that nothing stopped, ordered by school code."""
    findings: list[Finding]
    files: list[ReadFile]

    @property
    def rules(self) -> list[str]:
        return rules_of(self.findings)

    @property
    def roster(self) -> Roster:
        """The only one."""
        assert len(self.rosters) == 1, self.rules
        return self.rosters[0]

    @property
    def finding(self) -> Finding:
        """The only one."""
        assert len(self.findings) == 1, self.rules
        return self.findings[0]


def read(
    paths: Iterable[Path],
    *,
    limits: ReadLimits = LIMITS,
    today: date = TODAY,
    expected_school: str | None = None,
    layout_folders: Iterable[Path] = (),
) -> ReadResult:
    """Read files, folders and zip archives of one upload, all schools at once."""
    found = scan(
        paths,
        limits=limits,
        layout_folders=layout_folders,
        school_code=expected_school or "",
        came_at=datetime.combine(today, time(12), UTC),
    )
    result = ReadResult(rosters=[], findings=list(found.findings), files=[])
    for school in found.schools:
        reading = read_school(school, limits=limits, today=today, expected_school=expected_school)
        result.findings.extend(reading.findings)
        result.files.extend(reading.files)
        if reading.roster is not None:
            result.rosters.append(reading.roster)
    return result


def read_files(
    *,
    today: date = TODAY,
    limits: ReadLimits = LIMITS,
    expected_school: str | None = None,
    **files: str | bytes,
) -> ReadResult:
    """Write the files and read them in one upload."""
    with TemporaryDirectory() as folder:
        paths = write(Path(folder), **files)
        return read(paths, limits=limits, today=today, expected_school=expected_school)


def read_text(text: str | bytes, **options: Any) -> ReadResult:
    """What is read of one file with this text."""
    return read_files(school=text, **options)


def read_roster(*parts: Any, **header: Any) -> ReadResult:
    """What is read of one ``roster_file``."""
    return read_text(roster_file(*parts, **header))


def rules_of(findings: Iterable[Finding]) -> list[str]:
    return [finding.rule for finding in findings]
