"""Words for what findings mean, and for what is wrong with sign-ins of an earlier portal."""

from __future__ import annotations

from service.i18n import N_
from service.words import words

verdict = words(
    warning=N_("warning"),
    taken=N_("row taken with an error"),
    error=N_("row set aside"),
    fatal=N_("file stopped"),
)
"""What a finding means for its row or file (``Finding.verdict``)."""

line_remedy = words(
    time=N_("write the time as 2017-04-01T09:30:00+03:00 or 01.04.2017 09:30:00 +03:00"),
    no_zone=N_("add the time zone, such as +03:00"),
    future=N_("this is later than now: see the clock and the zone of the portal"),
    nobody=N_("fill in the login or the identifier at the school"),
    school=N_("the registry has no school with this code"),
    method=N_("write password, esia or session"),
    result=N_("write allowed or refused"),
)
"""What to do about a value of a line that cannot be used."""
