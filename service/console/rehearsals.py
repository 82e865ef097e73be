"""The button of a load that tries it first, in a copy of what is known."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from service.console import loads
from service.console.context import now, scope, the_console, transaction
from service.console.forms import done, refused_on
from service.i18n import gettext as _
from service.loads import rehearsals
from service.loads.operations import LoadProblem

blueprint = Blueprint("rehearsals", __name__, url_prefix="/loads")


@blueprint.post("/<int:load_id>/rehearse")
@refused_on(loads.show)
def begin(load_id: int) -> Response:
    with transaction() as db:
        number = rehearsals.ask(db, load_id, scope=scope(), now=now())
    if not the_console().queue.rehearse(number):
        with transaction() as db:
            rehearsals.give_up(db, number, now())
        raise LoadProblem("load.no_queue")
    return done(_("The load is being tried. What came of it stands here in a moment."),
                "console.loads.show")  # fmt: skip
