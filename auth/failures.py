"""Answers of the provider where none of its views answers: no such address, a wrong method, too
large a body, a fault of ours.

Who asks is known by the path alone: where nothing matched there is no endpoint to go by.
Applications get the errors of OAuth, systems those of ЕСИА, and people a page of the sign-in.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from auth.esia.protocol.errors import CATALOGUE, EsiaRefused, RestRefused
from auth.pages.guard import guard
from auth.texts import choose_language, translator

RETRY_SECONDS = "60"


class Face(StrEnum):
    """The kind of caller at an address."""

    OAUTH = "oauth"
    """An application, in the words of OAuth 2.0 and OpenID Connect."""
    ESIA_TOKENS = "esia_tokens"
    """An information system that asks for tokens as of ЕСИА."""
    ESIA_REST = "esia_rest"
    """An information system that reads about people and organisations."""
    PEOPLE = "people"


_FACES = (
    (Face.OAUTH, r"/auth/(token|revoke|introspect|userinfo|jwks\.json)|/\.well-known"),
    (Face.ESIA_TOKENS, r"/aas/oauth2/(v\d+/)?te"),
    (Face.ESIA_REST, r"/rs|/public"),
    (Face.PEOPLE, r"/auth|/aas|/login|/idp"),
)
_PATTERNS = tuple((face, re.compile(rf"(?:{paths})(?:/|$)")) for face, paths in _FACES)

_TEXTS = {
    400: "The request cannot be read.",
    404: "There is no such address.",
    405: "This address does not take this method.",
    413: "The request is too large.",
    500: "The server met an unexpected condition.",
    503: "The server cannot answer just now; try again later.",
}
_OAUTH_ERRORS = {500: "server_error", 503: "temporarily_unavailable"}
_ESIA_CODES = {500: "007007", 503: "007008"}
_UNREADABLE, _WRONG = "007038", "007003"


def face_of(path: str) -> Face | None:
    """Return who is answered at ``path``; None where the provider answers nobody."""
    return next((face for face, pattern in _PATTERNS if pattern.match(path)), None)


def answer(face: Face, status: int) -> Response:
    """Answer a request that failed with ``status``, in the form that ``face`` reads.

    The database is not asked, since it may be what failed, and nothing that was sent is repeated.
    """
    response = _page(status) if face is Face.PEOPLE else _document(face, status)
    if status == 503:
        response.headers["Retry-After"] = RETRY_SECONDS
    return guard(response)


def _document(face: Face, status: int) -> Response:
    kind = 500 if status >= 500 and status not in _TEXTS else status
    code = _ESIA_CODES.get(kind, _UNREADABLE if status in {400, 413} else _WRONG)
    if face is Face.ESIA_REST:
        body = {"code": f"ESIA-{code}", "message": CATALOGUE[code][1]}
        if status == 404:
            body = RestRefused("005004").body
    elif face is Face.ESIA_TOKENS:
        body = EsiaRefused(code).parameters("")
    else:
        body = {
            "error": _OAUTH_ERRORS.get(kind, "invalid_request"),
            "error_description": _TEXTS.get(kind, _TEXTS[400]),
        }
    response = Response(json.dumps(body), status=status, content_type="application/json")
    response.headers["Pragma"] = "no-cache"
    return response


def _page(status: int) -> Response:
    language = choose_language(request)
    body = render_template(
        "auth/problem.html",
        _=translator(language),
        language=language,
        status=status if status in _TEXTS else 400 if status < 500 else 500,
    )
    return make_response(body, status)
