"""Folders and archives: what is found in them, and what is refused."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.provisioning.roster_files import DATA, LIMITS, ReadResult, read, roster_file

GOOD = roster_file().encode()
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
"""What the two records of a member begin with."""


def zipped(
    members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED, mode: int = 0
) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content, compression)
    return data.getvalue()


def patched(data: bytes, mark: bytes, offset: int, number: bytes) -> bytes:
    place = data.index(mark) + offset
    return data[:place] + number + data[place + len(number) :]


def read_path(path: Path, data: bytes | None = None, **limits: int) -> ReadResult:
    """What is read at the path, after ``data`` is written there."""
    if data is not None:
        path.write_bytes(data)
    return read([path], limits=replace(LIMITS, **limits))


def names(result: ReadResult) -> list[str]:
    return [file.name for file in result.files]


def test_an_archive_is_read_as_its_files(tmp_path: Path) -> None:
    members = {path.name: path.read_bytes() for path in (DATA / "paragraf-flat").iterdir()}
    result = read_path(tmp_path / "upload.zip", zipped(members))
    parts = ("classes", "staff", "students", "teaching")
    assert names(result) == [f"upload.zip/{part}.xml" for part in parts]
    assert len(result.rosters) == 1


def test_a_folder_is_read_with_its_archives_and_without_hidden_files(tmp_path: Path) -> None:
    folder = tmp_path / "september"
    (folder / "district").mkdir(parents=True)
    (folder / "district" / "one.xml").write_bytes(GOOD)
    (folder / ".one.xml.swp").write_bytes(b"x")
    (folder / "two.zip").write_bytes(zipped({"a/two.xml": roster_file(code="78-0244").encode()}))
    result = read_path(folder)
    assert names(result) == ["september/district/one.xml", "september/two.zip/a/two.xml"]
    assert not result.findings


def test_a_folder_or_archive_without_files_is_named(tmp_path: Path) -> None:
    folder, archive = tmp_path / "september", tmp_path / "empty.zip"
    folder.mkdir()
    (folder / ".one.xml.swp").write_bytes(b"x")
    archive.write_bytes(zipped({}))
    found = [(finding.rule, finding.file) for finding in read([folder, archive]).findings]
    assert found == [("file.none", "september"), ("file.none", "empty.zip")]
    (folder / "one.xml").write_bytes(GOOD)
    assert not read_path(folder).findings


def test_a_russian_file_name_from_windows_is_shown_right(tmp_path: Path) -> None:
    data = zipped({"XXXXX.xml": GOOD}).replace(b"XXXXX", "школа".encode("cp866"))
    assert names(read_path(tmp_path / "a.zip", data)) == ["a.zip/школа.xml"]


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
    result = read_path(tmp_path / "a.zip", zipped({name: GOOD, "good.xml": GOOD}))
    assert (result.rules, names(result)) == ([rule], ["a.zip/good.xml"])
    assert len(result.rosters) == 1


ONE = zipped({"school.xml": GOOD})
STORED = zipped({"school.xml": GOOD}, zipfile.ZIP_STORED)
ENCRYPTED = patched(patched(ONE, LOCAL, 6, b"\1\0"), CENTRAL, 8, b"\1\0")
SMALLER = patched(STORED, CENTRAL, 24, (len(GOOD) // 2).to_bytes(4, "little"))
CHANGED = STORED.replace("Примерович".encode(), "Примеровна".encode())
LINK = zipped({"school.xml": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777)
FOUR = zipped({f"{number}.xml": GOOD for number in range(4)})

HARMFUL: dict[str, tuple[bytes, dict[str, int], str]] = {
    "a link": (LINK, {}, "archive.unsafe_name"),
    "behind a password": (ENCRYPTED, {}, "archive.encrypted"),
    "very tightly packed": (zipped({"school.xml": b" " * 5_000_000}), {}, "archive.bomb"),
    "large in all": (STORED, {"total_bytes": 100}, "archive.bomb"),
    "too many files": (FOUR, {"archive_files": 3}, "archive.too_many_files"),
    "says it is smaller": (SMALLER, {}, "archive.damaged"),
    "cut early": (ONE[: len(ONE) // 10], {}, "archive.damaged"),
    "cut in the middle": (ONE[: len(ONE) // 2], {}, "archive.damaged"),
    "cut late": (ONE[: len(ONE) * 95 // 100], {}, "archive.damaged"),
    "a changed letter": (CHANGED, {}, "archive.damaged"),
}


@pytest.mark.parametrize(("data", "limits", "rule"), HARMFUL.values(), ids=HARMFUL)
def test_an_archive_that_does_harm_is_one_finding(
    tmp_path: Path, data: bytes, limits: dict[str, int], rule: str
) -> None:
    result = read_path(tmp_path / "a.zip", data, **limits)
    assert (result.rules, result.rosters) == ([rule], [])


def test_a_small_archive_may_be_packed_very_tightly(tmp_path: Path) -> None:
    blank = roster_file(after=" " * 900_000).encode()
    archive = zipped({"school.xml": blank})
    assert len(blank) > 200 * len(archive)
    assert read_path(tmp_path / "small.zip", archive).rules == []


def test_other_archives_and_missing_files_are_named_without_the_servers_path(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    (tmp_path / "bad.xml").write_bytes(b"x")
    result = read(tmp_path / name for name in ("a.rar", "no.xml", "bad.xml"))
    assert [(finding.rule, finding.file) for finding in result.findings] == [
        ("archive.unsupported", "a.rar"),
        ("file.missing", "no.xml"),
        ("xml.truncated", "bad.xml"),
    ]


def test_a_zip_by_another_name_is_still_a_zip(tmp_path: Path) -> None:
    assert len(read_path(tmp_path / "school.xml", ONE).rosters) == 1
