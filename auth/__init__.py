"""The identity provider: OpenID Connect sign-in for provisioned people.

``init_app`` is the only door; the application gives it people, a database and a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from auth import endpoints, pages
from auth.directory import Account, Directory
from auth.keys import SigningKeys, load_keys
from auth.provider import Provider
from auth.settings import AuthSettings
from auth.texts import Texts
from auth.throttle import DatabaseThrottle, Throttle

__all__ = [
    "Account",
    "AuthSettings",
    "Directory",
    "Provider",
    "SigningKeys",
    "init_app",
    "load_keys",
]


def init_app(
    app: Flask,
    settings: AuthSettings,
    *,
    directory: Directory,
    session_factory: sessionmaker[Session],
    clock: Callable[[], datetime],
    keys: SigningKeys,
    throttle: Throttle | None = None,
) -> Provider:
    """Give ``app`` a provider, kept in ``app.extensions["auth"]``.

    The tables of ``auth.models.Base.metadata`` must exist before the first request. ``clock``
    returns zone-aware moments. Without a ``throttle`` failures are counted in the database.
    Raises ``ValueError`` without an issuer or without ``app.secret_key``.
    """
    if not settings.issuer:
        raise ValueError("auth needs an issuer, the public base address of this service")
    if not app.secret_key:
        raise ValueError("auth needs app.secret_key")
    secret = app.secret_key.encode() if isinstance(app.secret_key, str) else app.secret_key
    provider = Provider(
        settings,
        directory=directory,
        session_factory=session_factory,
        clock=clock,
        keys=keys,
        throttle=throttle
        or DatabaseThrottle(
            session_factory,
            window=timedelta(seconds=settings.failure_window_seconds),
            secret=secret,
        ),
        texts=Texts(),
    )
    app.extensions["auth"] = provider
    app.register_blueprint(endpoints.blueprint)
    app.register_blueprint(pages.blueprint)
    return provider
