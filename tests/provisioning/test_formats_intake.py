"""Folders and archives: what is found in them, and what is refused."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from provisioning.settings import ReadLimits
from tests.provisioning.roster_files import DATA, LIMITS, ReadResult, read, roster_file, rules_of

GOOD = roster_file().encode()


def make_zip(
    path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def read_path(path: Path, limits: ReadLimits = LIMITS) -> ReadResult:
    return read([path], limits=limits)


def test_an_archive_is_read_as_its_files(tmp_path: Path) -> None:
    members = {path.name: path.read_bytes() for path in (DATA / "paragraf-flat").iterdir()}
    result = read_path(make_zip(tmp_path / "upload.zip", members))
    assert [file.name for file in result.files] == [
        "upload.zip/classes.xml",
        "upload.zip/staff.xml",
        "upload.zip/students.xml",
        "upload.zip/teaching.xml",
    ]
    assert len(result.rosters) == 1


def test_a_folder_is_read_with_its_archives_and_without_hidden_files(tmp_path: Path) -> None:
    folder = tmp_path / "september"
    (folder / "district").mkdir(parents=True)
    (folder / "district" / "one.xml").write_bytes(GOOD)
    (folder / ".one.xml.swp").write_bytes(b"x")
    make_zip(folder / "two.zip", {"a/two.xml": roster_file(code="78-0244").encode()})
    result = read_path(folder)
    assert [file.name for file in result.files] == [
        "september/district/one.xml",
        "september/two.zip/a/two.xml",
    ]
    assert not result.findings


def test_a_folder_or_archive_without_files_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "september"
    folder.mkdir()
    (folder / ".one.xml.swp").write_bytes(b"x")
    archive = make_zip(tmp_path / "empty.zip", {})
    found = read([folder, archive]).findings
    assert [(finding.rule, finding.file) for finding in found] == [
        ("file.none", "september"),
        ("file.none", "empty.zip"),
    ]
    (folder / "one.xml").write_bytes(GOOD)
    assert not read_path(folder).findings


def test_a_russian_file_name_from_windows_is_shown_right(tmp_path: Path) -> None:
    name = "школа.xml".encode("cp866").decode("cp437")
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("X" * len(name) + ".xml", GOOD)
    raw = data.getvalue().replace(b"X" * len(name) + b".xml", "школа.xml".encode("cp866") + b".xml")
    (tmp_path / "a.zip").write_bytes(raw)
    assert [file.name for file in read_path(tmp_path / "a.zip").files] == ["a.zip/школа.xml.xml"]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("../school.xml", "archive.unsafe_name"),
        ("a/../../school.xml", "archive.unsafe_name"),
        ("/etc/school.xml", "archive.unsafe_name"),
        ("C:/school.xml", "archive.unsafe_name"),
        ("..\\school.xml", "archive.unsafe_name"),
        ("more.zip", "archive.nested"),
        ("more.7z", "archive.nested"),
        ("readme.txt", "file.not_xml"),
    ],
)
def test_a_member_that_may_not_be_read_is_named_and_the_rest_goes_on(
    tmp_path: Path, name: str, rule: str
) -> None:
    result = read_path(make_zip(tmp_path / "a.zip", {name: GOOD, "good.xml": GOOD}))
    assert rules_of(result.findings) == [rule]
    assert [file.name for file in result.files] == ["a.zip/good.xml"]
    assert len(result.rosters) == 1


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("school.xml")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert rules_of(read_path(tmp_path / "a.zip").findings) == ["archive.unsafe_name"]


def test_a_file_behind_a_password_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"school.xml": GOOD})
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(magic) + offset
        (flags,) = struct.unpack_from("<H", data, place)
        struct.pack_into("<H", data, place, flags | 1)
    path.write_bytes(data)
    assert rules_of(read_path(path).findings) == ["archive.encrypted"]


def test_a_small_archive_may_be_packed_very_tightly(tmp_path: Path) -> None:
    blank = roster_file(after=" " * 900_000).encode()
    archive = make_zip(tmp_path / "small.zip", {"school.xml": blank})
    assert len(blank) > 200 * archive.stat().st_size
    assert rules_of(read_path(archive).findings) == []


def test_a_zip_bomb_is_refused_unread(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"school.xml": b" " * 50_000_000})
    assert rules_of(read_path(path).findings) == ["archive.bomb"]


def test_an_archive_beyond_the_total_size_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"school.xml": GOOD}, zipfile.ZIP_STORED)
    limits = replace(LIMITS, total_bytes=100)
    assert rules_of(read_path(path, limits).findings) == ["archive.bomb"]


def test_an_archive_of_too_many_files_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {f"{number}.xml": GOOD for number in range(4)})
    limits = replace(LIMITS, archive_files=3)
    assert rules_of(read_path(path, limits).findings) == ["archive.too_many_files"]


def test_a_member_that_says_it_is_smaller_than_it_is_does_no_harm(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"school.xml": GOOD}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02") + 24
    struct.pack_into("<I", data, place, len(GOOD) // 2)
    path.write_bytes(data)
    result = read_path(path)
    assert len(result.findings) == 1
    assert not result.rosters


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_cut_archive_is_one_finding(tmp_path: Path, share: float) -> None:
    path = make_zip(tmp_path / "a.zip", {"school.xml": GOOD})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert rules_of(read_path(path).findings) == ["archive.damaged"]


def test_a_damaged_member_is_one_finding(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"school.xml": GOOD}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace("Примерович".encode(), "Примеровна".encode()))
    assert rules_of(read_path(path).findings) == ["archive.damaged"]


def test_other_archives_and_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    result = read([tmp_path / "a.rar", tmp_path / "no.xml"])
    assert rules_of(result.findings) == ["archive.unsupported", "file.missing"]
    assert [finding.file for finding in result.findings] == ["a.rar", "no.xml"]


def test_a_zip_by_another_name_is_still_a_zip(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "school.xml", {"school.xml": GOOD})
    assert len(read_path(path).rosters) == 1


def test_no_server_path_is_shown(tmp_path: Path) -> None:
    (tmp_path / "bad.xml").write_bytes(b"x")
    result = read_path(tmp_path / "bad.xml")
    assert [finding.file for finding in result.findings] == ["bad.xml"]
