"""PDF files from pages, made by a child process.

A long table takes a minute of one core and hundreds of megabytes: that belongs to no process that
answers people. The child is this module, ``python -m service.pdf``: the page and its style sheet,
parted by a zero byte, come in, the file goes out. It needs the library Pango.
"""

from __future__ import annotations

import subprocess
import sys

from service.problems import Problem

SECONDS = 300
"""A hundred pages take about twenty."""

PACKAGES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
"""What brings Pango and a font with Cyrillic letters on Debian and Ubuntu."""

_NO_LIBRARY = 3
"""Exit code of the child when the library is missing."""


class NoPdf(Problem):
    """No PDF was made."""

    status = 501


def make_pdf(page: str, style: str) -> bytes:
    """Return the HTML ``page`` as a PDF file. Raises ``NoPdf``."""
    try:
        made = subprocess.run(
            [sys.executable, "-m", "service.pdf"],
            input=f"{style}\0{page}".encode(),
            capture_output=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise NoPdf("pdf.broken") from error
    if made.returncode == _NO_LIBRARY:
        raise NoPdf("pdf.no_library", packages=PACKAGES)
    if made.returncode:
        raise NoPdf("pdf.broken")
    return made.stdout


def main() -> int:
    """The child."""
    try:
        import weasyprint
    except OSError:
        return _NO_LIBRARY
    style, _zero, page = sys.stdin.buffer.read().decode().partition("\0")
    # The page is complete: whatever a name in it looks like, nothing is fetched.
    fetches_nothing = weasyprint.urls.URLFetcher(allowed_protocols=())
    document = weasyprint.HTML(string=page, url_fetcher=fetches_nothing)
    sheets = [weasyprint.CSS(string=style)]
    sys.stdout.buffer.write(document.write_pdf(stylesheets=sheets, presentational_hints=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
