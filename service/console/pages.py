"""What Jinja templates can call: words, dates, numbers; the language and headers of an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from babel.dates import format_datetime
from babel.numbers import format_decimal
from flask import Flask, request, url_for
from werkzeug.wrappers import Response

from auth.cookies import Cookie
from service import i18n
from service.console.context import settings, the_console
from service.console.session import form_token
from service.words import (
    adopting,
    drifts,
    esia,
    exclusions,
    findings,
    links,
    loads,
    people,
    phases,
    questions,
    registrations,
    registry,
    values,
    years,
)

WORDS = SimpleNamespace(
    adopting=adopting, drifts=drifts, esia=esia, exclusions=exclusions, findings=findings,
    links=links, loads=loads, people=people, phases=phases, questions=questions,
    registrations=registrations, registry=registry, values=values, years=years,
)  # fmt: skip
"""``words`` of a template: ``words.loads.outcome(code)``."""

LANGUAGE_COOKIE = "language"
LANGUAGE_COOKIE_AGE = timedelta(days=365)

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def init_app(app: Flask) -> None:
    """Teach the application's templates our words, and each request its language."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        i18n.gettext, i18n.ngettext, newstyle=False
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        words=WORDS,
        form_token=form_token,
        language=i18n.language,
        options=options,
        this_page_in=_this_page_in,
        this_page_with=_this_page_with,
    )
    app.jinja_env.filters.update(
        moment=moment, number=number, size=size, sentence=sentence, plain=values.plain
    )
    app.before_request(_choose_language)
    app.after_request(_set_headers)


def sentence(text: str) -> str:
    """``text`` with a capital first letter: words of codes are written small."""
    return text[:1].upper() + text[1:]


def moment(value: datetime | None, *, seconds: bool = False) -> str:
    """A moment in the time zone of the installation; a dash when there is none. ``seconds`` for
    lines that follow each other fast."""
    if value is None:
        return "—"
    form = f"d MMM y, HH:mm{':ss' if seconds else ''}"
    there = value.astimezone(the_console().application.zone)
    return format_datetime(there, form, locale=i18n.language())


def number(value: int) -> str:
    return str(format_decimal(value, locale=i18n.language()))


def size(value: int) -> str:
    """A number of bytes in the largest unit that leaves it at one or more."""
    units = [(2**30, i18n.gettext("GB")), (2**20, i18n.gettext("MB")), (2**10, i18n.gettext("KB"))]
    for bytes_in_unit, unit in units:
        if value >= bytes_in_unit:
            return f"{format_decimal(value / bytes_in_unit, '#,##0.#', i18n.language())} {unit}"
    return i18n.gettext("{n} bytes", n=value)


def options(values: Iterable[str], say: Callable[[str], str] = str) -> list[tuple[str, str]]:
    """Values and titles of a choice."""
    return [(str(value), sentence(say(value))) for value in values]


def _choose_language() -> None:
    """``?lang=``, then the cookie, then the setting.

    The browser's own wish does not count: schools have many browsers set to English by nobody.
    """
    wished = request.args.get("lang") or request.cookies.get(LANGUAGE_COOKIE, "")
    if wished not in i18n.LANGUAGES:
        wished = settings().server.language
    i18n.set_language(wished)


def keep_private(response: Response) -> Response:
    """For pages that show people: no cache may keep them."""
    response.headers["Cache-Control"] = "no-store"
    return response


def _set_headers(response: Response) -> Response:
    chosen = request.args.get("lang")
    if chosen in i18n.LANGUAGES:
        cookie = Cookie(name=LANGUAGE_COOKIE, secure=request.is_secure)
        cookie.write(response, chosen, max_age=LANGUAGE_COOKIE_AGE)
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    return response


def _this_page_in(code: str) -> str:
    """The address of this page in another language; a posted page has none of its own."""
    if request.endpoint is None or request.method != "GET":
        return url_for("console.home.index", lang=code)
    return _this_page_with(lang=code)


def _this_page_with(**changes: Any) -> str:
    """The address of this page with some of its parameters changed; an empty one is left out."""
    values: Mapping[str, Any] = {**request.args, **(request.view_args or {}), **changes}
    kept = {name: value for name, value in values.items() if value not in ("", None)}
    return url_for(str(request.endpoint), **kept)
