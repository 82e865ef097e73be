"""Reports by mail: each operator's own address and wish, and what could not be delivered."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from service.console.context import scope, the_console
from service.i18n import gettext as _
from service.mailing.addresses import AddressProblem, set_mail
from service.mailing.outbox import undelivered
from service.models import Operator, OperatorRole

blueprint = Blueprint("mail", __name__, url_prefix="/mail")


@blueprint.get("")
def form() -> str:
    return _page()


@blueprint.post("")
def store() -> Response | tuple[str, int]:
    console = the_console()
    try:
        with console.transaction() as db:
            set_mail(
                db,
                db.get_one(Operator, g.operator.id),
                email=request.form.get("email", ""),
                wanted=request.form.get("wanted") == "1",
                actor=scope().actor,
                now=console.now(),
            )
    except AddressProblem as error:
        return _page(problem=str(error)), 400
    flash(_("Stored."))
    return redirect(url_for("console.reports.mail.form"))


def _page(problem: str = "") -> str:
    console = the_console()
    lost = []
    if scope().role == OperatorRole.CITY:
        with console.application.sessions() as db:
            lost = list(undelivered(db))
    return render_template(
        "console/mail.html",
        problem=problem,
        email=request.form.get("email", g.operator.email),
        wanted=request.form.get("wanted") == "1" if problem else g.operator.wants_mail,
        sends=bool(console.application.settings.mail.host),
        undelivered=lost,
    )
