"""Workbooks as older and free spreadsheet programs save them: XLS (BIFF 8 in OLE) and ODS."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from xml.sax.saxutils import escape
from zipfile import ZipFile

Rows = Sequence[Sequence[str]]

_NAMESPACES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
)
_SECTOR = 512
_FREE, _END, _IS_FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def ods(rows: Rows, *, repeated: int = 1) -> bytes:
    """A sheet of texts; each row says that it is ``repeated`` so many times."""
    body = "".join(
        f'<table:table-row table:number-rows-repeated="{repeated}">'
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p>'
            "</table:table-cell>"
            if cell
            else "<table:table-cell/>"
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    content = (
        f"<?xml version='1.0' encoding='UTF-8'?><office:document-content {_NAMESPACES}>"
        f'<office:body><office:spreadsheet><table:table table:name="Лист1">{body}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            "<manifest:manifest "
            'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
        archive.writestr("content.xml", content)
    return out.getvalue()


def xls(rows: Rows) -> bytes:
    """A sheet of texts, as records of BIFF 8 in the one stream of an OLE file."""
    sheet = _begin(0x10)
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            if cell:
                sheet += _record(0x204, struct.pack("<HHH", number, column, 0) + _text(cell, "<HB"))
    sheet += _record(0x0A)
    name = _text("Лист1", "<BB")
    begin = _begin(5)
    place = len(begin) + 4 + 6 + len(name) + 4
    book = begin + _record(0x85, struct.pack("<IBB", place, 0, 0) + name) + _record(0x0A)
    return _ole(book + sheet)


def _record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _begin(kind: int) -> bytes:
    return _record(0x809, struct.pack("<HHHHII", 0x600, kind, 0x0DBB, 0x07CC, 0, 6))


def _text(text: str, lengths: str) -> bytes:
    return struct.pack(lengths, len(text), 1) + text.encode("utf-16-le")


def _ole(stream: bytes) -> bytes:
    size = max(8 * _SECTOR, -(-len(stream) // _SECTOR) * _SECTOR)
    count = size // _SECTOR
    fat = [_IS_FAT, _END, *(number + 3 for number in range(count - 1)), _END]
    fat += [_FREE] * (128 - len(fat))
    entries = _entry("Root Entry", 5, _END, 0, child=1) + _entry("Workbook", 2, 2, size)
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
        + struct.pack("<9I", 0, 1, 1, 0, 4096, _END, 0, _END, 0)
        + struct.pack("<109I", 0, *[_FREE] * 108)
    )  # fmt: skip
    directory = entries.ljust(_SECTOR, b"\0")
    return header + struct.pack("<128I", *fat) + directory + stream.ljust(size, b"\0")


def _entry(name: str, kind: int, start: int, size: int, child: int = _FREE) -> bytes:
    encoded = name.encode("utf-16-le")
    return (
        encoded.ljust(64, b"\0")
        + struct.pack("<HBB3I", len(encoded) + 2, kind, 1, _FREE, _FREE, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )
