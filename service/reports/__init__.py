"""Reports: each is one file here and one entry in ``REPORTS``.

A report is a ``Definition`` (``definition.py``). Everything else it gets from here: a command of
``schoolbridge report``, a page with its filters in the address, JSON, CSV, XLSX, a print view and
its PDF, a chart, the way from a number to the people behind it, publication and comparison.

To add a report, write ``service/reports/<name>.py``::

    def low_activity(session: Session, question: Question) -> Body:
        below = question.number("below")
        ...
        return Body(freshness=..., columns=..., lines=..., totals=...)

    LOW_ACTIVITY = Definition(
        name="low-activity", title=lambda: _("..."), purpose=lambda: _("..."),
        version="low-activity-1", counted=lambda question: _("..."), build=low_activity,
        levels={Level.SCHOOL: LEVELS[Level.SCHOOL]}, default_level=Level.SCHOOL,
        options=(Number(name="below", label=lambda: _("Fewer than"), default=100),),
        period=PeriodUse.REQUIRED, default_period=last_week,
    )

and add it to ``REPORTS``. The promises:

1. The builder is a function of the database and ``Question``; it reads no clock and writes nothing.
   Every query of it is limited by ``question.scope``, which is narrowed to the district or school
   asked for; it never looks at ``question.district`` to count, and needs no other check of access.
2. ``question.now`` is the cut-off: what happened later is not counted, even if it is known.
3. The number of queries does not depend on the number of schools.
4. Schools without a load keep their row. A value that is not known is None, never 0, and a share
   of nothing is None. Shares are from 0 to 1, moments aware and in UTC.
5. ``Column.key`` is stable and Latin; the title is the letter's, in the reader's language, and that
   of a share names the denominator. A column that counts people says ``people=True``; a share says
   which columns it is computed ``of``; ``definition`` says what is counted, in one sentence.
6. The keys of ``lines`` and ``totals`` are stable between periods and made of codes:
   ``78-0153|teacher``. No names, no numbers of rows.
7. ``sources`` names each kind of data with the moment it is known up to, None when a snapshot is
   missing. ``freshness`` is that of the loads. ``notes`` says what else a signer must know.
8. ``chart`` repeats figures of the table: bars by district, or a trend over weeks; ``target`` is
   the value to be reached. ``sums`` tells which lines add up to which, so that a hidden small
   number cannot be computed from the others; without it all rows add up to the first total.
9. ``people`` of the definition answers for any cell whose column says ``people``; the framework
   checks who may see names, pages, sorts and audits. Lines of people who are not ours (another
   platform's) are told by ``knows_people_of``.
10. ``version`` grows when the same data would give other figures.
"""

from __future__ import annotations

from collections.abc import Mapping

from service.reports.activity import ACTIVITY
from service.reports.coverage import COVERAGE
from service.reports.definition import Definition
from service.reports.freshness import FRESHNESS
from service.reports.funnel import FUNNEL
from service.reports.indicators import INDICATORS
from service.reports.low_activity import LOW_ACTIVITY
from service.reports.movement import MOVEMENT
from service.reports.other_systems import OTHER_SYSTEMS
from service.reports.transition import TRANSITION
from service.reports.weekly import WEEKLY

REPORTS: Mapping[str, Definition] = {
    each.name: each
    for each in (
        COVERAGE,
        ACTIVITY,
        LOW_ACTIVITY,
        OTHER_SYSTEMS,
        FRESHNESS,
        FUNNEL,
        MOVEMENT,
        WEEKLY,
        INDICATORS,
        TRANSITION,
    )
}
"""By the name people type, in the order of the console's list."""
