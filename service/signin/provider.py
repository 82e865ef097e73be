"""The identity provider of this installation: its settings, throttle, keys and notices."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import requests
from flask import Flask

import auth
from auth import upstream
from auth.oidc.backchannel import send_notices
from auth.oidc.keys import load_keys
from auth.settings import AuthSettings
from auth.signin.phases import Phase
from auth.signin.throttle import DatabaseThrottle, Throttle
from provisioning.moodle import bounded_session
from service.application import Application
from service.config import ConfigError
from service.people.class_teachers import LedClasses
from service.people.directory import PeopleDirectory
from service.queue import JobQueue
from service.settings import Settings
from service.signin.phases import StoredPhases
from service.signin.throttle import RedisThrottle

NOTICE_SECONDS = 5
"""The time in which an application has to answer that it heard of a sign-out."""

NOTICE_BYTES = 64 * 1024
"""The longest answer: only its status matters."""

log = logging.getLogger(__name__)


def provider_settings(settings: Settings) -> AuthSettings:
    """Return the settings of the file with what they take from other sections.

    Raises ``ConfigError`` for an address that a provider cannot have.
    """
    try:
        return replace(
            settings.auth,
            issuer=settings.auth.issuer or settings.base_url,
            password_sign_in=settings.passwords.kept_in == "provider",
        )
    except ValueError as error:
        raise ConfigError(f"[auth] issuer, or [server] base_url in its place: {error}") from error


def add_provider(app: Flask, application: Application) -> None:
    """Give the web application its identity provider.

    Raises ``ConfigError`` for a phase in which nobody could sign in, for a system's certificate
    that is none, and for an outside provider whose files cannot be used.
    """
    settings = provider_settings(application.settings)
    if Phase(settings.phase) is Phase.ESIA_ONLY and not application.settings.upstream.is_used:
        raise ConfigError("[auth] phase: nobody could sign in; fill in [upstream], or take another")
    try:
        upstreams = upstream.build(application.settings.upstream)
    except ValueError as error:
        raise ConfigError(f"[upstream] {error}") from error
    # Class teachers reset passwords if the settings allow it and we hold the passwords.
    class_teachers = settings.class_teacher_resets and settings.password_sign_in
    try:
        auth.init_app(
            app,
            settings,
            directory=PeopleDirectory(application),
            session_factory=application.sessions,
            clock=application.clock,
            keys=load_keys(application.settings.signing_keys, application.clock()),
            throttle=make_throttle(
                application,
                purpose=b"sign-in throttle",
                window=timedelta(seconds=settings.failure_window_seconds),
            ),
            notices_waiting=JobQueue(application.settings).tell_signed_out,
            phases=StoredPhases(application),
            own_class=LedClasses(application) if class_teachers else None,
            linking=application.settings.linking,
            upstreams=upstreams,
            upstream_age=timedelta(seconds=application.settings.upstream.sign_in_seconds),
            esia=application.settings.esia,
            esia_keys=application.settings.signing_keys / "esia",
        )
    except ValueError as error:
        raise ConfigError(f"[esia] {error}") from error


def make_throttle(application: Application, *, purpose: bytes, window: timedelta) -> Throttle:
    """Count in Redis; in the database while Redis is away, so that nobody is locked out."""
    secret = application.derived_secret(purpose)
    return RedisThrottle(
        application.settings,
        window=window,
        secret=secret,
        fallback=DatabaseThrottle(
            session_factory=application.sessions, window=window, secret=secret
        ),
    )


def tell_signed_out(application: Application) -> None:
    """Tell applications that asked for it who signed out; repeat what they did not take."""
    now = application.clock()
    taken = send_notices(
        application.sessions,
        provider_settings(application.settings),
        load_keys(application.settings.signing_keys, now),
        now,
        _post,
    )
    if taken:
        log.info("applications told of sign-outs", extra={"count": taken})


def _post(address: str, form: Mapping[str, str]) -> bool:
    try:
        with bounded_session(seconds=NOTICE_SECONDS, most_bytes=NOTICE_BYTES) as session:
            answer = session.post(
                address, data=dict(form), timeout=NOTICE_SECONDS, allow_redirects=False
            )
    except requests.RequestException as error:
        log.warning("an application does not hear sign-outs: %s", type(error).__name__)
        return False
    if answer.status_code not in {200, 204}:
        log.warning("an application refuses a sign-out", extra={"status": answer.status_code})
        return False
    return True
