"""The doctor's look at the accounts of our people: those without one, and those not in Moodle."""

from __future__ import annotations

from collections.abc import Iterator, Set

from sqlalchemy import func, select

from provisioning.moodle import Function, MoodleClient, MoodleError
from service.application import Application
from service.doctor.check import About, Check
from service.i18n import gettext as _
from service.models import KnownUser, SchoolMembership
from service.words import loads as wording

SAMPLE = 100
"""The number of accounts looked at in Moodle, chosen by chance: it takes half a second."""


def examine_accounts(application: Application, present: Set[str]) -> Iterator[Check]:
    """Check the accounts; ``present`` are the functions of Moodle that we may call."""
    yield from _without(application)
    if Function.GET_USERS_BY_FIELD in present:
        yield from _sample(application)


def _without(application: Application) -> Iterator[Check]:
    """Warn of people on a roll whose account could not be made, or was deleted."""
    with application.sessions() as session:
        rows = session.execute(
            select(KnownUser.problem, func.count())
            .where(
                KnownUser.moodle_id.is_(None),
                KnownUser.person_id.in_(select(SchoolMembership.person_id)),
            )
            .group_by(KnownUser.problem)
            .order_by(KnownUser.problem)
        ).all()
    for code, count in rows:
        yield About(_("People without an account")).warning(
            f"{count}: {wording.outcome(code)}",
            wording.outcome_remedy(code),
        )


def _sample(application: Application) -> Iterator[Check]:
    with application.sessions() as session:
        numbers = list(
            session.scalars(
                select(KnownUser.moodle_id)
                .where(KnownUser.moodle_id.is_not(None), ~KnownUser.suspended)
                .order_by(func.random())
                .limit(SAMPLE)
            )
        )
    if not numbers:
        return
    about = About(_("Accounts of our people"))
    client = MoodleClient(application.settings.moodle_target, sleep=lambda _seconds: None)
    try:
        with client:
            deleted = client.deleted([number for number in numbers if number is not None])
    except MoodleError as error:
        yield about.not_checked(error.code)
        return
    if deleted:
        yield about.warning(
            _("{n} of {all} that were looked at are deleted in Moodle",
              n=len(deleted), all=len(numbers)),
            _("Load the newest files again: what fails for such an account is said there, and "
              "“Plan again” makes it anew."),
        )  # fmt: skip
    else:
        yield about.ok(_("{n} looked at, all are in Moodle", n=len(numbers)))
