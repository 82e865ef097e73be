"""Words about the sign-ins of an earlier portal: what is wrong with a file of them."""

from __future__ import annotations

from service.activity.importing import COLUMNS, FileProblem
from service.i18n import gettext as _


def line_remedy(code: str) -> str:
    """What to do about a value of a line that cannot be used."""
    return {
        "time": _("write the time as 2017-04-01T09:30:00+03:00 or 01.04.2017 09:30:00 +03:00"),
        "no_zone": _("add the time zone, such as +03:00"),
        "future": _("this is later than now: see the clock and the zone of the portal"),
        "nobody": _("fill in the login or the identifier at the school"),
        "school": _("the registry has no school with this code"),
        "method": _("write password, esia or session"),
        "result": _("write allowed or refused"),
    }[code]


def file_problem(error: FileProblem) -> str:
    """Why a file of sign-ins cannot be read at all."""
    if error.code == "columns":
        names = ", ".join(COLUMNS)
        return _("the first line must name the columns; missing: {missing}. There are: {names}",
                 missing=error.value, names=names)  # fmt: skip
    if error.code == "empty":
        return _("the file is empty")
    return _("the file is neither UTF-8 nor Windows-1251")
