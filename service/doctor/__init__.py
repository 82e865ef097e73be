"""The doctor: looks at the installation and at Moodle, changes nothing, says what to change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from service.application import Application
from service.doctor.activity import examine_activity, examine_days
from service.doctor.check import About, Check, Verdict
from service.doctor.installation import examine_installation
from service.doctor.layouts import examine_layouts
from service.doctor.moodle import examine_moodle
from service.doctor.sign_in import examine_esia, examine_sign_in
from service.doctor.upstream import examine_upstream
from service.i18n import gettext as _

__all__ = ["Check", "Verdict", "examine"]


def examine(application: Application, config_file: Path | None = None) -> list[Check]:
    """Yield all checks, in the order in which their problems have to be put right."""
    return [
        *examine_installation(application, config_file),
        *examine_layouts(application),
        *examine_sign_in(application),
        *examine_esia(application),
        *examine_upstream(application),
        *_as_far_as_possible(About("Moodle"), examine_moodle(application)),
        *_as_far_as_possible(About(_("Days of figures")), examine_days(application)),
        *_as_far_as_possible(
            About(_("Custom report of last accesses")), examine_activity(application)
        ),
    ]


def _as_far_as_possible(about: About, checks: Iterable[Check]) -> Iterator[Check]:
    """Yield the checks up to the first that needs a database which is not in order."""
    try:
        yield from checks
    except SQLAlchemyError:
        yield about.warning(
            _("the rest was not looked at, because the database is not in order"),
            _("Put the database in order, then run schoolbridge doctor again."),
        )
