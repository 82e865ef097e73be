"""Reports by mail: each operator's own address and wish, and what could not be delivered."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request
from werkzeug.wrappers import Response

from service.console.context import now, scope, settings, transaction
from service.console.forms import done, refused_on, said
from service.console.navigation import Part
from service.i18n import N_
from service.i18n import gettext as _
from service.mailing.addresses import set_mail
from service.mailing.outbox import undelivered
from service.models import Operator
from service.problems import Problem

blueprint = Blueprint("mail", __name__, url_prefix="/mail")
PARTS = (Part(N_("Reports by mail"), "console.reports.mail.form"),)


@blueprint.get("")
def form(problem: Problem | None = None) -> str:
    with transaction() as db:
        lost = list(undelivered(db)) if scope().is_city else []
    return render_template(
        "console/mail.html",
        problem=said(problem),
        email=request.form.get("email", g.operator.email),
        wanted=request.form.get("wanted") == "1" if problem else g.operator.wants_mail,
        sends=bool(settings().mail.host),
        undelivered=lost,
    )


@blueprint.post("")
@refused_on(form)
def store() -> Response:
    with transaction() as db:
        operator, email = db.get_one(Operator, g.operator.id), request.form.get("email", "")
        wanted = request.form.get("wanted") == "1"
        set_mail(db, operator, email=email, wanted=wanted, actor=scope().actor, now=now())
    return done(_("Stored."), "console.reports.mail.form")
