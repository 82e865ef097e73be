"""Paths the user gives -> the XML files and tables in them: folders, archives, and what is
refused."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from provisioning.findings import Finding
from provisioning.formats.problems import FileProblem
from provisioning.formats.workbooks import is_workbook
from provisioning.settings import ReadLimits

_ARCHIVE_SUFFIXES = frozenset({".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".bz2", ".xz"})
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_ARCHIVE_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError)
_SMALL = 1 << 20
"""Bytes: up to this size an archive member's ratio does not matter."""
_OPEN_ARCHIVES = 32
_TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab"})
_WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xlsm", ".xls", ".ods"})
_OTHER_TABLES = frozenset({".xlsb", ".numbers"})
_BEFORE_XML = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
"""Byte order marks, halves of letters and blanks."""
_UNSEEN = (".", "__", "~$")
"""Names of files that programs keep beside those of people begin so."""
_FIRST_YEAR = 2000
"""A file that says it was saved in an earlier one does not know."""


class FileKind(StrEnum):
    XML = "xml"
    CSV = "csv"
    WORKBOOK = "workbook"


class Archives:
    """Archives that stay open while their members are read, the last used few of them.

    A ZIP file keeps its list of members at its end: to open it for each member means to read the
    list once for each of its lines.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[Path, zipfile.ZipFile] = OrderedDict()

    def at(self, path: Path) -> zipfile.ZipFile:
        """The archive, open. What is read of an archive that goes meanwhile can be read on."""
        archive = self._open.get(path)
        if archive is None:
            archive = self._open[path] = zipfile.ZipFile(path)
            if len(self._open) > _OPEN_ARCHIVES:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(path)
        return archive


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """One file, on disk or in an archive."""

    name: str
    """As the user knows it: ``upload.zip/students.xml``."""
    path: Path
    member: str = ""
    """Name inside the archive at ``path``."""
    kind: FileKind = FileKind.XML
    archives: Archives = field(default_factory=Archives, repr=False, compare=False)
    """Those of all the files found together."""

    @property
    def is_table(self) -> bool:
        return self.kind is not FileKind.XML

    @property
    def stem(self) -> str:
        """The file's own name without its ending: ``users``."""
        return PurePosixPath(self.name).stem

    @property
    def folder(self) -> str:
        """What the file lies in, as the user knows it: a folder, an archive or a folder in one."""
        return str(PurePosixPath(self.name).parent)

    def saved_at(self, zone: tzinfo) -> datetime:
        """When the file was saved, as far as disk or archive know; never later than it came here.

        Archives keep local times, which are taken for those of the zone. Raises FileProblem.
        """
        try:
            came_at = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
            if not self.member:
                return came_at
            info = self.archives.at(self.path).getinfo(self.member)
            saved_at = datetime(*info.date_time, tzinfo=zone).astimezone(UTC)
        except ValueError:
            return came_at
        except (*_ARCHIVE_ERRORS, KeyError) as error:
            raise FileProblem("archive.damaged") from error
        except OSError as error:
            raise FileProblem("file.unreadable") from error
        return min(saved_at, came_at) if saved_at.year >= _FIRST_YEAR else came_at

    @contextmanager
    def open_to_seek(self) -> Iterator[IO[bytes]]:
        """The file's bytes, to be read in any order; raises FileProblem."""
        with self.open() as stream:
            yield BytesIO(stream.read()) if self.member else stream

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The file's bytes; raises FileProblem when they cannot be had, even half-way."""
        try:
            if not self.member:
                with self.path.open("rb") as stream:
                    yield stream
                return
            with self.archives.at(self.path).open(self.member) as stream:
                yield stream
        except _ARCHIVE_ERRORS as error:
            raise FileProblem("archive.damaged") from error
        except OSError as error:
            raise FileProblem("file.unreadable") from error


def find_files(paths: Iterable[Path], limits: ReadLimits) -> tuple[list[SourceFile], list[Finding]]:
    """Every file at the paths, in a stable order, and a finding for all that is refused.

    Nothing is ever unpacked to disk: a member's name is only a name.
    """
    files: list[SourceFile] = []
    findings: list[Finding] = []
    archives = Archives()
    for path in paths:
        before = len(files) + len(findings)
        for name, found in _walk(path):
            try:
                if not found.is_file():
                    raise FileProblem("file.missing")
                suffix = found.suffix.lower()
                if _is_zip(found) and not _is_workbook(found):
                    files += _archive_files(name, found, archives, limits, findings)
                elif suffix in _ARCHIVE_SUFFIXES:
                    raise FileProblem("archive.unsupported")
                else:
                    kind = _kind(suffix, asked_for=found if found == path else None)
                    files.append(SourceFile(name=name, path=found, kind=kind))
            except FileProblem as problem:
                findings.append(problem.finding(name))
            except OSError:
                findings.append(FileProblem("file.unreadable").finding(name))
        if len(files) + len(findings) == before:
            findings.append(FileProblem("file.none").finding(path.name))
    return files, findings


def _walk(path: Path) -> Iterator[tuple[str, Path]]:
    """(name for the user, path) of a file, or of everything visible below a folder."""
    if not path.is_dir():
        yield path.name, path
        return
    for found in sorted(path.rglob("*")):
        inside = found.relative_to(path)
        if found.is_file() and not any(part.startswith(_UNSEEN) for part in inside.parts):
            yield str(PurePosixPath(path.name, *inside.parts)), found


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in _ZIP_MAGIC


def _is_workbook(path: Path) -> bool:
    with path.open("rb") as stream:
        return is_workbook(stream)


def _kind(suffix: str, *, asked_for: Path | None = None) -> FileKind:
    """What a file is by the end of its name; one that was asked for by its name is what it looks
    like. Raises FileProblem for what is not read."""
    if suffix in _TABLE_SUFFIXES:
        return FileKind.CSV
    if suffix in _WORKBOOK_SUFFIXES or (asked_for and _is_zip(asked_for)):
        return FileKind.WORKBOOK
    if suffix in _OTHER_TABLES:
        raise FileProblem("table.other_kind")
    if suffix != ".xml" and not asked_for:
        raise FileProblem("file.not_xml")
    if suffix == ".txt" and asked_for and not _looks_like_xml(asked_for):
        return FileKind.CSV
    return FileKind.XML


def _looks_like_xml(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(64).lstrip(_BEFORE_XML).startswith(b"<")


def _archive_files(
    name: str, path: Path, archives: Archives, limits: ReadLimits, findings: list[Finding]
) -> list[SourceFile]:
    try:
        members = [info for info in archives.at(path).infolist() if not info.is_dir()]
    except (*_ARCHIVE_ERRORS, ValueError) as error:
        raise FileProblem("archive.damaged") from error
    if len(members) > limits.archive_files:
        raise FileProblem("archive.too_many_files", limit=str(limits.archive_files))
    packed = sum(info.compress_size for info in members)
    unpacked = sum(info.file_size for info in members)
    bomb = unpacked > max(packed, 1) * limits.archive_ratio and unpacked > _SMALL
    if bomb or unpacked > limits.total_bytes:
        raise FileProblem("archive.bomb", ratio=str(unpacked // max(packed, 1)))
    files: list[SourceFile] = []
    seen: set[str] = set()
    for info in sorted(members, key=lambda info: info.filename):
        shown = _shown_name(info)
        try:
            if info.filename in seen or _is_unsafe(info, shown):
                raise FileProblem("archive.unsafe_name", value=shown)
            seen.add(info.filename)
            if any(part.startswith(_UNSEEN) for part in shown.split("/")):
                continue
            kind = _kind_of_member(info, shown)
            files.append(
                SourceFile(
                    name=f"{name}/{shown}",
                    path=path,
                    member=info.filename,
                    kind=kind,
                    archives=archives,
                )
            )
        except FileProblem as problem:
            findings.append(problem.finding(f"{name}/{shown}"))
    return files


def _is_unsafe(info: zipfile.ZipInfo, shown: str) -> bool:
    parts = shown.replace("\\", "/").split("/")
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    return is_link or ".." in parts or "" in parts or ":" in parts[0]


def _kind_of_member(info: zipfile.ZipInfo, shown: str) -> FileKind:
    if info.flag_bits & 0x1:
        raise FileProblem("archive.encrypted")
    suffix = PurePosixPath(shown).suffix.lower()
    if suffix in _ARCHIVE_SUFFIXES:
        raise FileProblem("archive.nested")
    return _kind(suffix)


def _shown_name(info: zipfile.ZipInfo) -> str:
    """The member's name; Windows writes Russian names in cp866 without saying so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("cp866")
    except UnicodeError:
        return info.filename
