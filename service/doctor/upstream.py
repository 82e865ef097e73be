"""The doctor's look at outside providers: certificates, keys, engine, clock, addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import requests

from auth.esia.protocol.gost import Gost, OpensslGost, find_gost
from auth.esia.protocol.signatures import Certificate
from auth.upstream.errors import UpstreamError
from auth.upstream.esia import read_certificate
from auth.upstream.http import Http, no_answer
from auth.upstream.oidc import Oidc
from auth.upstream.settings import EsiaUpstream, OidcUpstream, UpstreamSettings
from auth.upstream.signers import SignerError, make_signer
from service.application import Application
from service.doctor.check import SOON, About, Check, clock_difference
from service.i18n import gettext as _

DIRECT_UNTIL = datetime(2027, 1, 1, tzinfo=UTC)
"""Systems connected to ЕСИА earlier may ask it directly until this day (docs/facts/esia.md 0.1)."""


def examine_upstream(application: Application) -> Iterator[Check]:
    """Check each outside provider of the settings. They are asked nothing about people."""
    settings = application.settings.upstream
    for one in settings.esia:
        yield from _esia(one, settings, find_gost(), application.clock())
    for other in settings.oidc:
        yield from _oidc(other, settings, application.clock())


def _esia(
    one: EsiaUpstream, common: UpstreamSettings, gost: Gost, now: datetime
) -> Iterator[Check]:
    about = About(_("Outside sign-in {key}", key=one.key))
    yield _direct(about, now)
    remedy = _("Name a file of certificates in PEM, or leave it out.")
    try:
        http = Http(timeout_seconds=common.timeout_seconds, ca_file=one.ca_file)
        remedy = _("Put our registered certificate there.")
        certificate = read_certificate(one.key, one.certificate, gost)
    except ValueError as error:
        yield about.problem(_unusable(error), remedy)
        return
    yield _dates(about, _("our certificate"), certificate, now)
    yield about.ok(_("client_certificate_hash: {hash}", hash=certificate.hash))
    if certificate.algorithm != "RSA" and not one.signing_service:
        yield _engine(about, gost)
    yield _signature(about, one, certificate, gost, http)
    for path in one.token_certificates:
        try:
            published = read_certificate(one.key, path, gost)
        except ValueError as error:
            yield about.problem(
                _unusable(error),
                _("Take ЕСИА's certificates from {url}/public/esia.zip.", url=one.base_url),
            )
        else:
            yield _dates(about, _("ЕСИА's certificate {path}", path=path), published, now)
    yield _reach(about, one.base_url, http, common, now)


def _unusable(error: ValueError) -> str:
    return _("a file cannot be used ({what})", what=error)


def _direct(about: About, now: datetime) -> Check:
    if now >= DIRECT_UNTIL:
        return about.problem(
            _("asks ЕСИА directly, which ended with the year 2026"),
            _("Connect through a gateway: docs/upstream.md."),
        )
    return about.warning(
        _("asks ЕСИА directly: allowed until 31.12.2026 to systems that were connected before"),
        _("Connect through a gateway: docs/upstream.md."),
    )


def _dates(about: About, name: str, certificate: Certificate, now: datetime) -> Check:
    remedy = _("Register the next certificate in time, and name it here on the day of the change.")
    last = f"{certificate.not_after:%d.%m.%Y}"
    if not certificate.is_active(now):
        first = f"{certificate.not_before:%d.%m.%Y}"
        return about.problem(
            _("{name} is valid from {first} to {last}, not now", name=name, first=first, last=last),
            remedy,
        )
    if certificate.not_after - now < SOON:
        return about.warning(_("{name} ends on {last}", name=name, last=last), remedy)
    return about.ok(_("{name} is valid until {last}", name=name, last=last))


def _engine(about: About, gost: Gost) -> Check:
    if isinstance(gost, OpensslGost):
        return about.ok(_("GOST is counted by: {name}", name=gost.name))
    return about.problem(
        _("OpenSSL has no GOST engine here, so nothing can be signed"),
        _("Install libengine-gost-openssl (Debian), or set signing_service."),
    )


def _signature(
    about: About, one: EsiaUpstream, certificate: Certificate, gost: Gost, http: Http
) -> Check:
    """Sign a text that means nothing and check it with the certificate."""
    try:
        make_signer(one, certificate, gost, http)(b"schoolbridge doctor")
    except SignerError as error:
        return about.problem(
            _("nothing can be signed ({what})", what=error),
            _("See signing_key and its password, or signing_service: docs/upstream.md."),
        )
    return about.ok(_("the key signs, and fits the certificate"))


def _reach(
    about: About, address: str, http: Http, common: UpstreamSettings, now: datetime
) -> Check:
    """Check that the address answers, and what time it is there."""
    with http.session() as session:
        try:
            answer = session.head(address)
        except requests.RequestException as error:
            return about.problem(
                _("{address}: {what}", address=address, what=no_answer(error).detail),
                _("Open the way to it in the firewall; when its certificate is not trusted, set "
                  "ca_file to the certificates of the Ministry of Digital Development."),
            )  # fmt: skip
    ahead = clock_difference(answer.headers.get("Date", ""), now)
    if ahead is None:
        return about.ok(_("{address} answers", address=address))
    difference = round(-ahead.total_seconds())
    if abs(difference) > common.clock_tolerance_seconds:
        return about.problem(
            _("our clock differs from that of {address} by {n} s", address=address, n=difference),
            _("Let the clock of this machine be set by NTP."),
        )
    return about.ok(
        _("{address} answers, the clocks differ by {n} s", address=address, n=difference)
    )


def _oidc(one: OidcUpstream, common: UpstreamSettings, now: datetime) -> Iterator[Check]:
    about = About(_("Outside sign-in {key}", key=one.key))
    remedy = _("Compare issuer and addresses with what the gateway's administrator gave you.")
    try:
        gateway = Oidc(one, common)
    except ValueError as error:
        yield about.problem(
            _unusable(error), _("Name a file of certificates in PEM, or leave it out.")
        )
        return
    steps: list[tuple[str, Callable[[], object]]] = [
        (_("its discovery document is in order"), lambda: gateway.discovery.metadata(now)),
        (_("its keys are published"), lambda: gateway.discovery.keys(now)),
    ]
    for message, step in steps:
        try:
            step()
        except UpstreamError as error:
            yield about.problem(
                _("does not answer as it should ({what})", what=error.detail), remedy
            )
            return
        yield about.ok(message)
    if not one.uses_discovery and not one.userinfo_endpoint:
        yield about.warning(
            _("no userinfo_endpoint: everything has to be in the ID token"),
            _("Set it, if the gateway has one."),
        )
    yield _reach(about, one.issuer, gateway.http, common, now)
