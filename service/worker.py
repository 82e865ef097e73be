"""``python -m service.worker``: the worker process, with nothing in memory but what jobs need.

Arguments are the kinds of work, by default all, and ``--burst``.
"""

from __future__ import annotations

import sys

from service.jobs import work
from service.queue import Work
from service.starting import started

if __name__ == "__main__":
    kinds = tuple(Work(each) for each in sys.argv[1:] if each != "--burst")
    with started() as application:
        work(application.settings, kinds or tuple(Work), burst="--burst" in sys.argv[1:])
