"""The doctor's look at the ЕСИА stand-in: how GOST is calculated, and certificates that end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from auth.esia.protocol.gost import OpensslGost, find_gost
from auth.esia.registration import Change, certificate_change, read_systems
from auth.esia.standin import RegisteredSystem
from auth.esia.standin import read_systems as read_configured
from service.application import Application
from service.doctor.check import SOON, About, Check
from service.i18n import gettext as _


def examine_esia(application: Application) -> Iterator[Check]:
    """Check the stand-in; there is nothing to check where it is not served."""
    settings = application.settings.esia
    if not settings.is_served:
        return
    gost = find_gost()
    about = About(_("ЕСИА stand-in"))
    engine = _("OpenSSL with its engine gost")
    name = engine if isinstance(gost, OpensslGost) else _("gostcrypto, in Python alone")
    yield about.ok(_("GOST signatures are checked by: {name}", name=name))
    try:
        systems = read_configured(settings, gost)
    except ValueError as error:
        yield about.problem(str(error), _("See [[esia.systems]]."))
        return
    try:
        with application.sessions() as db:
            systems = read_systems(db, systems, gost)
    except SQLAlchemyError:
        pass  # the look at the database has said so
    for _mnemonic, system in sorted(systems.items()):
        yield from _certificates(system, application.clock())


def _certificates(system: RegisteredSystem, now: datetime) -> Iterator[Check]:
    """Warn of a system that will be shut out soon, or is already."""
    about = About(_("ЕСИА stand-in: {system}", system=system.mnemonic))
    remedy = _("Register the next certificate: in the console, or next_certificate in the file.")
    change = certificate_change(system.certificates, now)
    if change.state is Change.NONE:
        yield about.warning(_("has no certificate yet"), remedy)
    elif change.state is Change.ENDED:
        yield about.warning(_("its certificate has ended"), remedy)
    elif change.state in {Change.SINGLE, Change.DONE} and change.until:
        last = f"{change.until:%d.%m.%Y}"
        if change.until - now < SOON:
            yield about.warning(_("its certificate ends on {last}", last=last), remedy)
