"""``python -m bench.people``: let cities live through the service, print the judge's figures.

Prints a line of JSON for each seed, then a table. Ends with 1 when a bar is broken.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from datetime import date
from pathlib import Path

from bench.people.verdict import Trial, by_kind, try_life
from bench.place import postgresql
from service.sample.life import MOST_MONTHS, Life


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.people", description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[1], help="one life for each")
    parser.add_argument("--schools", type=int, default=12)
    parser.add_argument("--people", type=int, default=120, help="of each school")
    parser.add_argument("--months", type=int, default=MOST_MONTHS)
    parser.add_argument("--eventful", type=float, default=1.0, help="times the usual events")
    parser.add_argument("--explain", action="store_true", help="name everything that went wrong")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    given = parser.parse_args()
    logging.disable(logging.ERROR)
    trials = []
    for seed in given.seed:
        life = Life(
            schools=given.schools, people_per_school=given.people, months=given.months, seed=seed,
            eventful=given.eventful, today=date(2027, 8, 31),
        )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            trials.append(_try(Path(folder), life, given.postgresql, given.explain))
    _table(trials)
    return 1 if any(one.verdict.broken() for one in trials) else 0


def _try(folder: Path, life: Life, on_postgresql: bool, explain: bool) -> Trial:
    if on_postgresql:
        with postgresql(folder / "postgresql") as url:
            return _tell(try_life(folder / "home", life, database_url=url), explain)
    return _tell(try_life(folder / "home", life), explain)


def _tell(trial: Trial, explain: bool) -> Trial:
    facts = trial.verdict.facts | {"by_kind": by_kind(trial)}
    print(json.dumps(facts, ensure_ascii=False), flush=True)
    for line in trial.explained() if explain else ():
        print(f"  {line}", flush=True)
    return trial


def _table(trials: list[Trial]) -> None:
    print()
    names = [name for name in trials[0].verdict.facts if name != "broken"]
    for name in names:
        values = "".join(f"{one.verdict.facts[name]!s:>12}" for one in trials)
        broken = any(name in one.verdict.broken() for one in trials)
        print(f"{name:28}{values}{'   broken' if broken else ''}")


if __name__ == "__main__":
    sys.exit(main())
