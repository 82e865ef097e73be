"""The doctor's look at the machine: settings, files, database, Redis, worker."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from sqlalchemy.exc import SQLAlchemyError

from service import schema
from service.application import Application, secret_file
from service.data_folder import StartError, ensure_home
from service.doctor.check import About, Check
from service.i18n import gettext as _
from service.queue import live_workers
from service.redis_link import connect_redis
from service.settings import Settings

OLDEST_REDIS = (5, 0)
"""The oldest Redis that RQ works with."""


def examine_installation(application: Application, config_file: Path | None) -> Iterator[Check]:
    settings = application.settings
    yield _settings(config_file)
    yield _data_folder(settings)
    yield _private_files(settings, config_file)
    yield _database(application)
    yield from _redis(settings)


def _settings(config_file: Path | None) -> Check:
    if config_file is None:
        return About(_("Settings")).ok(_("no settings file: the defaults are used"))
    return About(_("Settings")).ok(_("{file} is in order", file=config_file))


def _data_folder(settings: Settings) -> Check:
    about = About(_("Data folder"))
    try:
        ensure_home(settings)
    except StartError as error:
        return about.problem(str(error), _("Let the account of the service write there."))
    if _open_to_others(settings.home):
        return about.warning(
            _("{path} can be read by other accounts of this machine", path=settings.home),
            _("chmod 700 {path}", path=settings.home),
        )
    return about.ok(str(settings.home))


def _private_files(settings: Settings, config_file: Path | None) -> Check:
    about = About(_("Secrets"))
    files = [secret_file(settings.home), *settings.signing_keys.glob("*.pem")]
    upstream_keys = [Path(one.signing_key) for one in settings.upstream.esia if one.signing_key]
    files += [key for key in upstream_keys if key.is_file()]
    if config_file is not None and any(_secrets(settings)):
        files.append(config_file)
    readable = [str(file) for file in files if _open_to_others(file)]
    if readable:
        names = " ".join(readable)
        return about.problem(
            _("can be read by other accounts of this machine: {files}", files=names),
            _("chmod 600 {files}", files=names),
        )
    return about.ok(_("{n} files, readable by their owner only", n=len(files)))


def _secrets(settings: Any) -> Iterator[str]:
    """Yield the fields that no representation shows; of an address only one with a password."""
    for field in fields(settings):
        value = getattr(settings, field.name)
        if not field.repr and not (field.name.endswith("url") and _has_no_password(value)):
            yield value
        for one in value if isinstance(value, tuple) else (value,):
            if is_dataclass(one):
                yield from _secrets(one)


def _has_no_password(url: str) -> bool:
    parts = urlsplit(url)
    return parts.password is None and "password=" not in parts.query


def _open_to_others(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _database(application: Application) -> Check:
    about = About(_("Database"))
    remedy = _("See [database] url; the server must run and let the service in.")
    try:
        with application.engine.connect() as connection:
            found = schema.revision_of(connection)
    except SQLAlchemyError as error:
        # The driver's own text may quote the address with its password.
        return about.problem(_("does not answer ({what})", what=type(error).__name__), remedy)
    if schema.is_newer(found):
        return about.problem(
            _("its tables are of a newer version of schoolbridge ({found})", found=found),
            _("Install that version again, or restore the copy of the database from before."),
        )
    if found != schema.revisions()[-1]:
        return about.problem(_("its tables are of another version"), _("Run: schoolbridge init"))
    return about.ok(_("{kind}, tables up to date", kind=application.engine.dialect.name))


def _redis(settings: Settings) -> Iterator[Check]:
    about = About("Redis")
    try:
        connection = connect_redis(settings)
        version = str(connection.info("server")["redis_version"])
        workers = live_workers(connection)
    except (redis.RedisError, StartError, ValueError):
        if not settings.redis.url:
            yield about.warning(
                _("the embedded one does not run, because nothing of ours does"),
                _("schoolbridge serve starts it; import and apply start one for themselves."),
            )
        else:
            yield about.problem(_("does not answer"), _("See [redis] url."))
        return
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if numbers < OLDEST_REDIS:
        yield about.problem(
            _("version {version} is too old", version=version), _("Install Redis 5 or newer.")
        )
    else:
        yield about.ok(_("version {version}", version=version))
    worker = About(_("Worker"))
    if workers:
        yield worker.ok(_("{n} at work", n=len(workers)))
    else:
        yield worker.warning(
            _("none runs: uploads in the console will wait"),
            _("Start schoolbridge serve, or schoolbridge worker on any machine."),
        )
