"""The Flask application: its settings, blueprints, error answers and the identity provider."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import timedelta

from flask import Flask, current_app, redirect, url_for
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

import auth
from auth.keys import load_keys
from auth.throttle import DatabaseThrottle
from service import errors
from service.application import Application, build
from service.config import ConfigError
from service.directory import PeopleDirectory
from service.views import console, health, pages
from service.views.context import Console, Queue

MAX_FORM_BYTES = 1024 * 1024
"""For every request but an upload, whose limit is that of the reading settings."""

THROTTLE_WINDOW = timedelta(minutes=15)


def make_flask(application: Application | None, queue: Queue | None) -> Flask:
    """Build the web application around the composition root."""
    application = application or build()
    settings = application.settings
    app = Flask("service")
    app.config.update(
        SECRET_KEY=_derive(application.secret, b"console session"),
        SESSION_COOKIE_NAME="console",
        SESSION_COOKIE_PATH="/console",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https:"),
        PERMANENT_SESSION_LIFETIME=timedelta(hours=8),
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        # A folder of files arrives as one part each, and the form has a few fields of its own.
        MAX_FORM_PARTS=settings.reading.limits.archive_files + 20,
    )
    if settings.server.trusted_proxies:
        count = settings.server.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count
        )
    app.extensions["console"] = Console(
        application=application,
        queue=queue or _queue(application),
        throttle=DatabaseThrottle(
            application.sessions,
            window=THROTTLE_WINDOW,
            secret=_derive(application.secret, b"console throttle"),
        ),
    )
    pages.init_app(app)
    errors.init_app(app)
    app.register_blueprint(console.blueprint)
    app.register_blueprint(health.blueprint)
    app.add_url_rule("/", view_func=_home)
    app.add_url_rule("/favicon.ico", view_func=_icon)
    _add_provider(app, application)
    return app


def _add_provider(app: Flask, application: Application) -> None:
    settings = application.settings
    try:
        auth_settings = replace(
            settings.auth,
            issuer=settings.auth.issuer or settings.base_url,
            password_sign_in=settings.passwords.kept_in == "provider",
        )
    except ValueError as error:
        raise ConfigError(f"[auth] issuer, or [server] base_url in its place: {error}") from error
    auth.init_app(
        app,
        auth_settings,
        directory=PeopleDirectory(application),
        session_factory=application.sessions,
        clock=application.clock,
        keys=load_keys(settings.signing_keys, application.clock()),
    )


def _queue(application: Application) -> Queue:
    from service.jobs import Jobs

    return Jobs(application.settings)


def _home() -> Response:
    return redirect(url_for("console.home.index"))


def _icon() -> Response:
    """Browsers ask for it also on pages that name no icon."""
    return current_app.send_static_file("icon.svg")


def _derive(secret: bytes, purpose: bytes) -> bytes:
    """One secret of the installation, a key of its own for each purpose."""
    return hmac.digest(secret, purpose, "sha256")
