"""``python -m bench``: measure all figures, or those that are named, and print one table."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import (
    activity,
    adoption,
    applying,
    archives,
    coverage,
    importing,
    login,
    looking,
    providers,
    reading,
    school,
    starting,
    tables,
    tokens,
)
from bench.measuring import Figure


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a figure; default: all")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each side")
    parser.add_argument("--megabytes", type=int, default=100, help="of the file that is read")
    parser.add_argument("--members", type=int, default=5_000, help="of a ZIP file")
    parser.add_argument("--table-rows", type=int, default=100_000, help="of a list")
    parser.add_argument("--import-people", type=int, default=100_000)
    parser.add_argument("--school-people", type=int, default=3_600)
    parser.add_argument("--apply-people", type=int, default=1_000)
    parser.add_argument("--adoption-schools", type=int, default=28)
    parser.add_argument("--adoption-straight", action="store_true", help="a whole city")
    parser.add_argument("--adoption-people", type=int, default=715, help="of each school")
    parser.add_argument("--looking-schools", type=int, default=700)
    parser.add_argument("--looking-people", type=int, default=715, help="of each school")
    parser.add_argument("--sign-ins", type=int, default=50)
    parser.add_argument("--flows", type=int, default=400, help="of each provider")
    parser.add_argument("--answers", type=int, default=500, help="to a token")
    parser.add_argument("--city-schools", type=int, default=100)
    parser.add_argument("--city-people", type=int, default=715, help="of each school")
    parser.add_argument("--activity-schools", type=int, default=700)
    parser.add_argument("--activity-people", type=int, default=715, help="of each school")
    parser.add_argument("--activity-events", type=int, default=2_000_000)
    given = parser.parse_args()
    rounds = given.rounds
    measures: dict[str, Callable[[Path], list[Figure]]] = {
        "starting": lambda at: starting.figures(at, rounds=rounds),
        "reading": lambda at: reading.figures(at, megabytes=given.megabytes, rounds=rounds),
        "archives": lambda at: archives.figures(at, members=given.members, rounds=rounds),
        "tables": lambda at: tables.figures(at, rows=given.table_rows, rounds=rounds),
        "importing": lambda at: importing.figures(at, people=given.import_people),
        "school": lambda at: school.figures(at, people=given.school_people, rounds=rounds),
        "applying": lambda at: applying.figures(at, people=given.apply_people, rounds=rounds),
        "adoption": lambda at: adoption.figures(
            at,
            schools=given.adoption_schools,
            people=given.adoption_people,
            straight=given.adoption_straight,
        ),
        "looking": lambda at: looking.figures(
            at, schools=given.looking_schools, people=given.looking_people
        ),
        "login": lambda at: login.figures(at, sign_ins=given.sign_ins, rounds=rounds),
        "providers": lambda at: providers.figures(at, flows=given.flows, rounds=rounds),
        "tokens": lambda at: tokens.figures(at, answers=given.answers, rounds=rounds),
        "coverage": lambda at: coverage.figures(
            at, schools=given.city_schools, people=given.city_people, rounds=rounds
        ),
        "activity": lambda at: activity.figures(
            at,
            schools=given.activity_schools,
            people=given.activity_people,
            events=given.activity_events,
            rounds=rounds,
        ),
    }
    if unknown := set(given.names) - measures.keys():
        parser.error(
            f"no such figure: {', '.join(sorted(unknown))}; there are: {', '.join(measures)}"
        )
    print(f"{'figure':52} {'ours':26} {'reference':40} ratio")
    for name in given.names or measures:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for one in measures[name](Path(folder)):
                ratio = f"{one.ratio:6.2f}" if one.ratio is not None else ""
                print(f"{one.name:52} {one.ours:26} {one.reference:40} {ratio}", flush=True)


if __name__ == "__main__":
    main()
