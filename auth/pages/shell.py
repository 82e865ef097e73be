"""The shell of a page: the person's language, the form token of this browser, and its cookie."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

from babel.dates import format_date
from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from auth.clients.client import Client, source_of
from auth.cookies import Cookie, form_token
from auth.oidc.context import Context
from auth.pages.guard import let_forms_lead_to
from auth.pages.transition import offers
from auth.signin.policy import Decision
from auth.texts import LANGUAGES, choose_language, counter, translator


def render_page(template: str, cookie: Cookie, *, status: int = 200, **values: Any) -> Response:
    """Return a page of any face in the person's language, with a form token for the browser that
    ``cookie`` names."""
    language = choose_language(request)
    browser = cookie.browser(request)
    body = render_template(
        f"auth/{template}",
        _=translator(language),
        ngettext=counter(language),
        say_day=partial(format_date, format="d MMMM y", locale=language),
        language=language,
        languages=[(code, _in_language(code)) for code in LANGUAGES],
        form_token=form_token(browser),
        **values,
    )
    response = make_response(body, status)
    cookie.write(response, browser)
    return response


def render(context: Context, template: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page of the provider.

    ``onward`` is the query of the authorization request to go on with afterwards; without it that
    of the page's own address. The page's forms may lead to its application.
    """
    onward = values.setdefault("onward", current_query())
    if client := asking_client(context, onward):
        let_forms_lead_to(client.origins, source_of(_first_values(onward).get("redirect_uri", "")))
    return render_page(
        template,
        context.sessions.cookie,
        status=status,
        upstreams=lambda: context.upstreams if offers(context).outside else (),
        **values,
    )


def refuse(context: Context, decision: Decision, client: Client | None) -> Response:
    """Return the page for somebody whom ``policy`` does not let in: why, and what to do."""
    return render(
        context,
        "refused.html",
        status=403,
        reason=decision.reason,
        phase=decision.phase,
        client=client,
    )


def current_query() -> str:
    return request.query_string.decode("ascii", "replace")


def asking_client(context: Context, query: str) -> Client | None:
    """Return the application that brought the person here, by the query of its authorization
    request."""
    return context.client(_first_values(query).get("client_id", ""))


def _first_values(query: str) -> dict[str, str]:
    return dict(reversed(parse_qsl(query, keep_blank_values=True)))


def _in_language(code: str) -> str:
    """Return the address of this page in another language."""
    query = [(k, v) for k, v in request.args.items(multi=True) if k != "ui_locales"]
    return f"?{urlencode([*query, ('ui_locales', code)])}"
