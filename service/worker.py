"""``python -m service.worker``: the worker process, with nothing in memory but what jobs need."""

from __future__ import annotations

import sys

from service.config import load_settings
from service.jobs import work

if __name__ == "__main__":
    work(load_settings(), burst="--burst" in sys.argv[1:])
