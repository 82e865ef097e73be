"""A school of 3,600 people: read, validated and planned, new and unchanged.

The reference is a bare ``lxml.iterparse`` pass over the same file. The unchanged load reads the
same file, compares it with all that is known of the school, and finds nothing to do.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

from bench.measuring import Figure, in_turns
from bench.place import approve, installation, load, standin, write_city
from bench.reading import iterparse
from service.loads.applying import apply_load


def figures(folder: Path, *, people: int, rounds: int) -> list[Figure]:
    (path,) = write_city(folder / "school", schools=1, people=people).iterdir()
    places = (installation(folder / f"school-{number}") for number in count())
    bare, new = in_turns(rounds, lambda: iterparse(str(path)), lambda: load(next(places), path))
    with standin() as url:
        application = installation(folder / "school-known", moodle_url=url)
        load_id = load(application, path)
        approve(application, load_id)
        apply_load(application, load_id)
    bare_again, known = in_turns(
        rounds, lambda: iterparse(str(path)), lambda: load(application, path)
    )
    return [
        Figure(
            name=f"school of {people}: {what}",
            ours=f"{seconds:.2f} s",
            reference=f"{reference:.3f} s (iterparse)",
            ratio=seconds / reference,
        )
        for what, seconds, reference in (
            ("first load planned", new, bare),
            ("unchanged load planned", known, bare_again),
        )
    ]
