"""`python -m service.moodle_standin`: the stand-in as a process of its own."""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path

from service.moodle_standin.app import DEFAULT_TOKEN, serve
from service.moodle_standin.settings import ServiceToken


def main() -> None:
    parser = argparse.ArgumentParser(prog="service.moodle_standin", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--storage", type=Path, help="SQLite file; without it nothing is kept")
    parser.add_argument("--token", default=DEFAULT_TOKEN)
    parser.add_argument("--control", action="store_true", help="open the pages under /standin/")
    given = parser.parse_args()
    tokens = {given.token: ServiceToken()}
    try:
        serve(given.host, given.port, given.storage, tokens=tokens, control=given.control)
    except (OSError, sqlite3.Error) as error:
        parser.exit(1, f"{given.host}:{given.port} {given.storage or ''}: {error}\n")


if __name__ == "__main__":
    main()
