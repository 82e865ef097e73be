"""The doctor's look at Moodle: does it answer, its version, the functions of its service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import requests

from provisioning.moodle import Function, MoodleError, MoodleMisconfigured, bounded_session
from provisioning.moodle.connection import TOKEN_FILE_UNREADABLE, Connection
from provisioning.moodle.errors import MoodleDoubtful
from service.application import Application
from service.doctor.check import About, Check, clock_difference, page
from service.doctor.moodle_account import examine_account, examine_accounts
from service.i18n import gettext as _

MEASURED_BRANCH = "20241007"
"""How the version number of every Moodle 4.5 begins."""

MOST_CLOCK_DIFFERENCE = timedelta(seconds=30)


def examine_moodle(application: Application) -> Iterator[Check]:
    settings = application.settings.moodle_target
    ahead: list[timedelta | None] = []

    def note_clock(response: requests.Response, **_options: Any) -> None:
        # The header has whole seconds and was written about half the round trip ago.
        then = application.clock() - response.elapsed / 2
        ahead.append(clock_difference(response.headers.get("Date", ""), then))

    session = bounded_session(seconds=settings.read_timeout_seconds)
    session.hooks["response"].append(note_clock)
    # The operator waits for the answer, so what does not answer is not waited for.
    connection = Connection(settings, session, sleep=lambda _seconds: None)
    try:
        if application.settings.uses_standin:
            yield About("Moodle").ok(_("none is configured; the stand-in takes its place"))
        else:
            yield _address(settings.url)
        try:
            info = connection.call(Function.SITE_INFO, {}, reads=True)
        except MoodleError as error:
            yield _no_answer(error, standin=application.settings.uses_standin)
            return
        yield _version(info)
        yield _clock(ahead[-1])
        present = {function["name"] for function in info["functions"]}
        yield from _functions(present)
        yield from examine_account(application, connection, info, present)
        yield from examine_accounts(application, present)
    finally:
        connection.close()


def _address(url: str) -> Check:
    about = About(_("Address of Moodle"))
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return about.problem(
            _("{url} is no web address", url=url),
            _("Set [moodle] url to the address of Moodle's front page."),
        )
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        return about.warning(
            _("{url}: the token and all names travel unencrypted", url=url),
            _("Give Moodle a certificate and set [moodle] url to its https address."),
        )
    return about.ok(url)


def _no_answer(error: MoodleError, *, standin: bool) -> Check:
    about = About(_("Connection to Moodle"))
    if standin:
        return about.warning(
            _("the stand-in does not run, because nothing of ours does"),
            _("schoolbridge serve starts it; import and apply start one for themselves."),
        )
    if not isinstance(error, MoodleMisconfigured | MoodleDoubtful):
        return about.problem(
            _("no usable answer ({what})", what=error.code),
            _("See [moodle] url, the network, and whether Moodle is in maintenance mode."),
        )
    remedies = {
        TOKEN_FILE_UNREADABLE: _("Let the account of the service read the file that [moodle] "
                                 "token_file names."),
        "invalidtoken": _("Make a token for the service account: {page}", page=page("tokens")),
        "accessexception": _(
            "See that the service is enabled, holds core_webservice_get_site_info and lists the "
            "account: {services}; that the account's role has webservice/rest:use: {roles}; that "
            "the token is not bound to another address: {tokens}",
            services=page("services"),
            roles=page("roles"),
            tokens=page("tokens"),
        ),
        "http_403": _("Enable web services: {features}; and the REST protocol: {protocols}",
                      features=page("advanced_features"), protocols=page("protocols")),
        "certificate_not_accepted": _(
            "The certificate of Moodle must come from an authority that this machine trusts."
        ),
    }  # fmt: skip
    return about.problem(
        _("Moodle refuses us ({what})", what=error.code),
        remedies.get(error.code)
        or _("Set [moodle] url to the very address of Moodle's front page, after redirects."),
    )


def _version(info: Mapping[str, Any]) -> Check:
    about = About(_("Version of Moodle"))
    release, version = str(info["release"]), str(info["version"])
    if version.startswith(MEASURED_BRANCH):
        return about.ok(release)
    text = (
        _("{release} is older than 4.5, which everything was tried with", release=release)
        if version < MEASURED_BRANCH
        else _("{release} is newer than 4.5, which everything was tried with", release=release)
    )
    return about.warning(text, _("Try a load on a copy of the site first."))


def _functions(present: set[str]) -> Iterator[Check]:
    about = About(_("Functions of the web service"))
    missing = [one for one in Function if one not in present and not one.optional]
    for function in missing:
        yield about.problem(
            _("{function} is missing", function=function),
            _("Add it to our service: {page}", page=page("services")),
        )
    if not missing:
        yield about.ok(_("all {n} we need are there", n=sum(not one.optional for one in Function)))
    if Function.CALL_SEVERAL not in present:
        yield about.warning(
            _("{function} is missing: everything takes more requests",
              function=Function.CALL_SEVERAL),
            _("Add it to our service: {page}. Until then let PHP's max_input_vars be 5000.",
              page=page("services")),
        )  # fmt: skip


def _clock(ahead: timedelta | None) -> Check:
    """Check how far Moodle's clock is from ours, by the Date header of its answers."""
    about = About(_("Clock of Moodle"))
    if ahead is None:
        return about.warning(
            _("not checked: the answer has no usable Date header"),
            _("Compare the clocks of both machines by hand."),
        )
    if abs(ahead) > MOST_CLOCK_DIFFERENCE:
        return about.warning(
            _("{seconds} s away from ours", seconds=f"{round(ahead.total_seconds()):+d}"),
            _("Let both machines take the time from the network (NTP)."),
        )
    return about.ok(_("the same as ours"))
