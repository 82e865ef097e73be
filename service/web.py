"""The Flask application: its settings, blueprints, error answers and the identity provider."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, current_app, redirect, url_for
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from auth.cookies import host_cookie
from service import errors, plain_request
from service.application import Application
from service.console import blueprint as console
from service.console import esia_diagnostics, health, pages
from service.console.context import Console
from service.console.session import Sessions
from service.queue import JobQueue
from service.signin.provider import add_provider, make_throttle

MAX_FORM_BYTES = 1024 * 1024
"""For every request but an upload, whose limit is that of the reading settings."""

COOKIE_KEPT = timedelta(days=7)
"""Longer than any session, so that a browser whose session has ended is told so."""

THROTTLE_WINDOW = timedelta(minutes=15)


def create_app(application: Application, *, queue: JobQueue | None = None) -> Flask:
    """Build the web application around the composition root, by default with the real queue."""
    settings = application.settings
    is_secure = settings.base_url.startswith("https:")
    app = Flask("service")
    app.config.update(
        SECRET_KEY=application.derived_secret(b"console session"),
        SESSION_COOKIE_NAME=host_cookie("console", secure=is_secure).name,
        SESSION_COOKIE_PATH="/",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=is_secure,
        PERMANENT_SESSION_LIFETIME=COOKIE_KEPT,
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        # A folder of files arrives as one part each, and the form has a few fields of its own.
        MAX_FORM_PARTS=settings.reading.limits.archive_files + 20,
    )
    app.session_interface = Sessions()
    if settings.server.trusted_proxies:
        count = settings.server.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count
        )
    app.extensions["console"] = Console(
        application=application,
        queue=queue or JobQueue(settings),
        throttle=make_throttle(application, purpose=b"console throttle", window=THROTTLE_WINDOW),
    )
    plain_request.init_app(app)
    pages.init_app(app)
    errors.init_app(app)
    app.register_blueprint(console.blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(esia_diagnostics.blueprint)
    app.add_url_rule("/", view_func=_home)
    app.add_url_rule("/favicon.ico", view_func=_icon)
    add_provider(app, application)
    return app


def _home() -> Response:
    return redirect(url_for("console.home.index"))


def _icon() -> Response:
    """Browsers ask for it also on pages that name no icon."""
    return current_app.send_static_file("icon.svg")
