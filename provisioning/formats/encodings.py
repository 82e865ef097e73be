"""Which encoding a file really has, whatever it says, and its bytes as UTF-8
(docs/facts/paragraf.md R2)."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from provisioning.formats.letters import likeliest, wrong_letters
from provisioning.formats.problems import FileProblem

_CHUNK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_EIGHT_BIT = {
    **{f"windows-{number}": f"cp{number}" for number in range(1250, 1259)},
    **{f"cp{number}": f"cp{number}" for number in (*range(1250, 1259), 437, 850, 852, 855)},
    **{
        f"{name}-{part}": f"iso8859-{part}"
        for name in ("iso-8859", "iso8859", "iso_8859")
        for part in (*range(1, 12), *range(13, 17))
    },
    **dict.fromkeys(("cp-1251", "win-1251"), "cp1251"),
    **dict.fromkeys(("koi8-r", "koi8r"), "koi8-r"),
    "koi8-u": "koi8-u",
    **dict.fromkeys(("ibm866", "cp866", "dos-866"), "cp866"),
    **dict.fromkeys(("x-mac-cyrillic", "mac-cyrillic", "maccyrillic"), "mac-cyrillic"),
    **dict.fromkeys(("macintosh", "x-mac-roman", "mac-roman"), "mac-roman"),
    **dict.fromkeys(("latin1", "latin-1"), "iso8859-1"),
}
"""Names of code pages in XML declarations and layouts -> Python's codecs."""
_SAMPLE_HEAD = 1 << 17
_SAMPLE_LATER, _SAMPLES = 1 << 14, 16
"""Bytes from the beginning, and of each of the next chunks, whose letters are looked at."""
_DECLARATION = re.compile(
    rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']"""
)
_CYRILLIC = re.compile("[А-яЁё]")


@dataclass(frozen=True, slots=True)
class Examined:
    """One pass over a file's bytes: what it is, before any XML is looked at."""

    sha256: str
    codec: str
    """Python codec to read the file with."""
    damaged: bool
    """Some bytes are not of the encoding; they read as U+FFFD."""
    declared: str
    rule: str
    """A finding about the encoding (a lie, or damage), else empty."""


def _unmarked_utf_16(head: bytes) -> str:
    """The codec of UTF-16 without a mark, by the high bytes of Latin and Cyrillic letters; empty
    when it is none."""
    for codec, high in (("utf-16-be", head[::2]), ("utf-16-le", head[1::2])):
        if high and high.count(0) + high.count(4) > 0.9 * len(high):
            return codec
    return ""


def codec_named(name: str) -> str:
    """The codec of an encoding by its usual names; empty for an unknown one."""
    small = name.strip().lower()
    return "utf-8" if small in ("utf-8", "utf8") else _EIGHT_BIT.get(small, "")


def examine(stream: IO[bytes], max_bytes: int) -> Examined:
    """Read an XML file to its end; raises FileProblem for an empty or too large file, and for one
    whose text is in another encoding than it says (letters.py)."""
    seen = _Seen.of(stream, max_bytes)
    examined = Examined(seen.sha256, *_judge(seen.head, seen.ascii_only, seen.broken_chunk))
    if not seen.ascii_only:
        check_letters(examined.codec, seen.samples)
    return examined


def examine_text(stream: IO[bytes], max_bytes: int, codec: str = "") -> Examined:
    """Read a text that cannot say its encoding to its end: a byte order mark tells it, else it is
    UTF-8 if it can be, else ``codec``, else what its letters tell. Raises as ``examine`` does."""
    seen = _Seen.of(stream, max_bytes)
    bom = next((known for mark, known in _BOMS if seen.head.startswith(mark)), "")
    if not bom and b"\0" in seen.head:
        bom = _unmarked_utf_16(seen.head)
    if bom.startswith("utf-16"):
        found, damaged = bom, True
    elif not seen.broken_chunk:
        found, damaged = "utf-8", False
    else:
        found, damaged = ("utf-8" if bom else codec or likeliest(b"\n".join(seen.samples))), True
    if not seen.ascii_only:
        check_letters(found, seen.samples)
    return Examined(seen.sha256, found, damaged, "", "")


def digest_of(stream: IO[bytes], max_bytes: int) -> str:
    """The SHA-256 of the bytes of a file that is no text; raises FileProblem."""
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if size > max_bytes:
            raise FileProblem("file.too_large", limit=str(max_bytes))
    if not size:
        raise FileProblem("file.empty")
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one pass over the bytes of a file shows."""

    sha256: str
    ascii_only: bool
    broken_chunk: bytes
    """The first that is no UTF-8."""
    head: bytes
    samples: list[bytes]
    """From several places."""

    @classmethod
    def of(cls, stream: IO[bytes], max_bytes: int) -> _Seen:
        digest = hashlib.sha256()
        decoder = codecs.getincrementaldecoder("utf-8")()
        size, ascii_only, broken_chunk, head = 0, True, b"", b""
        samples: list[bytes] = []
        while chunk := stream.read(_CHUNK):
            head = head or chunk[:512]
            if len(samples) < _SAMPLES:
                samples.append(chunk[: _SAMPLE_LATER if samples else _SAMPLE_HEAD])
            digest.update(chunk)
            size += len(chunk)
            if size > max_bytes:
                raise FileProblem("file.too_large", limit=str(max_bytes))
            ascii_only = ascii_only and chunk.isascii()
            if not broken_chunk:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    broken_chunk = chunk
        if not head.strip():
            raise FileProblem("file.empty")
        return cls(digest.hexdigest(), ascii_only, broken_chunk, head, samples)


def check_letters(codec: str, samples: Iterable[bytes]) -> None:
    """Raise FileProblem when the bytes, read as ``codec``, are text that is readable but wrong."""
    # Each sample may be cut inside a sign.
    text = "\n".join(one.decode(codec, "ignore") for one in samples)
    found = wrong_letters(text, codec)
    if found is not None:
        raise FileProblem(
            "encoding.wrong_letters",
            value=found.codec,
            read_as=found.read_as,
            count=str(found.words),
        )


def _judge(head: bytes, ascii_only: bool, broken_chunk: bytes) -> tuple[str, bool, str, str]:
    """Return codec, damaged, declared, rule: by the mark, the declaration, UTF-8, windows-1251."""
    bom = next((codec for mark, codec in _BOMS if head.startswith(mark)), "")
    if bom == "utf-16":
        return bom, True, "", ""
    if head.startswith((b"<\x00", b"\x00<")):
        return ("utf-16-le" if head[0] else "utf-16-be"), True, "", ""
    match = _DECLARATION.match(head.removeprefix(codecs.BOM_UTF8))
    declared = match[1].decode("ascii").lower() if match else ""
    eight_bit = _EIGHT_BIT.get(declared, "")
    if declared and not eight_bit and declared not in ("utf-8", "utf8", "us-ascii", "utf-16"):
        raise FileProblem("encoding.unknown", value=declared)
    if not broken_chunk:
        lie = "encoding.lie" if eight_bit and not ascii_only else ""
        return "utf-8", False, declared, lie
    if eight_bit:
        return eight_bit, True, declared, ""
    text = broken_chunk.decode("utf-8", "replace")
    if text.count("\ufffd") > len(_CYRILLIC.findall(text)):
        return "cp1251", True, declared, "encoding.lie" if declared or bom else ""
    return "utf-8", True, declared, "encoding.damaged"


def utf8_chunks(stream: IO[bytes], examined: Examined, size: int) -> Iterator[bytes]:
    """The file as UTF-8 in chunks of about ``size`` bytes; the parser never guesses."""
    if examined.codec == "utf-8" and not examined.damaged:
        while chunk := stream.read(size):
            yield chunk
        return
    decoder = codecs.getincrementaldecoder(examined.codec)("replace")
    while chunk := stream.read(size):
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")
