"""Reading a large file: ``formats`` beside a bare ``lxml.iterparse`` pass over the same file.

The first line stops at records: it is to stay flat however long the file is. The second goes on to
a ``Roster``, which holds every person of the school, so its memory grows with the school.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from lxml import etree

from bench.measuring import Figure, children_in_turns

BYTES_OF_A_PERSON = 367
"""In a sample of the layout roster-1."""


def figures(folder: Path, *, megabytes: int, rounds: int) -> list[Figure]:
    # Not for the children, whose memory is measured: this brings the whole service.
    from bench.place import write_city

    people = megabytes * 1_000_000 // BYTES_OF_A_PERSON
    (path,) = write_city(folder / "reading", schools=1, people=people).iterdir()
    bare, records, roster = children_in_turns(
        rounds,
        ("bench.reading:iterparse", str(path)),
        ("bench.reading:read_records", str(path)),
        ("bench.reading:read_roster", str(path)),
    )
    size = path.stat().st_size / 1e6
    reference = f"{bare.seconds:.2f} s, {bare.peak_mb:.0f} MB (iterparse)"
    return [
        Figure(
            name=f"read {size:.0f} MB, {people} people: {what}",
            ours=f"{cost.seconds:.2f} s, {cost.peak_mb:.0f} MB",
            reference=reference,
            ratio=cost.seconds / bare.seconds,
        )
        for what, cost in (("records", records), ("roster", roster))
    ]


def iterparse(path: str) -> int:
    """The least that any reader must do: every element once, and freed again."""
    count = 0
    for _event, element in etree.iterparse(path):
        count += 1
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return count


def read_records(path: str) -> int:
    from provisioning.formats.encodings import utf8_chunks
    from provisioning.formats.reader import CHUNK, read_rows
    from provisioning.formats.scanning import scan
    from provisioning.settings import ReadLimits

    limits = ReadLimits()
    (school,) = scan([Path(path)], limits=limits).schools
    (file,) = school.files
    with file.source.open() as stream:
        rows = read_rows(utf8_chunks(stream, file.examined, CHUNK), file.head, limits)
        return sum(1 for _ in rows)


def read_roster(path: str) -> None:
    from provisioning.formats import read_school, scan
    from provisioning.settings import ReadLimits

    today, limits = datetime.now().astimezone().date(), ReadLimits()
    (school,) = scan([Path(path)], limits=limits).schools
    if read_school(school, limits=limits, today=today).roster is None:
        raise RuntimeError("the sample was refused")
