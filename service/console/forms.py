"""Forms: what was typed, and what comes after it: the next page, or the same one with the reason
why nothing was done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, TypeVar

from flask import current_app, flash, make_response, redirect, request, url_for
from werkzeug.wrappers import Response

from auth.clients.problems import FieldProblem, WrongFields
from service.access import Forbidden
from service.console.pages import sentence
from service.problems import Problem
from service.reports.export import FILES
from service.signin.registrations import FormField, read_form
from service.words import problems

Answer = Response | str | tuple[str, int]
View = TypeVar("View", bound=Callable[..., Answer])

_pages: dict[Any, tuple[Callable[..., Answer], dict[str, str]]] = {}
"""By view: the page of its refusals, and the problems that are said of what the form names."""


def filters(*names: str) -> dict[str, str]:
    """Return the filters of the address; one that is not there is empty."""
    return {name: request.args.get(name, "") for name in names}


def typed(name: str) -> str:
    return request.form.get(name, "").strip()


def typed_day(name: str, given: Mapping[str, str] | None = None) -> date | None:
    """Return the day of a field of the form, or of ``given``; None for what is no day."""
    try:
        return date.fromisoformat((request.form if given is None else given).get(name, ""))
    except ValueError:
        return None


def said(problem: Problem | None) -> str:
    """Return the sentence of a problem with a capital letter; empty without one."""
    return sentence(problems.sentence(problem)) if problem else ""


def done(text: str, endpoint: str, status: int = 302, /, **values: Any) -> Response:
    """Lead to a page and say there what was done, or not; what its address needs is by default as
    in this one."""
    flash(text)
    needed = current_app.url_map.is_endpoint_expecting
    here = (request.view_args or {}).items()
    values = {name: value for name, value in here if needed(endpoint, name)} | values
    return redirect(url_for(endpoint, **values), status)


def file_answer(content: bytes | str, name: str) -> Response:
    """Let the browser save ``content`` under this name, whose ending tells the kind."""
    response = Response(content, content_type=FILES[name.rpartition(".")[2]].media_type)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def refused_on(page: Callable[..., Answer], **named: str) -> Callable[[View], View]:
    """Show the page again when the view raises a ``Problem`` or ``WrongFields``.

    ``page`` is the view of the page, which takes the view's own arguments and, as ``problem``, the
    error. ``named``: what the form names may not be there; the code of such a ``Forbidden`` and
    that of the problem which is said of it.
    """

    def mark(view: View) -> View:
        _pages[view] = page, named
        return view

    return mark


def back_to(endpoint: str) -> Callable[..., Response]:
    """Return a page for ``refused_on`` that leads to ``endpoint`` and says the problem there."""
    return lambda *, problem, **_values: done(said(problem), endpoint)


def refusal(error: Problem | WrongFields) -> Response | None:
    """Return the page of the form whose view raised ``error``; None where it has none."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view not in _pages:
        return None
    page, named = _pages[view]
    status = error.status if isinstance(error, Problem) else 400
    if isinstance(error, Forbidden):
        if error.code not in named:
            return None
        error = Problem(named[error.code])
    answer = make_response(page(**(request.view_args or {}), problem=error))
    if answer.status_code == 200:
        answer.status_code = status
    return answer


def registration_page(
    fields: Sequence[FormField],
    problem: WrongFields | None,
    stored: object = None,
    known: Sequence[FieldProblem] = (),
) -> dict[str, Any]:
    """Return what the page of a registration needs: the fields with the values typed, stored or
    usual, and what is wrong with them, or ``known`` to be."""
    if problem and any(one.name in request.form for one in fields):
        values = read_form(fields, request.form)[0]
    else:
        values = {one.name: getattr(stored, one.name, one.default) for one in fields}
    return {"fields": fields, "values": values, "problems": problem.problems if problem else known}


@contextmanager
def registration(fields: Sequence[FormField]) -> Iterator[dict[str, Any]]:
    """Give the values that were typed; what reading them found wrong is said together with what
    their use case finds."""
    values, problems = read_form(fields, request.form)
    try:
        yield values
    except WrongFields as error:
        problems += error.problems
    if problems:
        raise WrongFields(dict.fromkeys(problems))
