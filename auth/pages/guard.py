"""The headers that keep the sign-in's pages safe, and where the forms of one page may lead."""

from __future__ import annotations

from collections.abc import Iterable

from flask import g, request
from werkzeug.wrappers import Response

MOST_TARGETS = 10
"""Of one page. The header of a page has to stay far below the 4 KB that proxies take by default."""


def let_forms_lead_to(sources: Iterable[str], asked: str = "") -> None:
    """Let the forms of the page that is being answered lead to the asking application, too.

    Browsers apply ``form-action`` to the redirects after a form. ``sources`` are all places of the
    application, since its own first answer may lead from one to another; of more than
    ``MOST_TARGETS`` only the one that was ``asked`` for counts.
    """
    known = sorted(sources)
    g.form_targets = known if len(known) <= MOST_TARGETS else [one for one in known if one == asked]


def guard(response: Response) -> Response:
    """Keep answers out of frames, caches and referrers, and scripts out of pages.

    ``form-action`` names the asking application alone: naming all of them told everybody who is
    connected here, and made a header that proxies refuse.
    """
    if (request.endpoint or "").endswith(".static"):
        return response
    targets = " ".join(["'self'", *g.get("form_targets", ())])
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {targets}"
    )
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    return response
