"""Paths the user gives -> the XML files in them: folders, archives, and what is refused."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePosixPath
from typing import IO

from provisioning.findings import Finding
from provisioning.formats.problems import FileProblem
from provisioning.settings import ReadLimits

_ARCHIVE_SUFFIXES = frozenset({".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".bz2", ".xz"})
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_ARCHIVE_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError)
_SMALL = 1 << 20
"""Bytes: up to this size an archive member's ratio does not matter."""
_OPEN_ARCHIVES = 32
_FIRST_YEAR = 2000
"""Archives say an earlier year where they do not know the time."""


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
    """One XML file, on disk or in an archive."""

    name: str
    """As the user knows it: ``upload.zip/students.xml``."""
    path: Path
    member: str = ""
    """Name inside the archive at ``path``."""
    archives: Archives = field(default_factory=Archives, repr=False, compare=False)
    """Those of all the files found together."""

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
    """Every XML file at the paths, in a stable order, and a finding for all that is refused.

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
                if _is_zip(found):
                    files += _archive_files(name, found, archives, limits, findings)
                elif found.suffix.lower() in _ARCHIVE_SUFFIXES:
                    raise FileProblem("archive.unsupported")
                elif found != path and found.suffix.lower() != ".xml":
                    findings.append(FileProblem("file.not_xml").finding(name))
                else:
                    files.append(SourceFile(name=name, path=found))
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
        if found.is_file() and not any(part.startswith((".", "__")) for part in inside.parts):
            yield str(PurePosixPath(path.name, *inside.parts)), found


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in _ZIP_MAGIC


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
            if any(part.startswith((".", "__")) for part in shown.split("/")):
                continue
            _check_member(info, shown)
            whole_name = f"{name}/{shown}"
            files.append(
                SourceFile(name=whole_name, path=path, member=info.filename, archives=archives)
            )
        except FileProblem as problem:
            findings.append(problem.finding(f"{name}/{shown}"))
    return files


def _is_unsafe(info: zipfile.ZipInfo, shown: str) -> bool:
    parts = shown.replace("\\", "/").split("/")
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    return is_link or ".." in parts or "" in parts or ":" in parts[0]


def _check_member(info: zipfile.ZipInfo, shown: str) -> None:
    if info.flag_bits & 0x1:
        raise FileProblem("archive.encrypted")
    suffix = PurePosixPath(shown).suffix.lower()
    if suffix in _ARCHIVE_SUFFIXES:
        raise FileProblem("archive.nested")
    if suffix != ".xml":
        raise FileProblem("file.not_xml")


def _shown_name(info: zipfile.ZipInfo) -> str:
    """The member's name; Windows writes Russian names in cp866 without saying so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("cp866")
    except UnicodeError:
        return info.filename
