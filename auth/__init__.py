"""The identity provider: OpenID Connect sign-in for provisioned people.

``init_app`` is the only door; the application gives it people, a database and a clock. It alone
loads the web parts: a program that needs the settings stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from auth.directory import Account, Directory, OwnClass
from auth.esia import init_app as init_esia
from auth.settings import AuthSettings, EsiaSettings, LinkingSettings

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session, sessionmaker

    from auth.oidc.keys import SigningKeys
    from auth.oidc.provider import Provider
    from auth.outside import Arrive, Upstream
    from auth.signin.phases import Phases
    from auth.signin.throttle import Throttle

__all__ = ["Account", "AuthSettings", "Directory", "init_app"]


def init_app(
    app: Flask,
    settings: AuthSettings,
    *,
    directory: Directory,
    session_factory: sessionmaker[Session],
    clock: Callable[[], datetime],
    keys: SigningKeys,
    throttle: Throttle | None = None,
    phases: Phases | None = None,
    own_class: OwnClass | None = None,
    notices_waiting: Callable[[], None] = lambda: None,
    linking: LinkingSettings | None = None,
    upstreams: Sequence[Upstream] = (),
    upstream_age: timedelta = timedelta(minutes=15),
    arrive: Arrive | None = None,
    esia: EsiaSettings | None = None,
    esia_keys: Path | None = None,
) -> Provider:
    """Give ``app`` a provider, kept in ``app.extensions["auth"]``.

    The tables of ``auth.tables.metadata`` must exist before the first request. ``clock`` returns
    zone-aware moments. Without a ``throttle`` failures are counted in the database; without
    ``phases`` that of the settings is in force for everybody; without ``own_class`` no class
    teacher resets a password; without ``arrive`` linking takes the people who come back from
    ``upstreams`` (``auth.upstream.build``), where they may take ``upstream_age``.
    ``notices_waiting`` is called, within somebody's sign-out, when ``backchannel.send_notices``
    has work to do; it must be quick and must not raise.

    The ЕСИА stand-in comes with it when ``esia.is_served``, with its keys in the folder
    ``esia_keys``. Raises ``ValueError`` without an issuer or without ``app.secret_key``, and for a
    system's certificate that cannot be read.
    """
    from auth import tables  # noqa: F401 - all of them belong to the schema
    from auth.clients.registered import Clients
    from auth.linking import questions as linking_pages
    from auth.linking.pages import arrive as link
    from auth.oidc.context import Context, with_context
    from auth.oidc.provider import Provider
    from auth.portal import blueprint as portal
    from auth.signin.browsers import Devices, Sessions
    from auth.signin.phases import OnePhase, Phase
    from auth.signin.throttle import DatabaseThrottle
    from auth.upstream import pages as upstream_pages

    if not settings.issuer:
        raise ValueError("auth needs an issuer, the public base address of this service")
    if not app.secret_key:
        raise ValueError("auth needs app.secret_key")
    secret = app.secret_key.encode() if isinstance(app.secret_key, str) else app.secret_key
    context = Context(
        settings=settings,
        linking=linking or LinkingSettings(),
        directory=directory,
        session_factory=session_factory,
        clock=clock,
        keys=keys,
        registered=Clients(settings.clients, session_factory, clock),
        throttle=throttle
        or DatabaseThrottle(
            session_factory=session_factory,
            window=timedelta(seconds=settings.failure_window_seconds),
            secret=secret,
        ),
        phases=phases or OnePhase(phase=Phase(settings.phase)),
        devices=Devices(secret, secure=settings.issuer.startswith("https:")),
        sessions=Sessions(session_factory.kw["bind"], issuer=settings.issuer),
        own_class=own_class,
        upstreams=tuple(upstreams),
        upstream_age=upstream_age,
        arrive=arrive or with_context(link),
        notices_waiting=notices_waiting,
    )
    provider = app.extensions["auth"] = Provider(context)
    app.register_blueprint(portal.make_protocol_blueprint(provider))
    app.register_blueprint(portal.make_blueprint(provider))
    app.register_blueprint(linking_pages.make_blueprint())
    app.register_blueprint(upstream_pages.make_blueprint())
    if esia and esia.is_served:
        if esia_keys is None:
            raise ValueError("the ЕСИА stand-in needs a folder for its keys")
        init_esia(app, context, esia, esia_keys)
    return provider
