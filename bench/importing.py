"""``import`` of a very large school: seconds and peak memory of the process that does the work.

The reference is a bare ``lxml.iterparse`` pass over the same file. The process holds what a worker
holds, its imports included; 300 MB is the promise for 100,000 people.
"""

from __future__ import annotations

from pathlib import Path

from bench.measuring import Figure, in_child
from bench.place import installation, load, write_city


def figures(folder: Path, *, people: int) -> list[Figure]:
    (path,) = write_city(folder / "importing", schools=1, people=people).iterdir()
    home = folder / "importing-home"
    installation(home).engine.dispose()
    ours = in_child("bench.importing:receive_and_plan", str(home), str(path))
    bare = in_child("bench.reading:iterparse", str(path))
    return [
        Figure(
            name=f"import of {people} people",
            ours=f"{ours.seconds:.1f} s, {ours.peak_mb:.0f} MB",
            reference=f"{bare.seconds:.2f} s, {bare.peak_mb:.0f} MB (iterparse)",
            ratio=ours.seconds / bare.seconds,
        )
    ]


def receive_and_plan(home: str, path: str) -> None:
    import service.jobs  # noqa: F401 - a worker has it in memory, so it counts

    application = installation(Path(home))
    load(application, Path(path))
    application.engine.dispose()
